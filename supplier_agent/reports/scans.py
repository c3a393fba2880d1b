"""What carriers say about parcels, as data: of one order, and of a supplier as a whole. Read-only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from supplier_agent.base.cells import known
from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import Look, text
from supplier_agent.reports.facts import OrderFacts
from supplier_agent.words.formats import iso_or_null

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.settings import Settings

ASKED = "SELECT count(*) AS number FROM parcel_scans WHERE supplier = ? AND carrier = ? AND asked_at >= ?"
MISSING = """
SELECT orders.supplier, order_scans.carrier, count(*) AS number FROM order_scans JOIN orders ON orders.id = order_id
 WHERE unscanned > 0 AND settled_at IS NULL AND closed_reason IS NULL GROUP BY orders.supplier, order_scans.carrier
"""


@dataclass(frozen=True)
class CarrierLine:
    """One carrier of a supplier. unscanned: orders with a parcel that was not scanned, as of its last answer."""

    carrier: str
    asked_today: int
    codes_per_day: int
    unscanned: int

    def as_json(self) -> dict[str, object]:
        """Return it for `status --json`."""
        return dict(vars(self))


def of_order(look: Look, found: OrderFacts, settings: "Settings") -> Mapping[str, object]:
    """Return the key of `order ID --json` that comes from carriers; none if its supplier asks none."""
    supplier = settings.suppliers.get(found.order.supplier)
    if supplier is None or not supplier.carriers:
        return {}
    rows = look.rows("SELECT * FROM parcel_scans WHERE order_id = ? ORDER BY rowid", found.order.id)
    return {
        "scans": [
            {
                "carrier": known(row.carrier),
                "code": known(row.code),
                "page": known(row.page),
                "asked_at": iso_or_null(row.asked_at),
                "known": known(row.found) == 1,
                "scanned_at": iso_or_null(row.scanned_at),
                "event": known(row.event),
            }
            for row in rows
        ]
    }


def carriers(tx: "Session | Look", settings: "Settings", now: datetime) -> dict[str, tuple[CarrierLine, ...]]:
    """Return the carriers that each supplier asks; a supplier without any is left out."""
    asking = {name: each.carriers for name, each in settings.suppliers.items() if each.carriers}
    if not asking:
        return {}
    look, begin = plain_sql.within(tx), text(now.replace(hour=0, minute=0, second=0, microsecond=0))
    missing = {(row.supplier, row.carrier): int(row.number) for row in look.rows(MISSING)}
    return {
        name: tuple(
            CarrierLine(
                kind, look.first(ASKED, name, kind, begin).number, keys.codes_per_day, missing.get((name, kind), 0)
            )
            for kind, keys in sections.items()
        )
        for name, sections in asking.items()
    }
