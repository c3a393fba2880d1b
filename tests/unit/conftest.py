"""What the rooms' tests share: a database of their own, orders as values, a clock that only the test moves."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.log import Log
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Call, Order
from supplier_agent.settings import Settings
from supplier_agent.tick.context import Context
from tests.world.clocks import NOW, HandClock

SUPPLIER = "notio"


def at(seconds: float) -> datetime:
    """Return the instant so many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def context_of(ledger: Ledger, now: datetime) -> Context:
    """Return what planning works with, at that moment; it asks neither store nor workers."""
    nothing: Any = None
    clock = HandClock((now - NOW).total_seconds())
    return Context(settings_of(), nothing, ledger, nothing, clock, lambda: 0.0, Log(None), nothing)


def order_of(menzzo_order_id: str = "15000012345_789", supplier: str = SUPPLIER, **facts: Any) -> Order:  # noqa: ANN401 - any column
    """Return an order that was just listed, with these facts changed."""
    increment_id, _, sale_product_id = menzzo_order_id.rpartition("_")
    listed: dict[str, Any] = {
        "sku": "CHAIR",
        "quantity": 1,
        "price_cents": 25000,
        "carrier": "GEODIS",
        "order_date": date(2026, 11, 20),
        "link_to_label": f"https://api.menzzo.fr/labels/{menzzo_order_id}.pdf?sig=1",
        "first_seen_at": NOW,
    }
    return Order(
        supplier=supplier,
        menzzo_order_id=menzzo_order_id,
        increment_id=increment_id,
        sale_product_id=sale_product_id,
        **(listed | facts),
    )


def ready(menzzo_order_id: str = "15000012345_789", **facts: Any) -> Order:  # noqa: ANN401 - any column
    """Return an order that is acknowledged and has its label."""
    done: dict[str, Any] = {
        "acknowledged_at": NOW,
        "label_link": f"https://api.menzzo.fr/labels/{menzzo_order_id}.pdf",
        "label_path": f"labels/{SUPPLIER}/{menzzo_order_id}.pdf",
        "label_sha256": "0" * 64,
        "label_bytes": 1000,
    }
    return order_of(menzzo_order_id, **(done | facts))


def settings_of(**sections: Any) -> Settings:  # noqa: ANN401 - any section
    """Return a configuration with these sections changed."""
    return Settings(**({"suppliers": {SUPPLIER: {"token": "t"}, "asir-group": {"token": "t"}}} | sections))


@pytest.fixture
def keep(store: Store) -> Callable[..., int]:
    """Return what stores an order with calls in these states, and returns its row id."""

    def keep(order: Order, **states: str) -> int:
        with store.write() as tx:
            tx.add(order)
            tx.flush()
            assert order.id is not None
            for kind, state in states.items():
                due_at = NOW if state == "owed" else None
                tx.add(
                    Call(order_id=order.id, supplier=order.supplier, kind=kind, state=state, owed_at=NOW, due_at=due_at)
                )
            return order.id

    return keep


@pytest.fixture
def sql(database: Path, store: Store) -> Callable[..., list[Any]]:  # noqa: ARG001 - there must be a database
    """Return what types a statement into the database, as staff do, with a tool of their own."""

    def sql(statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(statement, values).fetchall()

    return sql
