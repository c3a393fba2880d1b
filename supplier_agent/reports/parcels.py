"""Loads what is known of the parcels of orders: their codes, and reported orders with a parcel that no carrier has scanned."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supplier_agent.db.plain_sql import Look
    from supplier_agent.labels.tracking import Codes
    from supplier_agent.settings import Settings

SLACK_DAYS = 0.001
"""SQLite computes with days as floating-point numbers, the verdict to the microsecond."""
UNSCANNED = """
SELECT order_id AS id FROM order_scans JOIN orders ON orders.id = order_id
 WHERE unscanned > 0 AND settled_at IS NULL AND ship_confirmed_at IS NOT NULL AND closed_reason IS NULL
   AND julianday(answered_at) - julianday(ship_confirmed_at) >= ? ORDER BY order_id LIMIT ?
"""


def codes(look: "Look", ids: Sequence[int]) -> Mapping[int, "Codes"]:
    """Return the codes of these orders; an order without any is left out."""
    from supplier_agent.labels.tracking import codes_of  # noqa: PLC0415 - `status` needs no codes, and is asked every 30 s

    return codes_of(look, ids)


def unscanned(look: "Look", settings: "Settings", most: int) -> list[int]:
    """Return the row ids of reported orders with a parcel that its carrier has not scanned; none if no supplier asks a carrier.

    By the index order_scans_missing. The verdict decides which of them are a problem.
    """
    every = [each for supplier in settings.suppliers.values() for each in supplier.carriers.values()]
    if not every:
        return []
    days = min(each.never_scanned_hours for each in every) / 24
    return [row.id for row in look.rows(UNSCANNED, days - SLACK_DAYS, most)]
