"""Scan, show, scan again, flagged; undo; two stations; what must not ship. Through the real server, without JavaScript."""

from datetime import timedelta

from tests.web.stage import OTHER, Browser, Stage, browsing

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


def test_a_repeat_within_two_seconds_does_nothing(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    stage.clock.held = stage.clock.now()
    anna.scan(ID)
    stage.clock.ahead += timedelta(seconds=1.9)
    anna.scan(ID)
    assert anna.sign == "blue"
    assert "data-silent" in anna.html
    assert stage.facts(row).shipped == 0


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
    assert "Marked as shipped" in anna.said


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
