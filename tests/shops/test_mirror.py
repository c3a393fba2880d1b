"""An order of the marketplace becomes exactly one order in the supplier's shop."""

from itertools import pairwise
from pathlib import Path

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.shops import PLATFORMS, ShopSemantics
from supplier_agent.settings.shop import CREDENTIALS
from tests.shops.conftest import ACCOUNT, CREATES, HOUR, NEW, ONE_PLATFORM, Connect, Connected, does, shape


def is_create(platform: str) -> object:
    return lambda line: does(line) == CREATES[platform]


def test_an_acknowledged_order_becomes_one_order_in_the_shop(connect: Connect, platform: str) -> None:
    there = connect(orders=3)
    there.site.run_for(HOUR, 900)
    assert [state for state, _, _ in there.calls] == ["done"] * 3
    assert len(there.placed) == 3
    there.site.run_for(6 * HOUR, 900)
    assert len(there.asked(CREATES[platform])) == 3


def test_what_the_shop_gets_has_our_id_and_nothing_of_a_customer(connect: Connect, platform: str) -> None:
    there = connect()
    there.site.run_for(HOUR, 900)
    ((ours, sku, quantity, cents),) = there.rows("SELECT menzzo_order_id, sku, quantity, price_cents FROM orders")
    (placed,) = there.shop.store.orders.values()
    product = next(iter(there.shop.store.products.values()))
    if platform == "woocommerce":
        assert {each["key"]: each["value"] for each in placed.given["meta_data"]} == {
            "menzzo_order_id": ours,
            "menzzo_supplier": "notio",
        }
        (item,) = placed.given["line_items"]
        assert (item["product_id"], item["quantity"], item["total"]) == (
            product.id,
            quantity,
            f"{cents * quantity / 100:.2f}",
        )
        assert (placed.given["set_paid"], placed.given["customer_id"], placed.status) == (False, 0, "processing")
        assert "email" not in placed.given["billing"]
        assert "Do not send here" in placed.given["shipping"]["address_1"]
        assert product.stock == 10 - quantity
    elif platform == "shopify":
        assert (placed.given["sourceIdentifier"], placed.given["tags"]) == (ours, ["menzzo"])
        (item,) = placed.given["lineItems"]
        assert (item["variantId"], item["quantity"]) == (f"gid://shopify/ProductVariant/{product.id}", quantity)
        assert item["priceSet"]["shopMoney"] == {"amount": f"{cents / 100:.2f}", "currencyCode": "EUR"}
        assert {"email", "phone", "customer", "customerId"}.isdisjoint(placed.given)
        assert "Do not send here" in placed.given["shippingAddress"]["address1"]
        assert (placed.given["financialStatus"], product.stock) == ("PENDING", 10 - quantity)
    elif platform == "bigcommerce":
        assert (placed.given["external_order_id"], placed.given["external_source"]) == (ours, "menzzo:notio")
        (item,) = placed.given["products"]
        price = f"{cents / 100:.2f}"
        assert item == {
            "product_id": product.id,
            "quantity": quantity,
            "price_ex_tax": price,
            "price_inc_tax": price,
        }
        assert (placed.given["customer_id"], placed.given["status_id"]) == (0, 11)
        for address in (placed.given["billing_address"], *placed.given["shipping_addresses"]):
            assert address["email"].endswith("@menzzo.invalid")
            assert "Do not send here" in address["street_1"]
    else:
        assert (placed.given["ext_order_id"], placed.given["ext_customer_id"]) == (ours, "menzzo:notio")
        (item,) = placed.given["items"]
        assert (item["sku"], item["qty_ordered"]) == (sku, quantity)
        assert (placed.given["email_sent"], placed.given["customer_note_notify"]) == (1, 0)
        assert placed.given["customer_email"].endswith("@menzzo.invalid")
        assert "Do not send here" in placed.given["billing_address"]["street"][0]
    assert there.shop.store.mails == []


@ONE_PLATFORM
def test_without_the_section_there_is_no_account_and_no_call(connect: Connect) -> None:
    there = connect(mirror=False, read_back_seconds=0)
    there.site.run_for(HOUR, 900)
    assert (there.calls, there.asked()) == ([], [])


def test_an_order_that_the_shop_has_already_is_not_made_again(connect: Connect, platform: str) -> None:
    there = connect(start=False)
    order = there.site.world.orders("notio")[0]
    placed = there.shop.store.place(NEW[platform], shape(platform, order.menzzo_order_id, "notio"))
    there.site.start()
    there.site.run_for(HOUR, 900)
    ((state, attempts, detail),) = there.rows(
        "SELECT c.state, c.attempts, a.detail FROM calls c JOIN attempts a ON a.call_id = c.id WHERE c.kind = 'shop_order'"
    )
    assert (state, attempts, there.placed) == ("done", 1, [placed.id])
    assert str(placed.id) in detail
    assert there.asked(CREATES[platform]) == []


@pytest.mark.parametrize("search", ["usual", "nothing", "everything"])
@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_never_makes_a_second_order(connect: Connect, platform: str, search: str, applied: bool) -> None:  # noqa: FBT001 - a case
    there = connect(semantics=ShopSemantics(search=search))  # type: ignore[arg-type]
    there.site.world.faults.arm(platform, faults.close(applied=applied), when=is_create(platform))  # type: ignore[arg-type]
    there.site.run_for(5 * HOUR, 900)
    ((state, _, _),) = there.calls
    assert (state, len(there.placed)) == ("done", 1)
    assert len(there.asked(CREATES[platform])) == (1 if applied else 2)


def test_a_lost_answer_makes_no_second_order_even_if_the_clock_of_the_shop_is_behind(
    connect: Connect, platform: str
) -> None:
    there = connect(semantics=ShopSemantics(search="nothing", clock_ahead_seconds=-5400.0))
    there.site.world.faults.arm(platform, faults.close(applied=True), when=is_create(platform))  # type: ignore[arg-type]
    there.site.run_for(2 * HOUR, 900)
    assert ([state for state, _, _ in there.calls], len(there.placed)) == (["done"], 1)


@ONE_PLATFORM
def test_after_a_lost_answer_it_waits_until_the_shop_cannot_be_at_work(connect: Connect, platform: str) -> None:
    there = connect()
    there.site.world.faults.arm(platform, faults.close(applied=False), when=is_create(platform))  # type: ignore[arg-type]
    there.site.run_for(5 * HOUR, 60)
    first, second = (each.at for each in there.asked(CREATES[platform]))
    assert (second - first).total_seconds() >= 600


def test_a_crash_between_the_order_and_its_settling_makes_no_second_one(connect: Connect, platform: str) -> None:
    there = connect()
    there.site.run_for(600, until=lambda: bool(there.placed))
    there.site.crash()
    assert there.rows("SELECT state FROM calls WHERE kind = 'shop_order'") == [("sending",)]
    there.site.start()
    there.site.run_for(2 * HOUR, 900)
    assert ([state for state, _, _ in there.calls], len(there.asked(CREATES[platform]))) == (["done"], 1)


@ONE_PLATFORM
def test_a_crash_before_it_was_made_waits_and_then_makes_it(connect: Connect, platform: str) -> None:
    there = connect()
    there.site.world.faults.arm(platform, faults.close(applied=False), when=is_create(platform))  # type: ignore[arg-type]
    there.site.run_for(600, until=lambda: bool(there.asked(CREATES[platform])))
    there.site.crash()
    there.site.start()
    there.site.run_for(30)
    assert len(there.asked(CREATES[platform])) == 1, "the shop may still be at work on it"
    there.site.run_for(2 * HOUR, 900)
    assert ([state for state, _, _ in there.calls], len(there.placed)) == (["done"], 1)


def test_an_unknown_sku_is_parked_with_its_name_and_is_not_the_orders_fault(connect: Connect) -> None:
    there = connect(sells=False)
    there.site.run_for(HOUR, 900)
    ((state, attempts, detail),) = there.calls
    ((sku,),) = there.rows("SELECT sku FROM orders")
    assert (state, attempts, sku in detail) == ("parked", 1, True)
    assert [(code, sku in what) for _, code, what in there.problems() if code == "call_parked"] == [
        ("call_parked", True)
    ]
    there.site.flag()
    there.site.run_for(HOUR, 900)
    assert there.shipped() == [(1, 1)], "the marketplace's calls go on"


@ONE_PLATFORM
def test_a_map_translates_and_names_the_sku_that_it_lacks(connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "skus.csv"
    file.write_text("menzzo_sku,shop_sku\n")
    there = connect(sells=False, sku_map=file)
    mine = there.shop.store.sells("OUR-SOFA")
    there.site.run_for(HOUR, 900)
    ((sku, this),) = there.rows("SELECT sku, menzzo_order_id FROM orders")
    assert [(state, f"SKU {sku} is not in the SKU map {file}" in detail) for state, _, detail in there.calls] == [
        ("parked", True)
    ]
    file.write_text(f"menzzo_sku;shop_sku\n{sku};OUR-SOFA\n")
    retry(there, this)
    there.site.run_for(HOUR, 900)
    assert ([state for state, _, _ in there.calls], mine.stock < 10 or there.platform == "magento") == (["done"], True)


def retry(there: Connected, this: str) -> None:
    from supplier_agent import actions  # noqa: PLC0415 - for this test alone

    with there.site.agent.ctx.store.write() as tx:
        actions.retry(tx, actions.find(tx, this), there.site.clock.now(), "Ann")
    there.site.agent.ctx.look_again()


@ONE_PLATFORM
def test_a_shop_that_is_away_delays_nothing_at_the_marketplace(connect: Connect, platform: str) -> None:
    there = connect()
    there.site.world.faults.arm(platform, faults.status(503), seconds=5 * HOUR)
    there.site.run_for(HOUR, 900)
    there.site.flag()
    there.site.run_for(HOUR, 900)
    assert there.shipped() == [(1, 1)]
    assert {supplier for supplier, _, _ in there.problems()} == {ACCOUNT}
    asked = len(there.asked())
    assert asked < 60, "it is asked less and less often"
    there.site.run_for(6 * HOUR, 900)
    assert len(there.placed) == 1, "an order that has left is still counted in the shop's stock"
    assert [state for state, _, _ in there.calls] == ["done"]
    assert there.problems() == []


def test_refused_credentials_pause_the_account_and_new_ones_are_noticed(
    connect: Connect, platform: str, tmp_path: Path
) -> None:
    there = connect(start=False)
    file = tmp_path / CREDENTIALS[platform][-1]
    right = file.read_text()
    file.write_text("wrong")
    there.site.start()
    there.site.run_for(2 * HOUR, 900)
    assert there.placed == []
    assert {(supplier, code) for supplier, code, _ in there.problems()} >= {(ACCOUNT, "calls_failing")}
    assert len(there.asked()) < 40
    assert all("wrong" not in str(row) for row in there.rows("SELECT detail FROM attempts"))
    file.write_text(right)
    there.site.run_for(2 * HOUR, 900)
    assert (len(there.placed), there.problems()) == (1, [])


def test_a_key_that_may_not_write_is_a_problem_of_the_account(connect: Connect) -> None:
    there = connect(semantics=ShopSemantics(key_may_write=False))
    there.site.run_for(2 * HOUR, 900)
    assert there.placed == []
    assert [(supplier, code) for supplier, code, _ in there.problems()] == [(ACCOUNT, "calls_failing")]


BAD = [
    faults.html(),
    faults.empty(),
    faults.says([]),
    faults.says({"id": None}),
    faults.says("no"),
    faults.redirect("https://elsewhere.example/x"),
    faults.status(500),
    faults.status(429, headers=(("Retry-After", "120"),)),
    faults.status(429),
    faults.status(404),
    faults.status(200, body=b"[" * 100_000),
    faults.half_body(applied=True),
    faults.reset(applied=True),
    faults.says({"id": 1, "entity_id": 1}, applied=False),
    faults.says({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}, applied=False),
    faults.says({"data": {"orderCreate": {"order": None, "userErrors": []}}}, applied=True),
]


CASES = [
    ([*PLATFORMS][(number + turn) % len(PLATFORMS)], which, fault)
    for number, fault in enumerate(BAD)
    for turn, which in enumerate(("GET", "create"))
]
"""Every fault of reads and of the order, each with another platform; all platforms share the code that meets them."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("platform", "which", "fault"),
    CASES,
    indirect=["platform"],
    ids=[f"{each[0]}-{each[1]}-{each[2].name}" for each in CASES],
)
def test_whatever_the_shop_answers_there_is_one_order_in_the_end_or_none(
    connect: Connect, platform: str, which: str, fault: faults.Fault
) -> None:
    there = connect()
    method = CREATES[platform] if which == "create" else "GET"
    there.site.world.faults.arm(platform, fault, when=lambda line: does(line) == method, times=3)
    there.site.run_for(6 * HOUR, 900)
    there.site.flag()
    there.site.run_for(HOUR, 900)
    assert there.shipped() == [(1, 1)]
    assert len(there.placed) <= 1
    if which == "GET":
        assert [state for state, _, _ in there.calls] in (["done"], ["parked"])


@ONE_PLATFORM
def test_the_rate_of_the_shop_is_kept(connect: Connect) -> None:
    there = connect(orders=4, requests_per_second=0.2)
    there.site.run_for(HOUR, 900)
    times = [each.at for each in there.asked()]
    assert min((b - a).total_seconds() for a, b in pairwise(times)) >= 5
