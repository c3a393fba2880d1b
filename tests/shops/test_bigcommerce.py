"""What is BigCommerce's own: statuses, empty lists, quota, variants, and the orders of others that it sends along."""

import json
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.errors import ConfigError
from supplier_agent.integrations.reading import AnswerError
from supplier_agent.integrations.shops.bigcommerce import BigCommerce
from supplier_agent.integrations.shops.protocol import Line
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.shop_orders import Product
from supplier_agent.sandbox import faults
from supplier_agent.settings import load
from supplier_agent.settings.shop import Shop
from tests.shops.conftest import HOUR, Connect
from tests.shops.test_rules import NOW

ROW = {"id": 118, "status_id": 11, "external_order_id": "1_2", "external_source": "menzzo:notio"}


@pytest.fixture
def platform() -> str:
    return "bigcommerce"


def shop(**keys: object) -> BigCommerce:
    given: dict[str, Any] = {
        "platform": "bigcommerce",
        "url": "https://api.example/stores/abc",
        "token_file": "/t",
        **keys,
    }
    return BigCommerce(Shop(**given))


def answer(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(value).encode())


@pytest.mark.parametrize(
    ("status", "shipped", "total", "fulfilled"),
    [
        (2, 0, 2, True),
        (10, 0, 2, True),
        (3, 1, 2, False),
        (9, 0, 2, False),
        (11, 2, 2, False),
        (4, 2, 2, True),
        (4, 0, 2, False),
        (14, 2, 2, True),
        (14, 1, 2, False),
        (5, 0, 0, False),
        (5, 2, 2, True),
        (13, 2, 2, True),
        (None, 2, 2, False),
        ("2", 0, 2, True),
    ],
)
def test_what_is_sent_is_told_by_the_status_and_after_a_refund_by_the_shipments(
    status: object, shipped: int, total: int, fulfilled: bool  # noqa: FBT001 - a case
) -> None:  # fmt: skip
    row = {**ROW, "status_id": status, "items_shipped": shipped, "items_total": total}
    (found,) = shop().read_orders(answer([row]), 1).orders
    assert found.fulfilled is fulfilled


def test_a_status_of_the_section_is_the_only_sign() -> None:
    rows = [{**ROW, "status_id": status} for status in (2, 8, 10)]
    assert [each.fulfilled for each in shop(fulfilled="8").read_orders(answer(rows), 1).orders] == [False, True, False]


def test_an_order_is_read_with_its_times_and_only_ours_has_a_supplier() -> None:
    dates = {"date_created": "Wed, 10 Jan 2018 21:05:30 +0000", "date_modified": "Wed, 05 Dec 2018 20:16:55 -0100"}
    rows = [{**ROW, **dates}, {"id": 119, "external_source": "POS", "external_order_id": None, "date_created": 5}]
    ours, other = shop().read_orders(answer(rows), 1).orders
    assert (ours.shop_id, ours.number, ours.reference, ours.supplier) == ("118", "118", "1_2", "notio")
    assert str(ours.created_at) == "2018-01-10 21:05:30+00:00"
    assert str(ours.modified_at) == "2018-12-05 21:16:55+00:00"
    assert (other.reference, other.supplier, other.created_at, other.modified_at) == ("", "", None, None)


def test_a_204_is_an_empty_list_and_nothing_else_without_rows_is_one() -> None:
    assert shop().read_orders(Answer(204, {}, b""), 3).orders == ()
    assert shop().read_orders(Answer(204, {}, b""), 3).more is False
    for body in (b"", b"{}", b"null", b'{"data": []}'):
        with pytest.raises(AnswerError):
            shop().read_orders(Answer(200, {}, body), 1)
    for read in (shop().read_product, shop().read_variant):
        with pytest.raises(AnswerError):
            read(Answer(204, {}, b""), "SOFA")
        with pytest.raises(AnswerError):
            read(answer({"status": 404, "title": "Not found"}, 404), "SOFA")


def test_after_a_full_page_there_may_be_another() -> None:
    rows = [{**ROW, "id": number} for number in range(1, 51)]
    assert shop().read_orders(answer(rows), 1).more
    assert not shop().read_orders(answer(rows[1:]), 1).more


def test_a_channel_of_its_own_is_where_orders_are_made_and_the_only_one_that_is_read() -> None:
    own = shop(channel_id=7)
    line, product = Line("1_2", "notio", 1, None), Product("5", "6", "SOFA", "Sofa")
    assert own.create(line, product).body is not None
    made = own.create(line, product).body or {}
    assert (made["channel_id"], made["products"]) == (7, [{"product_id": 5, "quantity": 1, "variant_id": 6}])
    asked = [own.search("1_2"), own.changed(NOW, 2), own.scopes()[0].request]
    assert all("channel_id=7" in each.path for each in asked)
    assert "channel_id" not in shop().changed(NOW, 1).path
    assert "channel_id" not in (shop().create(line, product).body or {})


def test_a_status_id_of_the_section_is_sent() -> None:
    made = shop(status="9").create(Line("1_2", "notio", 1, 100), Product("5", "", "SOFA", "Sofa")).body or {}
    assert made["status_id"] == 9


def test_the_sku_of_a_variant_is_found_and_that_of_its_product_is_none() -> None:
    products = {"data": [{"id": 4, "sku": "SOFA", "name": "Sofa", "base_variant_id": None}]}
    assert shop().read_product(answer(products), "SOFA") is None
    variants = {"data": [{"id": 8, "sku": "SOFA-R", "product_id": 0}, {"id": 9, "sku": "SOFA-R", "product_id": 4}]}
    found = shop().read_variant(answer(variants), "SOFA-R")
    assert found is not None
    assert (found.product_id, found.variant_id) == ("4", "9")
    assert shop().read_variant(answer(variants), "SOFA") is None


def test_a_variant_is_ordered_by_its_sku_through_a_second_search(connect: Connect) -> None:
    there = connect(sells=False)
    ((sku,),) = {(each.sku,) for each in there.site.world.orders("notio")}
    sofa = there.shop.store.sells("SOFA-OF-ALL-COLOURS")
    red = there.shop.store.sells(sku, parent=sofa.id)
    there.site.run_for(HOUR, 900)
    assert [state for state, _, _ in there.calls] == ["done"]
    (placed,) = there.shop.store.orders.values()
    (item,) = placed.given["products"]
    assert (item["product_id"], item["variant_id"]) == (sofa.id, red.id)


@pytest.mark.parametrize(("header", "seconds"), [("900000", 900), ("soon", 0)])
def test_a_quota_that_is_used_up_is_waited_for_as_its_header_says(connect: Connect, header: str, seconds: int) -> None:
    there = connect(requests_per_second=50)
    quota = faults.status(429, headers=(("X-Rate-Limit-Time-Reset-Ms", header),))
    there.site.world.faults.arm("bigcommerce", quota, times=1, when=lambda line: "external_order_id" in line.target)
    there.site.run_for(HOUR, 60)
    first, second = (each.at for each in there.asked("GET") if "external_order_id" in each.target)
    assert (second - first).total_seconds() >= max(seconds, 1)
    assert (second - first).total_seconds() < (seconds or 600) + 120
    assert [state for state, _, _ in there.calls] == ["done"]


@pytest.mark.parametrize(
    ("header", "seconds"), [("15000", "15"), ("1", "1"), ("", None), ("soon", None), ("-5", None), ("9" * 30, None)]
)
def test_the_header_of_the_quota_is_in_milliseconds(header: str, seconds: str | None) -> None:
    assert shop().retry_after(answer([], 429, **{"x-rate-limit-time-reset-ms": header})) == seconds


def test_the_mail_of_a_shipment_goes_to_nobody(connect: Connect) -> None:
    there = connect(read_back_seconds=300)
    there.site.run_for(HOUR, 300)
    assert there.shop.store.mails == []
    there.shop.fulfil(there.placed[0])
    there.site.run_for(HOUR, 300)
    assert there.shipped() == [(1, 1)]
    assert there.shop.store.mails == ["no-mail@menzzo.invalid"]


def test_nothing_of_the_shops_own_customers_is_written(connect: Connect) -> None:
    there = connect(read_back_seconds=300)
    mine = {"billing_address": {"first_name": "Perdita", "last_name": "Quillfeather", "email": "perdita@example.org"}}
    for status in ("11", "2"):
        there.shop.store.place(status, mine)
    there.site.run_for(HOUR, 300)
    there.shop.store.set_status(there.placed[0], "2")
    there.site.run_for(HOUR, 300)
    there.site.stop()
    written = [each for each in there.site.settings.state_dir.rglob("*") if each.is_file()]
    assert written
    for file in written:
        content = file.read_bytes()
        assert not any(word in content for word in (b"Perdita", b"Quillfeather", b"perdita@")), file


WRONG = {
    'url = "https://api.example/stores/abc/v3/"': "version of an API",
    'url = "https://api.example/stores/abc"\nstatus = "shipped"': "status_id",
    'url = "https://api.example/stores/abc"\nfulfilled = "completed"': "status_id",
    'url = "https://api.example/stores/abc"\nkey_file = "/k"': "does not use",
    'url = "https://api.example/stores/abc"\nchannel_id = 0': "channel_id",
}


@pytest.mark.parametrize("section", WRONG)
def test_a_mistake_in_its_section_is_explained(tmp_path: Path, section: str) -> None:
    file = tmp_path / "agent.toml"
    start = '[suppliers.notio]\ntoken = "x"\n[suppliers.notio.shop]\nplatform = "bigcommerce"\ntoken_file = "/t"\n'
    file.write_text(f"{start}{section}\n")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=WRONG[section]):
        load(file, {})
