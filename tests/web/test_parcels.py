"""Furniture in several boxes, through the real server: parcel 2 of 3, marked with the last, a smaller number, name and bin."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from supplier_agent.db.tables import Order
from tests.web.stage import BENCH, OTHER, Browser, Stage, browsing, staged

ID = "15000012345_789"
CODES = {"PARCEL-1": 1, "ROUTE-1": 1, "PARCEL-2": 2, "PARCEL-3": 3, ID: None}
LATER = timedelta(seconds=3)
SKU = "CHAIR-SCANDI-X4-OAK"


@pytest.fixture
def one_scan(tmp_path: Path, pristine: Path) -> Iterator[tuple[Stage, Browser]]:
    """Return a page whose station marks with the first scan and prints by itself, and Anna at it."""
    stations = ({"name": BENCH, "one_scan": True, "print_on_scan": True}, {"name": OTHER})
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as anna:
        yield stage, anna.sign_in("Anna")


def scanned(stage: Stage, browser: Browser, code: str) -> str:
    """Scan a box, a while after the one before; return the colour of the answer."""
    stage.clock.ahead += LATER
    return browser.scan(code).sign


def history(stage: Stage, row: int) -> list[tuple[str, str | None]]:
    return [(event.what, event.detail) for event in stage.history(row)]


def test_an_order_is_marked_when_each_parcel_was_scanned(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, codes=CODES)
    for number, code in enumerate(("PARCEL-2", "PARCEL-1"), 1):
        assert scanned(stage, anna, code) == "blue"
        assert f"Shown Parcel {number} of 3. Scan the next one." in anna.said
        assert f"{number} of 3 parcels scanned" in anna.said
        assert stage.facts(row).shipped == 0
    assert scanned(stage, anna, "PARCEL-3") == "green"
    assert "Done 3 parcels: marked as shipped." in anna.said
    assert stage.facts(row).shipped == 1
    assert history(stage, row) == [
        ("parcel scanned", "1/3"),
        ("parcel scanned", "2/3"),
        ("parcel scanned", "3/3"),
        ("flagged as shipped", None),
    ]


def test_a_new_label_that_cannot_be_read_does_not_complete_an_order(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, codes={"P1": 1, "P2": 2, "P3": 3})
    scanned(stage, anna, "P1")
    with stage.store.write() as tx:
        order = tx.get_one(Order, row)
        order.label_sha256 = order.label_read_sha256 = "cd" * 32
    for _ in range(2):
        scanned(stage, anna, ID)
        assert (anna.sign, stage.facts(row).shipped) != ("green", 1)
    assert stage.facts(row).shipped == 0


def test_with_one_scan_the_first_parcel_alone_ships_nothing(one_scan: tuple[Stage, Browser]) -> None:
    stage, anna = one_scan
    row = stage.order(ID, codes=CODES)
    signs = [scanned(stage, anna, code) for code in ("PARCEL-1", "PARCEL-1", "ROUTE-1", "PARCEL-2")]
    assert (signs, stage.facts(row).shipped) == (["blue", "yellow", "yellow", "blue"], 0)
    assert scanned(stage, anna, "PARCEL-3") == "green"
    assert stage.facts(row).shipped == 1
    assert "label printed" not in dict(history(stage, row))  # the labels are on the parcels


def test_with_one_scan_an_order_that_was_left_is_said(one_scan: tuple[Stage, Browser]) -> None:
    stage, anna = one_scan
    rows = [stage.order(ID, codes=CODES), stage.order("15000012346_790")]
    scanned(stage, anna, "PARCEL-1")
    assert scanned(stage, anna, "790") == "green"
    assert f"The one before, {ID}, is NOT marked as shipped." in anna.said
    assert [stage.facts(row).shipped for row in rows] == [0, 1]


def test_labels_are_printed_with_the_scan_of_the_order_and_once(one_scan: tuple[Stage, Browser]) -> None:
    stage, anna = one_scan
    row = stage.order(ID, codes=CODES)
    assert scanned(stage, anna, "789") == "blue"
    assert "3 parcels: scan the label of each one." in anna.said
    for code in ("PARCEL-1", "PARCEL-2", "PARCEL-3"):
        scanned(stage, anna, code)
    assert stage.facts(row).shipped == 1
    assert [what for what, _ in history(stage, row)].count("label printed") == 1


def test_one_code_is_one_parcel_however_often_it_is_scanned(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, codes=CODES)
    scanned(stage, anna, "PARCEL-1")
    for code in ("PARCEL-1", "ROUTE-1", "PARCEL-1"):
        assert scanned(stage, anna, code) == "yellow"
        assert "This parcel was scanned before: 1 of 3." in anna.said
    for code in (ID, "789"):
        assert scanned(stage, anna, code) == "yellow"
        assert "This code does not say which parcel it is." in anna.said
    assert stage.facts(row).shipped == 0
    assert history(stage, row) == [("parcel scanned", "1/3")]


def test_the_packer_confirms_a_smaller_number_and_it_is_recorded(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, codes=CODES)
    scanned(stage, anna, "PARCEL-1")
    assert "Mark all 3 parcels as shipped" in anna.said
    anna.act("parcels", row, number="2")
    assert (anna.sign, stage.facts(row).shipped, stage.facts(row).parcels_confirmed) == ("green", 1, 2)
    assert "2 parcels: marked as shipped." in anna.said
    confirmed = stage.history(row)[1]
    assert (confirmed.who, confirmed.station, confirmed.what, confirmed.detail) == (
        "Anna",
        BENCH,
        "parcels confirmed",
        "2/3",
    )
    anna.get("/hand-over")
    assert "1 order , 1 piece , 2 parcels" in anna.said


def test_labels_that_cannot_be_told_apart_are_confirmed(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, codes={"SAME": None}, label_pages=2)
    assert [scanned(stage, anna, "SAME") for _ in range(3)] == ["blue", "yellow", "yellow"]
    assert stage.facts(row).shipped == 0
    anna.act("parcels", row, number="2")
    assert (anna.sign, stage.facts(row).shipped) == ("green", 1)
    assert history(stage, row)[0] == ("parcels confirmed", "2/2")


@pytest.mark.parametrize("number", ["0", "4", "-1", "", "x", "99999999999999999999"])
def test_a_number_that_is_not_possible_changes_nothing(stage: Stage, anna: Browser, number: str) -> None:
    row = stage.order(ID, codes=CODES)
    anna.act("parcels", row, number=number)
    assert (anna.sign, stage.facts(row).shipped, history(stage, row)) == ("red", 0, [])


def test_the_button_of_an_older_page_does_not_mark_what_is_not_complete(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, codes=CODES)
    anna.act("ship", row)
    assert (anna.sign, stage.facts(row).shipped) == ("yellow", 0)
    assert "0 of 3 parcels were scanned." in anna.said


def test_a_held_order_is_red_and_neither_counted_nor_confirmed(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, codes=CODES, held_reason="scratched")
    assert scanned(stage, anna, "PARCEL-1") == "red"
    anna.act("parcels", row, number="3")
    assert (anna.sign, stage.facts(row).shipped, history(stage, row)) == ("red", 0, [])


def test_after_an_undo_each_parcel_is_scanned_again(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, codes=CODES)
    parcels = ("PARCEL-1", "PARCEL-2", "PARCEL-3")
    for code in (*parcels, "UNDO"):
        scanned(stage, anna, code)
    assert (anna.sign, stage.facts(row).shipped) == ("yellow", 0)
    assert "0 of 3 parcels scanned" in anna.said
    assert [scanned(stage, anna, code) for code in parcels] == ["blue", "blue", "green"]


def test_two_benches_scan_the_parcels_of_one_order(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID, codes={"PARCEL-1": 1, "PARCEL-2": 2})
    scanned(stage, anna, "PARCEL-1")
    assert scanned(stage, lea, "PARCEL-2") == "blue"
    assert "All 2 parcels were scanned. Scan one again when you ship them." in lea.said
    assert scanned(stage, lea, "PARCEL-1") == "green"
    assert stage.facts(row).shipped == 1


def test_the_articles_file_beats_the_label(stage: Stage, anna: Browser) -> None:
    stage.article(SKU, "Chair Scandi, 4 pieces", "A-12-3", cartons=2)
    row = stage.order(ID, codes=CODES)
    scanned(stage, anna, "PARCEL-1")
    assert f"789 {SKU} × 1 Chair Scandi, 4 pieces Bin A-12-3 Shown Parcel 1 of 2." in anna.said
    assert scanned(stage, anna, "PARCEL-3") == "green"
    assert stage.facts(row).shipped == 1


def test_how_many_pages_are_printed_is_said(stage: Stage, anna: Browser) -> None:
    stage.order(ID, codes=CODES)
    scanned(stage, anna, "PARCEL-1")
    assert "Pages 3" in anna.said


def test_an_article_of_one_carton_is_shipped_as_always(stage: Stage, anna: Browser) -> None:
    stage.article(SKU, cartons=1)
    row = stage.order(ID, codes=CODES)
    assert [scanned(stage, anna, "PARCEL-1") for _ in range(2)] == ["blue", "green"]
    assert (stage.facts(row).shipped, history(stage, row)) == (1, [("flagged as shipped", None)])


def test_the_list_says_which_orders_lack_parcels(stage: Stage, anna: Browser) -> None:
    stage.order(ID, codes=CODES)
    stage.article(SKU, "Chair Scandi", "A-12-3")
    scanned(stage, anna, "PARCEL-1")
    anna.get("/list")
    assert "× 1 Chair Scandi Bin A-12-3" in anna.said
    assert "1 of 3 parcels scanned" in anna.said


def test_the_pick_list_goes_from_bin_to_bin(stage: Stage, anna: Browser) -> None:
    for number, place in enumerate(("B-1", "A-10", "A-2", ""), 1):
        stage.article(f"SKU-{number}", f"Name {number}", place, cartons=number)
        stage.order(f"1500001234{number}_{number}", sku=f"SKU-{number}")
    anna.get("/pick")
    rows = ["A-2 SKU-3 Name 3 1", "A-10 SKU-2 Name 2 1", "B-1 SKU-1 Name 1 1", "SKU-4 Name 4 1"]
    places = [anna.said.find(row) for row in rows]
    assert -1 not in places
    assert places == sorted(places)
    assert "15000012342_2 (2 parcels)" in anna.said


def test_the_hand_over_list_has_name_bin_and_parcels(stage: Stage, anna: Browser) -> None:
    stage.article(SKU, "Chair Scandi", "A-12-3", cartons=2)
    row = stage.order(ID, quantity=2)
    anna.act("parcels", row, number="4")
    anna.get("/hand-over")
    assert "1 order , 2 pieces , 4 parcels" in anna.said
    assert f"1 {ID} {SKU} Chair Scandi Bin A-12-3 2 4" in anna.said
