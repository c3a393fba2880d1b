"""The stand-in of Shopify: GraphQL Admin API, as far as the agent uses it. Sources: see integrations/shops/.

It has what makes Shopify different: a search that learns of an order later than its lists, the bucket of query costs, errors and
refusals with status 200, access tokens that end, and versions that it no longer serves.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from supplier_agent.sandbox.faults import Answer, Request, json_answer
from supplier_agent.sandbox.shops import graphql
from supplier_agent.sandbox.shops.graphql import Field, GraphqlError
from supplier_agent.sandbox.shops.store import Placed, Product, ShopSemantics, Store

KEY, SECRET = "client-id-sandbox", "shpss_sandbox"
TOKEN = "shpat_sandbox"  # noqa: S105 - of the stand-in
"""The token of an app that was made in the shop's admin: it does not end."""
TOKEN_SECONDS = 86_399
CURRENCY = "EUR"
_GRAPHQL = re.compile(r"/admin/api/([0-9]{4}-[0-9]{2}|unstable)/graphql\.json")
_ORDER_FIELDS = frozenset({
    "billingAddress", "buyerAcceptsMarketing", "closedAt", "companyLocationId", "currency", "customAttributes", "customer",
    "discountCode", "email", "financialStatus", "fulfillment", "fulfillmentStatus", "lineItems", "metafields", "name", "note",
    "phone", "poNumber", "presentmentCurrency", "processedAt", "referringSite", "shippingAddress", "shippingLines",
    "sourceIdentifier", "sourceName", "sourceUrl", "tags", "taxesIncluded", "taxLines", "test", "transactions", "userId",
})  # fmt: skip
_OPTIONS = frozenset({"inventoryBehaviour", "sendReceipt", "sendFulfillmentReceipt"})
_BEHAVIOURS = frozenset({"BYPASS", "DECREMENT_IGNORING_POLICY", "DECREMENT_OBEYING_POLICY"})
Row = dict[str, Any]


class ShopifyShop:
    """A Shopify shop."""

    def __init__(self, store: Store, semantics: ShopSemantics) -> None:
        self.store, self.semantics = store, semantics
        store.ahead_seconds = semantics.clock_ahead_seconds
        self.tokens: dict[str, float] = {}  # by token: when it ends, in monotonic seconds
        self._bucket = graphql.Bucket(store.clock)

    @property
    def credentials(self) -> str:
        """Client ID and secret."""
        return f"{KEY}\n{SECRET}"

    def fulfil(self, order_id: int) -> None:
        """Fulfil everything."""
        self.store.set_status(order_id, "FULFILLED", shipped=True)

    def take_back(self, order_id: int) -> None:
        """Cancel the fulfillment."""
        self.store.set_status(order_id, "UNFULFILLED", shipped=False)

    def answer(self, request: Request, path: str, *, applies: bool) -> Answer:
        """Answer one request."""
        if request.method == "POST" and path == "/admin/oauth/access_token":
            return self._grant(request)
        asked = _GRAPHQL.fullmatch(path)
        if request.method != "POST" or asked is None:
            return json_answer(HTTPStatus.NOT_FOUND, {"errors": "Not Found"})
        token = request.headers.get("x-shopify-access-token", "")
        if token != TOKEN and self.tokens.get(token, 0.0) <= self.store.clock.monotonic():
            words = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return json_answer(HTTPStatus.UNAUTHORIZED, {"errors": words})
        answer = self._graphql(request, applies=applies)
        version = ("X-Shopify-API-Version", self.semantics.api_version or asked[1])
        return Answer(answer.status, answer.body, (*answer.headers, version))

    def _grant(self, request: Request) -> Answer:
        given = _json(request)
        if given.get("grant_type") != "client_credentials":
            return json_answer(HTTPStatus.BAD_REQUEST, {"error": "unsupported_grant_type"})
        if (given.get("client_id"), given.get("client_secret")) != (KEY, SECRET):
            words = {"error": "invalid_client", "error_description": "The client credentials are invalid."}
            return json_answer(HTTPStatus.BAD_REQUEST, words)
        token = f"shpat_sandbox_{len(self.tokens) + 1}"
        self.tokens[token] = self.store.clock.monotonic() + TOKEN_SECONDS
        scope = ",".join(self._scopes())
        return json_answer(HTTPStatus.OK, {"access_token": token, "scope": scope, "expires_in": TOKEN_SECONDS})

    def _scopes(self) -> list[str]:
        return ["read_products", "read_orders", *(["write_orders"] if self.semantics.key_may_write else [])]

    def _graphql(self, request: Request, *, applies: bool) -> Answer:
        given = _json(request)
        variables = given.get("variables") or {}
        try:
            operation = graphql.read_operation(str(given.get("query", "")), variables)
            price = max(10 if operation.kind == "mutation" else 1, graphql.cost(operation.fields))
            if price > graphql.MOST_COST:
                return _errors(
                    "MAX_COST_EXCEEDED", f"Query cost is {price}, which exceeds the single query max cost limit"
                )
            left, extensions = self._bucket.spend(price)
            if not left:
                return _errors("THROTTLED", "Throttled", extensions)
            data: Row = {}
            for each in operation.fields:
                found = self._create(each, applies=applies) if operation.kind == "mutation" else self._root(each)
                if isinstance(found, Answer):
                    return found
                data |= graphql.select({each.name: found}, [each])
        except GraphqlError as error:
            return _errors("undefinedField", str(error))
        return json_answer(HTTPStatus.OK, {"data": data, "extensions": extensions})

    def _root(self, wanted: Field) -> object:
        match wanted.name:
            case "orders":
                return self._orders(wanted.arguments)
            case "productVariants":
                return self._variants(wanted.arguments)
            case "shop":
                return {"currencyCode": CURRENCY}
            case "currentAppInstallation":
                return {"accessScopes": [{"handle": each} for each in self._scopes()]}
        raise GraphqlError(f"Field '{wanted.name}' doesn't exist on type 'QueryRoot'")

    def _orders(self, arguments: Mapping[str, Any]) -> Row:
        found = list(self.store.orders.values())
        query = arguments.get("query")
        if query and self.semantics.search != "everything":
            found = [each for each in found if self._fits(each, graphql.terms_of(query))]
        by_update = arguments.get("sortKey") == "UPDATED_AT"
        rows = [
            ((_written(each.modified_at if by_update else each.created_at), each.id), _order(each)) for each in found
        ]
        return graphql.page_of(rows, arguments)

    def _fits(self, placed: Placed, terms: Mapping[str, tuple[str, str]]) -> bool:
        """Tell whether the search finds an order: its index learns of it some time after it was made or changed."""
        lag, now = timedelta(seconds=self.semantics.search_lag_seconds), self.store.now()
        if "source_identifier" in terms:
            known = placed.created_at + lag <= now and self.semantics.search == "usual"
            if not known or placed.given.get("sourceIdentifier") != terms["source_identifier"][1]:
                return False
        if "updated_at" in terms:
            sign, value = terms["updated_at"]
            at = datetime.fromisoformat(value)
            if placed.modified_at + lag > now or not (
                placed.modified_at >= at if sign == ">=" else placed.modified_at > at
            ):
                return False
        return True

    def _variants(self, arguments: Mapping[str, Any]) -> Row:
        sku = graphql.terms_of(arguments.get("query") or "").get("sku", ("", ""))[1].casefold()
        found = [each for each in self.store.products.values() if not sku or each.sku.casefold() == sku]
        return graphql.page_of([((each.id, each.id), _variant(each)) for each in found], arguments)

    def _create(self, wanted: Field, *, applies: bool) -> Answer | Row | None:
        if wanted.name != "orderCreate":
            raise GraphqlError(f"Field '{wanted.name}' doesn't exist on type 'Mutation'")
        if not self.semantics.key_may_write:
            return _errors(
                "ACCESS_DENIED", "Access denied for orderCreate field. Required access: `write_orders`", data=True
            )
        order, options = wanted.arguments.get("order") or {}, wanted.arguments.get("options") or {}
        if unknown := sorted({*order} - _ORDER_FIELDS | {*options} - _OPTIONS):
            return _errors(
                "INVALID_VARIABLE", f"Variable was provided invalid value for {unknown[0]} (Field is not defined)"
            )
        behaviour = options.get("inventoryBehaviour", "BYPASS")
        if behaviour not in _BEHAVIOURS:
            return _errors("INVALID_VARIABLE", "Variable was provided invalid value for inventoryBehaviour")
        if refused := self._refusal(order, behaviour):
            return refused
        if not applies:
            return {"order": None, "userErrors": []}
        placed = self.store.place("UNFULFILLED", order)
        for item in order["lineItems"]:
            self.store.products[_number(item["variantId"])].stock -= 0 if behaviour == "BYPASS" else item["quantity"]
        if options.get("sendReceipt") and order.get("email"):
            self.store.mails.append(order["email"])
        return {"order": _order(placed), "userErrors": []}

    def _refusal(self, order: Row, behaviour: str) -> Row | None:
        """Return why an order is refused; None: it is not."""
        for place, item in enumerate(order.get("lineItems") or ()):
            variant = self.store.products.get(_number(item.get("variantId", "")))
            money = item.get("priceSet", {}).get("shopMoney", {})
            if variant is None:
                return _refused("INVALID", ["order", "lineItems", str(place), "variantId"], "Variant does not exist")
            if money and money.get("currencyCode") != CURRENCY:
                return _refused("INVALID", ["order", "lineItems", str(place), "priceSet"], "Currency is not the shop's")
            if behaviour == "DECREMENT_OBEYING_POLICY" and variant.stock < item["quantity"]:
                return _refused("INVENTORY_CLAIM_FAILED", ["order"], "Unable to claim inventory")
        if not order.get("lineItems"):
            return _refused("INVALID", ["order", "lineItems"], "Line items must have at least one line item")
        return None


def _json(request: Request) -> Row:
    try:
        given = json.loads(request.body or b"")
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _errors(code: str, message: str, extensions: Row | None = None, *, data: bool = False) -> Answer:
    """Return errors. data: whether it was found while the operation ran, so that `data` is there, too."""
    said: Row = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return json_answer(
        HTTPStatus.OK, said | ({"data": None} if data else {}) | ({"extensions": extensions} if extensions else {})
    )


def _refused(code: str, where: Sequence[str], message: str) -> Row:
    return {"order": None, "userErrors": [{"code": code, "field": [*where], "message": message}]}


def _order(placed: Placed) -> Row:
    given = placed.given
    return {
        "id": f"gid://shopify/Order/{placed.id}",
        "name": f"#{placed.id}",
        "sourceIdentifier": given.get("sourceIdentifier"),
        "createdAt": _written(placed.created_at),
        "updatedAt": _written(placed.modified_at),
        "cancelledAt": None,
        "displayFulfillmentStatus": "FULFILLED" if placed.shipped else "UNFULFILLED",
        "customAttributes": given.get("customAttributes", []),
        "fulfillments": [{"status": "SUCCESS"}] if placed.shipped else [],
    }


def _variant(product: Product) -> Row:
    whole = {"id": f"gid://shopify/Product/{product.parent or product.id}", "title": product.name, "status": "ACTIVE"}
    return {"id": f"gid://shopify/ProductVariant/{product.id}", "sku": product.sku, "product": whole}


def _number(gid: object) -> int:
    last = str(gid).rpartition("/")[2]
    return int(last) if last.isdecimal() else 0


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
