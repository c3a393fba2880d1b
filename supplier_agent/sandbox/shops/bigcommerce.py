"""The stand-in of BigCommerce: Orders V2 and Catalog V3, as far as the agent uses them. Sources: see integrations/shops/."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from supplier_agent.sandbox.faults import Answer, Request, json_answer
from supplier_agent.sandbox.shops.store import Placed, ShopSemantics, Store

TOKEN = "bigcommerce-sandbox"  # noqa: S105 - of the stand-in
STATUSES = {
    0: "Incomplete", 1: "Pending", 2: "Shipped", 3: "Partially Shipped", 4: "Refunded", 5: "Cancelled", 6: "Declined",
    7: "Awaiting Payment", 8: "Awaiting Pickup", 9: "Awaiting Shipment", 10: "Completed", 11: "Awaiting Fulfillment",
    12: "Manual Verification Required", 13: "Disputed", 14: "Partially Refunded",
}  # fmt: skip
PENDING, SHIPPED, AWAITING_FULFILLMENT = 1, 2, 11
READ_ONLY = ("id", "external_id", "date_modified", "date_shipped", "status", "custom_status", "is_deleted")
QUOTA = (
    ("X-Rate-Limit-Time-Window-Ms", "30000"),
    ("X-Rate-Limit-Time-Reset-Ms", "15000"),
    ("X-Rate-Limit-Requests-Quota", "150"),
    ("X-Rate-Limit-Requests-Left", "149"),
)
SHORTEST_ZIP = 2


class BigCommerceShop:
    """A BigCommerce store. Its address ends where /v2 and /v3 begin, with the store's hash."""

    def __init__(self, store: Store, semantics: ShopSemantics) -> None:
        self.store, self.semantics = store, semantics
        store.ahead_seconds = semantics.clock_ahead_seconds

    @property
    def credentials(self) -> str:
        """The access token of the API account."""
        return TOKEN

    def fulfil(self, order_id: int) -> None:
        """Ship all items, as the control panel does. That sends a mail to the address of the order."""
        self.store.set_status(order_id, str(SHIPPED), shipped=True)
        if email := self.store.orders[order_id].given.get("billing_address", {}).get("email"):
            self.store.mails.append(email)

    def take_back(self, order_id: int) -> None:
        """Delete the shipment, and set the status back: the first alone leaves it Shipped (Orders Overview)."""
        self.store.set_status(order_id, str(AWAITING_FULFILLMENT), shipped=False)

    def answer(self, request: Request, path: str, *, applies: bool) -> Answer:
        """Answer one request."""
        found = self._answer(request, path.rstrip("/"), applies=applies)
        return Answer(found.status, found.body, (*found.headers, *QUOTA))

    def _answer(self, request: Request, path: str, *, applies: bool) -> Answer:
        if request.headers.get("x-auth-token") != TOKEN:
            return _title(HTTPStatus.UNAUTHORIZED, "Unauthorized")
        query = dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))
        match request.method, path:
            case "GET", "/v2/orders":
                return self._orders(query)
            case "GET", "/v2/orders/count":
                return json_answer(HTTPStatus.OK, {"count": len(self.store.orders), "statuses": []})
            case "GET", "/v3/catalog/products":
                return _catalog([self._product(each) for each in self.store.products if self._is_main(each)], query)
            case "GET", "/v3/catalog/variants":
                return _catalog([self._variant(each) for each in self.store.products if not self._is_main(each)], query)
            case "POST", "/v2/orders":
                return self._create(request, applies=applies)
        return _title(HTTPStatus.NOT_FOUND, "The resource was not found.")

    # -- Orders V2: lists without an envelope; an empty one is a 204 without a body.

    def _orders(self, query: Mapping[str, str]) -> Answer:
        found = [*self.store.orders.values()]
        if "external_order_id" in query and self.semantics.search != "everything":
            usual, this = self.semantics.search == "usual", query["external_order_id"]
            found = [each for each in found if usual and each.given.get("external_order_id") == this]
        if "channel_id" in query:
            found = [each for each in found if str(each.given.get("channel_id", 1)) == query["channel_id"]]
        if "min_date_modified" in query:
            since = datetime.fromisoformat(query["min_date_modified"])
            found = [each for each in found if each.modified_at >= since]
        field, _, direction = query.get("sort", "id").partition(":")
        found.sort(key=lambda each: (each.modified_at if field == "date_modified" else each.id, each.id))
        if direction == "desc":
            found.reverse()
        size, page = int(query.get("limit", "50")), int(query.get("page", "1"))
        part = [_order(each) for each in found[(page - 1) * size : page * size]]
        return json_answer(HTTPStatus.OK, part) if part else Answer(HTTPStatus.NO_CONTENT)

    def _create(self, request: Request, *, applies: bool) -> Answer:
        if not self.semantics.key_may_write:
            return _title(HTTPStatus.FORBIDDEN, "You don't have a required scope to access the endpoint")
        try:
            given = json.loads(request.body or b"")
        except ValueError:
            return _refused("The request body is not JSON.")
        wrong = self._wrong(given)
        if wrong:
            return _refused(wrong)
        if not applies:
            return json_answer(HTTPStatus.CREATED, {})
        placed = self.store.place(str(given.get("status_id", PENDING)), given)  # V2 sends no mail about it
        for item in given["products"]:
            self.store.products[item.get("variant_id", item["product_id"])].stock -= item["quantity"]
        return json_answer(HTTPStatus.CREATED, _order(placed))

    def _wrong(self, given: Mapping[str, Any]) -> str:
        """Return why an order is refused; "" if it is not."""
        for name in READ_ONLY:
            if name in given:
                return (
                    f"The field '{name}' cannot be written to. Please remove it from your request before trying again."
                )
        for name in ("billing_address", "products"):
            if not given.get(name):
                return f"The required field '{name}' was not supplied."
        if len(given["billing_address"].get("zip", "")) < SHORTEST_ZIP or not given["billing_address"].get("email"):
            return "The field 'billing_address' is invalid."
        if given.get("status_id", PENDING) not in STATUSES:
            return "The field 'status_id' is invalid."
        if given.get("channel_id", 1) not in {1, 2}:
            return "The field 'channel_id' is invalid."
        return next(filter(None, map(self._wrong_item, given["products"])), "")

    def _wrong_item(self, item: Mapping[str, Any]) -> str:
        bought = self.store.products.get(item.get("variant_id", item.get("product_id")))
        if bought is None or (bought.parent or bought.id) != item["product_id"] or not self._is_sold(bought.id):
            return "The field 'product_id' is invalid."
        if ("price_ex_tax" in item) != ("price_inc_tax" in item):
            return "The fields 'price_ex_tax' and 'price_inc_tax' must be supplied together."
        return ""

    # -- Catalog V3.

    def _is_main(self, product_id: int) -> bool:
        return not self.store.products[product_id].parent

    def _is_sold(self, product_id: int) -> bool:
        """Tell whether it can be ordered: a variant, or a product without variants."""
        return not any(each.parent == product_id for each in self.store.products.values())

    def _product(self, product_id: int) -> dict[str, Any]:
        product = self.store.products[product_id]
        base = product_id + 10_000 if self._is_sold(product_id) else None
        return {"id": product_id, "name": product.name, "sku": product.sku, "base_variant_id": base}

    def _variant(self, product_id: int) -> dict[str, Any]:
        product = self.store.products[product_id]
        return {"id": product_id, "product_id": product.parent, "sku": product.sku}


def _catalog(rows: list[dict[str, Any]], query: Mapping[str, str]) -> Answer:
    found = [row for row in rows if query.get("sku") in {None, row["sku"]}]
    size, page = int(query.get("limit", "50")), int(query.get("page", "1"))
    kept = {"id", *query["include_fields"].split(",")} if "include_fields" in query else None
    part = [
        {name: value for name, value in row.items() if kept is None or name in kept}
        for row in found[(page - 1) * size : page * size]
    ]
    return json_answer(HTTPStatus.OK, {"data": part, "meta": {"pagination": {"total": len(found)}}})


def _order(placed: Placed) -> dict[str, Any]:
    given = placed.given
    total = sum(each["quantity"] for each in given.get("products", ()))
    return {
        "id": placed.id,
        "customer_id": given.get("customer_id", 0),
        "date_created": _written(placed.created_at),
        "date_modified": _written(placed.modified_at),
        "date_shipped": _written(placed.modified_at) if placed.shipped else "",
        "status_id": int(placed.status),
        "status": STATUSES[int(placed.status)],
        "items_total": total,
        "items_shipped": total if placed.shipped else 0,
        "payment_method": given.get("payment_method", ""),
        "staff_notes": given.get("staff_notes", ""),
        "billing_address": given.get("billing_address", {}),
        "channel_id": given.get("channel_id", 1),
        "external_source": given.get("external_source"),
        "external_id": None,
        "external_order_id": given.get("external_order_id", ""),
    }


def _written(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC))


def _title(status: int, title: str) -> Answer:
    """Return an error as the gateway and V3 write it."""
    return json_answer(status, {"status": int(status), "title": title, "type": "about:blank", "errors": {}})


def _refused(message: str) -> Answer:
    """Return an error as V2 writes it: a list."""
    return json_answer(HTTPStatus.BAD_REQUEST, [{"status": int(HTTPStatus.BAD_REQUEST), "message": message}])
