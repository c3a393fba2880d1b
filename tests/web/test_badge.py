"""Badges: a code on paper signs a person in on any page; it is shown once, and stored nowhere but as a hash."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pypdfium2
import pytest
import zxingcpp
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from sqlmodel import select

from supplier_agent.db import state_folder
from supplier_agent.db.tables import Submission
from supplier_agent.labels import typed
from supplier_agent.web import people
from tests.web.chromium import MISSING, PATH, opened
from tests.web.chromium import sign_in as signed_in
from tests.web.stage import BENCH, LEADS_PIN, OTHER, Browser, Stage, browsing
from tests.web.test_browser_scans import LISTEN
from tests.web.test_browser_scans import scan as scan_in

in_chromium = pytest.mark.skipif(PATH is None, reason=MISSING)
UNKNOWN_BADGE = "BDG" + "B" * 20


def badge(stage: Stage, name: str) -> str:
    with stage.store.write() as tx:
        person = people.find(tx, name)
        assert person is not None
        return people.give_badge(tx, person)


def test_a_badge_is_at_least_80_bits_and_no_code_of_an_order(stage: Stage) -> None:
    code = badge(stage, "Anna")
    assert len(people.BADGE_LETTERS) ** people.BADGE_LENGTH > 2**80
    for as_scanned in (
        code,
        code.lower(),
        f"]C1{code}",
        f" {code}\r",
        typed.as_typed(code, "fr"),
        typed.as_typed(code, "tr"),
    ):
        assert people.badge_of(as_scanned) == code
    for other in ("15000012345_789", "789", code + "X", code[:-1], "X" + code, "UNDO", "TV-STAND-OAK", ""):
        assert people.badge_of(other) == ""


def test_a_badge_signs_in_wherever_it_is_scanned(stage: Stage, anna: Browser) -> None:
    code = badge(stage, "Lea")
    anna.scan(code)  # without JavaScript, the scan field takes it
    assert f"{BENCH} Lea" in anna.said
    anna.get("/load")
    anna.post("/load/0", act="start", vehicle="AB-123")
    anna.post("/load/1/scan", code=badge(stage, "Anna"))
    assert f"{BENCH} Anna" in anna.said
    with stage.store.read() as tx:
        assert not [each for each in tx.exec(select(Submission)).all() if people.BADGE_PREFIX in each.answer]
    with browsing(stage.url) as new:
        new.get("/sign-in")
        new.post("/sign-in", pin=code)
        assert "Choose a station." in new.said
        new.post("/sign-in", pin=code, station=OTHER)
        assert f"{OTHER} Lea" in new.said


def test_a_new_badge_replaces_the_old_one_and_a_removed_person_has_none(stage: Stage, anna: Browser) -> None:
    old = badge(stage, "Lea")
    code = badge(stage, "Lea")
    assert "This badge is not valid." in anna.scan(old).said
    assert (anna.status, old in anna.html) == (403, False)
    assert f"{BENCH} Anna" in anna.get("/") + anna.said
    assert f"{BENCH} Lea" in anna.scan(code).said
    with stage.store.write() as tx:
        people.remove(tx, "Lea", stage.clock.now())
    anna.get("/")
    anna.post("/sign-in", badge=code, station=BENCH)
    assert "This badge is not valid." in anna.said
    with stage.store.write() as tx:
        people.add(tx, "Lea", "lead", LEADS_PIN, b"1" * 16, stage.clock.now())
    anna.post("/sign-in", badge=code, station=BENCH)
    assert "This badge is not valid." in anna.said


def test_wrong_badges_wait_as_wrong_pins_do(stage: Stage, anna: Browser) -> None:
    code = badge(stage, "Lea")
    for _ in range(5):
        anna.get("/")
        assert "not valid" in anna.scan(UNKNOWN_BADGE).said
    anna.get("/")
    assert "Too many wrong PINs or badges." in anna.scan(code).said
    assert anna.status == 429
    assert "Scan a box" in anna.sign_in("Anna").said  # a PIN is another matter


def test_the_team_page_shows_a_badge_once_and_it_is_stored_nowhere(lea: Browser) -> None:
    lea.get("/team")
    key = "a" * 32
    lea.post("/team", act="badge", name="Anna", key=key)
    assert "it is shown only once" in lea.said
    shown = lea.html
    lea.post("/team", act="badge", name="Anna", key=key)
    assert "<svg" not in lea.html
    assert "Anna has a new badge." in lea.said
    lea.get("/team")
    lea.post("/team", act="badge", name="Lea")
    assert "<svg" in lea.html
    assert "Lea has a new badge." in lea.get("/team") + lea.said  # a lead who makes their own stays signed in
    assert people.BADGE_PREFIX not in shown.replace('data-badge="' + people.BADGE, "")


def test_only_a_lead_makes_badges(stage: Stage, anna: Browser) -> None:
    anna.post("/team", act="badge", name="Lea")
    assert "Only a lead may do this." in anna.said
    with stage.store.read() as tx:
        assert [each.badge_sha256 for each in people.present(tx)] == [None, None]


def test_the_code_reaches_no_log_and_no_row(stage: Stage, anna: Browser) -> None:
    code = badge(stage, "Lea")
    anna.scan(code)
    anna.scan(UNKNOWN_BADGE)
    with closing(sqlite3.connect(stage.settings.state_dir / state_folder.DATABASE)) as connection:
        dump = "\n".join(connection.iterdump())
    for each in (code, UNKNOWN_BADGE):
        assert each not in dump
        assert each not in str(stage.heard)
    assert "pin.refused" in str(stage.heard)


@pytest.fixture
def page(browser: Chromium, stage: Stage) -> Iterator[Page]:
    with opened(browser) as context:
        context.add_init_script(LISTEN)
        yield signed_in(context.new_page(), stage.url, "Anna")


@pytest.mark.slow
@in_chromium
@pytest.mark.parametrize("path", ["/", "/list", "/problems"])
def test_a_badge_changes_the_person_on_any_page_and_the_next_box_is_theirs(stage: Stage, page: Page, path: str) -> None:
    row = stage.order("15000012345_789")
    code = badge(stage, "Lea")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(stage.url + path)
    scan_in(page, code)
    scan_in(page, "15000012345_789")
    expect(page.locator("header .who")).to_contain_text("Lea")
    expect(page.locator("#order-id")).to_contain_text("789")
    page.click("text=Mark as shipped")
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "green")
    assert stage.history(row)[-1].who == "Lea"
    assert not [url for url in asked if code in url]
    assert code not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")


@pytest.mark.slow
@in_chromium
def test_a_wrong_badge_is_red_and_the_person_stays(stage: Stage, page: Page) -> None:
    scan_in(page, UNKNOWN_BADGE)
    expect(page.locator("#said")).to_contain_text("This badge is not valid.")
    expect(page.locator("header .who")).to_contain_text("Anna")
    stage.stop()
    scan_in(page, UNKNOWN_BADGE)
    expect(page.locator("#said")).to_contain_text("The agent does not answer.")
    assert page.evaluate("localStorage.length") in {0, 1}
    assert UNKNOWN_BADGE not in page.evaluate("JSON.stringify({...localStorage})")


@pytest.mark.slow
@in_chromium
def test_a_badge_on_paper_is_read_and_signs_in_on_the_front_page(stage: Stage, browser: Chromium) -> None:
    with opened(browser, device_scale_factor=4) as context:
        page = signed_in(context.new_page(), stage.url, "Lea", pin=LEADS_PIN)
        page.goto(stage.url + "/team")
        with page.expect_navigation():
            page.locator("tr", has_text="Anna").get_by_role("button", name="New badge").click()
        paper = pypdfium2.PdfDocument(page.pdf())[0].render(scale=300 / 72, grayscale=True)
        (found,) = zxingcpp.read_barcodes(memoryview(bytes(paper.buffer)).cast("B", [paper.height, paper.stride]))
        page.click(".menu summary")
        page.click("text=Sign out")
        page.wait_for_selector("#pin")
        page.evaluate("document.activeElement.blur()")
        scan_in(page, found.text)
        expect(page.locator("header .who")).to_contain_text("Anna")
