"""The coverage report: one line per day, then advice about the settings. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby

from supplier_agent.reading.coverage.days import NEVER, Day, Reading, State
from supplier_agent.reading.coverage.query import Ledger

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
        lines.append(f"{told.undated} more orders have no readable date, so no day answers for them")
    if told.rejected:
        lines.append(
            f"{told.rejected} entries without a usable id are kept word for word in the table rejected_entries"
        )
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
        f"gone: {len(told.missing)} not listed any more, though we have not shipped them: {named}",
        f"      {told.habit}",
        "      ask Menzzo whether they are cancelled, then: supplier-agent close ID --reason TEXT",
    ]


def _cures(told: Ledger) -> list[str]:
    """Return one command for each range of days that should be proved and are not."""
    lines = []
    for first, last in _stretches([day.day for day in told.days if day.is_overdue or _was_never_read(day)]):
        lines.append(f"      supplier-agent resync --from {first} --to {last} --supplier {told.supplier}")
    return ["to read again what is not proved:", *lines] if lines else []


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
