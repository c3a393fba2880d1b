"""What the tests of the estimators share: runs as values, without a marketplace, and estimates to begin with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from supplier_agent.learning.listed import Facts, Listed, Page
from supplier_agent.learning.observing import after_run
from supplier_agent.learning.questions import Estimate, Observation, Question, State
from supplier_agent.reading.strategy import Query

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOON.date()
FIRST = TODAY - timedelta(days=14)
LONG_AGO = NOON - timedelta(days=5)
NOTHING = {each: Estimate(each) for each in Question}


def name(number: int) -> str:
    """Return an id; a higher number is a newer order."""
    return f"15000{number:06}_{number}"


def names(*numbers: int) -> tuple[str, ...]:
    """Return several ids."""
    return tuple(name(each) for each in numbers)


def order(number: int, seen: datetime = LONG_AGO, day: date | None = None, **facts: Any) -> Facts:  # noqa: ANN401 - of any field
    """Return an order that has been known for days. Its date rises with its number, a day for each ten."""
    on = day or FIRST + timedelta(days=number // 10)
    return replace(Facts(number, seen + timedelta(seconds=number), on), **facts)


def page(
    ids: Sequence[str] | None,
    query: Query | None = None,
    *,
    row: int = 1,
    at: datetime = NOON,
    **facts: Any,  # noqa: ANN401 - of any field
) -> Page:
    """Return one answer."""
    text = None if ids is None else " ".join(ids)
    plain = Page(
        row, query or Query(date_from=FIRST, date_to=TODAY), at, None if ids is None else tuple(ids), 200, text
    )
    return replace(plain, **facts)


def run(
    *answers: Sequence[str] | Page | None,
    purpose: str = "sweep",
    at: datetime = NOON,
    orders: Mapping[str, Facts] | None = None,
    cursor: str | None = None,
    row: int = 1,
    **facts: Any,  # noqa: ANN401 - of any field
) -> Listed:
    """Return a complete run. Its answers are pages 1, 2, 3… of the same request, a second apart, unless they are pages."""
    pages = []
    for number, answer in enumerate(answers, 1):
        query = Query(number, FIRST, None if cursor else TODAY, cursor)
        when = at + timedelta(seconds=number)
        pages.append(answer if isinstance(answer, Page) else page(answer, query, row=row * 100 + number, at=when))
    listed = {each for one in pages for each in one.ids or ()} | ({cursor} if cursor else set())
    known = {each: order(int(each.rpartition("_")[2])) for each in listed - (orders or {}).keys()} | dict(orders or {})
    ended = at + timedelta(seconds=len(pages) + 1)
    plain = Listed(row, purpose, "complete", at, ended, (FIRST, TODAY - timedelta(days=1)), tuple(pages), known)
    return replace(plain, **facts)


def learned(*runs: Listed, known: Mapping[Question, Estimate] = NOTHING) -> dict[Question, Estimate]:
    """Return what is known after these runs."""
    after = dict(known)
    for each in runs:
        after = after_run(after, each, ZoneInfo("Europe/Paris"))
    return after


def shown(question: Question, *runs: Listed, known: Mapping[Question, Estimate] = NOTHING) -> list[str]:
    """Return the answers that these runs showed, oldest first: what became evidence."""
    before = known[question].evidence
    return [each.answer for each in learned(*runs, known=known)[question].evidence[len(before) :]]


def holding(question: Question, answer: str, **memory: object) -> dict[Question, Estimate]:
    """Return estimates of which one holds."""
    return NOTHING | {question: Estimate(question, State.HOLDS, answer, 20, days=3, memory=memory)}


def seen(question: Question, answers: Iterable[str], every: timedelta = timedelta(hours=6)) -> list[Observation]:
    """Return independent observations, one every six hours."""
    return [
        Observation(question, answer, NOON + number * every, ("reads", number), f"r{number}")
        for number, answer in enumerate(answers)
    ]
