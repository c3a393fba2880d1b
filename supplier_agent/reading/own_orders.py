"""Which orders of a shop are the shop's own, and when its customer may be told that one has left. Pure.

A customer of Menzzo must never get a message of the supplier's bot. So an order counts as the shop's own only if all of this holds:
its platform says that a customer placed it in the shop itself, it has none of our references, and it is not known as one that we
have made there. Whatever is in doubt is not the shop's own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supplier_agent.reading.shop_orders import InShop

KIND = "dispatched"
"""The kind of the calls that tell the bot (calls/dispatched.py)."""
OLDEST = timedelta(days=180)
"""An order that was placed longer ago is told to nobody: its row may be gone, so it could be told twice."""
KEPT = 2 * OLDEST
"""How long a row is kept."""


class Tells(StrEnum):
    """What an own order means for its customer."""

    NOTHING = "nothing"
    DISPATCHED = "dispatched"
    NOT_YET = "not yet"  # it is no longer fulfilled: a message that has not left is not sent


def is_own(seen: InShop, *, mirrored: bool) -> bool:
    """Tell whether a customer of the shop placed this order. mirrored: it is known as an order of the marketplace."""
    return seen.placed and not seen.reference and not seen.supplier and not mirrored


def what_it_tells(seen: InShop, since: datetime) -> Tells:
    """Return what an own order means for its customer. since: when messages were switched on, by the shop's clock.

    Nothing, if it was placed before, too long ago, or at an unknown time: it may have been fulfilled, or told, long ago.
    """
    placed_at, changed_at = seen.created_at, seen.modified_at
    if placed_at is None or changed_at is None or placed_at < since or changed_at - placed_at > OLDEST:
        return Tells.NOTHING
    return Tells.DISPATCHED if seen.fulfilled else Tells.NOT_YET


def event_id(supplier: str, shop_id: str) -> str:
    """Return the id of the message about an own order: one order is told once."""
    return f"{supplier}/{shop_id}/{KIND}"
