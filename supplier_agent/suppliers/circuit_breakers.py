"""How reads, writes and labels of a supplier are going. An outage counts here, against the supplier, never against the orders.

After a failure the lane pauses, twice as long each time; then one call goes first, and its success lifts the pause. So an
outage of an hour costs a handful of requests, and leaves a few unknown ship calls instead of forty.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from supplier_agent.db.tables import Lane
from supplier_agent.outbox import backoff

READS, WRITES, LABELS = "reads", "writes", "labels"
ALL = (READS, WRITES, LABELS)


@dataclass(frozen=True)
class Patience:
    """How long a failing lane pauses: first, longest and least wait, in seconds; `chance` in [0, 1) is its jitter."""

    first_seconds: float
    max_seconds: float
    chance: float
    least_seconds: float = 0.0  # the marketplace asked for it


def of(tx: Session, supplier: str, lane: str) -> Lane:
    """Return the lane as it stands."""
    return tx.get(Lane, (supplier, lane)) or Lane(supplier=supplier, lane=lane)


def worked(tx: Session, lane: Lane) -> bool:
    """Record a success; return whether the lane had been failing. A lane that works is not written again."""
    if lane.failing_since is None:
        return False
    lane.failures, lane.failing_since, lane.failed_at, lane.resume_at = 0, None, None, None
    lane.reason, lane.last_order_id, lane.redirected_to = None, None, None
    tx.add(lane)
    return True


def failed(
    tx: Session,
    lane: Lane,
    patience: Patience,
    now: datetime,
    reason: str,
    order_id: int | None = None,
    redirected_to: str | None = None,
) -> bool:
    """Record a failure and pause; return whether the lane had worked until now.

    Calls that were in flight together fail together: that is one failure, not several. A redirect is remembered until the
    lane works again.
    """
    first = lane.failing_since is None
    lane.failing_since, lane.failed_at = lane.failing_since or now, now
    lane.reason, lane.last_order_id = reason[:500], order_id
    lane.redirected_to = redirected_to or lane.redirected_to
    if lane.resume_at is None or lane.resume_at <= now:
        lane.failures += 1
        wait = backoff(patience.first_seconds, patience.max_seconds, lane.failures, patience.chance)
        lane.resume_at = now + max(wait, timedelta(seconds=patience.least_seconds))
    tx.add(lane)
    return first


def not_later_than(tx: Session, lane: Lane, latest: datetime) -> None:
    """End a pause that is longer than any could be: somebody has set the clock back."""
    if lane.resume_at is not None and lane.resume_at > latest:
        lane.resume_at = latest
        tx.add(lane)


def is_open(lane: Lane, now: datetime, in_flight: int) -> bool:
    """Tell whether another call may go: a lane that failed lets one through at a time, once its pause is over."""
    if lane.failing_since is None:
        return True
    return in_flight == 0 and (lane.resume_at is None or lane.resume_at <= now)
