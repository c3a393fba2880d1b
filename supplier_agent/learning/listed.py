"""What one run listed, as values: its pages in their order, and the orders that they and their days concern. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from urllib.parse import parse_qsl

from supplier_agent.reading.strategy import Query, rank

AT_LEAST = 3600
"""For so many seconds, or twice as long as configured, an answer may be cached, as long as nothing else is known."""


@dataclass(frozen=True)
class Page:
    """One get-sales request and its answer.

    settled: no equal request was made lately, so the answer is not expected to be from a cache. fresh: none was made for a day, or
    the answer has an order that no earlier answer had: it is certainly made for this request. Equal: the same page, dates and
    order number, because the cursor may not be in the cache's key (API notes, 8).
    """

    row: int  # its id in `reads`
    query: Query
    at: datetime
    ids: tuple[str, ...] | None  # in list order, `#` and a digest for an entry without an id; None: no list
    status: int | None = 200
    sha256: str | None = None
    age: int | None = None  # the seconds it was in a cache; None: the server does not say
    settled: bool = True
    fresh: bool = True
    html: bool = False  # the answer is a page for people: something else has answered than the API

    @property
    def key(self) -> str:
        """The request without its cursor."""
        return str(replace(self.query, cursor=None))


@dataclass(frozen=True)
class Facts:
    """What is known about one order."""

    row: int
    first_seen_at: datetime
    order_date: date | None
    last_listed_at: datetime | None = None  # before this run
    acknowledged_at: datetime | None = None
    shipped_at: datetime | None = None  # the marketplace said yes to ship-sale
    ship_tried: bool = False  # a ship call was, or may have been, sent
    cancelled_at: datetime | None = None  # when the support API said that its sale is stopped
    closed: bool = False


@dataclass(frozen=True)
class Listed:
    """One run that has ended, or requests outside of any run (row 0).

    orders: those of its pages, and those that other runs listed on its days. covered: the days of the complete runs of the last
    hours before it.
    """

    row: int
    purpose: str
    proof: str
    started_at: datetime
    ended_at: datetime
    days: (
        tuple[date, date] | None
    )  # the days that it covers, if it is complete; None: it proves nothing about whole days
    pages: tuple[Page, ...]
    orders: Mapping[str, Facts] = field(default_factory=dict)
    covered: Collection[tuple[date, date]] = ()
    whole: bool = True  # pages has every request of the run

    def chains(self) -> Iterator[tuple[Page, ...]]:
        """Yield the requests that differ only in the page and follow each other."""
        chain: list[Page] = []
        for page in self.pages:
            follows = chain and page.query == replace(chain[-1].query, page=chain[-1].query.page + 1)
            if chain and not follows:
                yield tuple(chain)
                chain = []
            if follows or page.query.page == 1:
                chain.append(page)
        if chain:
            yield tuple(chain)

    def carried(self) -> Iterator[tuple[Page, ...]]:
        """Yield the answers of which each was asked for with the last id of the one before as the cursor."""
        chain: list[Page] = []
        for page in self.pages:
            if page.query.page != 1 or not page.ids:
                continue
            follows = chain and chain[-1].ids and page.query.cursor == chain[-1].ids[-1]
            if chain and not follows:
                yield tuple(chain)
                chain = []
            chain.append(page)
        if chain:
            yield tuple(chain)

    def is_known(self, menzzo_order_id: str, before: datetime) -> bool:
        """Tell whether the order was known before that time, so it is none that has just arrived."""
        order = self.orders.get(menzzo_order_id)
        return order is not None and order.first_seen_at < before

    def is_older(self, one: str, other: str) -> bool:
        """Tell whether an order is older than another in every sense that a marketplace may mean: number, text, date, arrival."""
        mine, its = self.orders.get(one), self.orders.get(other)
        numbers = rank(one), rank(other)
        if mine is None or its is None or numbers[0] is None or numbers[1] is None:
            return False
        if mine.order_date is None or its.order_date is None:
            return False
        by_number = numbers[0] < numbers[1] and one < other
        return by_number and mine.order_date < its.order_date and mine.first_seen_at < its.first_seen_at


def query_of(url: str) -> Query | None:
    """Return the query of a request as the journal has it; None if it cannot be read."""
    try:
        given = dict(parse_qsl(url.partition("?")[2], strict_parsing=True))
        days = {name: date.fromisoformat(given[name]) for name in ("date_from", "date_to") if name in given}
        cursor, number = given.get("last_menzzo_order_number"), given.get("order_number")
        return Query(int(given.get("page", "1")), days.get("date_from"), days.get("date_to"), cursor, number)
    except ValueError:
        return None


def trust(age: int | None, asked_ago: float | None, added: int, life: float) -> tuple[bool, bool]:
    """Return whether an answer is settled and whether it is fresh (Page).

    age: the header `Age`. asked_ago: the seconds since an equal request; None: there was none for a day. added: how many orders it
    had that were new. life: for how many seconds an answer may be cached.
    """
    is_cached = age is not None and age > 0
    lately = asked_ago is not None and asked_ago <= life
    return not is_cached and not lately, not is_cached and (asked_ago is None or added > 0)
