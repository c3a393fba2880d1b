"""What runs prove about a day, and how late its orders came. Pure: no clock, no database.

A complete run has seen every order of its days that was listed when its oldest answer may have been made (`as_of`). A day is
proved once that time is after the day's end: everything listed during the day is in our tables.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

NEVER = "no reading has covered it"
ENOUGH = 2
"""`sweep_days` should be this many times the lateness of the latest order."""


class State(StrEnum):
    """What is known about a day."""

    PROVED = "proved"  # everything that was listed by `as_of` is here, and the day was over by then (or still goes on)
    CACHED = "possibly cached"  # read after the day's end, but the answer may have been made before it
    UNREAD = "not fully read"


@dataclass(frozen=True)
class Reading:
    """One run over whole days that has ended. `as_of`: when the oldest of its answers may have been made."""

    run: int
    purpose: str
    first: date
    last: date
    started_at: datetime
    ended_at: datetime
    as_of: datetime
    proof: str  # as in the table
    pages: int
    listed: int
    detail: str | None

    def covers(self, day: date) -> bool:
        """Tell whether it asked for this day."""
        return self.first <= day <= self.last


@dataclass(frozen=True)
class Day:
    """What is known about one day of one supplier."""

    day: date
    is_over: bool
    state: State
    best: Reading | None  # the complete reading that proves the most; None: there is none
    runs: tuple[int, ...]  # every reading that proves `state`, the newest first
    why: str  # what is missing; "" where the day is proved
    is_overdue: bool  # it should be proved by now


def starts_at(day: date, zone: tzinfo) -> datetime:
    """Return the first instant of a day of the warehouse; 23 or 25 hours later the next one starts now and then."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def judge(day: date, readings: Iterable[Reading], now: datetime, zone: tzinfo, patience: timedelta) -> Day:
    """Return what the readings prove about a day. `patience`: how long after its end it may stay unproved.

    A reading that began later than now was made before somebody set the clock back: it proves nothing about now.
    """
    mine = [each for each in readings if each.covers(day) and each.started_at <= now]
    whole = sorted((each for each in mine if each.proof == "complete"), key=lambda each: each.as_of, reverse=True)
    ends_at = starts_at(day + timedelta(days=1), zone)
    is_over = ends_at <= now
    target = ends_at if is_over else starts_at(day, zone)
    best = whole[0] if whole else None
    proving = [each for each in whole if each.as_of >= target]
    cached = [each for each in whole if each.started_at >= target]
    state, runs, why = State.UNREAD, whole[:1], _why_unread(mine, best, is_over=is_over)
    if proving:
        state, runs, why = State.PROVED, proving, ""
    elif cached:
        state, runs, why = State.CACHED, cached, "the answer may have been made before the day was over"
    is_overdue = state is not State.PROVED and is_over and now - ends_at > patience
    return Day(day, is_over, state, best, tuple(each.run for each in runs), why, is_overdue)


def _why_unread(mine: Sequence[Reading], best: Reading | None, *, is_over: bool) -> str:
    if best is not None:
        return "nothing was read after the day was over" if is_over else "nothing was read since the day began"
    if not mine:
        return NEVER
    last = max(mine, key=lambda each: each.run)
    return last.detail or f"the last reading {'ended early' if last.proof == 'partial' else 'failed'}"


def settled_at(day: date, readings: Iterable[Reading], zone: tzinfo) -> datetime | None:
    """Return when the first reading ended that proved the day; an order that is first seen later came late. None: none did."""
    ends_at = starts_at(day + timedelta(days=1), zone)
    proving = [each for each in readings if each.covers(day) and each.proof == "complete" and each.as_of >= ends_at]
    return min((each.ended_at for each in proving), default=None)


@dataclass(frozen=True)
class Late:
    """How late orders come: days after their date, each with its number of orders. `of` is how many were looked at."""

    of: int
    by_days: Counter[int]
    sweep_days: int

    @property
    def orders(self) -> int:
        """How many orders came after their day had been proved."""
        return self.by_days.total()

    @property
    def latest(self) -> int:
        """The days by which the latest came; 0 where none came late."""
        return max(self.by_days, default=0)

    @property
    def advice(self) -> str:
        """What this says about `sweep_days`, in one sentence."""
        reach = f"sweep_days = {self.sweep_days}"
        if not self.orders:
            return f"{reach} is enough, as far as can be seen"
        came = f"the latest came {self.latest} day{'s' if self.latest > 1 else ''} after its date"
        if self.latest * ENOUGH <= self.sweep_days:
            return f"{reach} is enough: {came}"
        return f"{reach} is short: {came}. Set it to {self.latest * ENOUGH} or more in [schedule]"


def days_late(order_date: date, first_seen_at: datetime, settled: datetime | None, zone: tzinfo) -> int:
    """Return how many days after its date an order came, 0 for one that was there when its day was first proved."""
    if settled is None or first_seen_at <= settled:
        return 0
    return max(1, (first_seen_at.astimezone(zone).date() - order_date).days)
