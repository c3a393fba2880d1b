"""What the support API says about orders, as data: the sale, its tracking number, the product, after-sales. Read-only."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from supplier_agent.base.cells import known
from supplier_agent.verdict.sale import sale_of
from supplier_agent.words.formats import iso_or_null

if TYPE_CHECKING:
    from supplier_agent.db.plain_sql import Look
    from supplier_agent.settings import Settings

COUNTS = """
SELECT orders.supplier, sku, orders.carrier, count(*) AS cases, count(DISTINCT order_id) AS orders,
       sum(complaint LIKE '%damage%') AS damaged
  FROM after_sales JOIN orders ON orders.id = order_id
 WHERE (?1 IS NULL OR orders.supplier = ?1) AND seen_at >= ?2
 GROUP BY orders.supplier, sku, orders.carrier ORDER BY cases DESC, orders.supplier, sku, orders.carrier
"""


def of_order(
    look: "Look",
    order: Any,  # noqa: ANN401 - a row
    settings: "Settings",
    check: Any | None,  # noqa: ANN401 - a row
    now: datetime,
) -> Mapping[str, object]:
    """Return the keys of `order ID --json` that come from the support API; none if its supplier does not use it."""
    support = settings.support_of(order.supplier)
    if support is None:
        return {}
    product = look.first("SELECT name, picture FROM products WHERE supplier = ? AND sku = ?", order.supplier, order.sku)
    cases = look.rows("SELECT * FROM after_sales WHERE order_id = ? ORDER BY id", order.id)
    sale: dict[str, object] = {"verdict": sale_of(check, support, now).value}
    for name in ("status", "tracking", "carrier", "failure"):
        sale[name] = None if check is None else known(getattr(check, name))
    for name in ("checked_at", "failed_at", "skipped_at"):
        sale[name] = None if check is None else iso_or_null(getattr(check, name))
    return {
        "sale": sale,
        "product": None if product is None else {"name": known(product.name), "picture": known(product.picture)},
        "after_sales": [
            {
                "sav_id": known(each.sav_id),
                "complaint": known(each.complaint),
                "status": known(each.status),
                "opened_on": known(each.opened_on),
                "seen_at": iso_or_null(each.seen_at),
            }
            for each in cases
        ],
    }


def counts(look: "Look", supplier: str | None, since: str) -> list[dict[str, object]]:
    """Return how many cases there are for each SKU and carrier, those with most first. since: an instant, as in the database."""
    return [
        {
            "supplier": row.supplier,
            "sku": known(row.sku),
            "carrier": known(row.carrier),
            "cases": row.cases,
            "orders": row.orders,
            "damaged": row.damaged or 0,
        }
        for row in look.rows(COUNTS, supplier, since)
    ]
