"""get-sales: reads its parameters, writes its rows, caches answers. What is left open (API notes, 9) is a switch here."""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qsl, quote, urlsplit

from supplier_agent.sandbox.faults import Answer, LogLine, Request, error_answer
from supplier_agent.sandbox.orders import WELL_FORMED_ID, Order, position
from supplier_agent.sandbox.world import World

_CACHE_SECONDS: Mapping[str, float] = MappingProxyType({"asir-group": 1800.0})


@dataclass(frozen=True)
class Semantics:
    """How this marketplace behaves where the documentation is silent (API notes, 9). The defaults are its simplest reading."""

    page_size: int = 50
    cursor: Literal["exclusive", "inclusive", "ignored", "refused_when_unknown", "always_refused"] = "exclusive"
    """Rows after the cursor; from it on; all rows; 400 for an unknown id; 400 for any."""
    cursor_in_cache_key: bool = False
    """The cursor is not in the documented key of the cache (API notes, 8)."""
    order: Literal["oldest", "newest", "shuffled"] = "oldest"
    """By the numbers in the id; shuffled: the same order at every call."""
    page: Literal["honoured", "ignored_beside_cursor", "ignored"] = "honoured"
    """An ignored page is answered like page 1."""
    past_end: Literal["empty", "repeat_last", "not_found"] = "empty"
    """The content of a page after the last. Page 1 of an empty list is always empty."""
    acknowledged: Literal["stay", "vanish"] = "stay"
    """Whether get-sales still lists an acknowledged order."""
    shipped: Literal["stay", "vanish"] = "stay"
    date_to_inclusive: bool = True
    cache_seconds: Mapping[str, float] = field(default_factory=lambda: _CACHE_SECONDS)
    """By supplier; one that is not named is answered fresh."""
    order_number_for: frozenset[str] = frozenset({"asir-group"})
    """The suppliers whose get-sales knows `order_number`; for others it is ignored."""
    success: Literal["success_true", "empty", "no_content", "no_success_key"] = "success_true"
    """How acknowledge-sale and ship-sale say yes; the examples are blank (API notes, 9.8)."""
    repeat_acknowledge: Literal["accepted", "not_found"] = "accepted"
    repeat_ship: Literal["accepted", "not_found"] = "not_found"
    """Not found: it may have been processed already (API notes, 7). Accepted: it takes effect a second time."""
    labels_need_token: bool = True
    label_before_ready: Literal["not_found", "empty", "html", "no_link"] = "not_found"
    """no_link: the row's link is null until the label is ready, and its address is not found."""


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
    arrived = [order for order in orders if order.visible(now)]
    refusal = refuse_cursor(arrived, query, semantics)
    if refusal is not None:
        return refusal
    rows = sorted((o for o in arrived if _wanted(o, query, semantics)), key=_SORT_KEYS[semantics.order])
    if semantics.order == "newest":
        rows.reverse()
    return _page(rows, query, semantics)


def refuse_cursor(arrived: Iterable[Order], query: SalesQuery, semantics: Semantics) -> Refusal | None:
    """Return why this cursor is not accepted, or None. `arrived`: the orders that are visible by now."""
    if query.cursor is None:
        return None
    if semantics.cursor == "always_refused":
        return Refusal(400, "last_menzzo_order_number is not supported")
    if semantics.cursor == "refused_when_unknown" and all(o.menzzo_order_id != query.cursor for o in arrived):
        return Refusal(400, "last_menzzo_order_number is unknown")
    return None


_SORT_KEYS = {
    "oldest": lambda order: order.position,
    "newest": lambda order: order.position,
    "shuffled": lambda order: zlib.crc32(order.menzzo_order_id.encode()),
}


def _wanted(order: Order, query: SalesQuery, semantics: Semantics) -> bool:
    if semantics.acknowledged == "vanish" and order.acknowledged_at:
        return False
    if semantics.shipped == "vanish" and order.shipped_at:
        return False
    if query.order_number is not None and query.order_number not in (order.menzzo_order_id, order.increment_id):
        return False
    return _in_dates(order.order_date, query, semantics) and _after_cursor(order, query, semantics)


def _in_dates(day: date, query: SalesQuery, semantics: Semantics) -> bool:
    if query.date_from is not None and day < query.date_from:
        return False
    if query.date_to is None:
        return True
    return day <= query.date_to if semantics.date_to_inclusive else day < query.date_to


def _after_cursor(order: Order, query: SalesQuery, semantics: Semantics) -> bool:
    if query.cursor is None or semantics.cursor == "ignored":
        return True
    last = position(query.cursor)
    return order.position >= last if semantics.cursor == "inclusive" else order.position > last


def _page(rows: list[Order], query: SalesQuery, semantics: Semantics) -> list[Order] | Refusal:
    beside_cursor = semantics.page == "ignored_beside_cursor" and query.cursor is not None
    page = 1 if semantics.page == "ignored" or beside_cursor else query.page
    last_page = max(1, -(-len(rows) // semantics.page_size))
    if page > last_page:
        if semantics.past_end == "empty":
            return []
        if semantics.past_end == "not_found":
            return Refusal(404, "page not found")
        page = last_page
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
    """Return one row of the answer, with the documented fields (API notes, 3)."""
    if order.row_json is not None:
        return order.row_json
    if (content := order.content(now)) is not None:
        path = content.label_path
        linked = {} if path is None else {"link_to_label": base_url + quote(path)}
        return json.dumps({**content.fields, **linked})
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
