"""The stand-in of the support API ("Chatbot API"): the five endpoints of its document, over the orders of the world.

It names a customer in every answer, as the document does, so that tests can prove that the name goes no further.
"""

import hmac
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from supplier_agent.sandbox.faults import Answer, Request, Token, error_answer, json_answer

if TYPE_CHECKING:
    from supplier_agent.sandbox.orders import Order
    from supplier_agent.sandbox.world import World

CUSTOMER: Mapping[str, str] = {
    "firstname": "Zephyrine",
    "lastname": "Quaddelbacher",
    "email": "z.quaddelbacher@example.org",
}
SALE, PRODUCT, CASES, SAV, CUSTOMER_DETAILS, PICTURE = (
    *("sale-details", "product", "sav-status", "sav", "customer-details", "picture"),
)
ENDPOINTS = frozenset({SALE, PRODUCT, CASES, SAV, CUSTOMER_DETAILS, PICTURE})
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf50"
    "0f0003860180de8cbd7d0000000049454e44ae426082"
)


@dataclass(frozen=True)
class SupportSemantics:
    """How the support API behaves where its document leaves it open."""

    sale_status: str = "processing"
    """The status of every sale that has none of its own."""
    sav_spelling: Literal["sav_records", "savRecords"] = "sav_records"
    """Which of the two spellings of the document the list of cases has."""


@dataclass
class Support:
    """The state of the support API. Hold the world's lock while you change it."""

    token: str = "sandbox-support"  # noqa: S105 - of the stand-in
    semantics: SupportSemantics = SupportSemantics()
    statuses: dict[str, str] = field(default_factory=dict)  # by increment id
    cases: list[dict[str, str]] = field(default_factory=list)  # opened by POST /api/sav, or by a test
    asked: list[str] = field(default_factory=list)  # every path and query

    def token_of(self, request: Request) -> Token:
        """Compare the token in the header."""
        given = request.headers.get("x-api-token")
        if given is None:
            return "none"
        return "right" if hmac.compare_digest(given.encode(), self.token.encode()) else "wrong"


def endpoint_of(path: str) -> str | None:
    """Return the endpoint of a path; None if it is none of this API."""
    match path.split("/"):
        case ["", "api", "sale", "details", _]:
            return SALE
        case ["", "api", "product", _]:
            return PRODUCT
        case ["", "api", "customer", "sav-status"]:
            return CASES
        case ["", "api", "Customer", "details", _]:
            return CUSTOMER_DETAILS
        case ["", "api", "sav"]:
            return SAV
        case ["", "pictures", _]:
            return PICTURE
    return None


def answer(world: "World", endpoint: str, request: Request, base_url: str, *, applies: bool) -> Answer:
    """Answer a request."""
    support = world.support
    support.asked.append(request.target)
    if endpoint == PICTURE:
        return Answer(HTTPStatus.OK, _PIXEL, (("Content-Type", "image/png"),))
    if support.token_of(request) != "right":
        return error_answer(HTTPStatus.UNAUTHORIZED, "Invalid API token")
    if request.method != ("POST" if endpoint == SAV else "GET"):
        return error_answer(HTTPStatus.METHOD_NOT_ALLOWED, "method not allowed")
    split = urlsplit(request.target)
    last = unquote(split.path).rpartition("/")[2]
    if endpoint == SALE:
        return _sale(world, last)
    if endpoint == PRODUCT:
        return _product(world, last, base_url)
    if endpoint == CASES:
        return _cases(world, {name: values[0] for name, values in parse_qs(split.query).items()})
    if endpoint == SAV:
        return _open(world, request, applies=applies)
    return json_answer(HTTPStatus.OK, {"success": True, "customer": {**CUSTOMER, "orders": []}})


def _orders(world: "World", increment_id: str) -> list["Order"]:
    every = (order for supplier in world.tokens for order in world.orders(supplier))
    return [order for order in every if order.menzzo_order_id.rpartition("_")[0] == increment_id]


def tracking_of(order: "Order") -> str:
    """Return the tracking number of an order."""
    return f"TR{zlib.crc32(order.menzzo_order_id.encode()):010d}"


def _sale(world: "World", increment_id: str) -> Answer:
    found, support = _orders(world, increment_id), world.support
    if not found:
        said = {"success": False, "error": "Commande non trouv\u00e9e", "message": f"increment ID: {increment_id}"}
        return json_answer(HTTPStatus.NOT_FOUND, said)
    products = [
        {
            "sku": order.sku,
            "name": f"Article {order.sku}",
            "qty": order.quantity,
            "price": 250.0,
            "tracking": tracking_of(order),
            "carrier": order.carrier,
        }
        for order in found
    ]
    data = {
        "id": 12345,
        "incrementId": increment_id,
        "status": support.statuses.get(increment_id, support.semantics.sale_status),
        "customer": CUSTOMER,
        "products": products,
        "sav_status": {"has_sav": False, "sav_count": 0},
    }
    return json_answer(HTTPStatus.OK, {"success": True, "data": data})


def _product(world: "World", sku: str, base_url: str) -> Answer:
    if not any(order.sku == sku for supplier in world.tokens for order in world.orders(supplier)):
        return error_answer(HTTPStatus.NOT_FOUND, "product not found")
    product = {
        "sku": sku,
        "name": f"Article {sku}",
        "price": 250.0,
        "description": "…",
        "availability": "In Stock",
        "images": [f"{base_url}/pictures/{zlib.crc32(sku.encode()):08x}.png"],
    }
    return json_answer(HTTPStatus.OK, {"success": True, "product": product})


def _cases(world: "World", query: Mapping[str, str]) -> Answer:
    if ("email" in query) == ("increment_id" in query):
        return error_answer(HTTPStatus.BAD_REQUEST, "email or increment_id")
    support, wanted = world.support, query.get("increment_id")
    part = query.get("sale_product_id")
    records = [
        {
            "id": number,
            "sale_ref": case["increment_id"],
            "status": case.get("status", "in_progress"),
            "complaint_type": case["complaint_type"],
            "created_at": "2026-01-20",
            "customer": CUSTOMER,
            "products": [],
        }
        for number, case in enumerate(support.cases, 789)
        if case["increment_id"] == wanted and case.get("sale_product_id", part) == part
    ]
    if support.semantics.sav_spelling == "savRecords":
        renamed = [
            {"savId": each["id"], "status": 3, "statusLabel": "Valid\u00e9", "complaintType": each["complaint_type"]}
            for each in records
        ]
        return json_answer(HTTPStatus.OK, {"success": True, "hasSav": bool(renamed), "savRecords": renamed})
    return json_answer(HTTPStatus.OK, {"success": True, "sav_records": records})


def _open(world: "World", request: Request, *, applies: bool) -> Answer:
    try:
        body = json.loads(request.body or b"")
    except ValueError:
        body = None
    if not isinstance(body, dict) or not body.get("increment_id") or not body.get("complaint_type"):
        return error_answer(HTTPStatus.BAD_REQUEST, "increment_id and complaint_type are required")
    if not _orders(world, str(body["increment_id"])):
        return error_answer(HTTPStatus.NOT_FOUND, "sale not found")
    number = 789 + len(world.support.cases)
    if applies:
        world.support.cases.append({name: str(value) for name, value in body.items()})
    return json_answer(HTTPStatus.CREATED, {"success": True, "sav_id": number})
