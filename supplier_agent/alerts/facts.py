"""The facts for alerts: the problems of the verdict, grouped, and two that take longer to find.

These are unproved days, and silence, which is judged by the supplier's own history. Time is measured in expected arrivals: an
hour counts as many arrivals as it usually has, so nights and Sundays count almost nothing. Holidays do not count: nothing is
learned from them, and no alert begins on them. Silence is unusual once it has lasted for LEAST expected arrivals, and for one
and a half times the longest earlier silence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlmodel import Session

from supplier_agent.alerts.decide import Fact
from supplier_agent.db.plain_sql import Look, supplier_of, text, within
from supplier_agent.reading import coverage
from supplier_agent.reports.facts import last_arrival_at
from supplier_agent.settings import Settings
from supplier_agent.settings.schedule import DAY, Calendar
from supplier_agent.verdict import Problem, ProblemCode

SLOW = frozenset({ProblemCode.SILENCE, ProblemCode.NOT_READ})
"""Problems that take too long to find for `status`: they are found here, and `status` reads them from the table of alerts."""
FAILING = frozenset({
    ProblemCode.READS_FAILING, ProblemCode.WRITES_FAILING, ProblemCode.LABELS_FAILING, ProblemCode.CALLS_FAILING,
})  # fmt: skip
"""Short outages end before anyone can react: these alerts begin only after failing_seconds."""
UNSENDABLE = frozenset({ProblemCode.ALERTS_FAILED})
"""Only `status` shows these: an alert about them could not be delivered."""
HOUR = timedelta(hours=1)
HISTORY = timedelta(weeks=8)
LEAST_HISTORY = timedelta(weeks=3)
LEAST_ARRIVALS = 40
LEAST = 12.0
"""If arrivals were independent, one gap in 160,000 would be as long as 12 of them. They are not, hence LONGER."""
LONGER = 1.5


@dataclass(frozen=True)
class Habits:
    """The usual number of arrivals in each hour of the week, and the longest silence so far, measured in arrivals."""

    per_hour: tuple[float, ...]  # 168, Monday 00:00 first
    longest: float

    def worth(self, since: datetime, until: datetime, calendar: Calendar) -> float:
        """Return the usual number of arrivals between two instants."""
        worth, at = 0.0, since
        while at < until:
            step = min(until, at + HOUR)
            local = at.astimezone(calendar.zone)
            if not calendar.is_holiday(local.date()):
                worth += self.per_hour[_hour_of_week(local)] * ((step - at) / HOUR)
            at = step
        return worth


def learn(arrivals: Iterable[datetime], now: datetime, calendar: Calendar) -> Habits | None:
    """Return the habits of the last weeks; None if there is too little data.

    `arrivals`: when a reading found new orders. A burst counts once, because orders come in baskets and batches.
    """
    known = sorted(each for each in arrivals if now - HISTORY <= each <= now)
    if len(known) < LEAST_ARRIVALS or now - known[0] < LEAST_HISTORY:
        return None
    weeks = (now - known[0]) / timedelta(weeks=1)
    first, last = (at.astimezone(calendar.zone).date() for at in (known[0], now))
    off = [day for day in (first + step * DAY for step in range((last - first).days + 1)) if calendar.is_holiday(day)]
    holidays = Counter(day.weekday() for day in off)
    local = [each.astimezone(calendar.zone) for each in known]
    in_hour = Counter(_hour_of_week(each) for each in local if each.date() not in off)
    worked = [max(weeks - holidays[day], 1.0) for day in range(7)]
    habits = Habits(tuple(in_hour[hour] / worked[hour // 24] for hour in range(7 * 24)), 0.0)
    gaps = (habits.worth(before, after, calendar) for before, after in pairwise(known))
    return Habits(habits.per_hour, max(gaps, default=0.0))


def is_unusual(habits: Habits, last_arrival: datetime, until: datetime, calendar: Calendar) -> bool:
    """Tell whether nothing has arrived for unusually long. `until`: when the list was last read; later time is not silence."""
    return habits.worth(last_arrival, until, calendar) >= max(LEAST, LONGER * habits.longest)


def _hour_of_week(local: datetime) -> int:
    return local.weekday() * 24 + local.hour


def group(problems: Iterable[Problem], settings: Settings, now: datetime) -> list[Fact]:
    """Return the facts for alerts: problems of one code and one supplier are one fact, with all its orders."""
    before = now - timedelta(seconds=settings.alerts.failing_seconds)
    found: dict[tuple[ProblemCode, str | None], list[Problem]] = defaultdict(list)
    for problem in problems:
        is_short = problem.code in FAILING and problem.since is not None and problem.since > before
        if problem.code not in UNSENDABLE and not is_short:
            found[problem.code, problem.supplier].append(problem)
    return [Fact(code, supplier, tuple(each)) for (code, supplier), each in found.items()]


def slow(tx: Session, settings: Settings, habits: Mapping[str, Habits | None], now: datetime) -> Iterator[Problem]:
    """Yield the facts that change slowly. `habits`: of each supplier; None: too little data."""
    look = within(tx)
    for name in settings.suppliers:
        gaps = coverage.gaps(tx, settings, name, now)
        if gaps:
            days = {"case": "one" if len(gaps) == 1 else "many", "first": f"{gaps[0]}", "last": f"{gaps[-1]}"}
            yield Problem(ProblemCode.NOT_READ, name, facts={**days, "number": len(gaps)})
        silent_since = _silent_since(look, settings, name, habits.get(name))
        if silent_since is not None:
            yield Problem(ProblemCode.SILENCE, name, since=silent_since)


def _silent_since(look: Look, settings: Settings, name: str, habits: Habits | None) -> datetime | None:
    """Return since when no order has arrived, if that is unusual. A supplier that cannot be read is not silent."""
    if habits is None or not settings.alerts.silence:
        return None
    arrived_at, read_at = last_arrival_at(look, name), supplier_of(look, name).last_success_at
    if arrived_at is None or read_at is None:
        return None
    return arrived_at if is_unusual(habits, arrived_at, read_at, settings.calendar(name)) else None


def arrivals(look: Look, supplier: str, since: datetime) -> list[datetime]:
    """Return when readings of this supplier found new orders."""
    rows = look.rows(
        "SELECT ended_at FROM runs WHERE supplier = ? AND purpose IN ('poll', 'sweep') AND added > 0 AND ended_at >= ?",
        supplier, text(since),
    )  # fmt: skip
    return [row.ended_at for row in rows]
