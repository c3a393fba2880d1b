"""The addresses for BusinessOnBot, `/businessonbot/SUPPLIER/…`: two that are answered, and those that are refused.

The key is in the header `x-guest-id`. The limits are those of the HTTP API (web/api/gate.py), with places of their own.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from supplier_agent.base.errors import ConfigError
from supplier_agent.reports.businessonbot import who
from supplier_agent.web.api.gate import Gate, Known, body_of, read_json
from supplier_agent.web.api.problems import Refused
from supplier_agent.web.api.usage import Usage
from supplier_agent.web.bot import asking
from supplier_agent.web.bot.bodies import BAD_PAYLOAD, BAD_REQUEST, NOT_FOUND, OF_PERSONS, failure, in_their_words
from supplier_agent.web.keys import Caller
from supplier_agent.web.peers import Ours
from supplier_agent.web.request import Room

HEADER = "x-guest-id"
NOT_SERVED: Final = "not_served_here"
REFUSED = (
    ("GET", "/personal-details", OF_PERSONS),
    ("GET", "/personal-details/{phone}", OF_PERSONS),
    ("GET", "/get-orders/{phone}", BAD_REQUEST),
    ("POST", "/orders-create", BAD_PAYLOAD),
    ("POST", "/orders-cancelled", BAD_PAYLOAD),
    ("POST", "/fulfillments-create", BAD_PAYLOAD),
    ("POST", "/fulfillments-events-create", BAD_PAYLOAD),
    ("POST", "/abandoned-cart", BAD_PAYLOAD),
)
"""What is documented and never answered: it needs data of customers that are not here, or its body is blank in the document."""
_CANCEL: TypeAdapter[asking.Cancel] = TypeAdapter(asking.Cancel)
_NOBODY = "no key is like this one: it has a blank"
"""Compared with, where there is no key, so that the time says nothing."""

Handle = Callable[[Request, Caller], Awaitable[Response]]


def make_bot(room: Room, ours: Ours) -> tuple[ASGIApp, Callable[[], None]]:
    """Return the application, and what must be called before its database is closed."""
    usage = Usage(room.store, room.clock.now)
    gate = Gate(room, ours, usage)

    async def show(request: Request, caller: Caller) -> Response:
        supplier, order_id = request.path_params["supplier"], request.path_params["order_id"]
        return await gate.thread(lambda: asking.show(gate.room_of(caller), supplier, order_id))

    async def cancel(request: Request, caller: Caller) -> Response:
        supplier, asked = request.path_params["supplier"], read_json(await body_of(request), _CANCEL)
        return await gate.thread(lambda: asking.cancel(gate.room_of(caller), supplier, caller.who, asked))

    routes = [
        _route(gate, "GET", "/order/{order_id}", show, BAD_REQUEST),
        _route(gate, "POST", "/cancel-order", cancel, BAD_PAYLOAD),
        *(_route(gate, method, path, _refusing(error), error) for method, path, error in REFUSED),
    ]

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - Starlette raises no other here

        async def nothing(_request: Request, _known: Known) -> Response:
            return failure(error.status_code, NOT_FOUND, "no_such_address", error.headers)

        return await _answered(gate, request, nothing, BAD_REQUEST)

    app = Starlette(routes=routes, exception_handlers={404: unknown, 405: unknown})
    app.router.redirect_slashes = False  # a redirect would be no documented answer
    return app, usage.flush


def _refusing(error: str) -> Handle:
    async def refuse(_request: Request, _caller: Caller) -> Response:
        return failure(400, error, NOT_SERVED)

    return refuse


def _route(gate: Gate, method: str, path: str, handle: Handle, error: str) -> Route:
    async def known_only(request: Request, known: Known) -> Response:
        return await handle(request, known.is_(await _by_key(gate, request)))

    async def endpoint(request: Request) -> Response:
        return await _answered(gate, request, known_only, error)

    return Route(f"/{{supplier}}{path}", endpoint, methods=[method])


async def _answered(
    gate: Gate, request: Request, handle: Callable[[Request, Known], Awaitable[Response]], error: str
) -> Response:
    """Return the answer of `handle`; a refusal of the gate in the words of the document."""
    why = "internal_error"
    refused = True

    async def noting(request: Request, known: Known) -> Response:
        nonlocal why, refused
        try:
            response = await handle(request, known)
        except Refused as found:
            why = found.problem.code
            raise
        refused = False
        return response

    response = await gate.answer(request, noting)
    return in_their_words(response, why, error) if refused else response


async def _by_key(gate: Gate, request: Request) -> Caller:
    """Return who asks. Raises Refused for a wrong key, or if there is none; a supplier that is not answered is not told apart."""
    supplier, given = request.path_params["supplier"], request.headers.getlist(HEADER)
    bot = gate.room.settings.bot_of(supplier)
    keys: list[str] = []
    if bot is not None and bot.answer_requests:
        try:
            keys = await gate.thread(lambda: bot.keys(supplier))
        except ConfigError:
            gate.room.log.warning("bot.refused", supplier=supplier, why="key_unreadable")
            raise Refused("busy", "the key cannot be read here", retry_after=60) from None
    said = given[0] if len(given) == 1 else ""
    right = [hmac.compare_digest(said.encode("utf-8", "replace"), key.encode()) for key in keys or [_NOBODY]]
    if any(right) and keys:
        return Caller(who(supplier), frozenset(), frozenset({supplier}))
    refused = await gate.wrong(request, Refused("key_wrong" if given else "key_missing", f"send the header {HEADER}"))
    gate.room.log.warning("bot.refused", why=refused.problem.code, peer=gate.peer(request))
    raise refused
