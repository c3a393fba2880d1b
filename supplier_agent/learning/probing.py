"""What a person may have asked at once (`marketplace probe`): requests that read, each for one question. Pure.

Each group is looked at like a run of its own. Every request has dates of its own, so that the cache cannot answer one with another:
days that are not there yet change nothing in the list.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from supplier_agent.learning.pages import FAR
from supplier_agent.reading.strategy import Query, rank

FAR_PAGE = 9 * FAR
NEWS_DAYS = 3
LEAST = 3
"""The list must have so many orders, else more days are read."""


@dataclass(frozen=True)
class Ask:
    """One request. why: a code (words/learned.py). back: how many days back it reads."""

    query: Query
    why: str
    back: int = 0


class Days:
    """Gives each request another last day, none of which was asked for lately."""

    def __init__(self, today: date, asked: Collection[str]) -> None:
        self._ahead, self._today, self._asked = 1, today, asked

    def query(self, days_back: int) -> Query:
        """Return a query for the last days."""
        while True:
            self._ahead += 1
            first, last = self._today - timedelta(days=days_back), self._today + timedelta(days=self._ahead)
            query = Query(date_from=first, date_to=last)
            if not any(each.startswith(str(query)) for each in self._asked):
                return query


def lists(days: Days, sweep_days: int) -> Iterator[Ask]:
    """Yield the requests for a list with some orders, from few days to many."""
    for back in (NEWS_DAYS, sweep_days):
        yield Ask(days.query(back), "list", back)


def groups(days: Days, listed: Sequence[str], first: Ask) -> Iterator[Sequence[Ask]]:
    """Yield the requests after the first, in groups. listed: its orders."""
    back = first.back
    yield [Ask(replace(first.query, page=FAR_PAGE), "far")]
    ranked = sorted((key, each) for each in listed if (key := rank(each)) is not None)
    if len(ranked) >= LEAST:
        middle, newest = ranked[len(ranked) // 2][1], ranked[-1][1]
        one, two = days.query(back), days.query(back)
        yield [
            Ask(replace(one, cursor=middle), "cursor"),
            Ask(replace(one, cursor=middle, page=2), "cursor_page"),
        ]
        yield [
            Ask(replace(two, cursor=middle), "cursor_first"),
            Ask(replace(two, cursor=newest), "cursor_newest"),
        ]
    number = [Ask(Query(order_number=ranked[-1][1].rpartition("_")[0]), "number")] if ranked else []
    yield [Ask(days.query(back), "again"), *number]
