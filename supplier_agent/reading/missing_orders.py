"""Orders that are no longer listed: what their absence means, by what this marketplace was seen to do. In plain SQL (plain_sql.py).

Nobody documents whether an acknowledged order stays on the list. So one that we acknowledged (or may have) is only missed
where others were listed again after their acknowledgement and few have left; one that we never touched is always missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from supplier_agent.db.plain_sql import text

if TYPE_CHECKING:
    from datetime import date, datetime

    from supplier_agent.db.tables import Run

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


if TYPE_CHECKING:
    from supplier_agent.db.plain_sql import Look

LEAST_SEEN = 5
FEW = 4
"""At most one in so many left the list: then acknowledged orders stay, and the few that left are missed."""
LOOKED_AT = 5000
"""Evidence is taken from the newest orders, so that the question costs the same in ten years."""
NEXT_RUNS = 20
"""The second reading is among so many next ones; those between are of other days."""


@dataclass(frozen=True)
class Habit:
    """What the list did with orders after their acknowledgement: `seen` were listed again, `left` were not any more."""

    seen: int
    left: int

    @property
    def stay(self) -> bool | None:
        """Whether acknowledged orders stay on the list; None: too few to tell."""
        if self.left == 0 and self.seen < LEAST_SEEN:
            return None
        return self.seen >= LEAST_SEEN and self.left * FEW <= self.seen

    def __str__(self) -> str:
        """Return the sentence for people."""
        if self.stay is None:
            return "it is not known yet whether acknowledged orders stay on the list"
        counted = f"{self.seen} were listed again after their acknowledgement, {self.left} were not any more"
        if self.stay:
            return f"acknowledged orders stay on the list ({counted})"
        return f"acknowledged orders may leave the list ({counted}), so their absence says nothing"


def habit(look: Look, supplier: str, cache_seconds: float) -> Habit:
    """Return what the newest acknowledged orders show. An answer within the cache's life may be older than the acknowledgement."""
    rows = look.rows(
        """
        SELECT acknowledged_at, last_listed_at, vanished_at FROM orders
         WHERE supplier = ? AND acknowledged_at IS NOT NULL AND id > (SELECT max(id) FROM orders) - ?
        """,
        supplier, LOOKED_AT,
    )  # fmt: skip
    life = timedelta(seconds=cache_seconds)
    seen = sum(row.last_listed_at is not None and row.last_listed_at > row.acknowledged_at + life for row in rows)
    return Habit(seen, sum(row.vanished_at is not None for row in rows))


GONE = """
SELECT orders.*, acknowledged_at IS NOT NULL
       OR EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND kind = 'acknowledge' AND attempts > 0) AS touched
  FROM orders
 WHERE supplier = ? AND ship_confirmed_at IS NULL AND closed_reason IS NULL AND vanished_at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND kind = 'ship' AND attempts > 0)
 ORDER BY id
"""
"""Whatever came back of a call that was sent, it may have taken effect, and the order may have left the list by it."""


def missing(look: Look, supplier: str, cache_seconds: float) -> list[Any]:
    """Return the orders that two complete readings in a row did not show, though we have not shipped them; the oldest first."""
    gone = look.rows(GONE, supplier)
    if any(order.touched for order in gone) and not habit(look, supplier, cache_seconds).stay:
        gone = [order for order in gone if not order.touched]
    return [order for order in gone if _twice(look, order, cache_seconds)]


def _twice(look: Look, order: Any, cache_seconds: float) -> bool:  # noqa: ANN401 - a row
    """Tell whether a second complete reading of its day was made after the first that missed it: pages may shift once."""
    runs = look.rows(
        """
        SELECT * FROM runs
         WHERE supplier = ? AND purpose IN ('sweep', 'resync') AND proof = 'complete' AND listed > 0 AND started_at > ?
         ORDER BY id LIMIT ?
        """,
        order.supplier, text(order.vanished_at), NEXT_RUNS,
    )  # fmt: skip
    return any(_covers(run, order) and as_of(run.started_at, cache_seconds, None) >= order.vanished_at for run in runs)


def _covers(run: Any, order: Any) -> bool:  # noqa: ANN401 - rows
    first, last = days_of(run)
    return order.order_date is not None and first <= order.order_date <= last
