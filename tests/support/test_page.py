"""The page: it asks the agent in the database, names what is held or unchecked, and fetches nothing from outside."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.db.support import Product, SaleCheck
from supplier_agent.db.tables import Order
from tests.web.conftest import anna, lea, pristine
from tests.web.stage import SUPPLIER, Browser, Stage, staged

__all__ = ["anna", "lea", "pristine"]

SECTION: dict[str, Any] = {"token": "t", "open_sav": True}


@pytest.fixture(params=["warn"])
def stage(tmp_path: Path, pristine: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    suppliers = {SUPPLIER: {"token": "t", "support": {**SECTION, "when_unreachable": request.param}}}
    with staged(tmp_path, pristine=pristine, suppliers=suppliers) as made:
        yield made


def check(stage: Stage, row: int, status: str = "processing", **facts: Any) -> None:  # noqa: ANN401 - any column
    with stage.store.write() as tx:
        known: dict[str, Any] = {"found": 1, "status": status, "checked_at": stage.clock.now()}
        tx.merge(SaleCheck(order_id=row, **known | facts))


def bulk(stage: Stage, browser: Browser, key: str, *rows: int) -> Any:  # noqa: ANN401 - an answer
    browser.get("/list")
    form = {"token": browser.token(), "key": key * 32, "row": [str(row) for row in rows], "how": "pdf"}
    return browser.client.post("/print", data=form, headers={"Origin": stage.url}, follow_redirects=True)


def asked(stage: Stage, row: int) -> bool:
    with stage.store.read() as tx:
        order = tx.get(Order, row)
    assert order is not None
    return order.sale_asked_at is not None and order.planned_at is None


def test_a_bulk_print_asks_first_and_prints_at_the_second_press(stage: Stage, anna: Browser) -> None:
    row, fresh = stage.order("15000012340_1"), stage.order("15000012341_2")
    check(stage, fresh)
    said = bulk(stage, anna, "a", row, fresh)
    assert "press again" in said.text
    assert (asked(stage, row), asked(stage, fresh)) == (True, False)
    assert not stage.history(row)
    check(stage, row)
    bulk(stage, anna, "b", row, fresh)
    assert [bool(stage.history(each)) for each in (row, fresh)] == [True, True]


def test_without_an_answer_it_prints_and_names_the_orders(stage: Stage, anna: Browser) -> None:
    row = stage.order("15000012340_1")
    bulk(stage, anna, "a", row)
    bulk(stage, anna, "b", row)
    assert stage.history(row)
    anna.get("/list")
    assert "without a sale check" in anna.said
    assert "15000012340_1" in anna.said


@pytest.mark.parametrize("stage", ["hold"], indirect=True)
def test_the_strict_gate_leaves_unchecked_labels_out(stage: Stage, anna: Browser) -> None:
    row, fresh = stage.order("15000012340_1"), stage.order("15000012341_2")
    check(stage, fresh)
    bulk(stage, anna, "a", row, fresh)
    bulk(stage, anna, "b", row, fresh)
    assert [bool(stage.history(each)) for each in (row, fresh)] == [False, True]
    anna.get("/list")
    assert "could not be checked: 15000012340_1" in anna.said


@pytest.mark.parametrize("stage", ["hold"], indirect=True)
def test_the_strict_gate_holds_for_the_address_of_the_labels_too(stage: Stage, anna: Browser) -> None:
    row, fresh = stage.order("15000012340_1"), stage.order("15000012341_2")
    check(stage, fresh)
    assert anna.client.get(f"/labels.pdf?rows={row}").status_code == 404
    bulk(stage, anna, "a", fresh)
    check(stage, fresh, checked_at=stage.clock.now() - timedelta(hours=1))
    assert anna.client.get(f"/labels.pdf?rows={fresh}").status_code == 200, "what was printed is shown again"


def test_an_order_whose_sale_is_stopped_is_left_out_and_named(stage: Stage, anna: Browser) -> None:
    held: dict[str, Any] = {"held_code": "sale_stopped", "held_reason": "Menzzo says that its sale is canceled"}
    row, fine = stage.order("15000012340_1", **held), stage.order("15000012341_2")
    check(stage, row, "canceled")
    check(stage, fine)
    bulk(stage, anna, "a", row, fine)
    assert [bool(stage.history(each)) for each in (row, fine)] == [False, True]
    anna.get("/list")
    assert "must not ship: 15000012340_1" in anna.said


def test_an_old_answer_is_asked_for_again_but_not_twice_in_ten_minutes(stage: Stage, anna: Browser) -> None:
    row = stage.order("15000012340_1")
    check(stage, row, checked_at=stage.clock.now() - timedelta(minutes=11))
    bulk(stage, anna, "a", row)
    assert asked(stage, row)
    with stage.store.read() as tx:
        order = tx.get(Order, row)
        first = order.sale_asked_at if order else None
    bulk(stage, anna, "b", row)
    with stage.store.read() as tx:
        order = tx.get(Order, row)
    assert order is not None
    assert order.sale_asked_at == first


def test_the_tracking_number_finds_an_order_and_is_on_the_hand_over_list(stage: Stage, anna: Browser) -> None:
    row = stage.order("15000012340_1", shipped=1, shipped_at=stage.clock.now())
    other = stage.order("15000012341_2")
    check(stage, row, tracking="TR0815")
    check(stage, other, tracking="TR4711")
    anna.get("/hand-over")
    assert "TR0815" in anna.said
    anna.get("/list?q=TR4711")
    assert "15000012341" in anna.said


def test_the_page_of_an_order_shows_name_and_picture_from_the_state_folder(stage: Stage, anna: Browser) -> None:
    row = stage.order("15000012340_1", sku="SOFA")
    folder = stage.settings.state_dir / "pictures"
    folder.mkdir()
    (folder / "abc.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with stage.store.write() as tx:
        now = stage.clock.now()
        tx.add(Product(supplier=SUPPLIER, sku="SOFA", asked_at=now, name="Sofa Oslo", picture="pictures/abc.png"))
    anna.get(f"/order/{row}")
    assert "Sofa Oslo" in anna.said
    answer = anna.client.get(f"/picture/{row}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert "img-src 'self'" in answer.headers["content-security-policy"]
    with stage.store.write() as tx:
        tx.merge(Product(supplier=SUPPLIER, sku="SOFA", asked_at=now, picture="../agent.db"))
    assert anna.client.get(f"/picture/{row}").status_code == 404


def test_a_lead_sees_exactly_what_is_sent_and_sends_it_once(stage: Stage, lea: Browser) -> None:
    row = stage.order("15000012340_1")
    lea.get(f"/order/{row}")
    form = {"token": lea.token(), "row": str(row), "complaint": "damage", "description": "One leg <b>is</b> broken"}
    headers = {"Origin": stage.url}
    lea.client.post("/sav", data={**form, "key": "a" * 32}, headers=headers)
    body = '{"increment_id": "15000012340", "complaint_type": "damage", "description": "One leg <b>is</b> broken"}'
    with stage.store.read() as tx:
        assert tx.get(Order, row).sav_asked_at is None  # type: ignore[union-attr]
    lea.get(f"/order/{row}")
    assert body in lea.said
    for _ in range(2):
        lea.client.post("/sav", data={**form, "key": "b" * 32, "sure": "yes"}, headers=headers)
    with stage.store.read() as tx:
        rows = tx.connection().exec_driver_sql("SELECT body, asked_by FROM sav_requests").all()
    assert [tuple(each) for each in rows] == [(body, "Lea")]


def test_a_packer_opens_no_case(stage: Stage, anna: Browser) -> None:
    row = stage.order("15000012340_1")
    anna.get(f"/order/{row}")
    assert "Open a case" not in anna.said
    form = {"token": anna.token(), "key": "a" * 32, "row": str(row), "complaint": "damage", "description": "x"}
    anna.client.post("/sav", data={**form, "sure": "yes"}, headers={"Origin": stage.url})
    with stage.store.read() as tx:
        assert not tx.connection().exec_driver_sql("SELECT 1 FROM sav_requests").all()
