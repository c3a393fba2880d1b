"""Load and depart: what is scanned onto a vehicle, what one press at its departure marks, and what is recalled after it."""

import re
from datetime import timedelta
from typing import Any

import pytest

from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Barcode, Order, Supplier
from supplier_agent.reports import facts, health
from supplier_agent.suppliers import safety_stops
from supplier_agent.verdict import Problem, ProblemCode
from tests.web.stage import LEADS_PIN, OTHER, SUPPLIER, Browser, Stage, browsing

A, B, C = "15000012345_789", "15000012345_790", "15000012346_791"
LATER = timedelta(seconds=3)


@pytest.fixture
def van(anna: Browser) -> str:
    return begin(anna, "GEODIS AB-123")


def begin(browser: Browser, vehicle: str) -> str:
    """Begin to load a vehicle; return its page."""
    browser.get("/load")
    browser.post("/load/0", act="start", vehicle=vehicle)
    found = re.search(r'action="(/load/\d+)/scan"', browser.html)
    assert found is not None
    return found[1]


def put(stage: Stage, browser: Browser, van: str, *codes: str) -> None:
    for code in codes:
        browser.post(f"{van}/scan", code=code)
        stage.clock.ahead += LATER


def depart(browser: Browser, van: str, **fields: str) -> None:
    browser.post(van, act="depart", sure="yes", **fields)


def happened(stage: Stage, row: int) -> list[tuple[str, str | None]]:
    return [(event.what, event.detail) for event in stage.history(row)]


def test_a_scan_puts_an_order_on_the_vehicle_and_never_marks_it(stage: Stage, anna: Browser, van: str) -> None:
    row = stage.order(A, quantity=4)
    put(stage, anna, van, A)
    assert (anna.sign, stage.facts(row).shipped) == ("green", 0)
    assert "789 CHAIR-SCANDI-X4-OAK × 4 Done On GEODIS AB-123." in anna.said
    assert "1 order , 4 pieces" in anna.said
    assert "Load 1" in anna.said
    put(stage, anna, van, A)
    assert anna.sign == "yellow"
    assert "Already on GEODIS AB-123: Anna" in anna.said
    assert (stage.facts(row).shipped, happened(stage, row)) == (0, [("loaded", "GEODIS AB-123")])
    anna.get(f"/order/{row}")
    assert "Loaded onto GEODIS AB-123 Anna (Bench 1)" in anna.said


def test_a_scan_at_the_bench_starts_from_nothing_after_the_page_of_a_vehicle(
    stage: Stage, anna: Browser, van: str
) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    anna.get("/")
    anna.scan(A)
    stage.clock.ahead += LATER
    anna.get(van)
    anna.post(van, act="off", row=str(row))
    anna.get("/")
    stage.clock.held = stage.clock.now()
    anna.scan(A)
    assert (anna.sign, stage.facts(row).shipped) == ("blue", 0), "it was shown before, and then taken off the vehicle"
    anna.post(f"{van}/scan", code=A)
    anna.get("/")
    anna.scan(A)
    assert (anna.sign, stage.facts(row).shipped) == ("blue", 0), "no repeat of the scan onto the vehicle"


def test_a_repeat_is_counted_once(stage: Stage, anna: Browser, van: str) -> None:
    stage.order(A)
    stage.clock.held = stage.clock.now()
    for _ in range(2):
        anna.post(f"{van}/scan", code=A)
    assert anna.sign == "green"
    assert "The same code again: counted once." in anna.said


def test_what_must_not_ship_is_red_and_not_loaded(stage: Stage, anna: Browser, van: str) -> None:
    now = stage.clock.now()
    shipped: dict[str, Any] = {"shipped": 1, "shipped_at": now}
    cases = {
        stage.order("15000000001_1", held_reason="ask first"): "Not loaded. Do not ship: on hold (ask first).",
        stage.order("15000000001_2", closed_reason="by hand"): "Not loaded. Do not ship: closed (by hand).",
        stage.order("15000000001_3", vanished_at=now): "Not loaded. Do not ship: no longer listed by the marketplace",
        stage.order("15000000001_4", **shipped): "Not loaded: it is already marked as shipped",
        stage.order("15000000001_5", **shipped, ship_confirmed_at=now): "Not loaded: it is already marked as shipped",
    }
    printed = stage.order("15000000001_6")
    anna.get("/")
    anna.act("print", printed)
    with stage.store.write() as tx:
        tx.get_one(Order, printed).sku = "OTHER"
    cases[printed] = "Not loaded. Do not ship: the product has changed"
    loaded = stage.order("15000000001_7")
    other = begin(anna, "DPD")
    put(stage, anna, other, "15000000001_7")
    cases[loaded] = "Not loaded: it is on DPD."
    for row, said in cases.items():
        put(stage, anna, van, stage.facts(row).menzzo_order_id)
        assert (anna.sign, said in anna.said) == ("red", True), said
    put(stage, anna, van, "nothing")
    assert (anna.sign, "No order has the code nothing." in anna.said) == ("red", True)
    assert "Nothing is on it yet." in anna.said


def test_a_product_loads_nothing_until_its_order_is_chosen(stage: Stage, anna: Browser, van: str) -> None:
    rows = [stage.order(A, sku="SOFA"), stage.order(C, sku="BED")]
    put(stage, anna, van, "SOFA")
    assert (anna.sign, "This is a product, not a box." in anna.said) == ("yellow", True)
    anna.post(van, act="put", row=str(rows[0]))
    assert (anna.sign, "1 order ," in anna.said) == ("green", True)
    put(stage, anna, van, "UNDO")
    assert "Taken off GEODIS AB-123." in anna.said
    assert [each for each, _ in happened(stage, rows[0])] == ["loaded", "taken off"]


def test_a_scan_without_a_vehicle_does_nothing(stage: Stage, anna: Browser) -> None:
    row = stage.order(A)
    anna.get("/load")
    anna.post("/load/0/scan", code=A)
    assert (anna.sign, "Choose the vehicle first." in anna.said) == ("red", True)
    assert happened(stage, row) == []
    anna.post("/load/0", act="start", vehicle=" ")
    assert "Type the carrier or the number plate first." in anna.said


def test_one_press_marks_all_with_the_real_time_and_shows_the_list_to_sign(
    stage: Stage, anna: Browser, van: str
) -> None:
    rows = [stage.order(A, quantity=2), stage.order(C, quantity=3, carrier="DPD"), stage.order("15000012399_1")]
    put(stage, anna, van, A, C)
    anna.post(van, act="depart")
    assert "GEODIS AB-123 departs? Orders to mark as shipped: 2. Nothing is marked yet." in anna.said
    assert [stage.facts(row).shipped for row in rows] == [0, 0, 0]
    stage.clock.ahead += timedelta(hours=2)
    before = stage.clock.now()
    anna.post(van, act="depart", sure="yes", key="a" * 32)
    first = anna.said
    assert anna.sign == "green"
    assert "Orders marked as shipped: 2." in first
    marked = [stage.facts(row).shipped_at for row in rows]
    assert [at is not None and before <= at <= stage.clock.now() for at in marked] == [True, True, False]
    heads = re.findall(r"<thead>.*?</thead>", anna.html, re.DOTALL)
    assert [head.partition("</h2>")[0].rpartition(": ")[2] for head in heads] == ["DPD", "GEODIS"]
    assert all("GEODIS AB-123" in head and "Sender: notio" in head for head in heads)
    assert anna.html.count("<tfoot>") == 2
    assert re.findall(r'<td class="id">(.*?)</td>', anna.html) == [C, A]
    history = [happened(stage, row) for row in rows]
    for key in ("a" * 32, "b" * 32):
        stage.clock.ahead += LATER
        anna.post(van, act="depart", sure="yes", key=key)
        assert (anna.sign, "Orders marked as shipped: 2." in anna.said) == ("green", True)
    assert [happened(stage, row) for row in rows] == history
    assert history[0] == [("loaded", "GEODIS AB-123"), ("flagged as shipped", None), ("departed", "GEODIS AB-123")]
    anna.get("/load")
    assert "GEODIS AB-123 2 orders Anna," in anna.said.partition("Departed")[2]
    anna.get(van)
    assert re.findall(r'<td class="id">(.*?)</td>', anna.html) == [C, A]
    put(stage, anna, van, "15000012399_1")
    assert (anna.sign, "Not loaded: GEODIS AB-123 has departed." in anna.said) == ("red", True)


def test_what_was_blocked_in_the_meantime_stays_and_is_named(stage: Stage, anna: Browser, van: str) -> None:
    rows = [stage.order(A), stage.order(B), stage.order(C)]
    put(stage, anna, van, A, B, C)
    with stage.store.write() as tx:
        tx.get_one(Order, rows[1]).held_reason = "glass broken"
    anna.get(van)
    assert (anna.sign, "on hold (glass broken)" in anna.said) == ("green", True)
    anna.post(van, act="depart")
    stays = f"{B}: stays here. Do not ship: on hold (glass broken)."
    assert "Orders to mark as shipped: 2." in anna.said
    assert stays in anna.said
    depart(anna, van)
    assert (anna.sign, stays in anna.said) == ("yellow", True)
    assert [stage.facts(row).shipped for row in rows] == [1, 0, 1]
    assert happened(stage, rows[1])[-1] == ("stayed behind", "GEODIS AB-123")
    anna.get(van)
    assert "Stayed here" in anna.said
    assert re.findall(r'<td class="id">(.*?)</td>', anna.html) == [A, C]
    with stage.store.write() as tx:
        tx.get_one(Order, rows[1]).held_reason = None
    other = begin(anna, "DPD")
    put(stage, anna, other, B)
    assert "On DPD." in anna.said


def test_nothing_departs_if_nothing_may_leave(stage: Stage, anna: Browser, van: str) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    with stage.store.write() as tx:
        tx.get_one(Order, row).held_reason = "glass broken"
    depart(anna, van)
    assert (anna.sign, "Nothing on GEODIS AB-123 may leave." in anna.said) == ("red", True)
    assert stage.facts(row).shipped == 0
    assert "<tfoot>" not in anna.html


def test_a_departure_is_done_as_a_whole_or_not_at_all(stage: Stage, anna: Browser, van: str) -> None:
    rows = [stage.order(A), stage.order(C)]
    put(stage, anna, van, A, C)
    with stage.store.write() as tx:
        refuses = (
            f"BEFORE UPDATE OF shipped ON orders WHEN NEW.id = {rows[1]} BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
        tx.connection().exec_driver_sql(f"CREATE TRIGGER stubborn {refuses}")
    depart(anna, van)
    assert (anna.status, "Nothing was done." in anna.said, "not this one" in anna.said) == (409, True, True)
    assert [stage.facts(row).shipped for row in rows] == [0, 0]
    assert [[what for what, _ in happened(stage, row)] for row in rows] == [["loaded"], ["loaded"]]
    with stage.store.write() as tx:
        tx.connection().exec_driver_sql("DROP TRIGGER stubborn")
    anna.get(van)
    assert "2 orders ," in anna.said
    depart(anna, van)
    assert [stage.facts(row).shipped for row in rows] == [1, 1]


def test_an_order_that_the_bench_has_marked_meanwhile_leaves_and_is_marked_once(
    stage: Stage, anna: Browser, van: str
) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    anna.act("ship", row)
    anna.get(van)
    depart(anna, van)
    assert re.findall(r'<td class="id">(.*?)</td>', anna.html) == [A]
    assert [what for what, _ in happened(stage, row)].count("flagged as shipped") == 1


def test_two_people_load_one_vehicle(stage: Stage, anna: Browser, van: str) -> None:
    stage.person("Ben")
    rows = [stage.order(A), stage.order(C)]
    with browsing(stage.url) as ben:
        ben.sign_in("Ben", OTHER).get(van)
        put(stage, anna, van, A)
        put(stage, ben, van, C)
        assert "2 orders ," in ben.said
        ben.post(van, act="off", row=str(rows[0]))
        assert "Taken off GEODIS AB-123." in ben.said
        put(stage, anna, van, A)
        assert anna.sign == "green"
        depart(ben, van)
        depart(anna, van)
    assert "departed at" in anna.said
    assert [[what for what, _ in happened(stage, row)].count("flagged as shipped") for row in rows] == [1, 1]


def test_a_departure_of_unusually_many_orders_needs_an_approval(stage: Stage, anna: Browser, van: str) -> None:
    for number in range(4):
        stage.order(f"15000000001_{number}")
        put(stage, anna, van, f"15000000001_{number}")
    depart(anna, van)
    with stage.store.write() as tx:
        assert safety_stops.mind_the_flags(tx, SUPPLIER, 3, stage.clock.now()) == safety_stops.ASKED
    with stage.store.read() as tx:
        assert tx.get_one(Supplier, SUPPLIER).flags_asked_at is not None
    depart(anna, van)
    assert "Reported later:" in anna.said


def test_a_recall_before_the_report_undoes_the_mark(stage: Stage, anna: Browser, van: str) -> None:
    rows = [stage.order(A), stage.order(C)]
    put(stage, anna, van, A, C)
    depart(anna, van)
    put(stage, anna, van, A)
    assert (anna.sign, "It left with GEODIS AB-123 at" in anna.said) == ("blue", True)
    anna.post(van, act="recall", row=str(rows[0]))
    assert "Say in a few words why it did not leave." in anna.said
    assert stage.facts(rows[0]).shipped == 1
    anna.post(van, act="recall", row=str(rows[0]), text="forgotten on the ramp")
    assert "Its report was not sent yet: the mark is undone, and nothing is reported." in anna.said
    assert (stage.facts(rows[0]).shipped, stage.facts(rows[1]).shipped) == (0, 1)
    assert re.findall(r'<td class="id">(.*?)</td>', anna.html) == [C]
    assert "Recalled 789" in anna.said.replace("15000012345_ ", "")
    anna.post(van, act="recall", row=str(rows[0]), text="again")
    assert (anna.sign, "It is not among the orders that left" in anna.said) == ("yellow", True)
    put(stage, anna, begin(anna, "DPD"), A)
    assert "On DPD." in anna.said


@pytest.mark.parametrize("state", ["sending", "done"])
def test_a_recall_after_the_report_is_a_problem_until_a_lead_settles_it(
    stage: Stage, anna: Browser, van: str, state: str
) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    depart(anna, van)
    stage.call(row, state)
    if state == "done":
        confirm(stage, row)
    anna.post(van, act="recall", row=str(row), text="no room left")
    assert "It is reported as shipped although it did not leave: a lead sees it under Problems." in anna.said
    confirm(stage, row)
    assert stage.facts(row).shipped == 1
    (problem,) = reported(stage)
    with stage.store.read() as tx:
        assert facts.ids_with_problems(within(tx), stage.settings, stage.clock.now()) == [row]
    assert (problem.code, problem.facts["report"], problem.facts["words"]) == (
        ProblemCode.ORDER_REPORTED,
        "not_left",
        "no room left",
    )
    with browsing(stage.url) as lea:
        lea.sign_in("Lea", OTHER, LEADS_PIN).get("/problems")
        assert "It is reported as shipped, but did not leave: no room left" in lea.said
        letter = re.search(r"<textarea[^>]* readonly[^>]*>(.*?)</textarea>", lea.html, re.DOTALL)
        assert letter is not None
        assert f"{A}\n  we sent ship-sale by mistake: it has not left our warehouse (no room left)." in letter[1]
        lea.post("/decide", act="settle", row=str(row))
        assert "No problems." in lea.said
    assert reported(stage) == []


def confirm(stage: Stage, row: int) -> None:
    with stage.store.write() as tx:
        order = tx.get_one(Order, row)
        order.ship_confirmed_at, order.ship_evidence = stage.clock.now(), "confirmed"


def reported(stage: Stage) -> list[Problem]:
    with stage.store.read() as tx:
        found = health.judged(tx, stage.settings, stage.clock.now())
    return [problem for problem in found if problem.code is ProblemCode.ORDER_REPORTED]


def test_another_report_does_not_cover_that_an_order_did_not_leave(stage: Stage, anna: Browser, van: str) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    depart(anna, van)
    stage.call(row, "sending")
    anna.post(van, act="recall", row=str(row), text="no room left")
    anna.act("report", row, kind="damaged")
    confirm(stage, row)
    assert len(reported(stage)) == 1


def test_a_vehicle_that_does_not_exist_leads_to_all_of_them(anna: Browser) -> None:
    for path in ("/load/99", "/load/x"):
        anna.get(path)
        assert "Load a vehicle" in anna.said
    anna.post("/load/99/scan", code=A)
    assert "Choose the vehicle first." in anna.said


def order_of(stage: Stage, menzzo_order_id: str, number: int) -> tuple[int, list[str]]:
    """Add an order with a label of so many pages, each with a code of its own; return its row id and the codes."""
    label: dict[str, Any] = {"label_path": f"labels/{menzzo_order_id}.pdf", "label_sha256": "ab" * 32}
    row = stage.order(menzzo_order_id, label=False, label_read_sha256="ab" * 32, label_pages=number, **label)
    codes = [f"3SABC{row:04}{page}" for page in range(1, number + 1)]
    with stage.store.write() as tx:
        tx.add_all(
            Barcode(order_id=row, code=code, label_sha256="ab" * 32, page=page) for page, code in enumerate(codes, 1)
        )
    return row, codes


def test_an_order_is_complete_once_each_of_its_parcels_was_scanned(stage: Stage, anna: Browser, van: str) -> None:
    row, codes = order_of(stage, A, 3)
    anna.get("/")
    anna.scan(codes[2])  # at the bench, where it still is: it is not on the vehicle
    stage.clock.ahead += LATER
    said = (
        "Parcel 1 of 3 is on GEODIS AB-123.",
        "This parcel was already counted on GEODIS AB-123: 1 of 3.",
        "Parcel 2 of 3 is on GEODIS AB-123.",
        "Complete: parcel 3 of 3 is on GEODIS AB-123.",
    )
    for code, answer in zip((codes[0], codes[0], codes[1], codes[2]), said, strict=True):
        put(stage, anna, van, code)
        assert answer in anna.said
    assert "3/3" in anna.said
    depart(anna, van)
    assert (stage.facts(row).shipped, stage.facts(row).parcels_confirmed) == (1, None)
    loaded = [detail for what, detail in happened(stage, row) if what == "parcel loaded"]
    assert loaded == [f"GEODIS AB-123 ({number}/3)" for number in (1, 2, 3)]


def test_an_order_with_missing_parcels_stays_unless_the_packer_confirms_the_smaller_number(
    stage: Stage, anna: Browser, van: str
) -> None:
    (a, first), (b, second) = order_of(stage, A, 3), order_of(stage, B, 2)
    rows = [a, b, stage.order(C)]
    put(stage, anna, van, *first[:2], second[0], C)
    anna.post(van, act="depart")
    assert "Orders to mark as shipped: 1." in anna.said
    assert f"Not all parcels are on it: {B} (1/2), {A} (2/3)." in anna.said
    assert f'name="parcels-{rows[0]}"' in anna.html
    depart(anna, van, **{f"parcels-{rows[0]}": "2", f"parcels-{rows[1]}": "9"})
    assert "Orders marked as shipped: 2." in anna.said
    assert f"{B} (1/2): not marked, stays here, because parcels are missing." in anna.said
    assert [stage.facts(row).shipped for row in rows] == [1, 0, 1]
    assert [stage.facts(row).parcels_confirmed for row in rows] == [2, None, None]
    assert ("parcels confirmed", "2/3") in happened(stage, rows[0])
    anna.get(van)
    assert re.findall(r'<td class="id">(.*?)</td>', anna.html) == [A, C]


def test_a_code_that_names_no_parcel_counts_none(stage: Stage, anna: Browser, van: str) -> None:
    row, _ = order_of(stage, A, 2)
    for _ in range(2):
        put(stage, anna, van, A)
        assert (anna.sign, "this code names no single parcel: 0 of 2 are counted." in anna.said) == ("yellow", True)
    depart(anna, van)
    assert (anna.sign, "Orders to mark as shipped: 0." in anna.said) == ("yellow", True)
    assert stage.facts(row).shipped == 0
    depart(anna, van, **{f"parcels-{row}": "2"})
    assert (stage.facts(row).shipped, stage.facts(row).parcels_confirmed) == (1, 2)


def gone(browser: Browser) -> list[str]:
    """Return what the hand-over list names."""
    return re.findall(r'<td class="id">(.*?)</td>', browser.html)


def test_an_order_undone_after_its_departure_is_only_on_the_list_of_the_vehicle_with_which_it_leaves_then(
    stage: Stage, anna: Browser, van: str
) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    depart(anna, van)
    anna.act("undo", row)
    second = begin(anna, "DPD")
    put(stage, anna, second, A)
    depart(anna, second)
    assert gone(anna) == [A]
    anna.get(van)
    assert (gone(anna), "Undone after the departure" in anna.said) == ([], True)
    anna.post(van, act="recall", row=str(row), text="forgotten on the ramp")
    assert "It is not among the orders that left with this vehicle." in anna.said
    assert stage.facts(row).shipped == 1


def test_an_undo_by_sql_takes_an_order_off_the_list_of_its_vehicle_for_good(
    stage: Stage, anna: Browser, van: str
) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    depart(anna, van)
    with stage.store.write() as tx:
        for shipped in (0, 1):
            tx.connection().exec_driver_sql(f"UPDATE orders SET shipped = {shipped} WHERE id = {row}")
    anna.get(van)
    assert (gone(anna), "Undone after the departure" in anna.said) == ([], True)


@pytest.mark.parametrize("state", ["sending", "done"])
def test_an_order_recalled_after_its_report_is_not_on_the_hand_over_list_of_the_day(
    stage: Stage, anna: Browser, van: str, state: str
) -> None:
    row, other = stage.order(A), stage.order(C)
    put(stage, anna, van, A, C)
    depart(anna, van)
    stage.call(row, state)
    if state == "done":
        confirm(stage, row)
    anna.post(van, act="recall", row=str(row), text="no room left")
    anna.act("report", row, kind="damaged")
    anna.get("/hand-over")
    assert gone(anna) == [C]
    assert f"{A} It is reported as shipped, but did not leave" in anna.said
    with browsing(stage.url) as lea:
        lea.sign_in("Lea", OTHER, LEADS_PIN).post("/decide", act="settle", row=str(row))
        lea.get("/hand-over")
        assert gone(lea) == [A, C]
    assert stage.facts(other).shipped == 1


def test_a_number_of_parcels_below_what_was_scanned_is_not_accepted(stage: Stage, anna: Browser, van: str) -> None:
    row, codes = order_of(stage, A, 4)
    put(stage, anna, van, codes[0], codes[1])
    anna.post(van, act="depart")
    assert re.findall(r'<option value="(\d+)">', anna.html) == ["2", "3", "4"]
    depart(anna, van, **{f"parcels-{row}": "1"})
    assert (stage.facts(row).shipped, stage.facts(row).parcels_confirmed) == (0, None)
    depart(anna, van, **{f"parcels-{row}": "3"})
    assert (stage.facts(row).shipped, stage.facts(row).parcels_confirmed) == (1, 3)


def test_an_order_of_several_parcels_that_is_chosen_is_not_complete(stage: Stage, anna: Browser, van: str) -> None:
    row, _ = order_of(stage, A, 3)
    anna.post(van, act="put", row=str(row))
    assert (anna.sign, "this code names no single parcel: 0 of 3 are counted." in anna.said) == ("yellow", True)


def test_a_vehicle_begun_by_mistake_can_be_removed_while_nothing_is_on_it(
    stage: Stage, anna: Browser, van: str
) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    anna.post(van, act="remove")
    assert "1 order ," in anna.said
    anna.post(van, act="off", row=str(row))
    assert "Remove this vehicle" in anna.said
    anna.post(van, act="remove")
    assert "GEODIS AB-123 is removed." in anna.said
    assert "No vehicle is being loaded." in anna.said
    assert "Departed" not in anna.said
    put(stage, anna, van, A)
    assert "Not loaded: GEODIS AB-123 has departed." in anna.said


def relabel(stage: Stage, row: int, pages: int) -> list[str]:
    """Give an order a new label of so many pages; return its codes."""
    codes = [f"NEW{row:04}{page}" for page in range(1, pages + 1)]
    with stage.store.write() as tx:
        order = tx.get_one(Order, row)
        order.label_sha256 = order.label_read_sha256 = "cd" * 32
        order.label_pages = pages
        tx.connection().exec_driver_sql(f"DELETE FROM barcodes WHERE order_id = {row}")
        tx.add_all(
            Barcode(order_id=row, code=code, label_sha256="cd" * 32, page=page) for page, code in enumerate(codes, 1)
        )
    return codes


def test_what_was_loaded_under_an_old_label_stays_until_the_new_one_is_scanned(
    stage: Stage, anna: Browser, van: str
) -> None:
    (row, old), other = order_of(stage, A, 2), stage.order(C)
    put(stage, anna, van, *old, C)
    new = relabel(stage, row, 2)
    anna.get(van)
    assert "Label changed" in anna.said
    anna.post(van, act="depart")
    said = "stays here, because its label has changed. Replace the label, and scan the new one."
    assert (said in anna.said, f'name="parcels-{row}"' in anna.html) == (True, False)
    depart(anna, van, **{f"parcels-{row}": "2"})
    assert (anna.sign, said in anna.said) == ("yellow", True)
    assert [stage.facts(each).shipped for each in (row, other)] == [0, 1]
    second = begin(anna, "DPD")
    put(stage, anna, second, new[0])
    assert "Parcel 1 of 2 is on DPD." in anna.said


def test_a_scan_of_the_new_label_renews_what_was_loaded_under_the_old_one(
    stage: Stage, anna: Browser, van: str
) -> None:
    row, old = order_of(stage, A, 2)
    put(stage, anna, van, *old)
    new = relabel(stage, row, 2)
    for code, said in zip(new, ("Parcel 1 of 2 is on", "Complete: parcel 2 of 2 is on"), strict=True):
        put(stage, anna, van, code)
        assert (anna.sign, said in anna.said) == ("green", True)
    depart(anna, van)
    assert (anna.sign, stage.facts(row).shipped) == ("green", 1)


def test_a_code_that_is_on_both_labels_asks_for_the_new_one(stage: Stage, anna: Browser, van: str) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    stage.replace_label(row, of=C)
    put(stage, anna, van, A)
    assert (anna.sign, "Its label has changed since it was loaded: the new one must be on the box." in anna.said) == (
        "yellow",
        True,
    )
    depart(anna, van)
    assert stage.facts(row).shipped == 1


def test_an_order_that_was_marked_before_its_label_changed_leaves(stage: Stage, anna: Browser, van: str) -> None:
    row = stage.order(A)
    put(stage, anna, van, A)
    anna.act("ship", row)
    stage.replace_label(row, of=C)
    anna.get(van)
    depart(anna, van)
    assert gone(anna) == [A]


def test_what_a_packer_must_look_at_is_named_at_the_question_and_after_the_departure(
    stage: Stage, anna: Browser, van: str
) -> None:
    damaged, waits = stage.order(A), stage.order(C, label=False)
    put(stage, anna, van, A)
    assert anna.sign == "green"
    put(stage, anna, van, C)
    assert (anna.sign, "Reported later: it has no label." in anna.said) == ("yellow", True)
    anna.act("report", damaged, kind="damaged")
    said = (
        f"{A}: reported (It is damaged). Look at it before it leaves.",
        f"{C}: reported later: it has no label.",
    )
    anna.get(van)
    anna.post(van, act="depart")
    assert [each in anna.said for each in said] == [True, True]
    depart(anna, van)
    assert [each in anna.said for each in said] == [True, True]
    assert anna.sign == "yellow"
    assert [stage.facts(row).shipped for row in (damaged, waits)] == [1, 1]


@pytest.mark.parametrize("problem", ["reported", "doubtful", "waits"])
def test_each_thing_to_look_at_makes_a_departure_yellow(stage: Stage, anna: Browser, van: str, problem: str) -> None:
    row = stage.order(A, label=problem != "waits")
    if problem == "doubtful":
        stage.order(C)
        stage.replace_label(row, of=C)
        stage.read_labels()
    anna.post(van, act="put", row=str(row))
    if problem == "reported":
        anna.act("report", row, kind="damaged")
        anna.get(van)
    depart(anna, van)
    assert (anna.sign, stage.facts(row).shipped) == ("yellow", 1)
    assert ("Compare these labels with their orders" in anna.said) == (problem == "doubtful")


def test_what_the_bench_has_marked_is_named_if_not_all_of_its_parcels_are_on_the_vehicle(
    stage: Stage, anna: Browser, van: str
) -> None:
    row, codes = order_of(stage, A, 3)
    put(stage, anna, van, codes[0])
    anna.act("parcels", row, number="3")
    anna.get(van)
    said = f"Marked as shipped at the bench, but not all parcels are on GEODIS AB-123: {A} (1/3)."
    anna.post(van, act="depart")
    assert said in anna.said
    depart(anna, van)
    assert (anna.sign, said in anna.said) == ("yellow", True)


def test_a_marked_order_that_comes_off_a_vehicle_is_red_and_can_be_undone_there(
    stage: Stage, anna: Browser, van: str
) -> None:
    row, shipped = stage.order(A), stage.order(C)
    put(stage, anna, van, A, C)
    anna.act("ship", row)
    anna.get(van)
    anna.post(van, act="off", row=str(row))
    assert (anna.sign, f"{A}: it is marked and will be reported. Undo the mark if it stays." in anna.said) == (
        "red",
        True,
    )
    assert f'name="row" value="{row}">Undo' in anna.html
    anna.post(van, act="undo", row=str(row))
    assert (anna.sign, stage.facts(row).shipped) == ("yellow", 0)
    anna.act("ship", shipped)
    stage.call(shipped, "done")
    confirm(stage, shipped)
    anna.get(van)
    anna.post(van, act="off", row=str(shipped))
    assert (anna.sign, f"{C}: it is already reported as shipped. Tell a lead if it stays." in anna.said) == (
        "red",
        True,
    )
    anna.post(van, act="undo", row=str(shipped))
    assert (anna.sign, stage.facts(shipped).shipped) == ("red", 1)


def test_a_marked_order_that_must_stay_at_a_departure_is_named_in_red(stage: Stage, anna: Browser, van: str) -> None:
    row, other = stage.order(A), stage.order(C)
    put(stage, anna, van, A, C)
    anna.act("ship", row)
    with stage.store.write() as tx:
        tx.get_one(Order, row).held_reason = "glass broken"
    anna.get(van)
    said = f"{A}: it is marked and will be reported. Undo the mark if it stays."
    anna.post(van, act="depart")
    assert said in anna.said
    depart(anna, van)
    assert (anna.sign, said in anna.said) == ("red", True)
    assert [stage.facts(each).shipped for each in (row, other)] == [1, 1]
