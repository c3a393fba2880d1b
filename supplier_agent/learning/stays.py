"""What complete runs show about orders. Pure.

Do acknowledged, shipped and cancelled orders leave the list? How late do new ones appear?
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from supplier_agent.learning.listed import Facts, Listed
from supplier_agent.learning.questions import DENIES, Estimate, Observation, Question

MARGIN = timedelta(minutes=10)
"""So long ago must an order have been acknowledged, shipped or cancelled: the marketplace may take a while to follow."""
FEW = 10
"""If at most 1 in FEW is missing while the others stay, those few are missing for another reason: they were cancelled."""

Since = Callable[[Facts, datetime], datetime | None]


def _acknowledged(order: Facts, now: datetime) -> datetime | None:
    """Return since when the order is acknowledged and nothing else."""
    if order.ship_tried or order.cancelled_at is not None or order.closed:
        return None
    return _until(order.acknowledged_at, now)


def _shipped(order: Facts, now: datetime) -> datetime | None:
    return None if order.cancelled_at is not None or order.closed else _until(order.shipped_at, now)


def _cancelled(order: Facts, now: datetime) -> datetime | None:
    return None if order.ship_tried else _until(order.cancelled_at, now)


def _untouched(order: Facts, now: datetime) -> datetime | None:
    """Return since when nothing was done for the order: since it is known. Usually it was acknowledged right after the run."""
    if order.closed or any(_until(at, now) for at in (order.acknowledged_at, order.cancelled_at)):
        return None
    return None if order.ship_tried and order.acknowledged_at is None else order.first_seen_at


def _until(at: datetime | None, now: datetime) -> datetime | None:
    """Return the time, if it had come by then."""
    return at if at is not None and at <= now else None


KINDS: Mapping[Question, tuple[Since, Since]] = {
    Question.ACKNOWLEDGED_LEAVE: (_acknowledged, _untouched),
    Question.SHIPPED_LEAVE: (_shipped, _acknowledged),
    Question.CANCELLED_LEAVE: (_cancelled, _acknowledged),
}
"""For each question, since when an order is what it is about, and which orders of the same day must still be listed.

A shipped order was acknowledged before: if acknowledged ones leave, no day has any that shows that shipped ones do.
"""


def leaving(
    question: Question, listed: Listed, known: Mapping[Question, Estimate]
) -> tuple[list[Observation], dict[str, Any]]:
    """Learn whether orders leave the list, from complete runs whose every answer was made for them.

    1. Those that are listed, for the first time since it happened to them: they stay. But if more than a few others have
       disappeared since the last such run, nothing is learned: perhaps they leave later.
    2. Those that have disappeared since then, if none of their kind stays: they leave. Only on days on which an order that it has
       not happened to is listed, so the list works for these days. On other days this only denies that they stay.
    """
    memory = dict(known[question].memory)
    there = {each for page in listed.pages for each in page.ids or ()}
    stayed = known[question].held == "no"
    if listed.days is None or not _is_proof(listed) or not (there or stayed):
        return [], memory
    before = datetime.fromisoformat(memory["run"]) if "run" in memory else None
    memory["run"], key = listed.started_at.isoformat(), "o"
    since, other = KINDS[question]
    first, last = listed.days
    staying, missing, working = [], [], set[date]()
    for name, order in listed.orders.items():
        if order.order_date is None or not first < order.order_date <= last:  # the first day may be excluded
            continue
        at, is_there = since(order, listed.ended_at), name in there
        if is_there and other(order, listed.ended_at) is not None:
            working.add(order.order_date)
        if at is None or at > listed.started_at - MARGIN:
            continue
        if is_there:
            staying.append((order, before is None or at > before - MARGIN))
        elif before is None or (order.last_listed_at or order.first_seen_at) >= before:
            missing.append(order)
    if staying:
        counted = [order for order, is_new in staying if is_new] if len(missing) * FEW <= len(staying) else []
        answer = "no"
    else:
        counted, answer = [order for order in missing if order.order_date in working], "yes"
        if not counted and stayed:  # all are gone, and nothing shows why; at least they do not stay any more
            counted, answer, key = missing[:1], DENIES, "d"
    return [
        Observation(question, answer, listed.started_at, ("orders", order.row), f"{key}{order.row}")
        for order in counted
    ], memory


def _is_proof(listed: Listed) -> bool:
    """Tell whether a run shows all of its days, as they are now."""
    return listed.proof == "complete" and listed.whole and all(page.fresh for page in listed.pages)


def lateness(listed: Listed, timezone: ZoneInfo) -> Iterator[Observation]:
    """Learn after how many days new orders appear, if their day was read completely a few hours before."""
    for order in listed.orders.values():
        if order.order_date is None or not listed.started_at <= order.first_seen_at <= listed.ended_at:
            continue
        if any(first <= order.order_date <= last for first, last in listed.covered):
            days = (order.first_seen_at.astimezone(timezone).date() - order.order_date).days
            row = ("orders", order.row)
            yield Observation(Question.LATENESS_DAYS, str(max(days, 0)), order.first_seen_at, row, f"o{order.row}")
