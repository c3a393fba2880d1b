"""What only Shopify has: errors with status 200, query costs, tokens that end, a search that is behind, versions that end."""

import json
from pathlib import Path
from typing import Any

import graphql
import pytest
from graphql.execution.values import get_variable_values

from supplier_agent import cli
from supplier_agent.integrations.reading import AnswerError
from supplier_agent.integrations.shops.client import ShopClient
from supplier_agent.integrations.shops.protocol import Line, SaidError
from supplier_agent.integrations.shops.shopify import Shopify
from supplier_agent.integrations.shops.shopify_answers import VERSION
from supplier_agent.integrations.shops.shopify_queries import QUERIES
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.shop_orders import Product
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import LogLine, Request
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.shops import ShopSemantics, Store, open_shop
from supplier_agent.sandbox.shops.shopify import TOKEN, ShopifyShop
from supplier_agent.settings.shop import Shop
from tests.shops.conftest import ACCOUNT, CREATES, HOUR, SUPPLIER, Connect, does, shape
from tests.shops.test_sockets import CALL, REFERENCE, client, job, sandbox, write_configuration
from tests.world.harness import ManualClock

__all__ = ["sandbox"]
DAY = 24 * HOUR


@pytest.fixture
def platform() -> str:
    return "shopify"


def section(**keys: object) -> Shop:
    files = {"key_file": "/k", "secret_file": "/s"} if "token_file" not in keys else {}
    return Shop(platform="shopify", url="https://shop.example", **files, **keys)  # type: ignore[arg-type]


SHOPIFY = Shopify(section())
SOFA = Product("gid://shopify/Product/1", "gid://shopify/ProductVariant/2", "SOFA", "Sofa", "EUR")


def says(value: object, **headers: str) -> Answer:
    return Answer(200, headers, json.dumps(value).encode())


def row(**fields: object) -> dict[str, Any]:
    sent = {"displayFulfillmentStatus": "FULFILLED", "fulfillments": [{"status": "SUCCESS"}], "cancelledAt": None}
    return {"id": "gid://shopify/Order/7", "name": "#1007", **shape("shopify", REFERENCE, SUPPLIER), **sent, **fields}


def page(*rows: object, **info: object) -> dict[str, Any]:
    return {"data": {"orders": {"nodes": [*rows], "pageInfo": {"hasNextPage": False, "endCursor": None, **info}}}}


# -- The requests fit the documented API.

SCHEMA = graphql.build_schema("""
    scalar DateTime scalar Decimal scalar URL
    enum OrderSortKeys { CREATED_AT ID UPDATED_AT } enum ProductVariantSortKeys { ID SKU }
    enum OrderDisplayFulfillmentStatus { FULFILLED UNFULFILLED } enum FulfillmentStatus { SUCCESS CANCELLED ERROR FAILURE }
    enum ProductStatus { ACTIVE ARCHIVED DRAFT UNLISTED } enum CurrencyCode { EUR } enum CountryCode { FR DE }
    enum OrderCreateUserErrorCode { INVALID INVENTORY_CLAIM_FAILED SHOP_DORMANT }
    enum OrderCreateFinancialStatus { PENDING PAID } enum OrderCreateInputsInventoryBehavior {
        BYPASS DECREMENT_IGNORING_POLICY DECREMENT_OBEYING_POLICY }
    type PageInfo { hasNextPage: Boolean! endCursor: String }
    type Attribute { key: String! value: String }
    type Fulfillment { status: FulfillmentStatus! }
    type Order { id: ID! name: String! sourceIdentifier: String createdAt: DateTime! updatedAt: DateTime! cancelledAt: DateTime
        displayFulfillmentStatus: OrderDisplayFulfillmentStatus! customAttributes: [Attribute!]!
        fulfillments(first: Int, query: String): [Fulfillment!]! }
    type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
    type Product { id: ID! title: String! status: ProductStatus! }
    type ProductVariant { id: ID! sku: String product: Product! }
    type ProductVariantConnection { nodes: [ProductVariant!]! pageInfo: PageInfo! }
    type Shop { currencyCode: CurrencyCode! }
    type AccessScope { handle: String! } type AppInstallation { accessScopes: [AccessScope!]! }
    type Query { shop: Shop! currentAppInstallation: AppInstallation!
        orders(after: String, first: Int, query: String, reverse: Boolean, sortKey: OrderSortKeys): OrderConnection!
        productVariants(after: String, first: Int, query: String, sortKey: ProductVariantSortKeys): ProductVariantConnection! }
    input MoneyInput { amount: Decimal! currencyCode: CurrencyCode! }
    input MoneyBagInput { shopMoney: MoneyInput! presentmentMoney: MoneyInput }
    input OrderCreateLineItemInput { variantId: ID quantity: Int! priceSet: MoneyBagInput title: String }
    input OrderCreateCustomAttributeInput { key: String! value: String! }
    input MailingAddressInput { firstName: String lastName: String address1: String city: String zip: String
        countryCode: CountryCode phone: String }
    input OrderCreateOrderInput { sourceIdentifier: String customAttributes: [OrderCreateCustomAttributeInput!] tags: [String!]
        note: String financialStatus: OrderCreateFinancialStatus lineItems: [OrderCreateLineItemInput!]
        shippingAddress: MailingAddressInput email: String phone: String }
    input OrderCreateOptionsInput { inventoryBehaviour: OrderCreateInputsInventoryBehavior sendReceipt: Boolean
        sendFulfillmentReceipt: Boolean }
    type OrderCreateUserError { code: OrderCreateUserErrorCode field: [String!] message: String! }
    type OrderCreatePayload { order: Order userErrors: [OrderCreateUserError!]! }
    type Mutation { orderCreate(order: OrderCreateOrderInput!, options: OrderCreateOptionsInput): OrderCreatePayload }
""")
"""The part of the documented schema of 2026-10 that is used."""


@pytest.mark.parametrize("name", QUERIES)
def test_each_operation_fits_the_documented_schema(name: str) -> None:
    document = graphql.parse(QUERIES[name])
    assert graphql.validate(SCHEMA, document) == []
    (operation,) = document.definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    assert operation.name is not None
    assert operation.name.value == name


@pytest.mark.parametrize("price", [24905, None])
def test_the_order_that_is_made_fits_it_too(price: int | None) -> None:
    request = SHOPIFY.create(Line(REFERENCE, SUPPLIER, 2, price), SOFA)
    assert request.body is not None
    document = graphql.parse(str(request.body["query"]))
    (operation,) = document.definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    found = get_variable_values(SCHEMA, operation.variable_definitions or (), dict(request.body["variables"]))
    assert not isinstance(found, list), found
    assert request.body["variables"]["options"] == {
        "inventoryBehaviour": "DECREMENT_IGNORING_POLICY",
        "sendReceipt": False,
        "sendFulfillmentReceipt": False,
    }
    assert request.path == f"/admin/api/{VERSION}/graphql.json"


def test_a_price_in_euros_is_not_sent_to_a_shop_in_another_currency() -> None:
    zloty = Product(SOFA.product_id, SOFA.variant_id, "SOFA", "Sofa", "PLN")
    body = SHOPIFY.create(Line(REFERENCE, SUPPLIER, 1, 24905), zloty).body
    assert body is not None
    assert "priceSet" not in body["variables"]["order"]["lineItems"][0]


def test_what_is_searched_for_is_quoted() -> None:
    body = SHOPIFY.product('A"B\\C: (D)').body
    assert body is not None
    assert body["variables"]["query"] == 'sku:"A\\"B\\\\C: (D)"'


# -- What answers mean.


@pytest.mark.parametrize(
    ("fields", "fulfilled"),
    [
        ({}, True),
        ({"displayFulfillmentStatus": "PARTIALLY_FULFILLED"}, False),
        ({"displayFulfillmentStatus": "FULFILLMENT_NOT_REQUIRED", "fulfillments": []}, False),
        ({"fulfillments": []}, False),
        ({"fulfillments": [{"status": "CANCELLED"}]}, False),
        ({"fulfillments": [{"status": "CANCELLED"}, {"status": "SUCCESS"}]}, True),
        ({"cancelledAt": "2026-11-23T06:00:00Z"}, False),
        ({"fulfillments": None}, False),
        ({"fulfillments": ["x"], "customAttributes": ["x"]}, False),
    ],
)
def test_it_is_fulfilled_by_what_was_really_sent(fields: dict[str, object], fulfilled: bool) -> None:  # noqa: FBT001 - a case
    (found,) = SHOPIFY.read_orders(says(page(row(**fields))), 1).orders
    assert found.fulfilled is fulfilled


def test_a_status_of_its_own_can_be_the_mark() -> None:
    answer = says(page(row(displayFulfillmentStatus="IN_PROGRESS", fulfillments=[])))
    (found,) = Shopify(section(fulfilled="IN_PROGRESS")).read_orders(answer, 1).orders
    assert (found.fulfilled, found.shop_id, found.number, found.reference, found.supplier) == (
        True,
        "7",
        "#1007",
        REFERENCE,
        SUPPLIER,
    )


def error(code: str, cost: object = None, **more: object) -> dict[str, Any]:
    extensions = {} if cost is None else {"extensions": {"cost": cost}}
    return {"errors": [{"message": "no", "extensions": {"code": code}}], **extensions, **more}


COST = {"requestedQueryCost": 352, "throttleStatus": {"currentlyAvailable": 52.0, "restoreRate": 100.0}}


@pytest.mark.parametrize(
    ("body", "means", "seconds"),
    [
        (error("THROTTLED", COST), Means.TOO_MANY, 3.0),
        (error("THROTTLED", {**COST, "requestedQueryCost": 60}), Means.TOO_MANY, 1.0),
        (error("THROTTLED", {**COST, "throttleStatus": {"restoreRate": 0}}), Means.TOO_MANY, None),
        (error("THROTTLED", "much"), Means.TOO_MANY, None),
        (error("ACCESS_DENIED", data=None), Means.TOKEN_REFUSED, None),
        (error("SHOP_INACTIVE"), Means.TOKEN_REFUSED, None),
        (error("INTERNAL_SERVER_ERROR"), Means.FAILED, None),
        (error("undefinedField"), Means.UNCLEAR, None),
        ({"errors": "bad", "data": {}}, Means.UNCLEAR, None),
        ({"errors": [5]}, Means.UNCLEAR, None),
    ],
)
def test_errors_in_a_200_mean_what_a_status_means_elsewhere(
    body: dict[str, object], means: Means, seconds: float | None
) -> None:
    for read in (lambda answer: SHOPIFY.read_orders(answer, 1), SHOPIFY.read_created):
        with pytest.raises(SaidError) as raised:
            read(says(body))
        assert (raised.value.verdict.means, raised.value.verdict.retry_after_seconds) == (means, seconds)


def created(order: object = None, **refusal: object) -> dict[str, Any]:
    return {"data": {"orderCreate": {"order": order, "userErrors": [refusal] if refusal else []}}}


def test_user_errors_are_a_refusal_unless_the_order_is_there() -> None:
    with pytest.raises(SaidError) as raised:
        SHOPIFY.read_created(says(created(code="INVALID", message="Zip is not valid")))
    assert (raised.value.verdict.means, str(raised.value)) == (Means.REFUSED, "Zip is not valid")
    with pytest.raises(SaidError) as raised:
        SHOPIFY.read_created(says(created(code="SHOP_DORMANT", message="dormant")))
    assert raised.value.verdict.means is Means.TOKEN_REFUSED
    made = SHOPIFY.read_created(says(created(row(), message="a warning") | {"errors": [{"message": "a field failed"}]}))
    assert made.number == "#1007"
    with pytest.raises(AnswerError):
        SHOPIFY.read_created(says(created()))


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"{}", b"[1]", b'{"data": null}', b'{"data": {"orders": []}}', b"<html>", b"[" * 9999, b"\xff"],
)
def test_what_is_not_documented_is_no_answer(body: bytes) -> None:
    for read in (lambda answer: SHOPIFY.read_orders(answer, 1), SHOPIFY.read_created, SHOPIFY.read_grant):
        with pytest.raises(AnswerError):
            read(Answer(200, {}, body))


def test_of_several_variants_with_a_sku_the_oldest_of_an_active_product_is_taken() -> None:
    def variant(number: int, sku: str, status: str) -> dict[str, object]:
        return {"id": f"v{number}", "sku": sku, "product": {"id": f"p{number}", "title": "Sofa", "status": status}}

    rows = [
        variant(1, "SOFA", "ARCHIVED"),
        variant(2, "sofa", "ACTIVE"),
        variant(3, "SOFA", "ACTIVE"),
        variant(4, "SOFA", "ACTIVE"),
    ]
    answer = says({"data": {"shop": {"currencyCode": "EUR"}, "productVariants": {"nodes": rows}}})
    found = SHOPIFY.read_product(answer, "SOFA")
    assert found is not None
    assert (found.product_id, found.variant_id, found.currency) == ("p3", "v3", "EUR")
    assert SHOPIFY.read_product(answer, "CHAIR") is None


def test_another_version_is_noted() -> None:
    header = {"x-shopify-api-version": "2027-10"}
    assert "2027-10" in SHOPIFY.read_orders(says(page(), **header), 1).note
    assert SHOPIFY.read_orders(says(page(), **{"x-shopify-api-version": VERSION}), 1).note == ""
    assert SHOPIFY.read_orders(says(page()), 1).note == ""


@pytest.mark.parametrize(
    ("keys", "used"),
    [({"token_file": "/t"}, ("token_file",)), ({}, ("key_file", "secret_file"))],
)
def test_it_takes_a_client_secret_or_a_token(keys: dict[str, object], used: tuple[str, ...]) -> None:
    assert section(**keys).credential_keys == used


@pytest.mark.parametrize("keys", [{"token_file": "/t", "key_file": "/k"}, {"key_file": "/k"}, {}])
def test_half_of_the_credentials_or_both_kinds_are_a_mistake(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"its platform is shopify|does not use"):
        Shop(platform="shopify", url="https://shop.example", **keys)


# -- With the stand-in.


@pytest.mark.slow
def test_a_search_that_is_behind_makes_no_second_order_even_if_the_clock_is_behind_too(
    connect: Connect, platform: str
) -> None:
    semantics = ShopSemantics(search_lag_seconds=DAY, clock_ahead_seconds=-5400.0)
    there = connect(semantics=semantics)
    lost = faults.close(applied=True)
    there.site.world.faults.arm(platform, lost, when=lambda line: does(line) == CREATES[platform])
    there.site.run_for(600, until=lambda: bool(there.placed))
    for _ in range(60):  # more than a page, and newer
        there.shop.store.place("UNFULFILLED", {})
    there.site.run_for(3 * HOUR, 900)
    assert ([state for state, _, _ in there.calls], len(there.asked(CREATES[platform]))) == (["done"], 1)


@pytest.mark.slow
def test_a_mark_of_which_the_search_learns_late_is_found(connect: Connect) -> None:
    there = connect(read_back_seconds=300, semantics=ShopSemantics(search_lag_seconds=1500))
    there.site.run_for(HOUR, 300)
    there.shop.fulfil(there.placed[0])
    there.site.run_for(2 * HOUR, 300)
    assert there.shipped() == [(1, 1)]


@pytest.mark.slow
def test_a_read_that_is_throttled_goes_on_where_it_was(connect: Connect) -> None:
    there = connect(requests_per_second=50, read_back_seconds=300)
    there.site.run_for(HOUR, 300)
    for _ in range(400):  # all within one second: eight pages, for which the bucket of costs is too small
        there.shop.store.place("UNFULFILLED", {})
    there.site.clock.sleep(2)
    there.shop.fulfil(there.placed[0])
    asked = len(there.asked("GET"))
    there.site.run_for(400, 60, until=lambda: there.shipped() == [(1, 0)])
    assert there.shipped() == [(1, 0)]
    assert len(there.asked("GET")) - asked < 20


def token_requests(log: list[LogLine]) -> list[LogLine]:
    return [line for line in log if line.target.endswith("/admin/oauth/access_token")]


@pytest.mark.slow
def test_a_token_is_asked_for_once_a_day_and_again_when_it_is_revoked(connect: Connect) -> None:
    there = connect(orders=1)
    there.site.run_for(20 * HOUR, HOUR)
    assert len(token_requests(there.site.world.log)) == 1
    there.site.run_for(8 * HOUR, HOUR)
    assert len(token_requests(there.site.world.log)) == 2
    assert isinstance(there.shop, ShopifyShop)
    there.shop.tokens.clear()
    there.shop.tokens["another"] = 0.0
    there.site.run_for(8 * HOUR, HOUR)
    assert (len(token_requests(there.site.world.log)), there.problems()) == (3, [])


@pytest.mark.slow
def test_a_shop_that_answers_in_another_version_is_named_in_the_log_once(connect: Connect) -> None:
    there = connect(semantics=ShopSemantics(api_version="2027-10"), read_back_seconds=HOUR)
    there.site.run_for(5 * HOUR, HOUR)
    assert [state for state, _, _ in there.calls] == ["done"]
    assert [facts["supplier"] for event, facts in there.site.said if event == "shop.noted"] == [ACCOUNT]


def test_a_bucket_that_is_empty_is_waited_for(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    shop = sandbox.world.shops[platform]
    shop.store.sells("SOFA-3P")
    assert isinstance(shop, ShopifyShop)
    said = None
    tools: ShopClient = client(sandbox, platform, tmp_path, seconds=20.0)
    for _ in range(60):
        said = tools.find(REFERENCE)
        if isinstance(said, Verdict):
            break
    assert isinstance(said, Verdict)
    assert said.means is Means.TOO_MANY
    assert said.retry_after_seconds is not None
    assert 1 <= said.retry_after_seconds <= 3
    assert shop.store.orders == {}


def test_a_throttled_order_is_later_and_not_unclear(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    sandbox.world.shops[platform].store.sells("SOFA-3P")
    throttled = faults.says(error("THROTTLED", COST))
    sandbox.world.faults.arm(platform, throttled, when=lambda line: does(line) == CREATES[platform])
    ended = CALL.perform(job(), client(sandbox, platform, tmp_path))
    assert (ended.outcome.kind, ended.quiet_seconds, ended.outage) == ("later", 3.0, False)  # type: ignore[union-attr]


def test_a_revoked_token_is_replaced_within_the_call(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    shop, tools = sandbox.world.shops[platform], client(sandbox, platform, tmp_path)
    assert isinstance(shop, ShopifyShop)
    assert tools.find(REFERENCE) == ()
    shop.tokens = {"of another program": 0.0}
    assert tools.for_call(lambda _seconds: None).find(REFERENCE) == ()
    assert [line.status for line in sandbox.world.log] == [200, 200, 401, 200, 200]


def test_no_token_is_in_what_an_error_says(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    sandbox.world.shops[platform].store.sells("SOFA-3P")
    echo = faults.says({"errors": [{"message": "your token is shpat_sandbox_1, your secret shpss_sandbox"}]})
    sandbox.world.faults.arm(platform, echo, when=lambda line: does(line) == CREATES[platform])
    ended = CALL.perform(job(), client(sandbox, platform, tmp_path))
    assert "your token is [token], your secret [token]" in ended.outcome.detail  # type: ignore[union-attr]


def test_an_answer_without_a_token_sends_nothing(sandbox: Sandbox, platform: str, tmp_path: Path) -> None:
    tools = client(sandbox, platform, tmp_path)
    for fault, means in (
        (faults.status(400), Means.TOKEN_REFUSED),
        (faults.status(404), Means.NOT_FOUND),
        (faults.close(applied=True), Means.NOT_SENT),
        (faults.says({"access_token": "a\nb"}), Means.UNCLEAR),
    ):
        sandbox.world.faults.arm(platform, fault, when=lambda line: line.target.endswith("access_token"))
        said = tools.for_call(lambda _seconds: None).find(REFERENCE)
        assert isinstance(said, Verdict)
        assert said.means is means
    assert len(token_requests(sandbox.world.log)) == len(sandbox.world.log)


@pytest.mark.parametrize(
    ("semantics", "code", "proved", "said"),
    [
        (ShopSemantics(api_version="2027-10"), 0, [True, True, True], "the shop answers in version 2027-10 of its API"),
        (ShopSemantics(key_may_write=False), 77, [True, True, False], "the app has no scope write_orders"),
    ],
)
def test_shop_check_names_a_missing_scope_and_another_version(
    sandbox: Sandbox,
    platform: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    semantics: ShopSemantics,
    code: int,
    proved: list[bool],
    said: str,
) -> None:
    sandbox.world.shops[platform] = open_shop(platform, sandbox.world.clock, semantics)
    file = write_configuration(tmp_path, sandbox, platform)
    assert cli.run(["--config", str(file), "shop", "check", SUPPLIER, "--json"]) == code
    whole = json.loads(capsys.readouterr().out)
    assert [each["proved"] for each in whole["rights"]] == proved
    assert said in json.dumps(whole["findings"])
    assert (whole["api"], whole["stand_in_only"]) == (f"Shopify GraphQL Admin API ({VERSION})", True)


# -- The stand-in is honest.


def asked(query: str, token: str = TOKEN, version: str = VERSION, **variables: object) -> dict[str, Any]:
    shop = open_shop("shopify", ManualClock())
    shop.store.place("UNFULFILLED", {})
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = Request("POST", "/", {"x-shopify-access-token": token}, body)
    answer = shop.answer(request, f"/admin/api/{version}/graphql.json", applies=True)
    return {
        **json.loads(answer.body),
        "status": answer.status,
        "version": dict(answer.headers).get("X-Shopify-API-Version"),
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("query q { orders(first: 1) { nodes { colour } } }", "undefinedField"),
        ("query q { orders { nodes { id } } }", "undefinedField"),
        ("query q { orders(first: 251) { nodes { id } } }", "undefinedField"),
        ("query q { orders(first: 1) { nodes { id } }", "undefinedField"),
        ("query q { colour }", "undefinedField"),
        ("mutation m { orderDelete(id: 1) { id } }", "undefinedField"),
        ("query q { orders(first: 250) { nodes { fulfillments(first: 5) { status } } } }", "MAX_COST_EXCEEDED"),
        ("mutation m { orderCreate(order: $o) { order { id } } }", "INVALID_VARIABLE"),
    ],
)
def test_the_stand_in_refuses_what_shopify_refuses(query: str, code: str) -> None:
    said = asked(query, o={"colour": "red"})
    assert ([each["extensions"]["code"] for each in said["errors"]], said["status"]) == ([code], 200)
    assert "data" not in said


def test_the_stand_in_says_which_version_it_serves_and_refuses_other_tokens() -> None:
    query = "query q { orders(first: 1) { nodes { id } pageInfo { hasNextPage endCursor } } }"
    assert asked(query, version="2026-07")["version"] == "2026-07"
    assert (asked(query)["status"], asked(query, token="other")["status"]) == (200, 401)


@pytest.mark.parametrize(("behaviour", "left"), [("BYPASS", 10), ("DECREMENT_IGNORING_POLICY", -2)])
def test_the_stand_in_claims_stock_as_it_is_told(behaviour: str, left: int) -> None:
    shop = ShopifyShop(Store(ManualClock()), ShopSemantics())
    sofa = shop.store.sells("SOFA")
    order = {
        "lineItems": [{"variantId": f"gid://shopify/ProductVariant/{sofa.id}", "quantity": 12}],
        "email": "a@b.invalid",
    }
    body = {
        "query": QUERIES["createOrder"],
        "variables": {"order": order, "options": {"inventoryBehaviour": behaviour, "sendReceipt": True}},
    }
    request = Request("POST", "/", {"x-shopify-access-token": TOKEN}, json.dumps(body).encode())
    shop.answer(request, f"/admin/api/{VERSION}/graphql.json", applies=True)
    assert (sofa.stock, shop.store.mails) == (left, ["a@b.invalid"])
