"""What runs prove about a day, how late its orders came, and the report. Pure: no clock, no database.

A complete run has seen every order of its days that was listed when its oldest answer may have been made (`as_of`). A day is
proved once that time is after the day's end: everything listed during the day is in our tables.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import groupby

from supplier_agent.reading.missing_orders import Habit

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
    """A finished run over whole days. `as_of`: when the oldest of its answers may have been made."""

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
        """Tell whether the run read this day."""
        return self.first <= day <= self.last


@dataclass(frozen=True)
class Day:
    """What is known about one day of one supplier."""

    day: date
    is_over: bool
    state: State
    best: Reading | None  # the complete reading that proves the most; None: there is none
    runs: tuple[int, ...]  # every reading that proves `state`, newest first
    why: str  # what is missing; "" if the day is proved
    is_overdue: bool  # it should be proved by now


def starts_at(day: date, zone: tzinfo) -> datetime:
    """Return when a day of the warehouse starts. A day may have 23 or 25 hours."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def judge(day: date, readings: Iterable[Reading], now: datetime, zone: tzinfo, patience: timedelta) -> Day:
    """Return what the readings prove about a day. `patience`: how long after its end it may stay unproved.

    A reading with a start later than now was made before the clock was set back, so it proves nothing.
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
        return "nothing was read after the day was over" if is_over else "nothing has been read since the day began"
    if not mine:
        return NEVER
    last = max(mine, key=lambda each: each.run)
    return last.detail or f"the last reading {'ended early' if last.proof == 'partial' else 'failed'}"


def settled_at(day: date, readings: Iterable[Reading], zone: tzinfo) -> datetime | None:
    """Return when the first reading that proves the day ended (None: none does). Orders first seen later came late."""
    ends_at = starts_at(day + timedelta(days=1), zone)
    proving = [each for each in readings if each.covers(day) and each.proof == "complete" and each.as_of >= ends_at]
    return min((each.ended_at for each in proving), default=None)


@dataclass(frozen=True)
class Late:
    """How late orders come: days after their date, each with its number of orders. `of`: how many were examined."""

    of: int
    by_days: Counter[int]
    sweep_days: int

    @property
    def orders(self) -> int:
        """How many orders came after their day had been proved."""
        return self.by_days.total()

    @property
    def latest(self) -> int:
        """How many days late the latest order came; 0 if none was late."""
        return max(self.by_days, default=0)

    @property
    def advice(self) -> str:
        """One sentence on whether `sweep_days` is enough."""
        reach = f"sweep_days = {self.sweep_days}"
        if not self.orders:
            return f"{reach} is enough, as far as can be seen"
        came = f"the latest came {self.latest} day{'s' if self.latest > 1 else ''} after its date"
        if self.latest * ENOUGH <= self.sweep_days:
            return f"{reach} is enough: {came}"
        return f"{reach} is short: {came}. Set it to {self.latest * ENOUGH} or more in [schedule]"


def days_late(order_date: date, first_seen_at: datetime, settled: datetime | None, zone: tzinfo) -> int:
    """Return how many days after its date an order came; 0 if it was stored before its day was first proved."""
    if settled is None or first_seen_at <= settled:
        return 0
    return max(1, (first_seen_at.astimezone(zone).date() - order_date).days)


@dataclass(frozen=True)
class Counted:
    """The orders of a day: how many, how many came after the day was proved, how many are gone though not shipped."""

    orders: int = 0
    late: int = 0
    gone: int = 0


@dataclass(frozen=True)
class Ledger:
    """Everything that is known about some days of one supplier. `missing`: the menzzo_order_ids of orders that are gone."""

    supplier: str
    cache_seconds: float
    days: tuple[Day, ...]
    counted: dict[date, Counted]
    late: Late
    habit: Habit
    missing: tuple[str, ...]
    undated: int  # orders with an unreadable date, which belong to no day
    rejected: int  # rejected entries

    def number(self, state: State) -> int:
        """Return how many days are in this state."""
        return sum(day.state is state for day in self.days)


LEGEND = "proved complete as of T: every order of the day that the marketplace listed at T is in our database"
MARKS = {State.PROVED: "ok", State.CACHED: "?", State.UNREAD: "!!"}
BINS = ((1, 1), (2, 2), (3, 3), (4, 7), (8, 14), (15, None))
"""The ranges of days late in the distribution."""
WIDEST = 30
MOST_NAMED = 5


def page(told: Ledger, now: datetime, zone: tzinfo) -> str:
    """Return the report of one supplier. Times are in the warehouse's time zone."""
    cache = f"answers may be {told.cache_seconds / 60:g} min old" if told.cache_seconds else "answers are never cached"
    lines = [f"{told.supplier} ({zone}; {cache})", LEGEND, "", "     DAY             ORDERS  LATE  GONE"]
    for day in told.days:
        counted = told.counted[day.day]
        numbers = f"{counted.orders:6}  {counted.late or '-':>4}  {counted.gone or '-':>4}"
        lines.append(f"{MARKS[day.state]:>3}  {day.day:%a %Y-%m-%d}  {numbers}  {in_words(day, now, zone)}".rstrip())
    lines += ["", *_sums(told), *_late(told), *_gone(told), *_cures(told)]
    return "\n".join(lines)


def in_words(day: Day, now: datetime, zone: tzinfo) -> str:
    """Return one line about a day, with the run that proves it."""
    best = day.best
    if best is None:
        return f"not fully read: {day.why}"
    as_of, read_at = _at(best.as_of, now, zone), _at(best.started_at, now, zone)
    if day.state is State.PROVED:
        goes_on = "" if day.is_over else ", the day goes on"
        return f"proved complete as of {as_of}{goes_on}  ({_source(best, len(day.runs))})"
    if day.state is State.CACHED:
        return f"read {read_at}, possibly cached: proved as of {as_of}  ({_source(best, 1)})"
    return f"not fully read: {day.why}; complete as of {as_of}  ({_source(best, 1)})"


def _source(reading: Reading, number: int) -> str:
    pages = f"{reading.pages} page{'s' if reading.pages != 1 else ''}"
    again = f"; {number - 1} more prove it" if number > 1 else ""
    return f"{reading.purpose} {reading.run}: {pages}, {reading.listed} listed{again}"


def _at(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return an instant in the warehouse's time zone; without the date if it is today."""
    local = at.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:%Y-%m-%d %H:%M}"


def _sums(told: Ledger) -> list[str]:
    orders = sum(counted.orders for counted in told.counted.values())
    number = len(told.days)
    said = [f"{told.number(State.PROVED)} of {number} day{'s' if number != 1 else ''} proved complete"]
    said += [f"{told.number(state)} {state}" for state in (State.CACHED, State.UNREAD) if told.number(state)]
    lines = [f"{', '.join(said)}; {orders} orders"]
    if told.undated:
        lines.append(f"{told.undated} more orders have no readable date, so they belong to no day")
    if told.rejected:
        lines.append(f"{told.rejected} entries without a usable id are stored in the table rejected_entries")
    return lines


def _late(told: Ledger) -> list[str]:
    late = told.late
    if not late.orders:
        return [f"late: none of {late.of} orders of the last quarter; {late.advice}"]
    lines = [f"late: {late.orders} of {late.of} orders came after their day had been proved; {late.advice}"]
    bins = [(low, high, _between(late.by_days.items(), low, high)) for low, high in BINS]
    most = max(number for _, _, number in bins)
    for low, high, number in bins:
        if number:
            days = f"{low}" if high == low else f"{low}-{high}" if high else f"{low} or more"
            lines.append(f"      {days:>10} days  {'#' * max(1, number * WIDEST // most)} {number}")
    return lines


def _between(items: Iterable[tuple[int, int]], low: int, high: int | None) -> int:
    return sum(number for days, number in items if low <= days and (high is None or days <= high))


def _gone(told: Ledger) -> list[str]:
    if not told.missing:
        return [f"gone: none; {told.habit}"]
    named = ", ".join(told.missing[:MOST_NAMED]) + (", …" if len(told.missing) > MOST_NAMED else "")
    return [
        f"gone: {len(told.missing)} no longer listed, though not shipped: {named}",
        f"      {told.habit}",
        "      ask Menzzo whether they are cancelled, then: supplier-agent close ID --reason TEXT",
    ]


def _cures(told: Ledger) -> list[str]:
    """Return one command for each range of days that should be proved and are not."""
    lines = []
    for first, last in _stretches([day.day for day in told.days if day.is_overdue or _was_never_read(day)]):
        lines.append(f"      supplier-agent resync --from {first} --to {last} --supplier {told.supplier}")
    return ["to read the days again that are not proved:", *lines] if lines else []


def _was_never_read(day: Day) -> bool:
    return day.is_over and day.why == NEVER


def _stretches(days: Sequence[date]) -> list[tuple[date, date]]:
    """Return consecutive days as first and last."""
    numbered = groupby(enumerate(days), key=lambda pair: pair[1] - timedelta(days=pair[0]))
    stretches = [[day for _, day in group] for _, group in numbered]
    return [(stretch[0], stretch[-1]) for stretch in stretches]


def as_json(told: Ledger) -> dict[str, object]:
    """Return the object of one supplier in `coverage --json`; instants are UTC."""
    return {
        "cache_seconds": told.cache_seconds,
        "days": [
            {
                "day": day.day.isoformat(),
                "state": day.state.value,
                "is_over": day.is_over,
                "is_overdue": day.is_overdue,
                "as_of": _utc(day.best.as_of if day.best else None),
                "read_at": _utc(day.best.started_at if day.best else None),
                "runs": list(day.runs),
                "why": day.why or None,
                **vars(told.counted[day.day]),
            }
            for day in told.days
        ],
        "late": {
            "orders": told.late.orders,
            "of": told.late.of,
            "by_days": {str(days): number for days, number in sorted(told.late.by_days.items())},
            "sweep_days": told.late.sweep_days,
            "advice": told.late.advice,
        },
        "acknowledged_orders_stay_listed": told.habit.stay,
        "gone": list(told.missing),
        "undated": told.undated,
        "rejected_entries": told.rejected,
    }


def _utc(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds").replace("+00:00", "Z")
