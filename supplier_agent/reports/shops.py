"""The suppliers' own shops, as data: what was made there, what was read back, and what waits for a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import Look
from supplier_agent.words.formats import iso_or_null

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.settings import Settings

CALLS = "SELECT state, count(*) AS number FROM calls WHERE supplier = ? AND kind = 'shop_order' GROUP BY state"
READ = "SELECT connected_at, read_at FROM shop_reads WHERE supplier = ? AND url = ?"
ORDERS = """
SELECT count(*) AS seen, coalesce(sum(fulfilled), 0) AS fulfilled, count(marked_at) AS marked, count(refused) AS refused,
       count(undone_at) AS undone
  FROM shop_orders WHERE supplier = ?
"""


@dataclass(frozen=True)
class ShopLine:
    """One shop. Instants: None if that has not happened yet; `connected_at` is by the shop's clock."""

    supplier: str
    platform: str
    url: str
    name: str
    mirror: bool
    reads_back: bool
    connected_at: datetime | None
    read_at: datetime | None
    calls: Mapping[str, int]
    seen: int
    fulfilled: int
    marked: int
    refused: int
    undone: int

    def as_json(self) -> dict[str, object]:
        """Return it for `shop list --json`."""
        said = dict(vars(self))
        said["calls"] = {state: self.calls.get(state, 0) for state in ("owed", "sending", "done", "parked")}
        said |= {"connected_at": iso_or_null(self.connected_at), "read_at": iso_or_null(self.read_at)}
        return said


def shops(tx: "Session | Look", settings: "Settings") -> list[ShopLine]:
    """Return the shop of every supplier that has one."""
    look, found = plain_sql.within(tx), []
    for supplier, given in settings.suppliers.items():
        shop = given.shop
        if shop is None:
            continue
        read, orders = look.first(READ, supplier, shop.url), look.first(ORDERS, supplier)
        found.append(
            ShopLine(
                supplier,
                shop.platform,
                shop.url,
                shop.name or shop.platform,
                shop.mirror,
                shop.read_back_seconds > 0,
                None if read is None else read.connected_at,
                None if read is None else read.read_at,
                {row.state: row.number for row in look.rows(CALLS, supplier)},
                orders.seen,
                orders.fulfilled,
                orders.marked,
                orders.refused,
                orders.undone,
            )
        )
    return found
