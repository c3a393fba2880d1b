"""BigCommerce: Orders V2 (`/v2/orders`) and Catalog V3 (`/v3/catalog`), with the access token of a store-level API account.

Sources: BigCommerce's developer documentation and its OpenAPI files (github.com/bigcommerce/docs, April 2026): Orders V2
(reference/orders.v2.oas2.yml), Orders Overview, Products and Product Variants V3, API Accounts and OAuth Scopes, API Status Codes,
API Rate Limits. Where they are silent: V2 answers an empty list with 204 and no body (aligent/bigcommerce-v3-api-php-client, pull
request 177), and V3 may list a variant whose product is 0, that is, no product (bigcommerce/api, issue 44).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from supplier_agent.integrations.reading import AnswerError, mail_instant, parsed
from supplier_agent.integrations.shops.protocol import (
    ADDRESS,
    MOST_FOUND,
    NO_MAIL,
    Line,
    Request,
    Scope,
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
"""How `external_source` begins; the supplier follows."""
AWAITING_FULFILLMENT = 11
"""The status for an order that is paid and not sent. Without one, V2 makes it 1, Pending."""
SENT = frozenset({"2", "10"})
"""Shipped, and Completed, which a shop may set afterwards or instead (Order Status)."""
AFTERWARDS = frozenset({"4", "5", "13", "14"})
"""Refunded, Cancelled, Disputed, Partially Refunded: they do not say whether the parcel has left. The shipments do."""


class BigCommerce:
    """The requests of BigCommerce, and what its answers mean."""

    API = "BigCommerce Orders V2 and Catalog V3 (REST)"
    CANNOT_PROVE = (
        "whether the token may create orders (scope Orders: modify) is seen only when the first order is made"
    )
    PAGE = 50

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def headers(self, credentials: str) -> Mapping[str, str]:
        """Return the access token in its own header (Authentication)."""
        return {"X-Auth-Token": credentials}

    def secrets(self, credentials: str) -> Sequence[str]:
        """Return the token."""
        return [credentials]

    def retry_after(self, answer: Answer) -> str | None:
        """Return when the quota is renewed, in seconds: BigCommerce says it in a header of its own (API Rate Limits)."""
        milliseconds = answer.headers.get("x-rate-limit-time-reset-ms", "")
        is_number = milliseconds.isascii() and milliseconds.isdecimal() and len(milliseconds) < 10  # noqa: PLR2004 - days
        return str(-(-int(milliseconds) // 1000)) if is_number else None

    def search(self, reference: str) -> Request:
        """Find it by `external_order_id`. `external_id`, which is similar, is read-only."""
        return self._orders(external_order_id=reference, limit=MOST_FOUND, sort="id:asc")

    def changed(self, since: datetime, page: int) -> Request:
        """Return those that were modified since then, by `date_modified`. V2 can leave out no fields, and no orders of others.

        Only a channel of its own (`channel_id`) keeps the orders of the shop's own customers out of the answer.
        """
        at = since.astimezone(UTC).isoformat(timespec="seconds")
        return self._orders(min_date_modified=at, sort="date_modified:asc", limit=self.PAGE, page=page)

    def _orders(self, **query: object) -> Request:
        return _get("/v2/orders", **query, **self._channel())

    def _channel(self) -> Mapping[str, int]:
        return {} if self._shop.channel_id is None else {"channel_id": self._shop.channel_id}

    def read_orders(self, answer: Answer, page: int) -> ShopPage:  # noqa: ARG002 - as every platform
        """Return the orders. V2 does not say how many there are: after a full page, there may be another one."""
        if answer.status == HTTPStatus.NO_CONTENT:
            return ShopPage((), more=False)
        rows = list_of(parsed(answer), "orders")
        return ShopPage(readable(rows, self._order), len(rows) >= self.PAGE)

    def _order(self, row: Mapping[str, Any]) -> InShop:
        said, this = text(row, "external_source"), text(row, "id", needed=True)
        return InShop(
            this,
            this,
            text(row, "external_order_id"),
            said.removeprefix(SUPPLIER) if said.startswith(SUPPLIER) else "",
            text(row, "status"),
            text(row, "status_id") == self._shop.fulfilled if self._shop.fulfilled else _is_sent(row),
            mail_instant(row.get("date_created")),
            mail_instant(row.get("date_modified")),
        )

    def product(self, sku: str) -> Request:
        """Find a product by its main SKU (Get all products)."""
        fields = "sku,name,base_variant_id"
        return _get("/v3/catalog/products", sku=sku, include_fields=fields, limit=MOST_FOUND)

    def read_product(self, answer: Answer, sku: str) -> Product | None:
        """Return the one with exactly that SKU. One with options has no base variant, and is ordered by the SKU of a variant."""
        for row in _data(answer, "products"):
            if text(row, "sku") == sku and text(row, "id") and number(row, "base_variant_id"):
                return Product(text(row, "id"), "", sku, text(row, "name"))
        return None

    def variant(self, sku: str) -> Request:
        """Find a variant by its SKU, which the search for products does not look at (Get all variants)."""
        return _get("/v3/catalog/variants", sku=sku, include_fields="sku,product_id", limit=MOST_FOUND)

    def read_variant(self, answer: Answer, sku: str) -> Product | None:
        """Return the one with exactly that SKU. It is ordered by its product's id and its own."""
        for row in _data(answer, "variants"):
            if text(row, "sku") == sku and text(row, "id") and number(row, "product_id"):
                return Product(text(row, "product_id"), text(row, "id"), sku, sku)
        return None

    def create(self, line: Line, product: Product) -> Request:
        """Return the order (Create an Order).

        V2 sends no mail about it; an order that is made from a cart would (Orders Overview). When the shop's staff make a shipment,
        BigCommerce may send one to the address in `billing_address.email`, which it insists on: the domain cannot exist.
        """
        name, street, town, postcode = ADDRESS
        address = {
            "first_name": name,
            "last_name": line.reference,
            "street_1": street,
            "city": town,
            "zip": postcode,
            "country_iso2": self._shop.country,
            "email": NO_MAIL,
        }
        item: dict[str, Any] = {"product_id": int(product.product_id), "quantity": line.quantity}
        if product.variant_id:
            item["variant_id"] = int(product.variant_id)
        if line.price_cents is not None:  # with one of them alone, the totals would be wrong
            item["price_ex_tax"] = item["price_inc_tax"] = f"{line.price_cents / 100:.2f}"
        return Request(
            "POST",
            "/v2/orders",
            {
                "external_order_id": line.reference,
                "external_source": f"{SUPPLIER}{line.supplier}",
                "status_id": int(self._shop.status) if self._shop.status.isdecimal() else AWAITING_FULFILLMENT,
                "customer_id": 0,
                "payment_method": "Paid to the marketplace",
                "staff_notes": "Order of the marketplace Menzzo. Its label comes from there.",
                "billing_address": address,
                "shipping_addresses": [address],
                "products": [item],
                **self._channel(),
            },
        )

    def read_created(self, answer: Answer) -> InShop:
        """Return the order that was made."""
        return self._order(object_of(parsed(answer), "order"))

    def scopes(self) -> Sequence[Scope]:
        """Return the reads that the token needs. The first one only counts, so that no customer's order is read."""
        count = _get("/v2/orders/count", **self._channel())
        products = _get("/v3/catalog/products", include_fields="sku", limit=1)
        return (
            Scope("orders", count, "the token may read orders"),
            Scope("products", products, "the token may read products"),
        )


def _is_sent(row: Mapping[str, Any]) -> bool:
    """Tell whether it is Shipped or Completed; after a refund or the like, whether everything has a shipment."""
    status = text(row, "status_id")
    if status in AFTERWARDS:
        return 0 < number(row, "items_total") <= number(row, "items_shipped")
    return status in SENT


def _data(answer: Answer, what: str) -> Sequence[Mapping[str, Any]]:
    """Return the rows of an answer of V3."""
    whole = object_of(parsed(answer), "list")
    if "data" not in whole:
        raise AnswerError(f"the answer has no {what}")
    return list_of(whole["data"], what)


def _get(path: str, **query: object) -> Request:
    return Request("GET", f"{path}?{urlencode(query)}" if query else path)
