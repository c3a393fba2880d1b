"""Every operation of the API. The application and its document are both made of this table, so neither can forget one."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from supplier_agent.base.errors import ConfigError
from supplier_agent.web import keys
from supplier_agent.web.api import acting, hooks, models, reading
from supplier_agent.web.api.gate import Asking, Gate, Handler, Known, body_of, must, read_json, read_query
from supplier_agent.web.api.problems import Refused, answer
from supplier_agent.web.api.usage import Usage
from supplier_agent.web.peers import Ours
from supplier_agent.web.request import Room


@dataclass(frozen=True)
class Operation:
    """One operation. sent: the model of its query (GET) or body (POST). answered: the model of its answer; None: a PDF.

    right: "": every program may. codes: the problems that it may answer, besides those of every operation.
    """

    method: str
    path: str
    name: str
    meaning: str
    handler: Handler
    sent: Any
    answered: type[BaseModel] | None
    right: str = ""
    codes: Sequence[str] = ()

    @property
    def parts(self) -> list[str]:
        """Return the names in its path."""
        return re.findall(r"{(\w+)}", self.path)


ORDER = "/orders/{order}"
OF_AN_ORDER = ("no_such_order", "two_suppliers")
OF_AN_ACT = (*OF_AN_ORDER, "blocked", "too_late", "needs_a_person", "idempotency_key_reused")
HOOK = "/hooks/{hook}"


def _act(name: str, meaning: str, sent: type[BaseModel]) -> Operation:
    return Operation("POST", f"{ORDER}/{name}", name, meaning, acting.act, sent, models.Done, name, OF_AN_ACT)


OPERATIONS: Sequence[Operation] = (
    Operation("GET", "/orders", "listOrders", "List orders, page by page.", reading.orders, models.Query, models.Page),
    Operation(
        "GET", ORDER, "getOrder", "Get one order, as `order ID --json` prints it.",
        reading.order, models.Which, models.Whole, codes=OF_AN_ORDER,
    ),
    Operation(
        "GET", f"{ORDER}/label", "getLabel", "Get the label of an order, as a PDF. Its ETag is the hash of the file.",
        reading.label, models.Which, None, codes=(*OF_AN_ORDER, "no_label"),
    ),
    _act("ship", "Mark an order as shipped: it has left. It is reported after the undo window.", models.Ship),
    _act("unship", "Take the mark back, before its report has begun.", models.Unship),
    _act("hold", "Put an order on hold: nothing is acknowledged or reported for it.", models.Hold),
    _act("release", "Release an order from hold. A marked one gets a new undo window.", models.Release),
    _act("note", "Add a note to the history of an order.", models.Note),
)  # fmt: skip
RECEIVE = Operation(
    "POST", HOOK, "receiveWebhook", "Do an act that a signed webhook names (Standard Webhooks).",
    acting.act, models.AnyEvent, models.Done, codes=("signature_wrong", *OF_AN_ACT),
)  # fmt: skip
"""It has no key: the signature says who it is."""

ONCE = re.compile(r"[\x21-\x7e]{1,255}")


def make_api(room: Room, ours: Ours) -> tuple[ASGIApp, Callable[[], None]]:
    """Return the API as an ASGI application, and what must be called before its database is closed."""
    usage = Usage(room.store, room.clock.now)
    gate = Gate(room, ours, usage)
    routes = [_route(gate, each) for each in OPERATIONS]
    routes += [_webhooks(gate), _document(gate)]

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - Starlette raises no other here

        async def refused(_request: Request, _known: Known) -> Response:
            if error.status_code == 405:  # noqa: PLR2004 - Starlette's two
                raise Refused("method_wrong", "see the document", headers=error.headers or {})
            raise Refused("no_such_address", "see the document")

        return await gate.answer(request, refused)

    return Starlette(routes=routes, exception_handlers={404: unknown, 405: unknown}), usage.flush


def _endpoint(
    gate: Gate, handle: Callable[[Request, Known], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await gate.answer(request, handle)

    return endpoint


def _route(gate: Gate, operation: Operation) -> Route:
    kind: TypeAdapter[BaseModel] = TypeAdapter(operation.sent)

    async def handle(request: Request, known: Known) -> Response:
        caller = known.is_(await gate.by_key(request))
        must(caller, operation.right)
        if operation.method == "GET":
            sent, once = read_query(request.query_params.multi_items(), kind), ""
        else:
            read_query(request.query_params.multi_items(), _NOTHING)
            once = _once(request)
            sent = read_json(await body_of(request), kind)
        return await gate.thread(
            lambda: operation.handler(
                Asking(gate.room_of(caller), caller, gate.room.clock.now(), dict(request.path_params), sent, once)
            )
        )

    return Route(operation.path, _endpoint(gate, handle), methods=[operation.method])


_NOTHING: TypeAdapter[models.Sent] = TypeAdapter(models.Sent)


def _once(request: Request) -> str:
    """Return the key under which a request is done once; "" if it has none."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return ""
    if len(given) > 1 or not ONCE.fullmatch(given[0]):
        raise Refused("content_wrong", "Idempotency-Key: 1 to 255 visible ASCII characters, once")
    return given[0]


def _webhooks(gate: Gate) -> Route:
    kind: TypeAdapter[Any] = TypeAdapter(models.AnyEvent)
    found = {hook.name: hook for hook in gate.room.settings.hooks}

    async def handle(request: Request, known: Known) -> Response:
        hook = found.get(request.path_params["hook"])
        if hook is None:
            raise Refused("no_such_address", "there is no hook of this name")
        with gate.unverified():
            body = await body_of(request)
        try:
            secrets = await gate.thread(hook.secrets)
        except ConfigError:
            gate.room.log.warning("hook.refused", name=hook.name, why="secret_unreadable")
            raise Refused("busy", "the secret of this hook cannot be read here", retry_after=60) from None
        if why := hooks.fault(request.headers, body, secrets, gate.room.clock.now()):
            gate.room.log.warning("hook.refused", name=hook.name, why=why, peer=gate.peer(request))
            raise await gate.wrong(request, hooks.refusal(why))
        caller = known.is_(keys.of_hook(hook))
        try:
            event = read_json(body, kind)
            must(caller, event.type.removeprefix("order."))
        except Refused as refused:
            gate.room.log.warning("hook.refused", name=hook.name, why=refused.problem.code)
            raise
        once = request.headers["webhook-id"]
        return await gate.thread(
            lambda: RECEIVE.handler(Asking(gate.room_of(caller), caller, gate.room.clock.now(), {}, event.data, once))
        )

    return Route(HOOK, _endpoint(gate, handle), methods=["POST"])


DOCUMENT = "/openapi.json"


def _document(gate: Gate) -> Route:
    """Serve the document to everyone: it contains nothing of this installation."""

    async def handle(_request: Request, _known: Known) -> Response:
        from supplier_agent.web.api.document import document  # noqa: PLC0415 - it imports this table

        return answer(await gate.thread(document))

    return Route(DOCUMENT, _endpoint(gate, handle))
