"""What a program reads: pages of orders that do not change under it, one order as the command line prints it, its label."""

import json
from datetime import date

import pytest

from supplier_agent.db.tables import Order
from supplier_agent.reports.orders import whole
from supplier_agent.web.api.models import Summary, Whole
from tests.api.programs import Program
from tests.web.stage import SUPPLIER, Stage

ID = "15000010001_111"
OTHER = "asir-group"


def ids(program: Program, **query: object) -> list[str]:
    answer = program.get("/orders", **query)
    assert answer.status_code == 200, answer.text
    return [each["menzzo_order_id"].partition("_")[2] for each in answer.json()["orders"]]


@pytest.fixture
def several(stage: Stage) -> None:
    now = stage.clock.now()
    stage.order("15000010001_1", sku="SOFA-RED", order_date=date(2026, 11, 1))
    stage.order("15000010001_2", label=False, acknowledged_at=None)
    stage.order("15000010001_3", held_reason="broken")
    stage.order("15000010001_4", ship_confirmed_at=now, shipped=1, shipped_at=now, ship_evidence="confirmed")
    stage.order("15000010001_5", closed_reason="by hand")
    stage.order("15000010001_6", supplier=OTHER, codes={"PARCEL-6": 1})


FOUND: list[tuple[dict[str, str], str]] = [
    ({}, "1236"),
    ({"all": "true"}, "123456"),
    ({"stage": "ready"}, "16"),
    ({"stage": "new"}, "2"),
    ({"stage": "held"}, "3"),
    ({"stage": "shipped"}, "4"),
    ({"stage": "closed"}, "5"),
    ({"stage": "attention"}, ""),
    ({"supplier": OTHER}, "6"),
    ({"supplier": "nobody"}, ""),
    ({"since": "2026-11-20"}, "236"),
    ({"text": "sofa"}, "1"),
    ({"text": "PARCEL-6"}, "6"),
    ({"text": "%"}, ""),
    ({"limit": "2"}, "12"),
]


@pytest.mark.usefixtures("several")
def test_orders_are_found_by_stage_supplier_day_and_text(wms: Program) -> None:
    assert [ids(wms, **query) for query, _found in FOUND] == [list(found) for _query, found in FOUND]


WRONG: list[dict[str, str]] = [
    {"stage": "lost"}, {"since": "20261101"}, {"since": "yesterday"}, {"since": ""}, {"limit": "0"}, {"limit": "201"},
    {"limit": "-1"}, {"limit": "1e2"}, {"limit": "٣"}, {"satge": "ready"}, {"text": ""}, {"all": "yes"}, {"cursor": ""},
    {"cursor": "x"}, {"cursor": "W10"}, {"cursor": "WzEsMV0"}, {"cursor": "W1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tb"},
]  # fmt: skip


def test_a_wrong_parameter_is_refused_and_not_repeated(wms: Program) -> None:
    for query in WRONG:
        answer = wms.get("/orders", **query)
        assert (answer.status_code, answer.json()["code"]) == (422, "content_wrong"), query
        assert "lost" not in answer.text
        assert "yesterday" not in answer.text
    assert wms.client.get("/api/v1/orders?limit=1&limit=2").status_code == 422, "given twice"


def test_pages_neither_repeat_nor_leave_out_an_order_while_orders_change(stage: Stage, wms: Program) -> None:
    rows = [stage.order(f"15000010001_{number}") for number in range(7)]
    first = wms.get("/orders", limit=3).json()
    with stage.store.write() as tx:
        tx.get_one(Order, rows[0]).closed_reason = "gone"  # it was listed: nothing moves up
        tx.get_one(Order, rows[5]).closed_reason = "gone"
    stage.order("15000010001_7", order_date=date(2020, 1, 1))  # new, and older than all
    second = wms.get("/orders", limit=3, cursor=first["next"]).json()
    third = wms.get("/orders", limit=3, cursor=second["next"])
    listed = [each["sale_product_id"] for page in (first, second, third.json()) for each in page["orders"]]
    assert listed == ["0", "1", "2", "3", "4", "6", "7"]
    assert third.json()["next"] is None
    assert wms.get("/orders", limit=3, cursor=first["next"], stage="new").status_code == 422, "a cursor of other orders"


def test_a_last_page_that_is_full_has_no_next(stage: Stage, wms: Program) -> None:
    for number in range(2):
        stage.order(f"15000010001_{number}")
    assert wms.get("/orders", limit=2).json()["next"] is None
    assert wms.get("/orders", limit=1).json()["next"] is not None


def test_one_order_is_what_the_command_line_prints(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    stage.refused(row, 409, "no")
    with stage.store.read() as tx:
        printed = {"schema": 1, **whole(tx, tx.get_one(Order, row), stage.settings, stage.clock.now())}
    assert wms.get(f"/orders/{ID}").json() == json.loads(json.dumps(printed))


def test_the_models_name_every_key_and_no_other(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    stage.refused(row, 409, "no")
    told = wms.get(f"/orders/{ID}").json()
    named = {field.alias or name for name, field in Whole.model_fields.items()}
    assert told.keys() == named
    assert wms.get("/orders").json()["orders"][0].keys() == Summary.model_fields.keys()
    Whole.model_validate(told)


def test_of_two_suppliers_with_the_same_id_one_is_named(stage: Stage, wms: Program) -> None:
    stage.order(ID)
    stage.order(ID, supplier=OTHER)
    assert wms.get(f"/orders/{ID}").json()["code"] == "two_suppliers"
    assert wms.get(f"/orders/{ID}", supplier=OTHER).json()["supplier"] == OTHER
    assert wms.post(f"/orders/{ID}/ship").status_code == 409
    assert wms.post(f"/orders/{ID}/ship", {"supplier": SUPPLIER}).json()["order"]["supplier"] == SUPPLIER


def test_an_order_that_is_not_there_is_404(wms: Program) -> None:
    for order in ("1", "%00", "%ff", "%0a", "1%0a2", "..%2f..", "'", "💥", "x" * 3000):
        answer = wms.client.get(f"/api/v1/orders/{order}")
        assert (answer.status_code, answer.json()["status"]) == (404, 404), order


def test_a_label_comes_as_it_was_stored_with_its_hash(stage: Stage, wms: Program) -> None:
    row = stage.order(ID)
    answer = wms.get(f"/orders/{ID}/label")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["etag"] == f'"{stage.facts(row).label_sha256}"'
    assert answer.content.startswith(b"%PDF")
    assert [each.what for each in stage.history(row)] == [], "to read it is not to print it"


def test_a_label_that_is_missing_or_damaged_is_not_sent(stage: Stage, wms: Program) -> None:
    stage.order("15000010001_1", label=False)
    row = stage.order("15000010001_2")
    (stage.settings.state_dir / str(stage.facts(row).label_path)).write_bytes(b"%PDF damaged")
    for order in ("15000010001_1", "15000010001_2"):
        answer = wms.get(f"/orders/{order}/label")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_label")
