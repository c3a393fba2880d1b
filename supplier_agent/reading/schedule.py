"""When a supplier is read next, and what for: decided on what its last readings proved. Pure.

The rows may be those of tables.py or plain ones (plain_sql.py): the loop and `status` ask the same question here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from supplier_agent.base.cells import Unreadable

if TYPE_CHECKING:
    from supplier_agent.db.tables import Run, Supplier

CACHE_GRACE = timedelta(seconds=1)
"""The server's clock and ours tick differently: asked a moment after its cache has expired, not a moment before."""
DISTRUST = timedelta(days=1)
"""How long polls go by date after the cursor misled us; then it is tried again."""


@dataclass(frozen=True)
class Due:
    """The next run: what for, and when. `resync` is the row of a person's request."""

    purpose: str
    at: datetime
    resync: Run | None = None


@dataclass(frozen=True)
class Readings:
    """What is known of a supplier's readings: the oldest request of a person that waits, and the last runs read to their end."""

    supplier: Supplier
    resync: Run | None  # None: nobody asked
    sweep: Run | None  # None: none yet
    poll: Run | None  # None: none yet


@dataclass(frozen=True)
class Pauses:
    """How long to wait between two reads, in seconds."""

    poll_seconds: float
    sweep_seconds: float
    cache_seconds: float


def next_read(
    known: Readings, pauses: Pauses, earliest: datetime, now: datetime, round_at: datetime | None = None
) -> Due:
    """Decide which run is next and when. Nothing goes before `earliest`: a pause after a failure, or silence asked for.

    `round_at` is when a `run --once` began: it reads once, and waits for the server's cache, but for no poll interval.
    """
    supplier, sweep, poll = known.supplier, known.sweep, known.poll
    if supplier.token_refused_at is not None:
        return Due("probe", earliest)
    if known.resync is not None:
        return Due("resync", earliest, known.resync)
    last = max((run for run in (sweep, poll) if run is not None), key=lambda run: run.id or 0, default=None)
    if sweep is None or last is None or sweep.started_at is None or last.started_at is None or last.ended_at is None:
        return Due("sweep", earliest)
    if last.started_at > now or sweep.started_at > now:
        return Due("sweep", earliest)  # somebody has set the clock back: what was read "later" proves nothing about now
    cached_until = last.ended_at
    if pauses.cache_seconds:
        cached_until += timedelta(seconds=pauses.cache_seconds) + CACHE_GRACE
    sweep_at = sweep.started_at + timedelta(seconds=pauses.sweep_seconds)
    interval = timedelta(seconds=pauses.poll_seconds)
    if round_at is not None:
        if last.started_at >= round_at:  # read in this round, however long it takes; only a sweep may still be owed
            owed = sweep_at <= now and sweep.started_at < round_at
            return Due("sweep", earliest) if owed else Due("poll", now + interval)
        interval = timedelta(0)
    if sweep_at <= now:
        # A poll goes right before a sweep: what the sweep finds beyond it shows that the cursor is blind.
        polled = poll is not None and poll.started_at is not None and poll.started_at >= sweep_at
        if polled or trusted_cursor(supplier, now) is None:
            return Due("sweep", earliest)
        return Due("poll", max(earliest, cached_until))
    # Reading takes half of the time at most, for no acknowledge goes out meanwhile. A round reads once, so it may at once.
    took = last.ended_at - last.started_at if round_at is None else timedelta(0)
    poll_at = max(last.started_at + interval, last.ended_at + took, cached_until)
    return Due("poll", max(earliest, poll_at)) if poll_at <= sweep_at else Due("sweep", max(earliest, sweep_at))


def trusted_cursor(supplier: Supplier, now: datetime) -> str | None:
    """Return the cursor to poll by, or None if there is none or it cannot be trusted."""
    if supplier.cursor == supplier.cursor_refused:
        return None
    if is_distrusted(supplier, now) or isinstance(supplier.cursor, Unreadable):
        return None
    return supplier.cursor


def is_distrusted(supplier: Supplier, now: datetime) -> bool:
    """Tell whether the numbers of orders were lately seen not to rise with time, as the list shows them."""
    return supplier.cursor_distrusted_at is not None and supplier.cursor_distrusted_at > now - DISTRUST
