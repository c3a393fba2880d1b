"""Whether a reported order was never scanned by its carrier. Pure: no clock, no database, no network, no prose."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from supplier_agent.base.cells import known
from supplier_agent.verdict.codes import Problem, ProblemCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supplier_agent.db.tables import Order
    from supplier_agent.settings import Settings
    from supplier_agent.verdict.codes import Facts

HOUR = 3600


def never_scanned(order: Order, scan: Any | None, settings: Settings) -> Facts:  # noqa: ANN401 - a row
    """Return what is missing of an order that was reported as shipped; empty: nothing, or it is not known.

    scan: what its carrier said (order_scans); None: the carrier was not asked.

    1. A person has settled it, or a scan of each parcel is known: nothing is missing.
    2. So many hours must have passed when the carrier answered last, not only by now: while a carrier does not answer, nothing is
       said of the parcels. They are counted as the age of orders is (alerts.age_counts), so that a Sunday need not count.
    """
    reported = known(order.ship_confirmed_at)
    is_over = scan is None or order.closed_reason is not None or known(scan.settled_at) is not None
    if scan is None or is_over or not isinstance(reported, datetime):
        return {}
    answered, parcels, missing = known(scan.answered_at), known(scan.parcels), known(scan.unscanned)
    keys = settings.carrier_of(order.supplier, str(known(scan.carrier)))
    if (
        keys is None
        or not isinstance(answered, datetime)
        or not isinstance(parcels, int)
        or not isinstance(missing, int)
    ):
        return {}
    if missing <= 0 or reported > settings.counted_ago(order.supplier, keys.never_scanned_hours * HOUR, answered):
        return {}
    case = "one" if parcels <= 1 else "all" if missing >= parcels else "some"
    facts: Facts = {"case": case, "missing_parcels": missing, "parcels": parcels, "at": answered}
    return facts | {"carrier": str(known(scan.carrier)), "hours": round(keys.never_scanned_hours)}


def scan_problems(order: Order, scan: Any | None, settings: Settings) -> Iterable[Problem]:  # noqa: ANN401 - a row
    """Yield that a reported order, or a parcel of it, was never scanned by its carrier."""
    if facts := never_scanned(order, scan, settings):
        yield Problem(ProblemCode.NEVER_SCANNED, order.supplier, order.menzzo_order_id, order.ship_confirmed_at, facts)
