"""Orders that are no longer listed: what their absence means, by what this marketplace was seen to do. In plain SQL (plain_sql.py).

Nobody documents whether an acknowledged order stays on the list. So one that we acknowledged (or may have) is only missed
where others were listed again after their acknowledgement and few have left; one that we never touched is always missed.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from supplier_agent.db.conditions import OPEN
from supplier_agent.db.plain_sql import text

if TYPE_CHECKING:
    from datetime import date

    from supplier_agent.db.plain_sql import Look
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


LEAST_SEEN = 5
FEW = 4
"""At most one in so many left the list: then acknowledged orders stay, and the few that left are missed."""
LOOKED_AT = 5000
"""Evidence is taken from the newest orders, so that the question costs the same in ten years."""
CHORE = "missing orders of "
"""Where `Absence` is kept, followed by the supplier's name."""
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


def habit(look: Look, supplier: str, cache_seconds: float, apart: datetime | None = None) -> Habit:
    """Return what the newest acknowledged orders show. An answer within the cache's life may be older than the acknowledgement.

    apart: orders that were missed at that instant are not counted as left; None: all are.
    """
    rows = look.rows(
        """
        SELECT acknowledged_at, last_listed_at, missed_at FROM orders
         WHERE supplier = ? AND acknowledged_at IS NOT NULL AND id > (SELECT max(id) FROM orders) - ?
        """,
        supplier, LOOKED_AT,
    )  # fmt: skip
    life = timedelta(seconds=cache_seconds)
    seen = sum(row.last_listed_at is not None and row.last_listed_at > row.acknowledged_at + life for row in rows)
    return Habit(seen, sum(row.missed_at is not None and row.missed_at != apart for row in rows))


GONE = f"""
SELECT id, supplier, order_date, missed_at, acknowledged_at IS NOT NULL
       OR EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND kind = 'acknowledge' AND attempts > 0) AS touched
  FROM orders
 WHERE supplier = ? AND {OPEN} AND missed_at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND kind = 'ship' AND attempts > 0)
 ORDER BY id
"""  # noqa: S608 - a constant
"""Whatever came back of a call that was sent, it may have taken effect, and the order may have left the list by it."""


@dataclass(frozen=True)
class Absence:
    """What the list did with orders after their acknowledgement, as the last complete reading found it.

    seen: listed again later. left: no longer listed. stay: whether they stay on the list; None: too few to tell. gone_at_once:
    so many open orders disappeared with one reading that this says nothing of each; 0: no such thing. gone_since: when.
    """

    seen: int = 0
    left: int = 0
    stay: bool | None = None
    gone_at_once: int = 0
    gone_since: datetime | None = None

    def pack(self) -> str:
        """Return it as a chore's detail keeps it."""
        since = self.gone_since.isoformat() if self.gone_since is not None else None
        return json.dumps({**asdict(self), "gone_since": since})

    @classmethod
    def unpack(cls, text: str | None) -> Absence:
        """Return what `pack` made; whatever else it is given says that nothing is known."""
        try:
            found = json.loads(text or "{}")
            since = found.pop("gone_since", None)
            return cls(**found, gone_since=None if since is None else datetime.fromisoformat(since))
        except (ValueError, TypeError, AttributeError):
            return cls()


@dataclass(frozen=True)
class Judged:
    """Which missed orders have vanished: the absence of each means something. `absence`: of the supplier as a whole."""

    vanished: frozenset[int]
    absence: Absence


def judge(look: Look, supplier: str, cache_seconds: float) -> Judged:
    """Decide what it means that orders are missing.

    1. Only open orders that we never tried to ship count. 2. Of those that we acknowledged, or may have, only where acknowledged
    orders stay on the list. 3. Where more than half of the open orders disappeared with one reading, that says something of the
    list, and nothing of each: it is one problem of the supplier, and none of them has vanished. 4. A second complete reading
    must have missed them as well.
    """
    gone = look.rows(GONE, supplier)
    moments = Counter(order.missed_at for order in gone)
    at, number = moments.most_common(1)[0] if moments else (None, 0)
    there = look.first(
        f"SELECT count(*) AS number FROM orders WHERE supplier = ? AND {OPEN}"  # noqa: S608 - a constant
        " AND (missed_at IS NULL OR missed_at >= ?)",
        supplier, "" if at is None else text(at),
    ).number  # fmt: skip
    usual = habit(look, supplier, cache_seconds, at if _is_mass(number, there) else None)
    second: dict[tuple[Any, Any], bool] = {}
    counted = [order for order in gone if usual.stay or not order.touched]
    counted = [order for order in counted if _twice(look, order, cache_seconds, second)]
    at_once = [order for order in counted if order.missed_at == at]
    if not _is_mass(len(at_once), there):
        at_once = []
    apart = {order.id for order in at_once}
    absence = Absence(usual.seen, usual.left, usual.stay, len(at_once), at if at_once else None)
    return Judged(frozenset(order.id for order in counted if order.id not in apart), absence)


def _is_mass(number: int, of: int) -> bool:
    return number >= LEAST_SEEN and number * 2 > of


def absence_of(look: Look, supplier: str) -> Absence:
    """Return what the last complete reading found about orders that are no longer listed."""
    row = look.first("SELECT detail FROM chores WHERE name = ?", f"{CHORE}{supplier}")
    return Absence() if row is None else Absence.unpack(row.detail)


def missing(look: Look, supplier: str, _cache_seconds: float = 0.0) -> list[Any]:
    """Return the open orders that have vanished; the oldest first."""
    return look.rows(
        f"SELECT * FROM orders WHERE supplier = ? AND {OPEN} AND vanished_at IS NOT NULL ORDER BY id",  # noqa: S608 - a constant
        supplier,
    )


def _twice(look: Look, order: Any, cache_seconds: float, known: dict[tuple[Any, Any], bool]) -> bool:  # noqa: ANN401 - a row
    """Tell whether a second complete reading of its day was made after the first that missed it: pages may shift once."""
    key = order.missed_at, order.order_date
    if key not in known:
        runs = look.rows(
            """
            SELECT * FROM runs
             WHERE supplier = ? AND purpose IN ('sweep', 'resync') AND proof = 'complete' AND listed > 0 AND started_at > ?
             ORDER BY id LIMIT ?
            """,
            order.supplier, text(order.missed_at), NEXT_RUNS,
        )  # fmt: skip
        known[key] = any(
            _covers(run, order) and as_of(run.started_at, cache_seconds, None) >= order.missed_at for run in runs
        )
    return known[key]


def _covers(run: Any, order: Any) -> bool:  # noqa: ANN401 - rows
    first, last = days_of(run)
    return order.order_date is not None and first <= order.order_date <= last
