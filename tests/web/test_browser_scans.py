"""Scans typed at scanner speed into every page of a real browser, whatever has the focus, and the answers that they get."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.web.chromium import MISSING, PATH, TABLET, opened, sign_in
from tests.web.stage import LEADS_PIN, OTHER, Stage
from tests.web.test_label import SENTENCE, twenty
from tests.world.clocks import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PATH is None, reason=MISSING)]

ID, B, VANISHED = "15000012345_789", "15000012345_790", "15000012345_791"
LATER = timedelta(seconds=3)
DESKTOP = ViewportSize(width=1920, height=1080)
LISTEN = """
window.tones = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...at) { window.tones.push(this.frequency.value); return start.apply(this, at); };
"""
"""A browser without loudspeakers: it writes down what it would have played."""
SHOWN, COMPARE, REPEATED, KEPT, UNKNOWN = [660], [440, 440], [990], [520, 390, 520], [196, 147]


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    with opened(browser) as context:
        context.add_init_script(LISTEN)
        yield sign_in(context.new_page(), stage.url, "Lea", pin=LEADS_PIN)


def scan(page: Page, code: str, end: str = "Enter") -> None:
    """Type a code as a scanner does, a key each millisecond: the keys have their times, so a busy machine changes nothing."""
    keyboard, at = page.context.new_cdp_session(page), time.time()  # earlier than the page itself, and Chromium crashes
    keys: list[dict[str, str | int]] = [{"key": each, "text": each} for each in code]
    keys.append({"key": end, "code": end, "windowsVirtualKeyCode": {"Enter": 13, "Tab": 9}[end]})
    keys[-1] |= {"text": "\r"} if end == "Enter" else {}
    for number, key in enumerate(keys):
        for kind in ("keyDown", "keyUp"):
            facts = {name: value for name, value in key.items() if kind == "keyDown" or name != "text"}
            keyboard.send("Input.dispatchKeyEvent", {"type": kind, "timestamp": at + number * 0.001, **facts})
    keyboard.detach()


def answered(page: Page, sign: str) -> None:
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", sign)


def heard(page: Page) -> list[float]:
    tones: list[float] = page.evaluate("window.tones.splice(0)")
    return tones


def hears(page: Page, tones: Sequence[float]) -> None:
    """Wait until these were the last to be played: on a busy machine, an answer that takes long is first told as kept."""
    found: list[float] = []

    def heard_them() -> bool:
        found.extend(heard(page))
        return found[-len(tones) :] == list(tones)

    until(heard_them)


def restart(stage: Stage) -> None:
    """Start the page again where it was."""
    web = stage.settings.web.model_copy(update={"listen": stage.url.removeprefix("http://")})
    stage.settings = stage.settings.model_copy(update={"web": web})
    stage.start()


PLACES = (
    ("/", "#scan"),
    ("/", "button[value=fr]"),
    ("/list", "body"),
    ("/list", "input[name=q]"),
    ("/list", "select[name=supplier]"),
    ("/list", "input[name=all]"),
    ("/list", "button[name=how]"),
    ("/problems", "body"),
    ("/problems", "a[href='/hand-over']"),
    ("/hand-over", "body"),
    ("/pick", "body"),
    ("/card", "body"),
    ("/order/1", "input[name=reason]"),
    ("/order/1", "button[value=hold]"),
)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["Enter", "Tab"])
def test_a_scan_is_taken_on_every_page_whatever_has_the_focus(stage: Stage, page: Page, end: str) -> None:
    first = stage.order(ID)
    for number, (path, selector) in enumerate(PLACES):
        row = stage.order(f"15000012346_{100 + number}")
        page.goto(stage.url + path)
        page.locator(selector).first.focus()
        for sign in ("blue", "green"):
            scan(page, f"15000012346_{100 + number}", end)
            answered(page, sign)
            assert heard(page), path
            stage.clock.ahead += LATER
        assert page.url == stage.url + "/"
        assert page.evaluate("document.activeElement.id") == "scan", (path, selector)
        assert (page.input_value("#scan"), stage.facts(row).shipped) == ("", 1), (path, selector)
    assert (stage.facts(first).shipped, stage.facts(first).held_reason) == (0, None)
    page.go_back()
    expect(page.locator("h1")).to_contain_text("789")  # the page of which a scan had made the scan page


def test_the_enter_of_a_scan_presses_no_button(stage: Stage, page: Page) -> None:
    rows = [stage.order(each) for each in (ID, B)]
    scan(page, ID)
    answered(page, "blue")
    page.locator("button[value=ship]").focus()
    scan(page, B)
    answered(page, "yellow")
    expect(page.locator("#said")).to_contain_text(f"The one before, {ID}, is NOT marked")
    page.locator("button[value=ship]").focus()
    page.keyboard.type(ID, delay=70)  # a slow scanner: what is typed on a button goes to the scan field
    page.keyboard.press("Enter")
    expect(page.locator("#order-id")).to_contain_text("789")
    assert [stage.facts(row).shipped for row in rows] == [0, 0]


@pytest.mark.parametrize("field", ["input[value=missing]", "#text"])
def test_a_scan_while_a_problem_is_reported_is_a_scan(stage: Stage, page: Page, field: str) -> None:
    rows = [stage.order(each) for each in (ID, B)]
    scan(page, ID)
    page.click("button[value=problem]")
    page.locator(field).focus()
    scan(page, B)
    expect(page.locator("#order-id")).to_contain_text("790")
    assert [event.what for row in rows for event in stage.history(row)] == []


def test_a_person_who_types_is_not_disturbed(stage: Stage, page: Page) -> None:
    stage.order(ID)
    page.locator("#scan").press_sequentially("789", delay=150)
    page.keyboard.press("Enter")
    expect(page.locator("#order-id")).to_contain_text("789")
    page.click("button[value=problem]")
    page.locator("#text").press_sequentially("a leg", delay=130)
    page.keyboard.press("Enter")
    answered(page, "green")
    page.goto(f"{stage.url}/problems")
    expect(page.locator("main")).to_contain_text("It is damaged: a leg")


def test_every_scan_sounds_and_is_answered_a_repeat_too(stage: Stage, page: Page) -> None:
    stage.order(ID)
    stage.clock.held = stage.clock.now()
    scan(page, ID)
    answered(page, "blue")
    hears(page, SHOWN)
    scan(page, ID)
    expect(page.locator(".note")).to_contain_text("counted once")
    hears(page, REPEATED)
    scan(page, "4006381333931")
    answered(page, "red")
    hears(page, UNKNOWN)
    expect(page.locator("#aloud")).to_contain_text("No order has the code 4006381333931")


def test_a_scan_without_the_agent_is_kept_and_no_other_order_stays_on_the_screen(stage: Stage, page: Page) -> None:
    rows = [stage.order(ID), stage.order(B), stage.order(VANISHED, vanished_at=stage.clock.now())]
    scan(page, ID)
    answered(page, "blue")
    heard(page)
    stage.stop()
    scan(page, VANISHED)
    expect(page.locator(".answer.kept")).to_contain_text(f"{VANISHED} Kept")
    assert page.locator("main button").count() == 0
    hears(page, KEPT)
    scan(page, B)
    expect(page.locator(".answer.kept")).to_contain_text(B)
    hears(page, KEPT)
    restart(stage)
    answered(page, "blue")
    expect(page.locator("#order-id")).to_contain_text("790")
    refused = page.locator("#refused li")
    expect(refused).to_contain_text("791 CHAIR-SCANDI-X4-OAK × 1 No Do not ship")
    page.reload()
    expect(refused).to_have_count(1)
    page.click("#refused button")
    expect(page.locator("#refused")).to_be_hidden()
    page.reload()
    expect(page.locator("#refused")).to_be_hidden()
    assert [stage.facts(row).shipped for row in rows] == [0, 0, 0]


@pytest.mark.slow
def test_a_scan_into_a_field_without_the_agent_does_not_stay_there(stage: Stage, page: Page) -> None:
    stage.order(ID)
    page.goto(f"{stage.url}/list")
    page.fill("input[name=q]", "GEODIS")
    page.locator("select[name=supplier]").focus()
    stage.stop()
    page.evaluate("window.fields = [...document.querySelectorAll('.search input, .search select')]")
    for field in (1, 0):
        page.evaluate(f"window.fields[{field}].focus()")
        scan(page, f"{ID} notio")
    expect(page.locator(".answer.kept")).to_be_visible()
    assert page.evaluate("window.fields.map((each) => each.value).slice(0, 2)") == ["GEODIS", ""]
    restart(stage)
    answered(page, "red")


def test_what_changes_elsewhere_changes_on_the_screen(stage: Stage, page: Page, browser: Browser) -> None:
    row = stage.order(ID)
    stage.person("Ben")
    with browser.new_context(viewport=TABLET) as context:
        context.add_init_script(LISTEN)
        ben = sign_in(context.new_page(), stage.url, "Ben", OTHER)
        scan(ben, ID)
        answered(ben, "blue")
        ben.click("button[value=ship]")
        answered(ben, "green")
        scan(page, ID)
        answered(page, "yellow")
        ben.locator("button[value=problem]").focus()
        heard(ben)
        page.click("button[value=undo]")
        answered(ben, "grey")
        expect(ben.locator("#said")).to_contain_text("789 CHAIR-SCANDI-X4-OAK × 1 Changed Ready to ship.")
        assert (heard(ben), ben.evaluate("document.activeElement.value")) == ([], "problem")
        scan(ben, ID)
        answered(ben, "blue")
        heard(ben)
        page.goto(f"{stage.url}/order/{row}")
        page.fill("input[name=reason]", "scratched")
        page.click("button[value=hold]")
        answered(ben, "red")
        expect(ben.locator("button[value=ship]")).to_have_count(0)
        hears(ben, UNKNOWN)


@pytest.mark.slow
def test_the_answer_is_read_from_two_metres_and_read_aloud(stage: Stage, page: Page) -> None:
    """On a screen of 24 inches a pixel is 0.277 mm: capitals of 50 pixels' type are a centimetre high."""
    stage.order(ID, quantity=4)
    page.set_viewport_size(DESKTOP)
    scan(page, ID)
    answered(page, "blue")
    size = "(selector) => parseFloat(getComputedStyle(document.querySelector(selector)).fontSize)"
    assert page.evaluate(size, ".answer .which") >= 60
    assert page.evaluate(size, ".answer p") >= 44
    for each in ("789", "CHAIR-SCANDI-X4-OAK", "× 4", "Scan it again when you ship it."):
        expect(page.locator(".answer p")).to_contain_text(each)
        expect(page.locator("#aloud")).to_contain_text(each)


@pytest.mark.slow
def test_a_label_is_looked_at_without_another_window(stage: Stage, page: Page) -> None:
    row = stage.order(ID)
    scan(page, ID)
    answered(page, "blue")
    small = page.locator(".label img").bounding_box()
    page.click(".label a")
    large = page.locator(".label img").bounding_box()
    assert small
    assert large
    assert large["width"] > small["width"]
    assert len(page.context.pages) == 1
    stage.clock.ahead += LATER
    scan(page, ID)
    answered(page, "green")
    assert stage.facts(row).shipped == 1


@pytest.mark.slow
def test_a_scan_while_the_page_says_that_it_is_busy_is_taken(stage: Stage, page: Page) -> None:
    row = stage.order(ID)
    page.goto(f"{stage.url}/order/{row}")
    page.fill("input[name=reason]", "scratched")
    with stage.store.write():
        page.click("button[value=hold]")
        expect(page.locator("main")).to_contain_text("The database is busy")
        scan(page, ID)
    answered(page, "blue")
    assert stage.facts(row).held_reason is None


@pytest.mark.slow
def test_a_label_that_may_be_the_wrong_one_is_yellow_and_heard(stage: Stage, page: Page) -> None:
    page.set_viewport_size(DESKTOP)
    row = twenty(stage)
    for shipped in (0, 1):
        scan(page, ID)
        answered(page, "yellow")
        hears(page, COMPARE)
        for at in (".answer p", "#aloud"):
            expect(page.locator(at)).to_contain_text(SENTENCE)
        assert stage.facts(row).shipped == shipped
        stage.clock.ahead += LATER
    page.click("button[value=undo]")
    stage.replace_label(row, ID)
    stage.read_labels()
    scan(page, ID)
    answered(page, "blue")
    expect(page.locator(".answer p")).not_to_contain_text("Compare")
    stage.replace_label(row, "15000012300_2")  # also the file of that order
    stage.read_labels()
    answered(page, "yellow")  # by itself: the screen is refreshed when an order changes
    expect(page.locator(".answer p")).to_contain_text("order 15000012300_2 has the same label")
    expect(page.locator("#aloud")).to_contain_text("order 15000012300_2 has the same label")
    assert page.evaluate("document.getElementById('aloud').getBoundingClientRect().right") < 0, "it is only heard"
    page.goto(stage.url + "/list")
    expect(page.locator(".stage.doubt")).to_have_count(2)
    page.check(f"input[name=row][value='{row}']")
    page.goto(f"{stage.url}/order/{row}")
    expect(page.locator(".warn")).to_contain_text("order 15000012300_2 has the same label")


GONE = """(code) => localStorage.setItem("supplier-agent unsent", JSON.stringify(
  [{url: "/scan", fields: {code, key: "c".repeat(32)}, name: code, at: Date.now(), who: "Ben", tried: true}]))"""
"""Ben scanned this while the agent did not answer. Then he was removed."""


def test_a_scan_of_a_person_who_is_gone_is_shown_as_theirs_and_sent_as_mine(stage: Stage, page: Page) -> None:
    row = stage.order(ID)
    page.evaluate(GONE, ID)
    page.reload()
    expect(page.locator("#others b")).to_have_text(f"Ben: {ID}")
    expect(page.locator("#unsent")).to_be_hidden()  # the agent does answer
    page.click("text=Send as mine")
    expect(page.locator("#order-id")).to_contain_text("789")
    expect(page.locator("#others")).to_be_hidden()
    assert stage.facts(row).shipped == 0


def test_a_scan_of_a_person_who_is_gone_is_deleted_with_a_note(stage: Stage, page: Page) -> None:
    page.evaluate(GONE, ID)
    page.reload()
    page.click("text=Delete, with a note")
    expect(page.locator("#others")).to_be_hidden()
    assert page.evaluate("localStorage.getItem('supplier-agent unsent')") == "[]"
    (noted,) = [facts for event, facts in stage.heard if event == "scan.dropped"]
    assert (noted["by"], noted["detail"]) == ("Lea", f"Ben: {ID}")
