"""Orders as the warehouse finds them: in a database of their own, each a few facts away from an ordinary one."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from supplier_agent.calls import CALLS
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Call, Order, Print
from supplier_agent.settings import Settings
from supplier_agent.verdict import SupplierState, Verdict, judge_order
from tests.world.clocks import NOW

SUPPLIER = "notio"


def order_of(menzzo_order_id: str = "15000012345_789", **facts: Any) -> Order:  # noqa: ANN401 - any column
    """Return an order that is acknowledged and has its label, with these facts changed."""
    increment_id, _, sale_product_id = menzzo_order_id.rpartition("_")
    ordinary: dict[str, Any] = {
        "supplier": SUPPLIER,
        "menzzo_order_id": menzzo_order_id,
        "increment_id": increment_id,
        "sale_product_id": sale_product_id,
        "sku": "SOFA-3P",
        "quantity": 1,
        "carrier": "GEODIS",
        "order_date": date(2026, 11, 20),
        "first_seen_at": NOW,
        "acknowledged_at": NOW,
        "label_path": f"labels/{SUPPLIER}/{menzzo_order_id}.pdf",
        "label_sha256": "0" * 64,
        "planned_at": NOW,
    }
    return Order(**(ordinary | facts))


SETTINGS = Settings(state_dir=Path("/nowhere"), suppliers={SUPPLIER: {"token": "t"}, "asir-group": {"token": "t"}})


def verdict_of(order: Order, calls: Sequence[Call] = (), prints: Sequence[Print] = ()) -> Verdict:
    """Return the verdict on an order whose supplier works."""
    rules = CALLS.rules(SETTINGS, order.supplier)
    return judge_order(order, calls, prints, SupplierState(order.supplier), SETTINGS, NOW, kinds=CALLS, rules=rules)


def unjudged(rows: Sequence[int]) -> Mapping[int, Verdict]:
    """Return one verdict for all orders: for tests in which it does not matter."""
    return dict.fromkeys(rows, verdict_of(order_of()))


def put(store: Store, *orders: Order) -> list[int]:
    """Store orders; return their row ids."""
    with store.write() as tx:
        tx.add_all(orders)
        tx.flush()
        return [order.id or 0 for order in orders]
