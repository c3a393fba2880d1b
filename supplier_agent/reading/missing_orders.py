"""Orders that are no longer listed, and whether that means something for this supplier. Uses plain SQL (plain_sql.py).

It is not documented whether an acknowledged order stays on the list (API notes, 9.3). So an order that we have or may have
acknowledged only counts as missing if other orders stayed after their acknowledgement: of the newest ones, at most a few left, or
it is learned that they stay (learning/). Other orders always count.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from supplier_agent.db.plain_sql import OPEN, text

if TYPE_CHECKING:
    from datetime import date

    from supplier_agent.db.plain_sql import Look
    from supplier_agent.db.tables import Run

WHOLE = ("sweep", "resync")
"""The purposes of runs that list every order of their days. Polls and probes prove nothing about a day."""


def days_of(run: Run) -> tuple[date, date]:
    """Return the first and the last day that a complete run covers.

    A sweep asks for one day more than it proves, because it is not documented whether `date_to` is inclusive.
    """
    return run.date_from, last_day_of(run.purpose, run.date_from, run.date_to)


def last_day_of(purpose: str, date_from: date, date_to: date | None) -> date:
    """Return the last day that a complete run covers, by its row; before `date_from`: none."""
    until = date_to or date_from
    return until if purpose == "resync" else until - timedelta(days=1)


def as_of(started_at: datetime, cache_seconds: float, age_seconds: int | None) -> datetime:
    """Return when the oldest answer of a run may have been made. The run has seen every order that was listed by then.

    The documented cache does not show the age of an answer. Another cache in front of it does (`Age`). Both ages are added.
    """
    return started_at - timedelta(seconds=cache_seconds + (age_seconds or 0))


LEAST_SEEN = 5
FEW = 4
"""If at most 1 in FEW acknowledged orders disappeared, acknowledged orders stay listed, and those few are missing."""
LOOKED_AT = 5000
"""Only this many of the newest orders are examined, so that the cost does not grow."""
CHORE = "missing orders of "
"""With the supplier's name, the name of the row of `chores` that stores its `Absence`."""
NEXT_RUNS = 20
"""The second run of a day is looked for among this many later runs; the others are of other days."""


@dataclass(frozen=True)
class Habit:
    """What happened to orders after their acknowledgement: `seen` of them were listed again, `left` of them disappeared.

    learned: it is learned that they stay.
    """

    seen: int
    left: int
    learned: bool = False

    @property
    def stay(self) -> bool | None:
        """Whether acknowledged orders stay on the list; None: too few to tell."""
        if self.learned:
            return True
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


def habit(
    look: Look, supplier: str, cache_seconds: float, apart: datetime | None = None, *, learned: bool = False
) -> Habit:
    """Return what happened to the newest acknowledged orders. A cached answer may be older than the acknowledgement.

    learned: it is learned that they stay. apart: orders that were missed at that instant do not count as `left`. None: all missed
    orders count.
    """
    # The `+` keeps SQLite from the supplier's index, in which it would look at every order.
    rows = look.rows(
        """
        SELECT acknowledged_at, last_listed_at, missed_at FROM orders
         WHERE +supplier = ? AND acknowledged_at IS NOT NULL AND id > (SELECT max(id) FROM orders) - ?
        """,
        supplier, LOOKED_AT,
    )  # fmt: skip
    life = timedelta(seconds=cache_seconds)
    seen = sum(row.last_listed_at is not None and row.last_listed_at > row.acknowledged_at + life for row in rows)
    return Habit(seen, sum(row.missed_at is not None and row.missed_at != apart for row in rows), learned)


GONE = f"""
SELECT id, supplier, order_date, missed_at, acknowledged_at IS NOT NULL
       OR EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND kind = 'acknowledge' AND attempts > 0) AS touched
  FROM orders
 WHERE supplier = ? AND {OPEN} AND missed_at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND kind = 'ship' AND attempts > 0)
 ORDER BY id
"""  # noqa: S608 - a constant
"""Without orders that had a ship call: it may have taken effect and removed the order from the list, whatever its outcome."""


@dataclass(frozen=True)
class Absence:
    """What happened to orders after their acknowledgement, as of the last complete run.

    seen: listed again later. left: no longer listed. stay: whether they stay listed; None: too few to tell. gone_at_once: the
    number of open orders that disappeared with one run, which proves nothing about each; 0: none. gone_since: when. learned: it
    was learned that they stay.
    """

    seen: int = 0
    left: int = 0
    stay: bool | None = None
    gone_at_once: int = 0
    gone_since: datetime | None = None
    learned: bool = False

    def pack(self) -> str:
        """Return the value as text, for the detail of a chore."""
        since = self.gone_since.isoformat() if self.gone_since is not None else None
        return json.dumps({**asdict(self), "gone_since": since})

    @classmethod
    def unpack(cls, text: str | None) -> Absence:
        """Return the value from a text by `pack`. Any other text means that nothing is known."""
        try:
            found = json.loads(text or "{}")
            since = found.pop("gone_since", None)
            return cls(**found, gone_since=None if since is None else datetime.fromisoformat(since))
        except (ValueError, TypeError, AttributeError):
            return cls()


@dataclass(frozen=True)
class Judged:
    """The ids of orders whose absence means something, and the result for the supplier as a whole (`absence`)."""

    vanished: frozenset[int]
    absence: Absence


def judge(look: Look, supplier: str, cache_seconds: float, *, learned: bool = False) -> Judged:
    """Decide what it means that orders are missing.

    1. Only open orders that we never tried to ship count.
    2. Orders that we have or may have acknowledged count only if acknowledged orders stay listed (Habit). learned: they do.
    3. A second complete run must have missed them as well.
    4. If more than half of the open orders disappeared with one run, that is one problem of the supplier, and none of these
       orders vanished.
    """
    gone = look.rows(GONE, supplier)
    moments = Counter(order.missed_at for order in gone)
    at, number = moments.most_common(1)[0] if moments else (None, 0)
    there = look.first(
        f"SELECT count(*) AS number FROM orders WHERE supplier = ? AND {OPEN}"  # noqa: S608 - a constant
        " AND (missed_at IS NULL OR missed_at >= ?)",
        supplier, "" if at is None else text(at),
    ).number  # fmt: skip
    usual = habit(look, supplier, cache_seconds, at if _is_mass(number, there) else None, learned=learned)
    second: dict[tuple[Any, Any], bool] = {}
    counted = [order for order in gone if usual.stay or not order.touched]
    counted = [order for order in counted if _twice(look, order, cache_seconds, second)]
    at_once = [order for order in counted if order.missed_at == at]
    if not _is_mass(len(at_once), there):
        at_once = []
    apart = {order.id for order in at_once}
    absence = Absence(usual.seen, usual.left, usual.stay, len(at_once), at if at_once else None, learned)
    return Judged(frozenset(order.id for order in counted if order.id not in apart), absence)


def _is_mass(number: int, of: int) -> bool:
    return number >= LEAST_SEEN and number * 2 > of


def absence_of(look: Look, supplier: str) -> Absence:
    """Return what the last complete run found about orders that are no longer listed."""
    row = look.first("SELECT detail FROM chores WHERE name = ?", f"{CHORE}{supplier}")
    return Absence() if row is None else Absence.unpack(row.detail)


def missing(look: Look, supplier: str) -> list[Any]:
    """Return the open orders that have vanished, oldest first."""
    return look.rows(
        f"SELECT * FROM orders WHERE supplier = ? AND {OPEN} AND vanished_at IS NOT NULL ORDER BY +id",  # noqa: S608 - a constant
        supplier,
    )


def _twice(look: Look, order: Any, cache_seconds: float, known: dict[tuple[Any, Any], bool]) -> bool:  # noqa: ANN401 - a row
    """Tell whether a second complete run of its day missed the order too, because pages may shift during one run."""
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
