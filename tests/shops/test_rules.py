"""What is decided without a network: what the shop's order means, and what its answers say."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.errors import ConfigError
from supplier_agent.db.tables import Call, Order
from supplier_agent.integrations.reading import AnswerError
from supplier_agent.integrations.shops.bigcommerce import BigCommerce
from supplier_agent.integrations.shops.magento import Magento
from supplier_agent.integrations.shops.protocol import Platform
from supplier_agent.integrations.shops.sku_map import SkuMap, read_map
from supplier_agent.integrations.shops.woocommerce import WooCommerce
from supplier_agent.marketplace.wire import Answer
from supplier_agent.order import wanted
from supplier_agent.reading.shop_orders import InShop, Known, Says, next_cursor, what_it_says
from supplier_agent.settings import Settings, load
from supplier_agent.settings.shop import Shop

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def seen(*, fulfilled: bool, made: datetime | None = NOW) -> InShop:
    return InShop("1", "1", "15000012345_789", "notio", "completed", fulfilled, made, made)


@pytest.mark.parametrize(
    ("fulfilled", "known", "made", "says"),
    [
        (False, None, NOW, Says.NOTHING),
        (True, None, NOW + HOUR, Says.MARK),
        (True, None, NOW - HOUR, Says.BEFORE),
        (True, None, None, Says.BEFORE),
        (True, Known(fulfilled=False, counted=False), NOW - HOUR, Says.MARK),
        (True, Known(fulfilled=True, counted=True), NOW, Says.NOTHING),
        (True, Known(fulfilled=True, counted=False), NOW, Says.NOTHING),
        (False, Known(fulfilled=True, counted=True), NOW, Says.TAKEN_BACK),
        (False, Known(fulfilled=True, counted=False), NOW, Says.NOTHING),
        (False, Known(fulfilled=False, counted=True), NOW, Says.NOTHING),
    ],
)
def test_what_an_order_of_the_shop_means(
    fulfilled: bool,  # noqa: FBT001 - a case
    known: Known | None,
    made: datetime | None,
    says: Says,
) -> None:
    assert what_it_says(seen(fulfilled=fulfilled, made=made), known, NOW) is says


def test_the_cursor_never_goes_back() -> None:
    later = NOW + 2 * HOUR
    assert next_cursor(NOW, [seen(fulfilled=True, made=NOW - HOUR), seen(fulfilled=True, made=None)], later) == NOW
    assert next_cursor(NOW, [seen(fulfilled=True, made=NOW + HOUR)], later) == NOW + HOUR


def test_the_cursor_is_never_later_than_the_clock_of_the_shop() -> None:
    assert next_cursor(NOW, [seen(fulfilled=True, made=NOW + 9999 * HOUR)], NOW + HOUR) == NOW + HOUR


def order(**facts: object) -> Order:
    ids = {"supplier": "notio", "menzzo_order_id": "1_2", "increment_id": "1", "sale_product_id": "2"}
    given: dict[str, Any] = {**ids, "sku": "SOFA", "quantity": 1, "acknowledged_at": NOW, **facts}
    return Order(first_seen_at=NOW, **given)


def kinds(of: Order, *calls: Call) -> set[str]:
    return {want.kind for want in wanted(of, calls)}


@pytest.mark.parametrize(
    "facts",
    [
        {"acknowledged_at": None},
        {"sku": None},
        {"quantity": None},
        {"held_reason": "x"},
        {"vanished_at": NOW},
        {"closed_reason": "x"},
    ],
)
def test_an_order_in_doubt_is_not_made_in_the_shop(facts: dict[str, object]) -> None:
    assert "shop_order" in kinds(order())
    assert "shop_order" not in kinds(order(**facts))


@pytest.mark.parametrize(("state", "wants"), [("owed", True), ("parked", True), ("done", False), ("dropped", False)])
def test_after_shipping_only_what_was_owed_is_still_made(state: str, wants: bool) -> None:  # noqa: FBT001 - a case
    call = Call(order_id=1, supplier="notio", kind="shop_order", state=state, owed_at=NOW)
    assert ("shop_order" in kinds(order(ship_confirmed_at=NOW), call)) is wants
    assert "shop_order" not in kinds(order(ship_confirmed_at=NOW))


def shop(platform: str, **keys: object) -> Shop:
    files = {"woocommerce": {"key_file": "/k", "secret_file": "/s"}}.get(platform, {"token_file": "/t"})
    return Shop(platform=platform, url="https://shop.example", **files, **keys)  # type: ignore[arg-type]


ITEM = {"product_type": "simple", "qty_ordered": 2, "qty_shipped": 2}


@pytest.mark.parametrize(
    ("items", "shipped"),
    [
        ([ITEM], True),
        ([{**ITEM, "qty_shipped": 1}], False),
        ([{**ITEM, "qty_shipped": 1, "qty_canceled": 1}], True),
        ([{**ITEM, "qty_shipped": 0, "qty_refunded": 2}], False),
        ([ITEM, {**ITEM, "product_type": "virtual", "qty_shipped": 0}], True),
        ([ITEM, {**ITEM, "parent_item_id": 7, "qty_shipped": 0}], True),
        ([], False),
        (None, False),
        (["x"], False),
    ],
)
def test_magento_is_fulfilled_by_its_shipments(items: object, shipped: bool) -> None:  # noqa: FBT001 - a case
    row = {"entity_id": 5, "increment_id": "000000005", "ext_order_id": "1_2", "status": "complete", "items": items}
    body = json.dumps({"items": [row], "total_count": 1}).encode()
    (found,) = Magento(shop("magento")).read_orders(Answer(200, {}, body), 1).orders
    assert found.fulfilled is shipped


def test_a_status_of_its_own_can_be_the_mark() -> None:
    row = {"id": 1, "status": "sent", "meta_data": [{"key": "menzzo_order_id", "value": "1_2"}, "x", {"value": 1}]}
    woo = WooCommerce(shop("woocommerce", fulfilled="sent"))
    (found,) = woo.read_orders(Answer(200, {}, json.dumps([row]).encode()), 1).orders
    assert (found.fulfilled, found.reference, found.created_at) == (True, "1_2", None)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{}", b"[1]", b'{"items": 5, "total_count": 1}', b"<html>", b"[" * 9999, b"\xff"]
)
@pytest.mark.parametrize(
    "platform", [Magento(shop("magento")), WooCommerce(shop("woocommerce")), BigCommerce(shop("bigcommerce"))]
)
def test_what_is_not_documented_is_no_answer(platform: Platform, body: bytes) -> None:
    with pytest.raises(AnswerError):
        platform.read_orders(Answer(200, {}, body), 1)
    with pytest.raises(AnswerError):
        platform.read_created(Answer(200, {}, body))


def test_one_order_that_cannot_be_read_hides_no_other() -> None:
    rows = [{"number": "no id"}, {"id": 2, "status": "completed", "date_modified_gmt": "soon"}]
    page = WooCommerce(shop("woocommerce")).read_orders(
        Answer(200, {"x-wp-totalpages": "many"}, json.dumps(rows).encode()), 1
    )
    assert [(each.shop_id, each.modified_at) for each in page.orders] == [("2", None)]


def test_a_variation_is_ordered_by_both_ids() -> None:
    woo = WooCommerce(shop("woocommerce"))
    rows = [{"id": 7, "sku": "SOFA-X", "parent_id": 0}, {"id": 9, "sku": "SOFA", "parent_id": 4, "name": "Sofa"}]
    product = woo.read_product(Answer(200, {}, json.dumps(rows).encode()), "SOFA")
    assert product is not None
    assert (product.product_id, product.variant_id) == ("4", "9")


def test_the_map_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "map.csv"
    file.write_text("\ufeffmenzzo_sku,shop_sku\nA,B\n,\nC,\n")
    skus = SkuMap(file)
    assert (skus.shop_sku("A"), skus.shop_sku("C")) == ("B", None)
    file.write_text("menzzo_sku,shop_sku\nA,BB\n")
    assert skus.shop_sku("A") == "BB"
    assert SkuMap(None).shop_sku("A") == "A"


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe", b"menzzo_sku\nx\n"])
def test_a_map_that_is_none_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "map.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError):
        read_map(file)
    with pytest.raises(ConfigError):
        read_map(tmp_path / "missing.csv")


WRONG = {
    'platform = "etsy"': "platform",
    'platform = "woocommerce"': "needs key_file and secret_file",
    'platform = "magento"\nkey_file = "/k"\ntoken_file = "/t"': "does not use",
    'platform = "magento"\ntoken_file = "/t"\ncountry = "France"': "code of a country",
    'platform = "magento"\ntoken_file = "/t"\nstatus = "a b"': "is no status",
    'platform = "magento"\ntoken_file = "/t"\nreadback = 3': "did you mean",
}


@pytest.mark.parametrize(("section", "said"), [(key, said) for key, said in WRONG.items() if "=" in key])
def test_a_mistake_in_the_section_is_explained(tmp_path: Path, section: str, said: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        f'[suppliers.notio]\ntoken = "x"\n[suppliers.notio.shop]\nurl = "https://shop.example"\n{section}\n'
    )
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=said if said != "did you mean" else "readback"):
        load(file, {})


def test_every_key_has_its_variable() -> None:
    start = "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__SHOP__"
    env = {f"{start}PLATFORM": "magento", f"{start}URL": "https://shop.example", f"{start}TOKEN_FILE": "/t"}
    found = load(None, {**env, "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN": "x"}, ()).shop_of("asir-group")
    assert found is not None
    assert (found.platform, found.token_file) == ("magento", Path("/t"))


def test_it_must_be_https_or_this_machine() -> None:
    with pytest.raises(ValueError, match="https"):
        Settings(suppliers={"notio": {"token": "x", "shop": {**dict(shop("magento")), "url": "http://shop.example"}}})
