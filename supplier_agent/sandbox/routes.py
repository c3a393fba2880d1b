"""Which endpoint a request means, of which supplier, about which order, and whether its token is right."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from supplier_agent.sandbox.exchange import Endpoint, Request, Token
from supplier_agent.sandbox.world import World

_ENDPOINTS: Mapping[str, Endpoint] = {
    "get-sales": "get-sales",
    "acknowledge-sale": "acknowledge-sale",
    "ship-sale": "ship-sale",
}


@dataclass(frozen=True)
class Route:
    """Where a request goes."""

    endpoint: Endpoint
    supplier: str | None = None  # None: none that we know
    menzzo_order_id: str | None = None  # None: none was named, or not as a text


def path_of(request: Request) -> str:
    """Return the path without its query, unquoted."""
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
        case ["", "api", supplier, name] if supplier in world.tokens and name in _ENDPOINTS:
            asked_for = body_field(request, "menzzo_order_id")
            return Route(_ENDPOINTS[name], supplier, asked_for if isinstance(asked_for, str) else None)
        case ["", "sandbox", _]:
            return Route("sandbox")
    return Route("other")


def body_field(request: Request, name: str) -> object:
    """Return a field of the JSON object in the body; None without such a body, or when it is not said to be JSON."""
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
