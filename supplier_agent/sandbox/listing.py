"""get-sales: its parameters read, its rows written, and the cache in between."""

import json
from dataclasses import replace
from datetime import date, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, quote, urlsplit

from supplier_agent.sandbox.exchange import Answer, LogLine, Request, error_answer
from supplier_agent.sandbox.orders import WELL_FORMED_ID, Order
from supplier_agent.sandbox.semantics import Refusal, SalesQuery, Semantics, refuse_cursor, select
from supplier_agent.sandbox.world import World

_MOST_DIGITS = 9


class Listing:
    """The answers to get-sales, those that are still cached among them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cached: dict[tuple[str, SalesQuery], tuple[float, Answer]] = {}

    def forget(self) -> None:
        """Let the next answers be fresh."""
        self._cached.clear()

    def answer(self, request: Request, line: LogLine, supplier: str, semantics: Semantics, base_url: str) -> Answer:
        """Return the rows asked for, from the cache while it lives, or why not."""
        query = read_query(request.target, order_number=supplier in semantics.order_number_for)
        if isinstance(query, Refusal):
            return error_answer(query.status, query.error)
        now = self._world.clock.now()
        orders = self._world.orders(supplier)
        refusal = refuse_cursor((order for order in orders if order.visible(now)), query, semantics)
        if refusal is not None:
            return error_answer(refusal.status, refusal.error)
        unique = query if semantics.cursor_in_cache_key else replace(query, cursor=None)
        cached = self._fresh(supplier, unique, semantics)
        if cached is not None:
            line.cached = True
            return cached
        rows = select(orders, query, semantics, now)
        if isinstance(rows, Refusal):
            return error_answer(rows.status, rows.error)
        texts = (row_json(order, base_url, semantics, now) for order in rows)
        answer = Answer(HTTPStatus.OK, f"[{', '.join(texts)}]".encode(), (("Content-Type", "application/json"),))
        self._cached[supplier, unique] = (self._world.clock.monotonic(), answer)
        return answer

    def _fresh(self, supplier: str, query: SalesQuery, semantics: Semantics) -> Answer | None:
        made_at, answer = self._cached.get((supplier, query), (0.0, None))
        age = self._world.clock.monotonic() - made_at
        return answer if age < semantics.cache_seconds.get(supplier, 0) else None


def read_query(target: str, *, order_number: bool) -> SalesQuery | Refusal:
    """Return the query string's meaning, or a 400. `order_number`: whether this supplier's endpoint knows it."""
    given = dict(parse_qsl(urlsplit(target).query, keep_blank_values=False))
    page = given.get("page", "1")
    if not (page.isascii() and page.isdecimal() and len(page) <= _MOST_DIGITS and int(page) > 0):
        return Refusal(HTTPStatus.BAD_REQUEST, "page must be a positive integer")
    days: dict[str, date] = {}
    for name in ("date_from", "date_to"):
        if name in given:
            day = _day(given[name])
            if day is None:
                return Refusal(HTTPStatus.BAD_REQUEST, f"{name} must be a date like 2026-01-31")
            days[name] = day
    cursor = given.get("last_menzzo_order_number")
    if cursor is not None and not WELL_FORMED_ID.fullmatch(cursor):
        return Refusal(HTTPStatus.BAD_REQUEST, "last_menzzo_order_number must look like 15000012345_789")
    return SalesQuery(
        page=int(page),
        date_from=days.get("date_from"),
        date_to=days.get("date_to"),
        cursor=cursor,
        order_number=given.get("order_number") if order_number else None,
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def row_json(order: Order, base_url: str, semantics: Semantics, now: datetime) -> str:
    """Return one row of the answer, its fields as in the document's example."""
    if order.row_json is not None:
        return order.row_json
    link: str | None = order.link or base_url + quote(order.label_path)
    if semantics.label_before_ready == "no_link" and not order.label_ready(now):
        link = None
    return json.dumps(
        {
            "menzzo_order_id": order.menzzo_order_id,
            "sku": order.sku,
            "quantity": order.quantity,
            "price": order.price_cents / 100,
            "link_to_label": link,
            "order_date": order.order_date.isoformat(),
            "carrier": order.carrier,
        },
    )
