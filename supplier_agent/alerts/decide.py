"""What to tell, and when: on change only (bad, and good again), grouped, and a cause that flaps once an hour at most. Pure.

a fact begins ──> a row of alerts ──group_seconds──> told ──> the fact ends ──> solved_at ──> told to be over
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from supplier_agent.db.tables import Alert

DIGEST = "digest"
"""The daily report is a row of alerts too: so it is known when it was last told."""
DIGEST_HOURS = timedelta(hours=6)
"""A report that is later than this is left out: the agent was asleep, and its news is old."""

Key = tuple[str, str | None]


@dataclass(frozen=True)
class Fact:
    """Something that is wrong now. `count`: about how many orders; `text` names some of them, `cure` is one line."""

    cause: str
    supplier: str | None  # None: it concerns the whole installation
    text: str
    cure: str = ""
    count: int = 1

    @property
    def key(self) -> Key:
        """What makes two facts the same trouble."""
        return self.cause, self.supplier


@dataclass(frozen=True)
class Patience:
    """How long begins and ends are gathered, how often one cause may speak, and when the daily report is due."""

    group: timedelta
    again: timedelta
    digest_at: time | None
    zone: tzinfo


@dataclass(frozen=True)
class Decision:
    """What has changed and what is to be told now. Nothing here has been written or sent yet."""

    begin: tuple[Fact, ...] = ()  # new: a row each
    lasts: tuple[tuple[Alert, Fact], ...] = ()  # open rows with what is to be said of them now
    end: tuple[Alert, ...] = ()  # open rows that are solved
    tell_bad: tuple[Alert, ...] = ()  # rows, already open, whose begin (or growth) is told now
    tell_good: tuple[Alert, ...] = ()  # rows whose end is told now
    digest_since: datetime | None = None  # the daily report is due and covers the time from here; None: it is not

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to send."""
        return not self.tell_bad and not self.tell_good and self.digest_since is None


def changes(facts: Iterable[Fact], rows: Sequence[Alert]) -> Decision:
    """Return which rows begin, last and end. `rows`: those that are open."""
    still = {fact.key: fact for fact in facts}
    rows = [row for row in rows if row.solved_at is None]
    known = {key_of(row) for row in rows}
    return Decision(
        begin=tuple(fact for key, fact in still.items() if key not in known),
        lasts=tuple((row, still[key_of(row)]) for row in rows if key_of(row) in still),
        end=tuple(row for row in rows if key_of(row) not in still),
    )


def to_tell(rows: Sequence[Alert], counts: dict[Key, int], now: datetime, patience: Patience) -> Decision:
    """Return what is told now.

    `rows`: those that are open, those whose end was not told, and the newest that was told of each cause. `counts`: about
    how many orders each open one is now. One that has grown is told again, for each order of it needs a person.
    """
    rows = [row for row in rows if row.cause != DIGEST]
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
    return Decision(tell_bad=(*unheard, *grown), tell_good=tuple(over))


def digest_since(last: datetime | None, now: datetime, patience: Patience) -> datetime | None:
    """Return from when on the daily report speaks, if it is due: once a day after its time, and not hours after it."""
    if patience.digest_at is None:
        return None
    local = now.astimezone(patience.zone)
    due = datetime.combine(local.date(), patience.digest_at, patience.zone)
    if now < due or now - due >= DIGEST_HOURS or (last is not None and last >= due):
        return None
    return datetime.combine(local.date() - timedelta(days=1), patience.digest_at, patience.zone)


def key_of(row: Alert) -> Key:
    """Return what makes two rows the same trouble."""
    return row.cause, row.supplier
