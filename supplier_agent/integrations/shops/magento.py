"""Magento Open Source and Adobe Commerce 2.4: REST API V1 (`rest/V1`), with an integration's access token.

Sources: Adobe Commerce Web API documentation (developer.adobe.com/commerce/webapi): Token-based authentication; Search using REST
endpoints (`searchCriteria`); Retrieve filtered responses (`fields`); Order processing tutorial; the reference of
`salesOrderRepositoryV1` and `catalogProductRepositoryV1`. Magento's issue 26575 about stock, see `create`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from supplier_agent.integrations.reading import AnswerError, parsed
from supplier_agent.integrations.shops.protocol import (
    ADDRESS,
    MOST_FOUND,
    NO_MAIL,
    Line,
    Request,
    Scope,
    instant,
    list_of,
    number,
    object_of,
    readable,
    text,
)
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.shop_orders import InShop, Product, ShopPage
from supplier_agent.settings.shop import Shop

SUPPLIER = "menzzo:"
"""How `ext_customer_id` begins; the supplier follows."""
_ORDER_FIELDS = (
    "entity_id,increment_id,ext_order_id,ext_customer_id,state,status,created_at,updated_at,"
    "items[product_type,parent_item_id,qty_ordered,qty_shipped,qty_canceled,qty_refunded]"
)
"""Without names and addresses: those of the shop's own customers are never read."""
_NOT_SHIPPED = frozenset({"virtual", "downloadable"})
NOT_FOUND = 404


class Magento:
    """The requests of Magento, and what its answers mean."""

    API = "Magento 2.4 REST API V1"
    CANNOT_PROVE = (
        "whether the integration may create orders (Magento_Sales::create) is seen only when the first order is made"
    )
    PAGE = 50

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def headers(self, credentials: str) -> Mapping[str, str]:
        """Return the access token as a bearer token. Since 2.4.4 the shop must allow that (Token-based authentication)."""
        return {"Authorization": f"Bearer {credentials}"}

    def secrets(self, credentials: str) -> Sequence[str]:
        """Return the token."""
        return [credentials]

    def search(self, reference: str) -> Request:
        """Find it by `ext_order_id`."""
        return self._orders([("ext_order_id", "eq", reference)], MOST_FOUND, 1)

    def changed(self, since: datetime, page: int) -> Request:
        """Return those that have an `ext_order_id`, by `updated_at`, which is in UTC. All orders of others are left out."""
        at = f"{since.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        return self._orders([("updated_at", "gteq", at), ("ext_order_id", "notnull", "1")], self.PAGE, page)

    def _orders(self, filters: Sequence[tuple[str, str, str]], size: int, page: int) -> Request:
        query: dict[str, object] = {}
        for place, (field, condition, value) in enumerate(filters):
            start = f"searchCriteria[filter_groups][{place}][filters][0]"
            query |= {f"{start}[field]": field, f"{start}[condition_type]": condition, f"{start}[value]": value}
        query |= {
            "searchCriteria[sortOrders][0][field]": "updated_at",
            "searchCriteria[sortOrders][0][direction]": "ASC",
            "searchCriteria[pageSize]": size,
            "searchCriteria[currentPage]": page,
            "fields": f"items[{_ORDER_FIELDS}],total_count",
        }
        return _get("orders", query)

    def read_orders(self, answer: Answer, page: int) -> ShopPage:
        """Return the orders. A page after the last one shows the last one again, so `total_count` says whether there are more."""
        whole = object_of(parsed(answer), "search result")
        rows = list_of(whole.get("items") or [], "orders")
        if "total_count" not in whole:
            raise AnswerError("the answer has no total_count")
        return ShopPage(readable(rows, self._order), page * self.PAGE < number(whole, "total_count"))

    def _order(self, row: Mapping[str, Any]) -> InShop:
        status, said = text(row, "status"), text(row, "ext_customer_id")
        return InShop(
            text(row, "entity_id", needed=True),
            text(row, "increment_id") or text(row, "entity_id"),
            text(row, "ext_order_id"),
            said.removeprefix(SUPPLIER) if said.startswith(SUPPLIER) else "",
            status,
            status == self._shop.fulfilled if self._shop.fulfilled else _is_shipped(row),
            instant(row, "created_at"),
            instant(row, "updated_at"),
        )

    def product(self, sku: str) -> Request:
        """Find a product by SKU (catalogProductRepositoryV1)."""
        return _get(f"products/{quote(sku, safe='')}", {"fields": "id,sku,name,type_id"})

    def read_product(self, answer: Answer, sku: str) -> Product | None:
        """Return it; 404 means that there is none."""
        if answer.status == NOT_FOUND:
            return None
        row = object_of(parsed(answer), "product")
        return (
            Product(text(row, "id"), "", text(row, "sku") or sku, text(row, "name") or sku) if text(row, "id") else None
        )

    def create(self, line: Line, product: Product) -> Request:
        """Return the order (PUT /V1/orders/create, salesOrderRepositoryV1).

        Adobe documents two ways. A cart that is paid for (Order processing tutorial) sends a confirmation to the customer, and
        cannot be found again by our reference if the answer is lost. This one stores the order as it is given: no mail is sent
        (`email_sent`, `customer_note_notify`), and `ext_order_id` is there from the first moment. In return, it reserves no stock
        (Magento's issue 26575): the quantity falls when the shipment is made.
        """
        name, street, town, postcode = ADDRESS
        address = {
            "firstname": name,
            "lastname": line.reference,
            "street": [street],
            "city": town,
            "postcode": postcode,
            "country_id": self._shop.country,
            "telephone": "0",
            "email": NO_MAIL,
        }
        price = (line.price_cents or 0) / 100
        total = (line.price_cents or 0) * line.quantity / 100
        item = {
            "sku": product.sku,
            "product_id": int(product.product_id),
            "product_type": "simple",
            "name": product.name,
            "qty_ordered": line.quantity,
            "price": price,
            "base_price": price,
            "original_price": price,
            "base_original_price": price,
            "row_total": total,
            "base_row_total": total,
            "store_id": self._shop.store_id,
        }
        shipping = {"address": {**address, "address_type": "shipping"}, "method": "menzzo_label"}
        entity = {
            "ext_order_id": line.reference,
            "ext_customer_id": f"{SUPPLIER}{line.supplier}",
            "state": "processing",
            "status": self._shop.status,
            "store_id": self._shop.store_id,
            "customer_is_guest": 1,
            "customer_email": NO_MAIL,
            "customer_firstname": name,
            "customer_lastname": line.reference,
            "customer_note_notify": 0,
            "email_sent": 1,
            "is_virtual": 0,
            "grand_total": total,
            "base_grand_total": total,
            "subtotal": total,
            "base_subtotal": total,
            "total_qty_ordered": line.quantity,
            "total_item_count": 1,
            "shipping_description": "Label of the marketplace Menzzo",
            "items": [item],
            "billing_address": {**address, "address_type": "billing"},
            "payment": {"method": "checkmo", "additional_information": ["Paid to the marketplace Menzzo"]},
            "extension_attributes": {"shipping_assignments": [{"shipping": shipping, "items": [item]}]},
        }
        return Request("PUT", "/rest/V1/orders/create", {"entity": entity})

    def read_created(self, answer: Answer) -> InShop:
        """Return the order that was stored."""
        return self._order(object_of(parsed(answer), "order"))

    def scopes(self) -> Sequence[Scope]:
        """Return the reads that the integration needs."""
        one = {"searchCriteria[pageSize]": 1, "searchCriteria[currentPage]": 1}
        return (
            Scope("orders", _get("orders", {**one, "fields": "total_count"}), "the integration may read orders"),
            Scope("products", _get("products", {**one, "fields": "total_count"}), "the integration may read products"),
        )


def _is_shipped(row: Mapping[str, Any]) -> bool:
    """Tell whether shipments exist for everything that is still to be sent. A child of another item is sent with it."""
    items = [each for each in row.get("items") or () if isinstance(each, dict)]
    sent = 0.0
    for item in items:
        if text(item, "product_type") in _NOT_SHIPPED or number(item, "parent_item_id"):
            continue
        due = number(item, "qty_ordered") - number(item, "qty_canceled") - number(item, "qty_refunded")
        if number(item, "qty_shipped") < due:
            return False
        sent += number(item, "qty_shipped")
    return sent > 0


def _get(resource: str, query: Mapping[str, object]) -> Request:
    return Request("GET", f"/rest/V1/{resource}?{urlencode(query)}")
