"""Scan, show, scan again, flagged; undo; two stations; what must not ship. Through the real server, without JavaScript."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.web.stage import BENCH, OTHER, Browser, Stage, browsing, staged

ID = "15000012345_789"
LATER = timedelta(seconds=3)


def test_the_first_scan_shows_and_the_second_marks_as_shipped(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID)
    assert anna.sign == "blue"
    assert "Scan it again when you ship it" in anna.said
    assert stage.facts(row).shipped == 0
    stage.clock.ahead += LATER
    anna.scan(ID)
    assert anna.sign == "green"
    assert stage.facts(row).shipped == 1
    flagged = stage.history(row)[-1]
    assert (flagged.who, flagged.station, flagged.what) == ("Anna", "Bench 1", "flagged as shipped")


def test_a_repeat_at_once_is_counted_once_and_said(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    stage.clock.held = stage.clock.now()
    anna.scan(ID)
    for _ in range(2):
        stage.clock.ahead += timedelta(seconds=0.3)
        anna.scan(ID)
        assert anna.sign == "blue"
        assert "data-repeated" in anna.html
        assert anna.said.count("counted once") == 1
    assert stage.facts(row).shipped == 0
    stage.clock.ahead += timedelta(seconds=0.3)
    anna.scan(ID)
    assert (anna.sign, stage.facts(row).shipped) == ("green", 1)
    assert "counted once" not in anna.said


@pytest.mark.parametrize("code", [ID, "PRINT AGAIN"])
def test_a_repeat_prints_nothing(tmp_path: Path, pristine: Path, code: str) -> None:
    stations = ({"name": BENCH, "print_on_scan": True}, {"name": OTHER})
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as anna:
        row = stage.order(ID)
        stage.clock.held = stage.clock.now()
        anna.sign_in("Anna").scan(ID)
        if code != ID:
            stage.clock.ahead += LATER
            anna.scan(code)
        before = [event.what for event in stage.history(row)].count("label printed")
        assert before
        for _ in range(3):
            stage.clock.ahead += timedelta(seconds=0.1)
            anna.scan(code)
        assert [event.what for event in stage.history(row)].count("label printed") == before


def test_what_is_not_on_the_screen_is_not_marked(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    for away in (
        lambda: anna.scan("4006381333931"),  # no order has it
        lambda: anna.post("/print", how="pdf"),  # nothing is ticked
        lambda: anna.post("/decide", act="hold", row=str(row)),  # a packer may not
    ):
        anna.scan(ID)
        stage.clock.ahead += LATER
        away()
        anna.get("/")
        assert 'id="order-id"' not in anna.html
        stage.clock.ahead += LATER
        anna.scan(ID)
        assert (anna.sign, stage.facts(row).shipped) == ("blue", 0)
        anna.scan("NEXT")
        stage.clock.ahead += LATER


def test_an_order_that_stays_on_the_screen_can_be_marked(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    for code in (ID, "", "UNDO"):  # neither changes anything
        anna.scan(code)
        assert 'id="order-id"' in anna.html
        stage.clock.ahead += LATER
    anna.scan(ID)
    assert (anna.sign, stage.facts(row).shipped) == ("green", 1)


def test_the_answer_names_the_order(stage: Stage, anna: Browser) -> None:
    rows = [stage.order(f"15000012345_{number}", sku=f"SOFA-{number}", quantity=number) for number in (1, 2)]
    anna.scan("15000012345_1")
    assert "1 SOFA-1 × 1 Shown Scan it again when you ship it." in anna.said
    anna.act("ship", rows[0])
    assert "1 SOFA-1 × 1 Done Marked as shipped." in anna.said
    anna.scan("15000012345_2")
    assert "2 SOFA-2 × 2 Shown" in anna.said
    anna.scan("UNDO")
    assert "1 SOFA-1 × 1 Check Undone." in anna.said
    assert stage.facts(rows[0]).shipped == 0


def test_an_answer_whose_fact_is_gone_is_grey_or_red(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID)
    lea.post("/decide", act="hold", row=str(row), reason="scratched")
    anna.get("/")
    assert (anna.sign, "No Do not ship: on hold (scratched)." in anna.said) == ("red", True)
    lea.post("/decide", act="release", row=str(row))
    anna.get("/")
    assert anna.sign == "blue"
    anna.act("ship", row)
    assert anna.sign == "green"
    lea.post("/act", act="undo", row=str(row))
    anna.get("/")
    assert (anna.sign, "Changed Ready to ship." in anna.said) == ("grey", True)


def test_what_was_held_after_it_was_marked_is_red(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("ship", row)
    lea.post("/decide", act="hold", row=str(row), reason="scratched")
    stage.clock.ahead += LATER
    anna.scan(ID)
    assert anna.sign == "red"
    assert "Do not ship: on hold (scratched). It is marked as shipped: Anna (Bench 1)" in anna.said


def test_the_last_part_is_enough(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan("789")
    stage.clock.ahead += LATER
    anna.scan("789")
    assert stage.facts(row).shipped == 1


def test_a_flag_can_be_taken_back_until_the_call_begins(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("ship", row)
    marked = stage.facts(row).shipped_at
    assert marked is not None
    stage.clock.held = marked + timedelta(seconds=100)  # the database's own clock took the time of the mark
    anna.scan(ID)
    assert "Undo is possible for 20 s" in anna.said
    anna.act("undo", row)
    assert stage.facts(row).shipped == 0
    assert "Undone" in anna.said
    assert stage.history(row)[-1].who == "Anna"


def test_too_late_is_said_and_nothing_changes(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("ship", row)
    stage.call(row, "sending")
    anna.act("undo", row)
    assert anna.sign == "red"
    assert "Too late to undo" in anna.said
    assert stage.facts(row).shipped == 1


def test_the_second_station_is_told_who_shipped_it_and_when(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("ship", row)
    with browsing(stage.url) as ben:
        stage.person("Ben")
        ben.sign_in("Ben", OTHER).scan(ID)
        assert "Already marked as shipped: Anna (Bench 1) at" in ben.said
        assert ben.sign in {"yellow", "red"}
        stage.clock.ahead += LATER
        ben.scan(ID)
        assert "Anna (Bench 1)" in ben.said
    assert [event.who for event in stage.history(row) if event.what == "flagged as shipped"] == ["Anna"]


def test_the_same_form_sent_twice_is_done_once(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID)
    stage.clock.ahead += LATER
    anna.scan(ID, key="a" * 32)
    anna.act("undo", row)
    stage.clock.ahead += LATER
    anna.scan(ID, key="a" * 32)
    assert stage.facts(row).shipped == 0
    assert anna.sign == "grey", "the answer of then is no longer true"
    assert "Ready to ship" in anna.said


def test_what_is_held_must_not_ship(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, held_reason="damaged corner")
    anna.scan(ID)
    assert anna.sign == "red"
    assert "damaged corner" in anna.said
    assert "Mark as shipped" not in anna.said
    stage.clock.ahead += LATER
    anna.scan(ID)
    assert stage.facts(row).shipped == 0


def test_an_order_that_has_vanished_must_not_ship(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID, vanished_at=stage.clock.now())
    anna.scan(ID)
    assert anna.sign == "red"
    stage.clock.ahead += LATER
    anna.scan(ID)
    assert stage.facts(row).shipped == 0


def test_a_code_that_nobody_knows_is_red(stage: Stage, anna: Browser) -> None:
    stage.order(ID)
    anna.scan("4006381333931")
    assert anna.sign == "red"
    assert "No order has the code 4006381333931" in anna.said


def test_an_article_lists_its_open_orders_and_one_is_picked(stage: Stage, anna: Browser) -> None:
    rows = [stage.order(f"15000012345_{number}") for number in (1, 2)]
    anna.scan("CHAIR-SCANDI-X4-OAK")
    assert anna.sign == "yellow"
    assert "choose one" in anna.said
    anna.post("/pick-one", row=str(rows[1]))
    assert anna.sign == "blue"
    assert 'id="order-id"' in anna.html
    assert stage.facts(rows[1]).shipped == 0


def test_a_customers_order_shows_its_other_lines(stage: Stage, anna: Browser) -> None:
    for number in (1, 2, 3):
        stage.order(f"15000012345_{number}")
    anna.scan("15000012345_2")
    assert "The customer's whole order: 3 lines" in anna.said


def test_a_packer_reports_what_is_wrong_and_a_lead_sees_it(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID)
    anna.scan(ID).act("problem", row)
    assert "What is wrong with 15000012345_789?" in anna.said
    anna.act("report", row, kind="damaged", text="leg broken")
    assert anna.sign == "green"
    lea.get("/problems")
    assert "It is damaged: leg broken" in lea.said
    lea.post("/decide", act="settle", row=str(row))
    assert "leg broken" not in lea.said


def test_no_customer_data_and_no_secret_is_on_the_page(stage: Stage, anna: Browser) -> None:
    stage.order(ID)
    anna.scan(ID)
    assert "token" not in anna.said
    assert "8950" not in anna.html
