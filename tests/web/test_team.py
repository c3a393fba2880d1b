"""The team page: a lead adds people, changes PINs and roles, removes people, tests a printer, and sees the figures of the day."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from supplier_agent.base.errors import UsageError
from supplier_agent.web import people
from tests.printing.test_printer import JOB, answer, http, printer
from tests.web.stage import BENCH, LEADS_PIN, OTHER, PIN, SALT, Browser, Stage, browsing, staged
from tests.world.clocks import until

ID = "15000012345_789"


def change(lea: Browser, act: str, name: str, **fields: str) -> str:
    lea.get("/team")
    lea.post("/team", act=act, name=name, **fields)
    return lea.said


def present(stage: Stage) -> dict[str, str]:
    with stage.store.read() as tx:
        return {each.name: each.role for each in people.present(tx)}


def test_only_a_lead_sees_and_changes_the_team(stage: Stage, anna: Browser) -> None:
    anna.get("/problems")
    assert "/team" not in anna.html
    anna.get("/team")
    assert "Add a person" not in anna.said
    anna.post("/team", act="add", name="Ben", role="lead", pin="4711")
    assert "Only a lead may do this." in anna.said
    assert present(stage) == {"Anna": "packer", "Lea": "lead"}


def test_a_lead_adds_a_person_who_can_sign_in(stage: Stage, lea: Browser) -> None:
    lea.get("/problems")
    assert 'href="/team"' in lea.html
    assert "Ben can sign in now." in change(lea, "add", " Ben ", role="packer", pin="2580-1379")
    assert "2580-1379" not in lea.html
    with browsing(stage.url) as ben:
        assert "Scan a box" in ben.sign_in("Ben", pin="2580-1379").said
    assert ("person.changed", {"by": "Lea", "name": "Ben", "what": "add"}) in [
        (event, {key: facts[key] for key in ("by", "name", "what")}) for event, facts in stage.heard if "what" in facts
    ]
    assert "2580-1379" not in str(stage.heard)


@pytest.mark.parametrize(
    ("name", "pin", "why"),
    [
        ("Ben", "12", "A PIN has 4 to 64 characters."),
        ("", "4711", "A name has 1 to 40 letters."),
        ("Anna", "4711", "Someone called Anna already works here."),
        ("ANNA", "4711", "Someone called ANNA already works here."),
    ],
)
def test_what_cannot_be_added_is_said(stage: Stage, lea: Browser, name: str, pin: str, why: str) -> None:
    assert why in change(lea, "add", name, role="packer", pin=pin)
    assert lea.sign == "red"
    assert present(stage) == {"Anna": "packer", "Lea": "lead"}


def test_a_new_pin_ends_the_sessions_of_a_person(anna: Browser, lea: Browser) -> None:
    assert "Anna: changed." in change(lea, "pin", "Anna", pin="2580")
    anna.get("/")
    assert "Another station" in anna.said
    assert "This PIN does not belong to this name." in anna.sign_in("Anna", pin=PIN).said
    assert "Scan a box" in anna.sign_in("Anna", pin="2580").said


def test_a_role_changes_at_once_and_the_pin_stays(anna: Browser, lea: Browser) -> None:
    change(lea, "role", "Anna", role="lead")
    assert "Add a person" in anna.get("/team")
    change(lea, "role", "Anna", role="packer")
    assert "Add a person" not in anna.get("/team")
    assert "Scan a box" in anna.sign_in("Anna").said


def test_the_last_lead_stays(stage: Stage, lea: Browser) -> None:
    for act in ("remove", "role"):
        assert "Lea is the only lead. Make someone else a lead first." in change(lea, act, "Lea", role="packer")
    assert present(stage)["Lea"] == "lead"
    change(lea, "role", "Anna", role="lead")
    change(lea, "remove", "Lea")
    assert "Another station" in lea.said
    assert present(stage) == {"Anna": "lead"}


def test_a_removed_person_is_signed_out(anna: Browser, lea: Browser) -> None:
    assert "Anna is removed, and signed out everywhere." in change(lea, "remove", "Anna")
    assert "Another station" in anna.get("/")
    assert "Nobody called Anna works here." in change(lea, "remove", "Anna")


def test_two_spellings_of_a_name_are_one_person(stage: Stage) -> None:
    now = stage.clock.now()
    with stage.store.write() as tx, pytest.raises(UsageError, match="in another spelling"):
        people.add(tx, "anna", "packer", PIN, SALT, now)
    with stage.store.write() as tx:
        assert people.add(tx, "Anna", "lead", PIN, SALT, now) == "changed: lead"
        people.remove(tx, "Anna", now)
        assert people.add(tx, "anna", "packer", PIN, SALT, now) == "added: packer"


def test_a_test_page_goes_to_the_printer_of_the_station(tmp_path: Path, pristine: Path) -> None:
    def takes_it(connection: socket.socket) -> None:
        connection.sendall(http(answer(groups=JOB)))

    with printer(takes_it) as (uri, heard):
        stations = ({"name": BENCH}, {"name": OTHER, "printer": uri, "page": "100x150"})
        with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as lea:
            lea.sign_in("Lea", pin=LEADS_PIN)
            key = "b" * 32
            assert f"The test page goes to the printer of {OTHER}." in change(lea, "test", "", station=OTHER, key=key)
            change(lea, "test", "", station=OTHER, key=key)  # sent again after a lost connection
            until(lambda: "Is the whole frame on the paper?" in lea.get("/team"))
            assert lea.html.count("Test print") == 1
    assert b"custom_100x150mm_100x150mm" in heard[1]
    assert b"/MediaBox [0 0 283.46 425.20]" in heard[1]


def test_a_printer_that_fails_its_test_is_red(tmp_path: Path, pristine: Path) -> None:
    stations = ({"name": BENCH, "printer": "ipp://127.0.0.1:9/printers/zebra"},)
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as lea:
        lea.sign_in("Lea", pin=LEADS_PIN)
        change(lea, "test", "", station=BENCH)
        failed = f"No test page from the printer of {BENCH}: the printer cannot be reached."
        until(lambda: failed in lea.get("/team") + lea.said)
        assert 'class="note test_failed"' in lea.html
        assert "127.0.0.1/printers/zebra" in lea.said


def test_the_figures_of_the_day_are_per_person_and_station(stage: Stage, anna: Browser, lea: Browser) -> None:
    stage.clock.held = stage.clock.now().replace(hour=11)
    rows = [stage.order(f"15000012345_{number}") for number in (1, 2)]
    anna.scan("15000012345_1").act("ship", rows[0]).act("undo", rows[0]).act("ship", rows[0])
    anna.act("report", rows[1], kind="damaged")
    with browsing(stage.url) as other:
        other.sign_in("Anna", OTHER).scan("15000012345_2")
        other.act("print", rows[1]).act("ship", rows[1])
    lea.get("/team")
    assert "Anna Bench 1 2 1 0 1" in lea.said
    assert "Anna Bench 2 1 0 1 0" in lea.said
    stage.clock.ahead += timedelta(days=1)
    lea.sign_in("Lea", pin=LEADS_PIN).get("/team")
    assert "Nothing yet." in lea.said
