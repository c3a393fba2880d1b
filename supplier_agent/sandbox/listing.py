"""get-sales: reads its parameters, writes its rows, caches answers. What is left open (API notes, 9) is a switch (semantics.py)."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from supplier_agent.sandbox.faults import Answer, LogLine, Request, error_answer
from supplier_agent.sandbox.orders import WELL_FORMED_ID, Order, position
from supplier_agent.sandbox.semantics import ROWS, Semantics, dice
from supplier_agent.sandbox.world import World


@dataclass(frozen=True)
class SalesQuery:
    """The parameters of one get-sales request, read."""

    page: int = 1
    date_from: date | None = None
    date_to: date | None = None
    cursor: str | None = None  # last_menzzo_order_number
    order_number: str | None = None  # a menzzo_order_id or an increment_id


@dataclass(frozen=True)
class Refusal:
    """An error answer with its text."""

    status: int
    error: str


def select(
    orders: Iterable[Order],
    query: SalesQuery,
    semantics: Semantics,
    now: datetime,
) -> list[Order] | Refusal:
    """Return the orders of one answer in their order, from all orders of one supplier."""
    arrived = [order for order in orders if is_listed(order, semantics, now)]
    refusal = refuse_cursor(arrived, query, semantics)
    if refusal is not None:
        return refusal
    after = _after_cursor(arrived, query, semantics)
    rows = [order for order in arrived if _wanted(order, query, semantics, now) and after(order)]
    rows.sort(key=_SORT_KEYS[semantics.order])
    if semantics.order == "newest":
        rows.reverse()
    return _page(rows, query, semantics)


def is_listed(order: Order, semantics: Semantics, now: datetime) -> bool:
    """Tell whether an order has come to the list by then; it may have left it again."""
    if not order.visible(now):
        return False
    number = dice(order.menzzo_order_id)
    late = 1 + number // 5 % semantics.late_days if semantics.late_days and number % 5 == 0 else 0
    return now.date() >= order.order_date + timedelta(days=late)


def refuse_cursor(arrived: Iterable[Order], query: SalesQuery, semantics: Semantics) -> Refusal | None:
    """Return why this cursor is not accepted, or None. `arrived`: the orders that are visible by now."""
    if query.cursor is None:
        return None
    if semantics.cursor == "always_refused":
        return Refusal(400, "last_menzzo_order_number is not supported")
    if semantics.cursor == "refused_when_unknown" and all(o.menzzo_order_id != query.cursor for o in arrived):
        return Refusal(400, "last_menzzo_order_number is unknown")
    return None


_SORT_KEYS: Mapping[str, Callable[[Order], Any]] = {
    "oldest": lambda order: order.position,
    "newest": lambda order: order.position,
    "shuffled": lambda order: dice(order.menzzo_order_id),
    "by_date": lambda order: (order.order_date, order.position),
    "newest_ties_shuffled": lambda order: (-order.order_date.toordinal(), dice(order.menzzo_order_id)),
}


def _wanted(order: Order, query: SalesQuery, semantics: Semantics, now: datetime) -> bool:
    left = (
        (semantics.acknowledged, order.acknowledged_at[:1], semantics.acknowledged_seconds),
        (semantics.shipped, order.shipped_at[:1], semantics.shipped_seconds),
        (semantics.cancelled, [] if order.cancelled_at is None else [order.cancelled_at], semantics.cancelled_seconds),
    )
    if any(how == "vanish" and at and at[0] + timedelta(seconds=after) <= now for how, at, after in left):
        return False
    if semantics.list_days and order.order_date < now.date() - timedelta(days=semantics.list_days):
        return False
    if query.order_number is not None and query.order_number not in (order.menzzo_order_id, order.increment_id):
        return False
    return _in_dates(order.order_date, query, semantics)


def _in_dates(day: date, query: SalesQuery, semantics: Semantics) -> bool:
    if query.date_from is not None and day < query.date_from:
        return False
    if query.date_to is None:
        return True
    return day <= query.date_to if semantics.date_to_inclusive else day < query.date_to


_COMPARED: Mapping[str, Callable[[str, date | None], Any]] = {
    "number": lambda menzzo_order_id, _: position(menzzo_order_id),
    "text": lambda menzzo_order_id, _: menzzo_order_id,
    "increment": lambda menzzo_order_id, _: position(menzzo_order_id)[:1],
    "date": lambda _, day: day,
}
"""What is compared with the cursor, by an order's id and date."""


def _after_cursor(arrived: Iterable[Order], query: SalesQuery, semantics: Semantics) -> Callable[[Order], bool]:
    """Return the rule that lets an order pass the cursor."""
    if query.cursor is None or semantics.cursor == "ignored":
        return lambda _: True
    key = _COMPARED[semantics.cursor_compares]
    day = next((order.order_date for order in arrived if order.menzzo_order_id == query.cursor), date.min)
    last, inclusive = key(query.cursor, day), semantics.cursor == "inclusive"

    def passes(order: Order) -> bool:
        mine = key(order.menzzo_order_id, order.order_date)
        if semantics.cursor_compares == "number":
            mine = order.position
        return bool(mine >= last if inclusive else mine > last)

    return passes


def _page(rows: list[Order], query: SalesQuery, semantics: Semantics) -> list[Order] | Refusal:
    beside_cursor = semantics.page == "ignored_beside_cursor" and query.cursor is not None
    page = 1 if semantics.page == "ignored" or beside_cursor else query.page
    last_page = max(1, -(-len(rows) // semantics.page_size))
    if page > last_page:
        if semantics.past_end in {"empty", "object"}:
            return []
        if semantics.past_end == "not_found":
            return Refusal(404, "page not found")
        page = 1 if semantics.past_end == "repeat_first" else last_page
    return rows[(page - 1) * semantics.page_size : page * semantics.page_size]


_MOST_DIGITS = 9


class Listing:
    """The answers to get-sales, including cached ones."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._cached: dict[tuple[str, SalesQuery], tuple[float, Answer]] = {}

    def forget(self) -> None:
        """Clear the cache."""
        self._cached.clear()

    def answer(self, request: Request, line: LogLine, supplier: str, semantics: Semantics, base_url: str) -> Answer:
        """Return the requested rows, from the cache while it is valid, or an error."""
        query = read_query(request.target, order_number=supplier in semantics.order_number_for)
        if isinstance(query, Refusal):
            return error_answer(query.status, query.error)
        now = self._world.clock.now()
        orders = self._world.orders(supplier)
        refusal = refuse_cursor((each for each in orders if is_listed(each, semantics, now)), query, semantics)
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
        body = f"[{', '.join(texts)}]" if rows or query.page == 1 or semantics.past_end != "object" else "{}"
        answer = Answer(HTTPStatus.OK, body.encode(), (("Content-Type", "application/json"),))
        self._cached[supplier, unique] = (self._world.clock.monotonic(), answer)
        return answer

    def _fresh(self, supplier: str, query: SalesQuery, semantics: Semantics) -> Answer | None:
        made_at, answer = self._cached.get((supplier, query), (0.0, None))
        age = self._world.clock.monotonic() - made_at
        return answer if age < semantics.cache_seconds.get(supplier, 0) else None


def read_query(target: str, *, order_number: bool) -> SalesQuery | Refusal:
    """Return the parsed query string, or a 400. `order_number`: whether this supplier's endpoint supports it."""
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
    """Return one row of the answer: the documented fields (API notes, 3), and what `fields` makes of them."""
    if order.row_json is not None:
        return order.row_json
    if (content := order.content(now)) is not None:
        path = content.label_path
        linked = {} if path is None else {"link_to_label": base_url + quote(path)}
        return json.dumps({**content.fields, **linked})
    link: str | None = order.link or base_url + quote(order.label_path)
    if semantics.label_before_ready == "no_link" and not order.label_ready(now):
        link = None
    row: dict[str, object] = {
        "menzzo_order_id": order.menzzo_order_id,
        "sku": order.sku,
        "quantity": order.quantity,
        "price": order.price_cents / 100,
        "link_to_label": link,
        "order_date": order.order_date.isoformat(),
        "carrier": order.carrier,
    }
    return json.dumps(ROWS[semantics.fields](row))
