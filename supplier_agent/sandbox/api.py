"""The API without sockets: a request and the world give an answer, an effect and a line in the log."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

from supplier_agent.sandbox import businessonbot, support
from supplier_agent.sandbox.faults import (
    Answer,
    Arrival,
    Endpoint,
    Fault,
    LogLine,
    Request,
    Token,
    error_answer,
    json_answer,
    late,
)
from supplier_agent.sandbox.listing import Listing
from supplier_agent.sandbox.orders import WELL_FORMED_ID, Order
from supplier_agent.sandbox.receiver import Receiver
from supplier_agent.sandbox.semantics import Semantics, said_yes
from supplier_agent.sandbox.shops.store import CHECKOUT
from supplier_agent.sandbox.world import World, truth

_METHODS: Mapping[Endpoint, str] = {"get-sales": "GET", "acknowledge-sale": "POST", "ship-sale": "POST"}
"""The endpoints of the API, with their method. One that is added here and has no effect of its own answers with success."""


@dataclass(frozen=True)
class Route:
    """Where a request goes."""

    endpoint: Endpoint
    supplier: str | None = None  # None: none that we know
    menzzo_order_id: str | None = None  # None: none was given, or not as text


def path_of(request: Request) -> str:
    """Return the unquoted path, without the query."""
    return unquote(urlsplit(request.target).path)


def route(request: Request, world: World) -> Route:
    """Return where the request goes."""
    path = path_of(request)
    order = world.order_of_label(path)
    if order is not None:
        return Route("label", order.supplier, order.menzzo_order_id)
    match path.split("/"):
        case ["", "api", "files", *_]:
            return Route("label")
        case ["", "api", supplier, name] if supplier in world.tokens and name in _METHODS:
            asked_for = body_field(request, "menzzo_order_id")
            return Route(name, supplier, asked_for if isinstance(asked_for, str) else None)
        case ["", "webhooks", _]:
            return Route("webhook")
        case ["", businessonbot.ENDPOINT, *_]:
            return Route(businessonbot.ENDPOINT)
        case ["", "sandbox", _]:
            return Route("sandbox")
        case ["", other, *_] if other in world.shops or other in world.carriers:
            return Route(other)
    if (endpoint := support.endpoint_of(path)) is not None:
        return Route(endpoint)
    return Route("other")


def body_field(request: Request, name: str) -> object:
    """Return a field of the JSON object in the body; None if there is none, or its type is not JSON."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return None
    try:
        body = json.loads(request.body or b"")
    except (ValueError, RecursionError):
        return None
    return body.get(name) if isinstance(body, dict) else None


def token_of(request: Request, expected: str | None) -> Token:
    """Compare the bearer token with the supplier's; None is a supplier that we do not know."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return "none"
    right = expected is not None and hmac.compare_digest(given.strip().encode(), expected.encode())
    return "right" if right else "wrong"


_PDF = (("Content-Type", "application/pdf"),)
_PLACEHOLDER = Answer(HTTPStatus.OK, b"<html><body>Label pending</body></html>", (("Content-Type", "text/html"),))


@dataclass(frozen=True)
class Handled:
    """The result of a request."""

    answer: Answer | None  # None: the body was incomplete, and nothing was done
    fault: Fault | None
    line: LogLine


class Api:
    """The marketplace's endpoints over one world. `semantics` may be replaced at any time."""

    def __init__(self, world: World, semantics: Semantics | None = None) -> None:
        self.world = world
        self.semantics = Semantics() if semantics is None else semantics
        self._listing = Listing(world)
        self.receiver = Receiver(world.clock)

    def forget_cache(self) -> None:
        """Let the next get-sales be answered fresh."""
        with self.world.lock:
            self._listing.forget()

    def handle(self, request: Request, base_url: str) -> Handled:
        """Log the request, apply its effect unless a fault prevents it, and return the answer."""
        with self.world.lock:
            line = self._note(request)
            if request.body is None:
                line.is_complete = False
                return Handled(None, None, line)
            fault = self.world.faults.take(line)
            answer = self._answer(request, line, base_url, applies=fault is None or fault.applied)
            if fault is not None:
                line.fault = fault.name
                answer = fault.spoil(answer)
            if fault is None or fault.names_a_status:
                line.status = answer.status
            if fault is None and self.semantics.answer_seconds:
                fault = late(self.semantics.answer_seconds)
            return Handled(answer, fault, line)

    def _note(self, request: Request) -> LogLine:
        clock = self.world.clock
        arrival = request.arrival or Arrival(clock.now(), clock.monotonic())
        to = route(request, self.world)
        line = LogLine(
            at=arrival.at,
            monotonic=arrival.monotonic,
            method=request.method,
            target=request.target,
            endpoint=to.endpoint,
            supplier=to.supplier,
            token=token_of(request, self.world.tokens.get(to.supplier or "")),
            menzzo_order_id=to.menzzo_order_id,
            operation=operation if isinstance(operation := body_field(request, "operationName"), str) else None,
        )
        self.world.log.append(line)
        return line

    def _answer(self, request: Request, line: LogLine, base_url: str, *, applies: bool) -> Answer:
        if line.endpoint == "sandbox":
            return self._sandbox(request)
        if (answer := self._other_side(request, line.endpoint, base_url, applies=applies)) is not None:
            return answer
        if line.endpoint == "other" or line.supplier is None:
            return error_answer(HTTPStatus.NOT_FOUND, "not found")
        method = "GET" if request.method == "HEAD" else request.method
        allowed = _METHODS.get(line.endpoint, "GET")
        if method != allowed:
            return error_answer(HTTPStatus.METHOD_NOT_ALLOWED, f"use {allowed}")
        if line.token in ("none", "wrong") and (line.endpoint != "label" or self.semantics.labels_need_token):
            return error_answer(HTTPStatus.UNAUTHORIZED, "unauthorized")
        if line.endpoint == "get-sales":
            return self._listing.answer(request, line, line.supplier, self.semantics, base_url)
        return self._about_an_order(line, line.supplier, applies=applies)

    def _other_side(self, request: Request, side: str, base_url: str, *, applies: bool) -> Answer | None:
        """Return the answer of another side than the marketplace; None: the request is to the marketplace."""
        path = path_of(request).removeprefix(f"/{side}")
        if side == "webhook" and request.method == "POST":
            return self.receiver.receive(request, applies=applies)
        if side == businessonbot.ENDPOINT:
            return self.world.bot.answer(request, path_of(request), applies=applies)
        if side in support.ENDPOINTS:
            return support.answer(self.world, side, request, base_url, applies=applies)
        if side in self.world.shops:
            shop = self.world.shops[side]
            answer, clock = shop.answer(request, path, applies=applies), format_datetime(shop.store.now(), usegmt=True)
            return replace(answer, headers=(*answer.headers, ("Date", clock)))
        return self.world.carriers[side].answer(request, path) if side in self.world.carriers else None

    def _about_an_order(self, line: LogLine, supplier: str, *, applies: bool) -> Answer:
        asked_for = line.menzzo_order_id or ""
        if line.endpoint != "label" and not WELL_FORMED_ID.fullmatch(asked_for):
            return error_answer(HTTPStatus.BAD_REQUEST, "menzzo_order_id must be a text like 15000012345_789")
        order = self.world.order(supplier, asked_for)
        if order is None or not order.visible(self.world.clock.now()):
            return error_answer(HTTPStatus.NOT_FOUND, "order not found")
        if line.endpoint == "label":
            return self._label(order)
        if line.endpoint == "acknowledge-sale":
            return self._acknowledge(order, line, applies=applies)
        if line.endpoint == "ship-sale":
            return self._ship(order, line, applies=applies)
        return said_yes(self.semantics, line.endpoint, order.menzzo_order_id)

    def _acknowledge(self, order: Order, line: LogLine, *, applies: bool) -> Answer:
        if order.acknowledged_at and self.semantics.repeat_acknowledge == "not_found":
            return error_answer(HTTPStatus.NOT_FOUND, "order not found or already processed")
        if applies:
            order.acknowledged_at.append(self.world.clock.now())
            line.effect = "acknowledged"
        return said_yes(self.semantics, line.endpoint, order.menzzo_order_id)

    def _ship(self, order: Order, line: LogLine, *, applies: bool) -> Answer:
        if order.shipped_at and self.semantics.repeat_ship == "not_found":
            return error_answer(HTTPStatus.NOT_FOUND, "order not found or already processed")
        if applies:
            order.shipped_at.append(self.world.clock.now())
            line.effect = "shipped"
        return said_yes(self.semantics, line.endpoint, order.menzzo_order_id)

    def _label(self, order: Order) -> Answer:
        if order.label_ready(self.world.clock.now()):
            return Answer(HTTPStatus.OK, order.pdf(), _PDF)
        if self.semantics.label_before_ready == "empty":
            return Answer(HTTPStatus.OK, b"", _PDF)
        if self.semantics.label_before_ready == "html":
            return _PLACEHOLDER
        return error_answer(HTTPStatus.NOT_FOUND, "label not found")

    def _sandbox(self, request: Request) -> Answer:
        """Serve the endpoints that the real API does not have. They need no token, because they answer on loopback only."""
        path = path_of(request)
        if (request.method, path) == ("GET", "/sandbox/truth"):
            return json_answer(HTTPStatus.OK, truth(self.world))
        if (request.method, path) == ("GET", "/sandbox/webhooks"):
            return json_answer(HTTPStatus.OK, list(self.receiver.events.values()))
        if (request.method, path) == ("GET", "/sandbox/businessonbot"):
            return json_answer(HTTPStatus.OK, self.world.bot.messages)
        if (request.method, path) == ("POST", "/sandbox/shop-orders"):
            return self._shop_order(parse_qs(urlsplit(request.target).query))
        if (request.method, path) == ("POST", "/sandbox/orders"):
            supplier = parse_qs(urlsplit(request.target).query).get("supplier", [""])[0]
            if supplier not in self.world.tokens:
                known = ", ".join(self.world.tokens)
                return error_answer(HTTPStatus.BAD_REQUEST, f"say ?supplier= with one of {known}")
            order = self.world.arrive(supplier)
            return json_answer(HTTPStatus.CREATED, {"supplier": supplier, "menzzo_order_id": order.menzzo_order_id})
        return error_answer(
            HTTPStatus.NOT_FOUND,
            "the sandbox has GET /sandbox/truth, /sandbox/webhooks and /sandbox/businessonbot,"
            " and POST /sandbox/orders and /sandbox/shop-orders",
        )

    def _shop_order(self, query: Mapping[str, list[str]]) -> Answer:
        """Let a customer of a shop place an order there; or fulfil the one in ?fulfil=, as the shop's staff do."""
        shop, known = self.world.shops.get(query.get("shop", [""])[0]), ", ".join(self.world.shops)
        if shop is None:
            return error_answer(HTTPStatus.BAD_REQUEST, f"say ?shop= with one of {known or 'those of --shop'}")
        order_id = query.get("fulfil", [""])[0]
        if not order_id:
            return json_answer(HTTPStatus.CREATED, {"id": shop.store.place("processing", dict(CHECKOUT)).id})
        if not order_id.isdecimal() or int(order_id) not in shop.store.orders:
            return error_answer(HTTPStatus.BAD_REQUEST, "there is no such order in this shop")
        shop.fulfil(int(order_id))
        return json_answer(HTTPStatus.OK, {"id": int(order_id)})
