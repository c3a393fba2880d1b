"""The stand-in of WooCommerce: REST API v3 (`/wp-json/wc/v3`), as far as the agent uses it. Sources: see integrations/shops/."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from supplier_agent.sandbox.faults import Answer, Request, json_answer
from supplier_agent.sandbox.shops.store import Placed, Product, ShopSemantics, Store

KEY, SECRET = "ck_sandbox", "cs_sandbox"
BASE = "/wp-json/wc/v3/"
STATUSES = {"pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed"}


class WooCommerceShop:
    """A WooCommerce shop."""

    def __init__(self, store: Store, semantics: ShopSemantics) -> None:
        self.store, self.semantics = store, semantics
        store.ahead_seconds = semantics.clock_ahead_seconds

    @property
    def credentials(self) -> str:
        """Consumer key and secret."""
        return f"{KEY}\n{SECRET}"

    def fulfil(self, order_id: int) -> None:
        """Set it to completed."""
        self.store.set_status(order_id, "completed")

    def take_back(self, order_id: int) -> None:
        """Set it back to processing."""
        self.store.set_status(order_id, "processing")

    def answer(self, request: Request, path: str, *, applies: bool) -> Answer:
        """Answer one request."""
        if not path.startswith(BASE):
            return Answer(HTTPStatus.NOT_FOUND, b"<html>Page not found</html>", (("Content-Type", "text/html"),))
        expected = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return _error(HTTPStatus.UNAUTHORIZED, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        query = dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))
        match request.method, path.removeprefix(BASE).strip("/"):
            case "GET", "orders":
                return self._orders(query)
            case "GET", "products":
                found = [each for each in self.store.products.values() if query.get("sku") in {None, each.sku}]
                return self._listed([_product(each) for each in found], query)
            case "POST", "orders":
                return self._create(request, applies=applies)
        return _error(HTTPStatus.NOT_FOUND, "rest_no_route", "No route was found matching the URL and request method.")

    def _orders(self, query: Mapping[str, str]) -> Answer:
        found = list(self.store.orders.values())
        if "search" in query and self.semantics.search != "everything":
            usual = self.semantics.search == "usual"
            found = [each for each in found if usual and query["search"] in _addresses(each)]
        if "modified_after" in query:
            after = datetime.fromisoformat(query["modified_after"]).replace(tzinfo=UTC)
            found = [each for each in found if each.modified_at > after]
        by_modified = query.get("orderby") == "modified"
        found.sort(key=lambda each: (each.modified_at if by_modified else each.created_at, each.id))
        if query.get("order", "desc") == "desc":
            found.reverse()
        return self._listed([_order(each) for each in found], query)

    def _listed(self, rows: list[dict[str, Any]], query: Mapping[str, str]) -> Answer:
        size, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
        if not 1 <= size <= 100:  # noqa: PLR2004 - documented
            return _error(HTTPStatus.BAD_REQUEST, "rest_invalid_param", "Invalid parameter(s): per_page")
        fields = query.get("_fields", "").split(",") if query.get("_fields") else None
        part = rows[(page - 1) * size : page * size]
        shown = [row if fields is None else {name: row[name] for name in fields if name in row} for row in part]
        totals = (("X-WP-Total", str(len(rows))), ("X-WP-TotalPages", str(-(-len(rows) // size))))
        answer = json_answer(HTTPStatus.OK, shown)
        return Answer(answer.status, answer.body, (*answer.headers, *(totals if self.semantics.totals else ())))

    def _create(self, request: Request, *, applies: bool) -> Answer:
        if not self.semantics.key_may_write:
            code = "woocommerce_rest_authentication_error"
            return _error(HTTPStatus.UNAUTHORIZED, code, "The API key provided does not have write permissions.")
        try:
            given = json.loads(request.body or b"")
        except ValueError:
            return _error(HTTPStatus.BAD_REQUEST, "rest_invalid_json", "Invalid JSON body passed.")
        status = given.get("status", "pending")
        if status not in STATUSES:
            return _error(HTTPStatus.BAD_REQUEST, "rest_invalid_param", "Invalid parameter(s): status")
        for item in given.get("line_items", ()):
            if item.get("variation_id", item.get("product_id")) not in self.store.products:
                return _error(
                    HTTPStatus.BAD_REQUEST, "woocommerce_rest_invalid_product_id", "Product ID provided is invalid."
                )
        given.pop("created_via", None)  # read-only
        if not applies:
            return json_answer(HTTPStatus.CREATED, {})
        placed = self.store.place(status, given)
        for item in given.get("line_items", ()):
            self.store.products[item.get("variation_id", item["product_id"])].stock -= item["quantity"]
        if (email := given.get("billing", {}).get("email")) and status in {"processing", "on-hold", "completed"}:
            self.store.mails.append(email)
        return json_answer(HTTPStatus.CREATED, _order(placed))


def _order(placed: Placed) -> dict[str, Any]:
    return {
        "id": placed.id,
        "number": str(placed.id),
        "status": placed.status,
        "created_via": placed.given.get("created_via", "rest-api"),
        "date_created_gmt": f"{placed.created_at:%Y-%m-%dT%H:%M:%S}",
        "date_modified_gmt": f"{placed.modified_at:%Y-%m-%dT%H:%M:%S}",
        "billing": placed.given.get("billing", {}),
        "shipping": placed.given.get("shipping", {}),
        "line_items": placed.given.get("line_items", []),
        "meta_data": [{"id": place, **each} for place, each in enumerate(placed.given.get("meta_data", []), 1)],
    }


def _product(product: Product) -> dict[str, Any]:
    kind = "variation" if product.parent else "simple"
    return {"id": product.id, "sku": product.sku, "name": product.name, "type": kind, "parent_id": product.parent}


def _addresses(placed: Placed) -> str:
    """Return what the search looks at: both addresses."""
    return " ".join(str(part) for name in ("billing", "shipping") for part in placed.given.get(name, {}).values())


def _error(status: int, code: str, message: str) -> Answer:
    return json_answer(status, {"code": code, "message": message, "data": {"status": int(status)}})
