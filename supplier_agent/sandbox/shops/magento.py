"""The stand-in of Magento 2.4: REST API V1 (`/rest/V1`), as far as the agent uses it. Sources: see integrations/shops/."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from supplier_agent.sandbox.faults import Answer, Request, json_answer
from supplier_agent.sandbox.shops.store import Placed, Product, ShopSemantics, Store

TOKEN = "magento-sandbox"  # noqa: S105 - of the stand-in
BASE = "/rest/V1/"
_FILTER = re.compile(r"searchCriteria\[filter_groups\]\[([0-9]+)\]\[filters\]\[0\]\[(field|value|condition_type)\]")
_NEEDED = ("customer_email", "grand_total", "base_grand_total", "items")
"""The fields that the reference of salesOrderRepositoryV1 calls required."""


class MagentoShop:
    """A Magento shop."""

    def __init__(self, store: Store, semantics: ShopSemantics) -> None:
        self.store, self.semantics = store, semantics
        store.ahead_seconds = semantics.clock_ahead_seconds

    @property
    def credentials(self) -> str:
        """The access token of the integration."""
        return TOKEN

    def fulfil(self, order_id: int) -> None:
        """Make a shipment of everything; the stock falls now."""
        self.store.set_status(order_id, "complete", shipped=True)
        for item in self.store.orders[order_id].given.get("items", ()):
            product = next((each for each in self.store.products.values() if each.sku == item.get("sku")), None)
            if product is not None:
                product.stock -= item["qty_ordered"]

    def take_back(self, order_id: int) -> None:
        """Remove the shipment, as plug-ins for that do."""
        self.store.set_status(order_id, "processing", shipped=False)

    def answer(self, request: Request, path: str, *, applies: bool) -> Answer:
        """Answer one request."""
        if not path.startswith(BASE):
            return Answer(HTTPStatus.NOT_FOUND, b"<html>404</html>", (("Content-Type", "text/html"),))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refused("Magento_Sales::sales")
        query = dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True))
        match request.method, path.removeprefix(BASE).strip("/").split("/"):
            case "GET", ["orders"]:
                return self._orders(query)
            case "GET", ["products"]:
                return json_answer(HTTPStatus.OK, {"total_count": len(self.store.products)})
            case "GET", ["products", sku]:
                product = next((each for each in self.store.products.values() if each.sku == sku), None)
                return _missing_product() if product is None else json_answer(HTTPStatus.OK, _product(product))
            case "PUT", ["orders", "create"]:
                return self._create(request, applies=applies)
        return json_answer(HTTPStatus.NOT_FOUND, {"message": "Request does not match any route."})

    def _orders(self, query: Mapping[str, str]) -> Answer:
        size = int(query.get("searchCriteria[pageSize]", "20"))
        page = int(query.get("searchCriteria[currentPage]", "1"))
        groups: dict[str, dict[str, str]] = {}
        for name, value in query.items():
            if found := _FILTER.fullmatch(name):
                groups.setdefault(found[1], {})[found[2]] = value
        rows = [_order(each) for each in self.store.orders.values()]
        for each in groups.values():
            rows = [row for row in rows if self._fits(row, each)]
        rows.sort(key=lambda row: (row["updated_at"], row["entity_id"]))
        pages = max(1, -(-len(rows) // size))
        page = min(page, pages)  # documented nowhere, and so in reality: after the last page comes the last page
        part = rows[(page - 1) * size : page * size]
        return json_answer(HTTPStatus.OK, {"items": part, "total_count": len(rows)})

    def _fits(self, row: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
        name, value = filters["field"], filters.get("value", "")
        if name == "ext_order_id" and self.semantics.search == "nothing":
            return filters.get("condition_type") == "notnull"
        match filters.get("condition_type", "eq"):
            case "eq":
                return str(row.get(name)) == value
            case "notnull":
                return row.get(name) is not None
            case "gteq":
                return str(row.get(name)) >= value
        return True

    def _create(self, request: Request, *, applies: bool) -> Answer:
        if not self.semantics.key_may_write:
            return _refused("Magento_Sales::create")
        try:
            entity = json.loads(request.body or b"")["entity"]
        except (ValueError, KeyError, TypeError):
            return json_answer(HTTPStatus.BAD_REQUEST, {"message": "Decoding error."})
        missing = [name for name in _NEEDED if name not in entity]
        if missing:
            message = {"message": '"%fieldName" is required.', "parameters": {"fieldName": missing[0]}}
            return json_answer(HTTPStatus.BAD_REQUEST, message)
        if not applies:
            return json_answer(HTTPStatus.OK, {})
        placed = self.store.place(entity.get("status", "pending"), entity)  # reserves no stock: issue 26575
        if not entity.get("email_sent"):
            self.store.mails.append(entity["customer_email"])
        return json_answer(HTTPStatus.OK, _order(placed))


def _order(placed: Placed) -> dict[str, Any]:
    given = placed.given
    return {
        "entity_id": placed.id,
        "increment_id": f"{placed.id:09}",
        "ext_order_id": given.get("ext_order_id"),
        "ext_customer_id": given.get("ext_customer_id"),
        "state": placed.status,
        "status": placed.status,
        "created_at": _written(placed.created_at),
        "updated_at": _written(placed.modified_at),
        "customer_email": given.get("customer_email"),
        "items": [
            {
                "product_type": "simple",
                "qty_ordered": item["qty_ordered"],
                "qty_shipped": item["qty_ordered"] if placed.shipped else 0,
                "qty_canceled": 0,
                "qty_refunded": 0,
            }
            for item in given.get("items", ())
        ],
    }


def _product(product: Product) -> dict[str, Any]:
    return {"id": product.id, "sku": product.sku, "name": product.name, "type_id": "simple"}


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _refused(resource: str) -> Answer:
    message = "The consumer isn't authorized to access %resources."
    return json_answer(HTTPStatus.UNAUTHORIZED, {"message": message, "parameters": {"resources": resource}})


def _missing_product() -> Answer:
    message = "The product that was requested doesn't exist. Verify the product and try again."
    return json_answer(HTTPStatus.NOT_FOUND, {"message": message})
