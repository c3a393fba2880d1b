"""The marketplace's state: every order, every effect of a call, and a log of every request; shown as JSON for people."""

import json
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Self

from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.sandbox.businessonbot import BusinessOnBot
from supplier_agent.sandbox.carriers.depot import StandIn
from supplier_agent.sandbox.faults import Endpoint, FaultPlan, LogLine
from supplier_agent.sandbox.orders import Catalogue, Order
from supplier_agent.sandbox.shops.store import Shop
from supplier_agent.sandbox.support import Support

SUPPLIERS = ("asir-group", "notio")
"""The two suppliers that are documented (API notes, 1)."""


class World:
    """The marketplace's state. Hold `lock` while you change an order that requests may read."""

    def __init__(self, clock: Clock | None = None, suppliers: Iterable[str] = SUPPLIERS, *, seed: int = 1) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.lock = threading.RLock()
        self.faults = FaultPlan(self.clock)
        self.tokens = {supplier: f"sandbox-{supplier}" for supplier in suppliers}
        self.log: list[LogLine] = []
        self.support = Support()
        self.carriers: dict[str, StandIn] = {}  # by the first part of their path
        self.bot = BusinessOnBot()
        self.shops: dict[str, Shop] = {}  # the suppliers' own shops, by the first part of their path
        self._orders: dict[str, dict[str, Order]] = {supplier: {} for supplier in self.tokens}
        self._by_label: dict[str, Order] = {}
        self._catalogue = Catalogue(seed)

    @classmethod
    def with_orders(
        cls,
        n: int,
        *,
        today: date,
        days: int = 7,
        seed: int = 1,
        clock: Clock | None = None,
        suppliers: Iterable[str] = SUPPLIERS,
    ) -> Self:
        """Return a world with n orders in total, evenly distributed, dated over the last `days` days up to today."""
        world = cls(clock, suppliers, seed=seed)
        shares = {slug: n // len(world.tokens) + (i < n % len(world.tokens)) for i, slug in enumerate(world.tokens)}
        made = 0
        while made < n:
            supplier = max(shares, key=lambda slug: shares[slug])
            day = today - timedelta(days=days - 1 - made * days // n)
            basket = world._catalogue.basket(supplier, day, shares[supplier])
            for order in basket:
                world.add(order)
            shares[supplier] -= len(basket)
            made += len(basket)
        return world

    def add(self, order: Order) -> Order:
        """Add an order. ValueError: it has one of that id already, or no such supplier."""
        with self.lock:
            if order.supplier not in self._orders:
                raise ValueError(f"{order.supplier} is not a supplier here")
            if order.menzzo_order_id in self._orders[order.supplier]:
                raise ValueError(f"{order.supplier} has {order.menzzo_order_id} already")
            self._orders[order.supplier][order.menzzo_order_id] = order
            self._by_label[order.label_path] = order
            self._by_label |= {each.label_path: order for each in order.contents if each.label_path is not None}
        return order

    def arrive(self, supplier: str, order_date: date | None = None) -> Order:
        """Add one more invented order, dated today (UTC) by default."""
        with self.lock:
            day = order_date or self.clock.now().date()
            order = self._catalogue.basket(supplier, day, 1)[0]
            while self.order(supplier, order.menzzo_order_id) is not None:
                order = self._catalogue.basket(supplier, day, 1)[0]
            return self.add(order)

    def arrive_raw(self, supplier: str, row: object, order_date: date | None = None) -> Order:
        """List any JSON value as a row.

        If the row is an object with a new id, calls for that id find its order; otherwise (no id, or one that is listed
        already) an invented id determines its place.
        """
        return self.arrive_text(supplier, json.dumps(row), order_date, _id_of(row))

    def arrive_text(
        self,
        supplier: str,
        row_json: str,
        order_date: date | None = None,
        menzzo_order_id: str | None = None,
    ) -> Order:
        """List this text as a row, word for word, even if it is not JSON."""
        with self.lock:
            day = order_date or self.clock.now().date()
            order = self._catalogue.basket(supplier, day, 1)[0]
            place = order.position
            if menzzo_order_id is not None and self.order(supplier, menzzo_order_id) is None:
                order = replace(order, menzzo_order_id=menzzo_order_id, label_path="")
            order.row_json = row_json
            if order.position == (0, 0):
                order.position = place
            return self.add(order)

    def orders(self, supplier: str) -> list[Order]:
        """Return all orders of a supplier, including invisible ones, in the order in which they were added."""
        with self.lock:
            return list(self._orders[supplier].values())

    def order(self, supplier: str, menzzo_order_id: str) -> Order | None:
        """Return one order, or None."""
        with self.lock:
            return self._orders[supplier].get(menzzo_order_id)

    def order_of_label(self, path: str) -> Order | None:
        """Return the order whose label lies at that path."""
        with self.lock:
            return self._by_label.get(path)

    def requests(
        self,
        endpoint: Endpoint | None = None,
        supplier: str | None = None,
        menzzo_order_id: str | None = None,
    ) -> list[LogLine]:
        """Return the log lines of these, by the time at which the request heads arrived."""
        with self.lock:
            lines = [
                line
                for line in self.log
                if endpoint in (None, line.endpoint)
                and supplier in (None, line.supplier)
                and menzzo_order_id in (None, line.menzzo_order_id)
            ]
        return sorted(lines, key=lambda line: line.monotonic)


def _id_of(row: object) -> str | None:
    found = row.get("menzzo_order_id") if isinstance(row, dict) else None
    return found if isinstance(found, str) and found else None


def truth(world: World) -> dict[str, object]:
    """Return every order with the effects that calls had on it, and a summary of the requests, by supplier."""
    with world.lock:
        now = world.clock.now()
        return {
            "now": now.isoformat(),
            "suppliers": {
                supplier: {
                    "orders": [_order(order, now) for order in world.orders(supplier)],
                    "requests": _summary(world.requests(supplier=supplier)),
                }
                for supplier in world.tokens
            },
        }


def _order(order: Order, now: datetime) -> dict[str, object]:
    return {
        "menzzo_order_id": order.menzzo_order_id,
        "sku": order.sku,
        "quantity": order.quantity,
        "price": f"{order.price_cents / 100:.2f}",
        "carrier": order.carrier,
        "order_date": order.order_date.isoformat(),
        "visible": order.visible(now),
        "label_ready": order.label_ready(now),
        "acknowledged": len(order.acknowledged_at),
        "shipped": len(order.shipped_at),
        "acknowledged_at": [at.isoformat() for at in order.acknowledged_at],
        "shipped_at": [at.isoformat() for at in order.shipped_at],
    }


def _summary(lines: list[LogLine]) -> dict[str, object]:
    gaps = [after.monotonic - before.monotonic for before, after in pairwise(lines)]
    return {
        "total": len(lines),
        "by_endpoint": dict(Counter(line.endpoint for line in lines)),
        "by_status": dict(Counter(str(line.status) if line.status else "unanswered" for line in lines)),
        "from_cache": sum(line.cached for line in lines),
        "without_right_token": sum(line.token in ("none", "wrong") for line in lines),
        "shortest_gap_seconds": round(min(gaps), 4) if gaps else None,
    }
