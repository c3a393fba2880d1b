"""Decides when a supplier is read next, and for what purpose, from its last runs. Pure.

Rows may come from tables.py or plain_sql.py, because both the loop and `status` use this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from supplier_agent.base.cells import Unreadable

if TYPE_CHECKING:
    from supplier_agent.db.tables import Run, Supplier

CACHE_GRACE = timedelta(seconds=1)
"""Clocks differ, so a read starts this long after the server's cache has expired."""
DISTRUST = timedelta(days=1)
"""How long polls use dates after the cursor was wrong. Then the cursor is tried again."""


@dataclass(frozen=True)
class Due:
    """The next run: its purpose and time. `resync` is the row of a person's request, a resync or a fetch."""

    purpose: str
    at: datetime
    resync: Run | None = None


@dataclass(frozen=True)
class Readings:
    """A supplier's runs: the oldest request of a person that waits and may be read now, and the last complete sweep and poll."""

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
    """Decide which run is next, and when: the first that applies.

    1. The token is refused: a probe.
    2. A person asked for days or an order: that resync or fetch.
    3. Never read, or the clock was set back: a sweep.
    4. A sweep is due: a poll right before it, then the sweep.
    5. Otherwise: a poll, after its interval and the server's cache.

    `earliest`: no run starts before it, because of a pause or because the marketplace asked us to wait. `round_at`: when a
    `run --once` started; it reads once, and waits for the server's cache but not for the poll interval.
    """
    supplier, sweep, poll = known.supplier, known.sweep, known.poll
    if supplier.token_refused_at is not None:
        return Due("probe", earliest)
    if known.resync is not None:
        return Due(known.resync.purpose, earliest, known.resync)
    last = max((run for run in (sweep, poll) if run is not None), key=lambda run: run.id or 0, default=None)
    if sweep is None or last is None or sweep.started_at is None or last.started_at is None or last.ended_at is None:
        return Due("sweep", earliest)
    if last.started_at > now or sweep.started_at > now:
        return Due("sweep", earliest)  # the clock was set back: a run in the future proves nothing about now
    cached_until = last.ended_at
    if pauses.cache_seconds:
        cached_until += timedelta(seconds=pauses.cache_seconds) + CACHE_GRACE
    sweep_at = sweep.started_at + timedelta(seconds=pauses.sweep_seconds)
    interval = timedelta(seconds=pauses.poll_seconds)
    if round_at is not None:
        if last.started_at >= round_at:  # already read in this round; only a sweep may still be due
            owed = sweep_at <= now and sweep.started_at < round_at
            return Due("sweep", earliest) if owed else Due("poll", now + interval)
        interval = timedelta(0)
    if sweep_at <= now:
        # A poll comes right before a sweep. If only the sweep finds an order, the cursor misses orders.
        polled = poll is not None and poll.started_at is not None and poll.started_at >= sweep_at
        if polled or trusted_cursor(supplier, now) is None:
            return Due("sweep", earliest)
        return Due("poll", max(earliest, cached_until))
    # No acknowledgement is sent while a run reads, so reading takes at most half of the time. A round reads only once.
    took = last.ended_at - last.started_at if round_at is None else timedelta(0)
    poll_at = max(last.started_at + interval, last.ended_at + took, cached_until)
    return Due("poll", max(earliest, poll_at)) if poll_at <= sweep_at else Due("sweep", max(earliest, sweep_at))


def trusted_cursor(supplier: Supplier, now: datetime) -> str | None:
    """Return the cursor for polls, or None if there is none or it is not trusted."""
    if supplier.cursor == supplier.cursor_refused:
        return None
    if is_distrusted(supplier, now) or isinstance(supplier.cursor, Unreadable):
        return None
    return supplier.cursor


def is_distrusted(supplier: Supplier, now: datetime) -> bool:
    """Tell whether a recent read showed that order numbers do not rise with time."""
    return supplier.cursor_distrusted_at is not None and supplier.cursor_distrusted_at > now - DISTRUST
