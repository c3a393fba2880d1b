"""What to send, when, and to whom: only changes, grouped; a problem that comes and goes at most once an hour. Pure.

a fact begins ──> a row of alerts ──group_seconds──> sent ──> the fact ends ──> solved_at ──> its end is sent
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo

from supplier_agent.db.tables import Alert
from supplier_agent.verdict import Problem, ProblemCode, Severity
from supplier_agent.verdict.codes import severity_of
from supplier_agent.verdict.supplier import owner_of

DIGEST = "digest"
"""The daily report is a row of alerts too, which records when it was last sent."""
DIGEST_HOURS = timedelta(hours=6)
"""A report that is later than this is skipped: the agent was not running, and the news is old."""
RANK = (Severity.INFO, Severity.WARNING, Severity.URGENT)

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
