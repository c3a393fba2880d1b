"""One circuit breaker for each lane of a supplier: reads, writes, labels. Outages count here, never against single orders.

After a failure the lane pauses, twice as long each time. Then one request goes first, and its success ends the pause. So an
outage of an hour costs a few requests, and leaves a few unknown ship calls instead of forty.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from supplier_agent.db.tables import Lane
from supplier_agent.outbox import backoff

READS, WRITES, LABELS = "reads", "writes", "labels"
OTHERS = "others"
"""The lane of calls to other receivers than the marketplace, and of heartbeat URLs: threads apart from the marketplace's."""
ALL = (READS, WRITES, LABELS, OTHERS)


@dataclass(frozen=True)
class Patience:
    """How long a failing lane pauses: first, longest and shortest wait in seconds; `chance` in [0, 1) is the jitter."""

    first_seconds: float
    max_seconds: float
    chance: float
    least_seconds: float = 0.0  # the marketplace asked for it


def of(tx: Session, supplier: str, lane: str) -> Lane:
    """Return the present row of a lane; an empty one if it has none."""
    return tx.get(Lane, (supplier, lane)) or Lane(supplier=supplier, lane=lane)


def worked(tx: Session, lane: Lane) -> bool:
    """Record a success; return whether the lane had been failing. Nothing is written for a lane that already works."""
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

    Calls in flight at the same time fail together: that counts as one failure. A redirect is remembered until the lane works
    again.
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
    """Shorten a pause that ends later than any pause can: the clock was set back."""
    if lane.resume_at is not None and lane.resume_at > latest:
        lane.resume_at = latest
        tx.add(lane)


def is_open(lane: Lane, now: datetime, in_flight: int) -> bool:
    """Tell whether another request may be sent. A failing lane allows one at a time, once its pause is over."""
    if lane.failing_since is None:
        return True
    return in_flight == 0 and (lane.resume_at is None or lane.resume_at <= now)
