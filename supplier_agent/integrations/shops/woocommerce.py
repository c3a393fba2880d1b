"""WooCommerce: REST API v3 (`wp-json/wc/v3`), as of WooCommerce 5.8 and later.

Sources: WooCommerce REST API documentation, v3: Authentication over HTTPS, Pagination, Orders, Products
(woocommerce.github.io/woocommerce-rest-api-docs); WordPress REST API handbook, Global parameters (`_fields`);
WooCommerce's own code where the documentation is silent (`search`: OrdersTableSearchQuery, which looks at the addresses).
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from supplier_agent.integrations.reading import parsed
from supplier_agent.integrations.shops.protocol import (
    ADDRESS,
    MOST_FOUND,
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
from supplier_agent.settings.tokens import JOINT

REFERENCE, SUPPLIER = "menzzo_order_id", "menzzo_supplier"
"""The order's own fields (`meta_data`) in the shop."""
PLACED = frozenset({"checkout", "store-api"})
"""What `created_via` says of an order from the shop's own checkout, the classic one and that of blocks. Orders made by hand or by
a program, as ours, have another word."""
FULFILLED = "completed"
"""The status that WooCommerce documents for an order that is fulfilled."""
_ORDER_FIELDS = "id,number,status,created_via,date_created_gmt,date_modified_gmt,meta_data"
"""Without names and addresses: those of the shop's own customers are never read."""


class WooCommerce:
    """The requests of WooCommerce, and what its answers mean."""

    API = "WooCommerce REST API v3 (wc/v3)"
    CANNOT_PROVE = (
        "whether the key may write is seen only when the first order is made: its permissions must be Read/Write"
    )
    PAGE = 50

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def headers(self, credentials: str) -> Mapping[str, str]:
        """Return HTTP Basic with consumer key and secret (Authentication over HTTPS)."""
        return {"Authorization": f"Basic {_basic(credentials)}"}

    def secrets(self, credentials: str) -> Sequence[str]:
        """Return key, secret, and both as they are sent."""
        return [*credentials.split(JOINT), _basic(credentials)]

    def search(self, reference: str) -> Request:
        """Find it by the name in its address: `search` does not look at `meta_data`. The client compares the reference."""
        return _get("orders", search=reference, status="any", per_page=MOST_FOUND, _fields=_ORDER_FIELDS)

    def changed(self, since: datetime, page: int) -> Request:
        """Return `modified_after` in GMT, in the order of modification (Orders: List all orders)."""
        return _get(
            "orders",
            modified_after=f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            dates_are_gmt="true",
            orderby="modified",
            order="asc",
            status="any",
            per_page=self.PAGE,
            page=page,
            _fields=_ORDER_FIELDS,
        )

    def read_orders(self, answer: Answer, page: int) -> ShopPage:
        """Return the orders; the header X-WP-TotalPages says whether there are more (Pagination)."""
        rows = list_of(parsed(answer), "orders")
        pages = answer.headers.get("x-wp-totalpages", "")
        more = page < int(pages) if pages.isdecimal() else len(rows) >= self.PAGE
        return ShopPage(readable(rows, self._order), more)

    def _order(self, row: Mapping[str, Any]) -> InShop:
        meta = {
            each["key"]: str(each.get("value") or "")
            for each in row.get("meta_data") or ()
            if isinstance(each, dict) and each.get("key") in {REFERENCE, SUPPLIER}
        }
        status = text(row, "status")
        return InShop(
            text(row, "id", needed=True),
            text(row, "number") or text(row, "id"),
            meta.get(REFERENCE, ""),
            meta.get(SUPPLIER, ""),
            status,
            status == (self._shop.fulfilled or FULFILLED),
            instant(row, "date_created_gmt"),
            instant(row, "date_modified_gmt"),
            placed=text(row, "created_via") in PLACED,
        )

    def product(self, sku: str) -> Request:
        """Find a product or one of its variations by SKU (Products: List all products)."""
        return _get("products", sku=sku, per_page=MOST_FOUND, _fields="id,sku,name,type,parent_id")

    def read_product(self, answer: Answer, sku: str) -> Product | None:
        """Return the one with exactly that SKU. A variation is ordered by its parent's id and its own."""
        for row in list_of(parsed(answer), "products"):
            if text(row, "sku") == sku and text(row, "id"):
                parent = text(row, "parent_id") if number(row, "parent_id") else ""
                found = (parent, text(row, "id")) if parent else (text(row, "id"), "")
                return Product(*found, sku, text(row, "name"))
        return None

    def create(self, line: Line, product: Product) -> Request:
        """Return the order (Orders: Create an order).

        WooCommerce sends its mails to the address in `billing.email`, and has no switch for them in the API (issue 14890). So there
        is none, and `customer_id` is a guest: no mail can go to a customer. The status, `processing` by default, reserves the
        stock; `set_paid` stays false, because it would also say that money has come in.
        """
        name, street, town, postcode = ADDRESS
        address = {
            "first_name": name,
            "last_name": line.reference,  # `search` finds it here
            "address_1": street,
            "city": town,
            "postcode": postcode,
            "country": self._shop.country,
        }
        item: dict[str, Any] = {"product_id": int(product.product_id), "quantity": line.quantity}
        if product.variant_id:
            item["variation_id"] = int(product.variant_id)
        if line.price_cents is not None:
            item["subtotal"] = item["total"] = f"{line.price_cents * line.quantity / 100:.2f}"
        return Request(
            "POST",
            "/wp-json/wc/v3/orders",
            {
                "status": self._shop.status,
                "set_paid": False,
                "customer_id": 0,
                "payment_method": "",
                "payment_method_title": "Paid to the marketplace",
                "customer_note": "Order of the marketplace Menzzo. Its label comes from there.",
                "billing": address,
                "shipping": address,
                "line_items": [item],
                "meta_data": [{"key": REFERENCE, "value": line.reference}, {"key": SUPPLIER, "value": line.supplier}],
            },
        )

    def read_created(self, answer: Answer) -> InShop:
        """Return the order that was made (201)."""
        return self._order(object_of(parsed(answer), "order"))

    def scopes(self) -> Sequence[Scope]:
        """Return the reads that a Read/Write key may make."""
        return (
            Scope("orders", _get("orders", per_page=1, _fields="id"), "the key may read orders"),
            Scope("products", _get("products", per_page=1, _fields="id"), "the key may read products"),
        )


def _get(resource: str, **query: object) -> Request:
    return Request("GET", f"/wp-json/wc/v3/{resource}?{urlencode(query)}")


def _basic(credentials: str) -> str:
    key, _, secret = credentials.partition(JOINT)
    return base64.b64encode(f"{key}:{secret}".encode()).decode()
