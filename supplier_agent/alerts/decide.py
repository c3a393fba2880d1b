"""What is worth an alert, when it is sent, and to whom. Pure.

Only changes are sent, grouped; a problem that comes and goes is sent at most once an hour:

a fact begins ──> a row of alerts ──group_seconds──> sent ──> the fact ends ──> solved_at ──> its end is sent
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from itertools import pairwise

from supplier_agent.db.tables import DIGEST, Alert
from supplier_agent.settings import Settings
from supplier_agent.settings.schedule import DAY, Calendar
from supplier_agent.verdict import Problem, ProblemCode, Severity
from supplier_agent.verdict.codes import severity_of
from supplier_agent.verdict.supplier import owner_of

DIGEST_HOURS = timedelta(hours=6)
"""A report that is later than this is skipped: the agent was not running, and the news is old."""
RANK = (Severity.INFO, Severity.WARNING, Severity.URGENT)

SLOW = frozenset({ProblemCode.SILENCE, ProblemCode.NOT_READ})
"""Problems that take too long to find for `status`: watch.py finds them, and `status` reads them from the table of alerts."""
FAILING = frozenset({
    ProblemCode.READS_FAILING, ProblemCode.WRITES_FAILING, ProblemCode.LABELS_FAILING, ProblemCode.CALLS_FAILING,
    ProblemCode.WEBHOOK_FAILING,
})  # fmt: skip
"""Short outages end before anyone can react: these alerts begin only after failing_seconds."""
UNSENDABLE = frozenset({ProblemCode.ALERTS_FAILED})
"""Only `status` shows these: an alert about them could not be delivered."""

Key = tuple[str, str | None]


@dataclass(frozen=True)
class Fact:
    """All current problems of one code and one supplier. `supplier`: None for the whole installation."""

    code: ProblemCode
    supplier: str | None
    problems: tuple[Problem, ...]

    @property
    def key(self) -> Key:
        """The key by which facts are compared."""
        return self.code.value, self.supplier

    @property
    def count(self) -> int:
        """The approximate number of orders; for unproved days, the number of days."""
        days = self.problems[0].facts.get("number", 1) if self.code is ProblemCode.NOT_READ else 1
        return days if len(self.problems) == 1 and isinstance(days, int) else len(self.problems)


@dataclass(frozen=True)
class Recipient:
    """One address.

    `supplier`: it gets only the alerts of this supplier and its other accounts; None: all. `least`: the lowest severity it gets.
    """

    name: str  # without secrets, for people
    supplier: str | None = None
    least: Severity = Severity.INFO

    def hears(self, row: Alert) -> bool:
        """Tell whether it gets an alert."""
        is_mine = self.supplier in {None, owner_of(row.supplier or "")}
        return is_mine and RANK.index(severity_of(row.cause)) >= RANK.index(self.least)

    @property
    def hears_reports(self) -> bool:
        """Whether it gets the daily report."""
        return self.least is Severity.INFO


@dataclass(frozen=True)
class Patience:
    """How long changes are collected, how often one problem is sent again, and when the daily report is due."""

    group: timedelta
    again: timedelta
    digest_at: time | None
    zone: tzinfo


@dataclass(frozen=True)
class Change:
    """What has begun, continues and has ended. `lasts`: open rows with their current facts."""

    begin: tuple[Fact, ...]
    lasts: tuple[tuple[Alert, Fact], ...]
    end: tuple[Alert, ...]


@dataclass(frozen=True)
class Decision:
    """What to send now. `bad`: rows that have begun or grown. `good`: rows that have ended."""

    bad: tuple[Alert, ...] = ()
    good: tuple[Alert, ...] = ()
    digest_since: datetime | None = None  # the daily report is due and covers the time from here; None: not due

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is to be sent."""
        return not self.bad and not self.good and self.digest_since is None

    def of(self, recipient: Recipient) -> "Decision":
        """Return the part for this address."""
        return Decision(
            tuple(row for row in self.bad if recipient.hears(row)),
            tuple(row for row in self.good if recipient.hears(row)),
            self.digest_since if recipient.hears_reports else None,
        )

    def within(self, other: "Decision") -> "Decision":
        """Return the part that both have in common."""
        ids = {row.id for row in (*other.bad, *other.good)}
        return Decision(
            tuple(row for row in self.bad if row.id in ids),
            tuple(row for row in self.good if row.id in ids),
            self.digest_since if other.digest_since is not None else None,
        )

    def with_(self, other: "Decision") -> "Decision":
        """Return both together."""
        bad, good = (
            {row.id: row for row in (*mine, *more)} for mine, more in ((self.bad, other.bad), (self.good, other.good))
        )
        return Decision(tuple(bad.values()), tuple(good.values()), self.digest_since or other.digest_since)

    def parts(self) -> Iterable["Decision"]:
        """Yield the separate messages: the changes, and the daily report."""
        yield replace(self, digest_since=None)
        yield Decision(digest_since=self.digest_since)


def group(problems: Iterable[Problem], settings: Settings, now: datetime) -> list[Fact]:
    """Return the facts for alerts: problems of one code and one supplier are one fact, with all its orders."""
    before = now - timedelta(seconds=settings.alerts.failing_seconds)
    found: dict[tuple[ProblemCode, str | None], list[Problem]] = defaultdict(list)
    for problem in problems:
        is_short = problem.code in FAILING and problem.since is not None and problem.since > before
        if problem.code not in UNSENDABLE and not is_short:
            found[problem.code, problem.supplier].append(problem)
    return [Fact(code, supplier, tuple(each)) for (code, supplier), each in found.items()]


def changes(facts: Iterable[Fact], rows: Sequence[Alert]) -> Change:
    """Return which rows begin, continue and end. `rows`: the open rows."""
    still = {fact.key: fact for fact in facts}
    rows = [row for row in rows if row.solved_at is None and row.cause != DIGEST]
    known = {key_of(row) for row in rows}
    return Change(
        begin=tuple(fact for key, fact in still.items() if key not in known),
        lasts=tuple((row, still[key_of(row)]) for row in rows if key_of(row) in still),
        end=tuple(row for row in rows if key_of(row) not in still),
    )


def to_send(
    rows: Sequence[Alert],
    counts: dict[Key, int],
    now: datetime,
    patience: Patience,
    recipients: Collection[Recipient] = (Recipient(""),),
) -> Decision:
    """Return what to send now.

    `rows`: the open rows, those whose end was not sent, and the newest sent row of each problem. `counts`: about how many
    orders each open row concerns now. A row that has grown is sent again, because each of its orders needs a person. Rows
    without a recipient are ignored.
    """
    rows = [row for row in rows if row.cause != DIGEST and any(each.hears(row) for each in recipients)]
    last_told: dict[Key, datetime] = {}
    for row in rows:
        if row.told_at is not None:
            key = key_of(row)
            last_told[key] = max(row.told_at, last_told.get(key, row.told_at))

    def rested(row: Alert) -> bool:
        told_at = last_told.get(key_of(row))
        return told_at is None or told_at > now or now - told_at >= patience.again

    unheard = [row for row in rows if row.solved_at is None and row.told_at is None and rested(row)]
    grown = [
        row
        for row in rows
        if row.solved_at is None
        and row.told_at is not None
        and counts.get(key_of(row), 0) > (row.told_count or 0)
        and rested(row)
    ]
    over = [row for row in rows if row.solved_at is not None and row.told_at is not None and row.solved_told_at is None]
    waiting_since = [row.since for row in unheard] + [row.solved_at for row in over if row.solved_at is not None]
    if not grown and (not waiting_since or now - min(waiting_since) < patience.group):
        return Decision()
    worst_first = sorted((*unheard, *grown), key=lambda row: -RANK.index(severity_of(row.cause)))
    return Decision(tuple(worst_first), tuple(over))


def digest_since(last: datetime | None, now: datetime, patience: Patience) -> datetime | None:
    """Return the start of the daily report, if it is due: once a day after its time, but not many hours later."""
    if patience.digest_at is None:
        return None
    local = now.astimezone(patience.zone)
    due = datetime.combine(local.date(), patience.digest_at, patience.zone)
    if now < due or now - due >= DIGEST_HOURS or (last is not None and last >= due):
        return None
    return datetime.combine(local.date() - timedelta(days=1), patience.digest_at, patience.zone)


def key_of(row: Alert) -> Key:
    """Return the key by which rows of the same problem are matched."""
    return row.cause, row.supplier


# -- Silence, judged by the supplier's own history. Time is measured in expected arrivals: an hour counts as many arrivals as it
# usually has, so nights and Sundays count almost nothing. Holidays do not count: nothing is learned from them, and no alert begins
# on them. Silence is unusual once it has lasted for LEAST expected arrivals, and for one and a half times the longest earlier one.

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
