"""Shopify: GraphQL Admin API, version 2026-10. Its REST Admin API is legacy since October 2024, so a new app must not use it.

Sources: Shopify's documentation (shopify.dev): Client credentials grant, and Generate access tokens for admin-created custom apps;
the reference of `orders`, `orderCreate`, `OrderCreateOrderInput`, `OrderCreateOptionsInput`, `productVariants`,
`currentAppInstallation` and `OrderDisplayFulfillmentStatus`; API search syntax; Protected customer data (level 1 is enough, as no
name, address, phone or e-mail is read).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from supplier_agent.integrations.access_tokens import Granted
from supplier_agent.integrations.reading import AnswerError, parsed
from supplier_agent.integrations.shops.protocol import (
    ADDRESS,
    MOST_FOUND,
    Line,
    Request,
    SaidError,
    Scope,
    instant,
    list_of,
    number,
    object_of,
    readable,
    text,
)
from supplier_agent.integrations.shops.shopify_answers import VERSION, data_of, messages, other_version
from supplier_agent.integrations.shops.shopify_queries import QUERIES
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.shop_orders import InShop, Product, ShopPage
from supplier_agent.settings.shop import Shop
from supplier_agent.settings.tokens import JOINT

REFERENCE, SUPPLIER = "menzzo_order_id", "menzzo_supplier"
"""The order's own fields (`customAttributes`) in the shop."""
TAG = "menzzo"
FULFILLED = "FULFILLED"
"""The status for an order all of whose items are fulfilled."""
EURO = "EUR"
"""The currency of the marketplace's prices."""
_SUCCESS, _ACTIVE = "SUCCESS", "ACTIVE"
_DORMANT = "SHOP_DORMANT"


class Shopify:
    """The requests of Shopify, and what its answers mean."""

    API = f"Shopify GraphQL Admin API ({VERSION})"
    CANNOT_PROVE = "whether the shop accepts an order as it is sent is seen only when the first one is made"
    PAGE = 50

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    # -- Access.

    def grant(self, credentials: str) -> Request | None:
        """Exchange client ID and secret of an app for a token of 24 hours (Client credentials grant). A token is sent as it is."""
        key, joint, secret = credentials.partition(JOINT)
        given = {"grant_type": "client_credentials", "client_id": key, "client_secret": secret}
        return Request("POST", "/admin/oauth/access_token", given) if joint else None

    def read_grant(self, answer: Answer) -> Granted:
        """Return the token."""
        row = object_of(parsed(answer), "access token")
        if not isinstance(token := row.get("access_token"), str) or not token.isascii() or not token.isprintable():
            raise AnswerError("the answer has no access token")
        return Granted(token, number(row, "expires_in"))

    def headers(self, credentials: str) -> Mapping[str, str]:
        """Return the header that carries the access token."""
        return {"X-Shopify-Access-Token": credentials}

    def secrets(self, credentials: str) -> Sequence[str]:
        """Return client ID and secret, or the token."""
        return credentials.split(JOINT)

    # -- Orders.

    def search(self, reference: str) -> Request:
        """Find it by `source_identifier`. The index is behind by seconds or more: see `newest`."""
        return _ask("findOrders", first=MOST_FOUND, query=f"source_identifier:{_quoted(reference)}")

    def changed(self, since: datetime, page: int) -> Request:  # noqa: ARG002 - the following pages have a cursor
        """Return the orders by `updated_at`, which is in UTC."""
        return self.changed_after(since, "")

    def changed_after(self, since: datetime, after: str) -> Request:
        """Return the same from a cursor on."""
        query = f"updated_at:>='{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
        return _ask("changedOrders", first=self.PAGE, query=query, after=after or None)

    def newest(self, after: str) -> Request:
        """Return all orders: without `query`, Shopify lists them without its search index."""
        return _ask("newestOrders", first=self.PAGE, after=after or None)

    def read_orders(self, answer: Answer, page: int) -> ShopPage:  # noqa: ARG002 - pages have cursors
        """Return the orders, and the cursor of the last one."""
        connection = object_of(data_of(answer).get("orders"), "list of orders")
        info = object_of(connection.get("pageInfo"), "list of orders")
        rows = list_of(connection.get("nodes"), "orders")
        after = info.get("endCursor")
        more = info.get("hasNextPage") is True and isinstance(after, str) and after != ""
        return ShopPage(readable(rows, self._order), more, after=str(after) if more else "", note=other_version(answer))

    def _order(self, row: Mapping[str, Any]) -> InShop:
        attributes = {
            each.get("key"): each.get("value") for each in row.get("customAttributes") or () if isinstance(each, dict)
        }
        supplier = attributes.get(SUPPLIER)
        gid, status = text(row, "id", needed=True), text(row, "displayFulfillmentStatus")
        return InShop(
            gid.rpartition("/")[2],
            text(row, "name") or gid,
            text(row, "sourceIdentifier"),
            supplier if isinstance(supplier, str) else "",
            status,
            status == self._shop.fulfilled if self._shop.fulfilled else _is_fulfilled(row, status),
            instant(row, "createdAt"),
            instant(row, "updatedAt"),
        )

    # -- Products.

    def product(self, sku: str) -> Request:
        """Find a variant by its SKU, and the shop's currency."""
        return _ask("findVariant", first=MOST_FOUND, query=f"sku:{_quoted(sku)}")

    def read_product(self, answer: Answer, sku: str) -> Product | None:
        """Return the variant with exactly that SKU. Shopify allows several: the oldest of an active product is taken."""
        data = data_of(answer)
        currency = text(object_of(data.get("shop"), "shop"), "currencyCode")
        rows = list_of(object_of(data.get("productVariants"), "list of variants").get("nodes"), "variants")
        found = []
        for row in rows:
            product = row.get("product")
            if text(row, "sku") == sku and text(row, "id") and isinstance(product, dict):
                variant = Product(text(product, "id"), text(row, "id"), sku, text(product, "title"), currency)
                found.append((text(product, "status") != _ACTIVE, variant))
        return min(found, key=lambda each: each[0])[1] if found else None

    # -- Making an order.

    def create(self, line: Line, product: Product) -> Request:
        """Return the order (`orderCreate`).

        No mail can go to a customer: there is no e-mail, phone or customer, and both receipts are switched off. The stock is
        claimed whatever the variant's policy, because the sale has happened. `PENDING`: anything else would say that money has
        come in. `orderCreate` takes no idempotency key, so the caller searches first. The price is only sent to a shop in euros.
        """
        name, street, town, postcode = ADDRESS
        item: dict[str, Any] = {"variantId": product.variant_id, "quantity": line.quantity}
        if line.price_cents is not None and product.currency == EURO:
            item["priceSet"] = {"shopMoney": {"amount": f"{line.price_cents / 100:.2f}", "currencyCode": EURO}}
        order = {
            "sourceIdentifier": line.reference,
            "customAttributes": [
                {"key": REFERENCE, "value": line.reference},
                {"key": SUPPLIER, "value": line.supplier},
            ],
            "tags": [TAG],
            "note": "Order of the marketplace Menzzo. Its label comes from there, and it is paid there.",
            "financialStatus": "PENDING",
            "lineItems": [item],
            "shippingAddress": {
                "firstName": name,
                "lastName": line.reference,
                "address1": street,
                "city": town,
                "zip": postcode,
                "countryCode": self._shop.country,
            },
        }
        options = {
            "inventoryBehaviour": "DECREMENT_IGNORING_POLICY",
            "sendReceipt": False,
            "sendFulfillmentReceipt": False,
        }
        return _ask("createOrder", order=order, options=options)

    def read_created(self, answer: Answer) -> InShop:
        """Return the order that was made. `userErrors` without an order are a refusal, although the status is 200."""
        whole = object_of(parsed(answer), "GraphQL answer")
        data = whole.get("data")
        created = data.get("orderCreate") if isinstance(data, dict) else None
        if isinstance(created, dict):
            if isinstance(created.get("order"), dict):  # it is there, even if a field of it could not be shown
                return self._order(created["order"])
            if refusals := [each for each in created.get("userErrors") or () if isinstance(each, dict)]:
                dormant = any(each.get("code") == _DORMANT for each in refusals)
                means = Means.TOKEN_REFUSED if dormant else Means.REFUSED  # a dormant shop is not the order's fault
                raise SaidError(Verdict(means, messages(refusals), answer.status))
        data_of(answer)
        raise AnswerError("the answer has no order")

    # -- Proofs.

    def scopes(self) -> Sequence[Scope]:
        """Return the reads of the app: one of each kind, and its access scopes, which also prove that it may write."""
        found = [
            Scope("orders", _ask("anOrder"), "the app may read orders", _reads("orders")),
            Scope("products", _ask("aVariant"), "the app may read products", _reads("productVariants")),
        ]
        if self._shop.mirror:
            found.append(Scope("write", _ask("accessScopes"), "the app may create orders (write_orders)", _may_write))
        return found


def _ask(operation: str, **variables: object) -> Request:
    body = {"query": QUERIES[operation], "operationName": operation, "variables": variables}
    return Request("POST", f"/admin/api/{VERSION}/graphql.json", body)


def _quoted(value: str) -> str:
    """Return a value for the search syntax."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_fulfilled(row: Mapping[str, Any], status: str) -> bool:
    """Tell whether everything was fulfilled: the status alone may say so when nothing is left to send."""
    sent = [each for each in row.get("fulfillments") or () if isinstance(each, dict)]
    return (
        status == FULFILLED
        and row.get("cancelledAt") is None
        and any(text(each, "status") == _SUCCESS for each in sent)
    )


def _reads(root: str) -> Any:  # noqa: ANN401 - the function of Scope.read
    def read(answer: Answer) -> str:
        object_of(data_of(answer).get(root), root)
        return other_version(answer)

    return read


def _may_write(answer: Answer) -> str:
    installation = object_of(data_of(answer).get("currentAppInstallation"), "installation of the app")
    handles = {text(each, "handle") for each in list_of(installation.get("accessScopes"), "access scopes")}
    if "write_orders" not in handles:
        raise SaidError(Verdict(Means.TOKEN_REFUSED, "the app has no scope write_orders", answer.status))
    return ""
