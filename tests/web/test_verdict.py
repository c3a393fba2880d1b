"""What users feel of the verdict on the page: what must not ship is red, with every reason; all else goes on."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, update

from supplier_agent.db.tables import Chore, Order, RejectedEntry, Supplier
from supplier_agent.reading.missing_orders import CHORE, Absence
from tests.web.stage import BENCH, SUPPLIER, Browser, Stage, browsing, staged

ID = "15000012345_789"
LATER = timedelta(seconds=3)


def change(stage: Stage, row: int, **facts: Any) -> None:  # noqa: ANN401 - any column
    with stage.store.write() as tx:
        tx.exec(update(Order).where(col(Order.id) == row).values(**facts))


def scan_later(stage: Stage, browser: Browser) -> None:
    stage.clock.ahead += LATER
    browser.scan(ID)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"quantity": 2}, "the quantity has changed: print the label again"),
        ({"carrier": "DPD"}, "the carrier has changed: print the label again"),
        ({"sku": "BED"}, "the product has changed: print the label again"),
        ({"label_sha256": "1" * 64}, "new label: print it again"),
    ],
)
def test_what_changed_after_printing_stops_the_second_scan(
    stage: Stage, anna: Browser, facts: dict[str, Any], why: str
) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("print", row)
    change(stage, row, **facts)
    scan_later(stage, anna)
    assert anna.sign == "red"
    assert f"Do not ship: {why}." in anna.said
    scan_later(stage, anna)
    assert stage.facts(row).shipped == 0


def test_printed_again_it_may_ship(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("print", row)
    change(stage, row, quantity=2)
    scan_later(stage, anna)
    anna.scan("PRINT AGAIN")
    scan_later(stage, anna)
    assert anna.sign == "blue"
    scan_later(stage, anna)
    assert (anna.sign, stage.facts(row).shipped) == ("green", 1)


def test_an_order_held_after_it_was_marked_scans_red(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("ship", row)
    lea.get("/list")
    lea.post("/decide", act="hold", row=str(row), reason="glass broken")
    scan_later(stage, anna)
    assert anna.sign == "red"
    assert "Do not ship: on hold (glass broken). It is marked as shipped: Anna (Bench 1) at" in anna.said
    anna.get("/hand-over")
    assert "15000012345_789 Do not hand over: on hold (glass broken)" in anna.said
    assert 'class="hand-over"' not in anna.html


def test_every_reason_is_named_everywhere(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("print", row)
    change(stage, row, quantity=2, held_reason="ask first", vanished_at=stage.clock.now())
    every = (
        "Do not ship: on hold (ask first); no longer listed by the marketplace, perhaps cancelled; "
        "the quantity has changed: print the label again."
    )
    scan_later(stage, anna)
    assert anna.said.count(every) == 3  # the answer, next to the id, the sentence below it
    for path in ("/list", f"/order/{row}", "/problems"):
        anna.get(path)
        assert every in anna.said, path


def test_a_vanished_order_ships_only_by_a_leads_override(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID, vanished_at=stage.clock.now())
    anna.scan(ID).act("ship", row)
    assert (anna.sign, stage.facts(row).shipped) == ("red", 0)
    anna.get("/problems")
    assert 'value="override"' not in anna.html
    anna.post("/decide", act="override", row=str(row))
    assert ("Only a lead may do this." in anna.said, stage.facts(row).shipped) == (True, 0)
    lea.get("/problems")
    assert "it may be cancelled. Do not ship it." in lea.said
    lea.post("/decide", act="override", row=str(row))
    order = stage.facts(row)
    assert (order.shipped, order.override_by, order.override_covers) == (1, "Lea", "vanished")
    lea.post("/decide", act="override", row=str(row))
    assert "This is no longer possible: the order has changed." in lea.said


def test_the_page_goes_on_if_acknowledged_orders_leave_the_list_at_once(stage: Stage, anna: Browser) -> None:
    """Their absence says nothing: it is one problem of the supplier, and each of them ships."""
    now = stage.clock.now()
    rows = [stage.order(f"15000012345_{number}", missed_at=now) for number in range(6)]
    with stage.store.write() as tx:
        detail = Absence(seen=6, left=6, gone_at_once=6, gone_since=now).pack()
        tx.add(Chore(name=f"{CHORE}{SUPPLIER}", done_at=now, detail=detail))
    anna.scan("15000012345_0").act("ship", rows[0])
    assert (anna.sign, stage.facts(rows[0]).shipped) == ("green", 1)
    anna.get("/list")
    assert "Do not ship" not in anna.said
    anna.get("/problems")
    assert "6 open orders disappeared from the marketplace's list at once" in anna.said
    assert "go on shipping" in anna.said


def test_while_the_supplier_is_paused_scanning_stays_green_and_the_wait_is_named(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    with stage.store.write() as tx:
        tx.add(supplier_paused(stage))
    anna.scan(ID).act("ship", row)
    assert (anna.sign, stage.facts(row).shipped) == ("green", 1)
    assert "Reported later: its supplier is paused." in anna.said
    assert f"{SUPPLIER}: paused" in anna.said


def supplier_paused(stage: Stage) -> Supplier:
    return Supplier(name=SUPPLIER, paused_at=stage.clock.now(), paused_by="Tom", paused_reason="stocktaking")


def test_bulk_printing_leaves_out_what_must_not_ship_and_names_it(stage: Stage, anna: Browser) -> None:
    stage.order("15000012340_1")
    held = stage.order("15000012341_2", held_reason="x")
    gone = stage.order("15000012342_3", vanished_at=stage.clock.now())
    anna.get("/list")
    assert anna.html.count(" disabled>") == 2
    anna.post("/print", all="1", how="pdf")
    anna.get("/list")
    assert "Labels to print: 1." in anna.said
    assert "Not printed, because they must not ship: 15000012341_2, 15000012342_3." in anna.said
    assert [event.what for row in (held, gone) for event in stage.history(row)] == []


def test_nothing_ticked_prints_nothing(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.get("/list")
    anna.post("/print", how="pdf")
    assert "No order is ticked." in anna.said
    assert stage.history(row) == []


def test_an_order_is_on_the_page_of_problems_once_with_all_that_can_be_done(
    stage: Stage, anna: Browser, lea: Browser
) -> None:
    row = stage.order(ID, held_reason="ask first")
    stage.refused(row, 409, "409: changed")
    anna.scan(ID).act("report", row, kind="damaged", text="leg broken")
    lea.get("/problems")
    assert lea.html.count(f'href="/order/{row}"') == 1
    for text in (
        "It is damaged: leg broken",
        "It was refused (shipping report)",
        "409: changed",
        "ask first",
    ):
        assert text in lea.said
    assert [act for act in ("settle", "retry", "release", "hold", "override") if f'value="{act}"' in lea.html] == [
        "settle", "retry", "release",
    ]  # fmt: skip
    assert "Problems 1 " in lea.said


def test_the_number_of_problems_counts_suppliers_and_rejected_entries_are_quoted(stage: Stage, lea: Browser) -> None:
    now = stage.clock.now()
    with stage.store.write() as tx:
        tx.add(supplier_paused(stage))
        about: dict[str, Any] = {
            "supplier": "asir-group",
            "received_at": now,
            "last_listed_at": now,
            "sha256": "0",
            "reason": "no id",
        }
        tx.add(RejectedEntry(raw='{"x": 1}', **about))
    lea.get("/problems")
    assert "Problems 2 " in lea.said
    assert "Paused by Tom since" in lea.said
    assert '{"x": 1}' in lea.said


def test_an_order_with_a_report_is_never_plain_green(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("report", row, kind="damaged", text="leg broken")
    stage.clock.ahead += timedelta(seconds=3)
    assert anna.scan(ID).sign == "yellow"
    assert "Reported: It is damaged. Look at it first." in anna.said
    stage.clock.ahead += timedelta(seconds=3)
    assert anna.scan(ID).sign == "yellow"
    assert "Marked as shipped, although it was reported: It is damaged." in anna.said
    assert stage.facts(row).shipped == 1
    anna.act("undo", row)
    lea.post("/decide", act="settle", row=str(row))
    stage.clock.ahead += timedelta(seconds=3)
    assert anna.scan(ID).sign == "blue"


def test_one_scan_does_not_ship_an_order_with_a_report(tmp_path: Path, pristine: Path) -> None:
    stations = ({"name": BENCH, "one_scan": True},)
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as anna:
        row = stage.order(ID)
        anna.sign_in("Anna").act("report", row, kind="missing")
        assert anna.scan(ID).sign == "yellow"
        assert stage.facts(row).shipped == 0
        stage.clock.ahead += timedelta(seconds=3)
        anna.scan(ID)
        assert stage.facts(row).shipped == 1
