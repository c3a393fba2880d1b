"""The endpoints without sockets: tokens, bad requests, the cache, effects and the log."""

import json
from datetime import timedelta
from typing import Any

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.api import Api
from supplier_agent.sandbox.faults import Answer, Request
from supplier_agent.sandbox.semantics import DOCUMENTED_FIELDS, ROWS, Semantics
from supplier_agent.sandbox.world import World

BASE = "http://sandbox.test"
ASIR = "sandbox-asir-group"


def call(api: Api, method: str, target: str, body: bytes = b"", token: str | None = ASIR) -> Answer:
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    answer = api.handle(Request(method, target, headers, body), BASE).answer
    assert answer is not None
    return answer


def post(api: Api, endpoint: str, menzzo_order_id: object, supplier: str = "asir-group") -> Answer:
    body = json.dumps({"menzzo_order_id": menzzo_order_id}).encode()
    return call(api, "POST", f"/api/{supplier}/{endpoint}", body, f"sandbox-{supplier}")


def listed(api: Api, supplier: str = "asir-group", query: str = "") -> list[str]:
    rows = json.loads(call(api, "GET", f"/api/{supplier}/get-sales?{query}", token=f"sandbox-{supplier}").body)
    return [row["menzzo_order_id"] for row in rows]


def test_a_row_is_written_as_the_document_shows_it(world: World) -> None:
    rows = json.loads(call(Api(world), "GET", "/api/notio/get-sales?page=1", token="sandbox-notio").body)
    assert rows == [
        {
            "menzzo_order_id": "9_7",
            "sku": "NOTIO-PROD-123",
            "quantity": 2,
            "price": 180.0,
            "link_to_label": f"{BASE}/api/files/labels/notio/9_7.pdf",
            "order_date": "2026-01-15",
            "carrier": "GEODIS",
        },
    ]


@pytest.mark.parametrize("token", [None, "", "wrong", "sandbox-notio", "sandbox-asir-group2"])
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/api/asir-group/get-sales"),
        ("POST", "/api/asir-group/acknowledge-sale"),
        ("POST", "/api/asir-group/ship-sale"),
        ("GET", "/api/files/labels/asir-group/8_1.pdf"),
    ],
)
def test_without_the_suppliers_own_token_nothing_is_answered_or_done(
    world: World,
    method: str,
    target: str,
    token: str | None,
) -> None:
    answer = call(Api(world), method, target, b'{"menzzo_order_id": "8_1"}', token)
    assert answer.status == 401
    assert json.loads(answer.body)["success"] is False
    assert not world.orders("asir-group")[0].acknowledged_at
    assert not world.orders("asir-group")[0].shipped_at
    assert world.log[0].token == ("none" if token is None else "wrong")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"menzzo_order_id": 8}', b'{"menzzo_order_id": "8"}', b"[" * 20_000, b"\xff"],
)
def test_a_body_without_a_usable_id_is_a_bad_request(world: World, body: bytes) -> None:
    assert call(Api(world), "POST", "/api/asir-group/ship-sale", body).status == 400


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=x",
        f"page={'9' * 5000}",
        "date_from=15-01-2026",
        "date_to=2026-02-30",
        "date_to=20260115",
        "last_menzzo_order_number=abc",
        "last_menzzo_order_number=..%2F_x",
    ],
)
def test_a_parameter_that_cannot_be_read_is_a_bad_request(world: World, query: str) -> None:
    assert call(Api(world), "GET", f"/api/asir-group/get-sales?{query}").status == 400


@pytest.mark.parametrize("endpoint", ["acknowledge-sale", "ship-sale"])
def test_an_id_that_this_supplier_does_not_have_is_not_found(world: World, endpoint: str) -> None:
    assert post(Api(world), endpoint, "9_7").status == 404
    assert post(Api(world), endpoint, "77_7").status == 404


def test_paths_and_methods_that_the_api_lacks_are_refused(world: World) -> None:
    api = Api(world)
    assert call(api, "GET", "/api/other/get-sales").status == 404
    assert call(api, "GET", "/").status == 404
    assert call(api, "GET", "/api/files/labels/asir-group/77_7.pdf").status == 404
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        assert call(api, method, "/api/asir-group/ship-sale", b'{"menzzo_order_id": "8_1"}').status == 405
    assert not world.orders("asir-group")[0].shipped_at


def test_every_acknowledge_that_takes_effect_is_counted(world: World) -> None:
    api = Api(world)
    assert post(api, "acknowledge-sale", "8_1") == post(api, "acknowledge-sale", "8_1")
    assert len(world.orders("asir-group")[0].acknowledged_at) == 2
    api.semantics = Semantics(repeat_acknowledge="not_found")
    assert post(api, "acknowledge-sale", "8_1").status == 404


def test_a_second_ship_is_not_found_unless_the_marketplace_takes_it(world: World) -> None:
    api = Api(world)
    assert post(api, "ship-sale", "8_1").body == b'{"success": true}'
    again = post(api, "ship-sale", "8_1")
    assert again.status == 404
    assert json.loads(again.body) == {"success": False, "error": "order not found or already processed"}
    assert len(world.orders("asir-group")[0].shipped_at) == 1
    assert len(world.requests("ship-sale", menzzo_order_id="8_1")) == 2
    api.semantics = Semantics(repeat_ship="accepted")
    assert post(api, "ship-sale", "8_1").status == 200
    assert len(world.orders("asir-group")[0].shipped_at) == 2


def test_success_may_be_said_in_four_ways(world: World) -> None:
    def said(api: Api) -> tuple[int, bytes]:
        answer = post(api, "acknowledge-sale", "8_1")
        return answer.status, answer.body

    assert said(Api(world, Semantics(success="success_true"))) == (200, b'{"success": true}')
    assert said(Api(world, Semantics(success="empty"))) == (200, b"")
    assert said(Api(world, Semantics(success="no_content"))) == (204, b"")
    assert "success" not in json.loads(said(Api(world, Semantics(success="no_success_key")))[1])


def test_asir_group_is_cached_for_half_an_hour_and_notio_never(world: World) -> None:
    api = Api(world)
    before = listed(api), listed(api, "notio")
    for supplier in world.tokens:
        world.arrive(supplier)
    assert listed(api) == before[0]
    assert len(listed(api, "notio")) == len(before[1]) + 1
    assert [line.cached for line in world.requests("get-sales", "asir-group")] == [False, True]
    world.clock.sleep(1799)
    assert listed(api) == before[0]
    world.clock.sleep(1)
    assert len(listed(api)) == len(before[0]) + 1


def test_the_cache_may_be_shorter_and_may_be_forgotten(world: World) -> None:
    api = Api(world, Semantics(cache_seconds={"asir-group": 5, "notio": 60}))
    counts = []
    for _ in range(3):
        world.arrive("asir-group")
        counts.append(len(listed(api)))
        world.clock.sleep(4)
    assert counts == [7, 7, 9]
    world.arrive("asir-group")
    assert len(listed(api)) == 9
    api.forget_cache()
    assert len(listed(api)) == 10


def test_the_cache_knows_page_dates_and_order_number_but_the_cursor_only_if_it_is_told(world: World) -> None:
    api = Api(world)
    everything = listed(api)
    assert listed(api, query="last_menzzo_order_number=10_3") == everything
    assert listed(api, query="date_from=2026-01-17") == ["10_3", "10_20"]
    assert listed(api, query="order_number=9_2") == ["9_2"]
    assert listed(api, query="page=2") == []
    assert listed(Api(world, Semantics(cursor_in_cache_key=True)), query="last_menzzo_order_number=10_3") == ["10_20"]


def test_order_number_is_ignored_for_notio(world: World) -> None:
    assert listed(Api(world), "notio", "order_number=1_1") == ["9_7"]


def test_any_json_value_can_be_listed_as_a_row(world: World) -> None:
    rows: list[object] = [None, 17, [], {"sku": "no id"}, {"menzzo_order_id": "../../x_1"}, {"menzzo_order_id": "77_1"}]
    for row in rows:
        world.arrive_raw("notio", row)
    world.arrive_text("notio", '{"price": 1e999, "price": NaN}')
    api = Api(world)
    body = call(api, "GET", "/api/notio/get-sales", token="sandbox-notio").body
    assert body.endswith(b'{"price": 1e999, "price": NaN}]')
    found = json.loads(body)
    assert all(row in found for row in rows)
    assert post(api, "ship-sale", "77_1", "notio").status == 200


def test_an_id_can_be_listed_twice(world: World) -> None:
    world.arrive_raw("notio", {"menzzo_order_id": "9_7", "sku": "ANOTHER"})
    api = Api(world)
    assert listed(api, "notio") == ["9_7", "9_7"]
    assert post(api, "acknowledge-sale", "9_7", "notio").status == 200
    assert len(world.orders("notio")[0].acknowledged_at) == 1


def test_a_row_without_a_usable_id_keeps_a_place_that_the_cursor_sees(world: World) -> None:
    world.arrive_raw("asir-group", {"sku": "no id"})
    world.arrive_raw("asir-group", {"menzzo_order_id": "../x_1"})
    rows = json.loads(call(Api(world), "GET", "/api/asir-group/get-sales?last_menzzo_order_number=10_20").body)
    assert rows == [{"sku": "no id"}, {"menzzo_order_id": "../x_1"}]


def test_a_label_is_served_when_it_is_ready_and_missing_in_four_ways_before(world: World) -> None:
    order = world.orders("asir-group")[0]
    order.label_ready_from = world.clock.now() + timedelta(minutes=5)
    api = Api(world)
    path = order.label_path
    assert call(api, "GET", path).status == 404
    api.semantics = Semantics(label_before_ready="empty")
    assert call(api, "GET", path) == Answer(200, b"", (("Content-Type", "application/pdf"),))
    api.semantics = Semantics(label_before_ready="html")
    assert b"<html>" in call(api, "GET", path).body
    api.semantics = Semantics(label_before_ready="no_link", cache_seconds={})
    assert json.loads(call(api, "GET", "/api/asir-group/get-sales").body)[0]["link_to_label"] is None
    world.clock.sleep(300)
    assert json.loads(call(api, "GET", "/api/asir-group/get-sales").body)[0]["link_to_label"] == BASE + path
    assert call(api, "GET", path).body.startswith(b"%PDF-")


def test_labels_may_be_public(world: World) -> None:
    api = Api(world, Semantics(labels_need_token=False))
    assert call(api, "GET", "/api/files/labels/asir-group/8_1.pdf", token=None).status == 200


def test_a_fault_is_met_with_or_without_the_effect(world: World) -> None:
    api = Api(world)
    order = world.orders("asir-group")[0]
    world.faults.arm("ship-sale", faults.status(500))
    world.faults.arm("ship-sale", faults.status(500, applied=True))
    assert post(api, "ship-sale", "8_1").status == 500
    assert not order.shipped_at
    assert post(api, "ship-sale", "8_1").status == 500
    assert len(order.shipped_at) == 1
    log = [(line.status, line.effect, line.fault) for line in world.log]
    assert log == [(500, None, "status 500"), (500, "shipped", "status 500")]


def test_a_request_whose_body_never_came_is_logged_and_does_nothing(world: World) -> None:
    handled = Api(world).handle(Request("POST", "/api/asir-group/ship-sale", {}, None), BASE)
    assert handled.answer is None
    assert (world.log[0].endpoint, world.log[0].status, world.log[0].effect) == ("ship-sale", None, None)


def test_the_truth_shows_doubles_and_the_shortest_gap_between_requests(world: World) -> None:
    api = Api(world)
    for seconds in (2.5, 1.5, 3.5):
        post(api, "acknowledge-sale", "8_1")
        world.clock.sleep(seconds)
    post(api, "acknowledge-sale", "9_1")
    asir = json.loads(call(api, "GET", "/sandbox/truth", token=None).body)["suppliers"]["asir-group"]
    assert [order["acknowledged"] for order in asir["orders"]] == [3, 1, 0, 0, 0, 0]
    assert asir["requests"]["shortest_gap_seconds"] == 1.5
    assert asir["requests"]["by_endpoint"] == {"acknowledge-sale": 4}


def test_one_more_order_arrives_on_request(world: World) -> None:
    api = Api(world)
    answer = call(api, "POST", "/sandbox/orders?supplier=notio", token=None)
    assert answer.status == 201
    assert json.loads(answer.body)["menzzo_order_id"] in listed(api, "notio")
    assert call(api, "POST", "/sandbox/orders", token=None).status == 400


def test_each_endpoint_may_say_yes_in_its_own_way(world: World) -> None:
    api = Api(world, Semantics(success="created", acknowledge_success="text"))
    acknowledged, shipped = post(api, "acknowledge-sale", "9_1"), post(api, "ship-sale", "9_1")
    assert (acknowledged.status, acknowledged.body) == (200, b"The order was updated")
    assert (shipped.status, json.loads(shipped.body)) == (201, {"success": True})


@pytest.mark.parametrize("fields", ROWS)
def test_rows_may_have_more_or_less_than_is_documented(world: World, fields: Any) -> None:  # noqa: ANN401 - one of the names
    def rows(api: Api) -> list[dict[str, object]]:
        return json.loads(call(api, "GET", "/api/asir-group/get-sales").body)  # type: ignore[no-any-return]

    plain, mine = rows(Api(world)), rows(Api(world, Semantics(fields=fields)))
    assert all(tuple(row) == DOCUMENTED_FIELDS for row in plain)
    more, less = {"more": {"notes"}}.get(fields, set()), {"fewer": {"carrier"}}.get(fields, set())
    if fields != "sometimes_more":
        assert all(row.keys() == before.keys() - less | more for row, before in zip(mine, plain, strict=True))
    else:
        assert "notes" in {name for row in mine for name in row}
    cut = [str(row["sku"])[:8] if fields == "cut" else row["sku"] for row in plain]
    assert [row["sku"] for row in mine] == cut


def test_past_the_end_there_may_be_an_empty_object(world: World) -> None:
    api = Api(world, Semantics(past_end="object"))
    assert call(api, "GET", "/api/asir-group/get-sales?page=9").body == b"{}"


def test_answers_may_take_their_time(world: World) -> None:
    handled = Api(world, Semantics(answer_seconds=3)).handle(Request("GET", "/api/notio/get-sales"), BASE)
    assert (handled.fault, handled.line.fault) == (faults.late(3), None)
