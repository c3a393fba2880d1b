"""What a run over whole days proves once it has ended: which days it covers, and as of when. Pure.

The rows may be those of tables.py or plain ones (glance.py).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from supplier_agent.tables import Run

WHOLE = ("sweep", "resync")
"""The purposes of the runs that list every order of their days. A poll and a probe prove nothing about a day."""


def days_of(run: Run) -> tuple[date, date]:
    """Return the first and the last day that a whole run covers.

    A sweep asks for a day more than it proves: whether `date_to` is inclusive is not documented.
    """
    until = run.date_to or run.date_from
    return run.date_from, until if run.purpose == "resync" else until - timedelta(days=1)


def as_of(started_at: datetime, cache_seconds: float, age_seconds: int | None) -> datetime:
    """Return when the oldest answer of a run may have been made: what was listed by then, the run has seen.

    The cache that the API documents says nothing of itself; one before it says how old its answer is. They add up.
    """
    return started_at - timedelta(seconds=cache_seconds + (age_seconds or 0))
