"""The ship-by clock of an order: until when it must leave. Pure: no clock, no database, no network."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from supplier_agent.verdict.codes import Blocker, Due, ShipBy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supplier_agent.db.tables import Order
    from supplier_agent.settings import Settings

RISK = timedelta(days=1)
"""An order is at risk while less than this is left."""


def ship_by(order: Order, blockers: Sequence[Blocker], settings: Settings, now: datetime) -> ShipBy | None:
    """Return until when an open order must leave, by when it was first seen.

    None: its supplier has no clock, it is marked as shipped, or another problem comes first: it is damaged, held or not listed.
    """
    if order.shipped == 1 or {Blocker.DAMAGED, Blocker.HELD, Blocker.VANISHED}.intersection(blockers):
        return None
    at = settings.ship_by(order.supplier, order.first_seen_at)
    if at is None:
        return None
    return ShipBy(at, Due.OVERDUE if at <= now else Due.AT_RISK if at - now < RISK else Due.ON_TRACK)
