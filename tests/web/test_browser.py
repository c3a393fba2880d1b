"""The page in a real browser: scanner speed, wrong keyboards, undo at the last second, two stations, an agent that is away."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlmodel import col, update

from supplier_agent.db.tables import Order
from supplier_agent.labels.typed import as_typed
from supplier_agent.web.lists import PAGE
from tests.web.benchmark import fill
from tests.web.chromium import FAINT, MISSING, PATH, TABLET, opened, scan, sign_in
from tests.web.stage import OTHER, Stage
from tests.world.clocks import until

pytestmark = pytest.mark.skipif(PATH is None, reason=MISSING)

ID = "15000012345_789"
LATER = timedelta(seconds=3)
PHONE = ViewportSize(width=390, height=780)


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    with opened(browser) as context:
        yield sign_in(context.new_page(), stage.url)


def answered(page: Page, sign: str) -> None:
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", sign)


def test_scans_at_scanner_speed_are_all_taken_in_and_the_field_keeps_the_focus(stage: Stage, page: Page) -> None:
    rows = [stage.order(f"15000012345_{number}") for number in range(100, 106)]
    for number in range(100, 106):
        scan(page, f"15000012345_{number}", 0)
    until(lambda: page.locator("#order-id").inner_text().endswith("105"))
    answered(page, "yellow")  # another order than the one before
    assert page.evaluate("document.activeElement.id") == "scan"
    assert page.input_value("#scan") == ""
    assert [stage.facts(row).shipped for row in rows] == [0] * 6


def test_the_second_scan_marks_and_the_time_to_take_it_back_runs_down(stage: Stage, page: Page) -> None:
    row = stage.order(ID)
    scan(page, ID)
    answered(page, "blue")
    stage.clock.ahead += LATER
    scan(page, ID)
    answered(page, "green")
    first = int(page.locator(".left").inner_text())
    until(lambda: int(page.locator(".left").inner_text()) < first)
    page.click("button[value=undo]")
    expect(page.locator("#said")).to_contain_text("Undone")
    assert stage.facts(row).shipped == 0


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["fr", "tr"])
def test_a_scanner_with_the_wrong_keyboard_is_understood_and_told_once(stage: Stage, page: Page, layout: str) -> None:
    row = stage.order(ID)
    scan(page, as_typed(ID, layout))
    answered(page, "blue")
    expect(page.locator(".note")).to_contain_text("The code was corrected")
    stage.clock.ahead += LATER
    scan(page, as_typed(ID, layout))
    answered(page, "green")
    expect(page.locator(".note")).to_have_count(0)
    assert stage.facts(row).shipped == 1


@pytest.mark.slow
def test_an_undo_at_the_last_second_counts_and_one_after_it_is_told_the_truth(stage: Stage, page: Page) -> None:
    row = stage.order(ID)
    scan(page, ID)
    answered(page, "blue")
    page.click("button[value=ship]")
    answered(page, "green")
    stage.clock.ahead += timedelta(seconds=118)
    page.click("button[value=undo]")
    expect(page.locator("#said")).to_contain_text("Undone")
    page.click("button[value=ship]")
    answered(page, "green")
    stage.call(row, "sending")
    page.click("button[value=undo]")
    answered(page, "red")
    expect(page.locator("#said")).to_contain_text("Too late to undo")
    expect(page.locator(".truth")).to_contain_text("It is being sent to the marketplace")
    assert stage.facts(row).shipped == 1


@pytest.mark.slow
def test_when_the_time_has_run_out_the_page_says_so_by_itself(stage: Stage, page: Page) -> None:
    row = stage.order(ID)
    page.clock.install()
    page.reload()
    scan(page, ID)
    answered(page, "blue")
    page.click("button[value=ship]")
    answered(page, "green")
    stage.clock.ahead += timedelta(seconds=121)
    page.clock.fast_forward(121_000)
    expect(page.locator(".truth")).to_contain_text("reported to the marketplace as soon as possible")
    expect(page.locator(".undo")).to_have_count(0)
    with stage.store.write() as tx:
        tx.exec(
            update(Order)
            .where(col(Order.id) == row)
            .values(ship_confirmed_at=stage.clock.now(), ship_evidence="confirmed")
        )
    page.clock.fast_forward(6_000)
    expect(page.locator(".truth")).to_contain_text("confirmed it as shipped at")


@pytest.mark.slow
def test_two_stations_on_one_box_ship_it_once(stage: Stage, page: Page, browser: Browser) -> None:
    row = stage.order(ID)
    stage.person("Ben")
    with browser.new_context(viewport=TABLET) as context:
        ben = sign_in(context.new_page(), stage.url, "Ben", OTHER)
        for each in (page, ben):
            scan(each, ID)
            answered(each, "blue")
        stage.clock.ahead += LATER
        scan(page, ID)
        answered(page, "green")
        scan(ben, ID)
        expect(ben.locator("#said")).to_contain_text("Already marked as shipped: Anna (Bench 1) at")
    assert [event.who for event in stage.history(row) if event.what == "flagged as shipped"] == ["Anna"]


@pytest.mark.slow
def test_what_is_scanned_while_the_agent_is_away_is_recorded_once_when_it_is_back(stage: Stage, page: Page) -> None:
    rows = [stage.order(f"15000012345_{number}") for number in (1, 2)]
    port = int(stage.url.rpartition(":")[2])
    stage.stop()
    scan(page, "15000012345_1")
    page.wait_for_timeout(800)  # two scans of one box, as people make them
    scan(page, "15000012345_1")
    scan(page, "15000012345_2")
    expect(page.locator("#unsent b")).to_have_text("3")
    expect(page.locator("#unsent")).to_contain_text("Not recorded yet")
    stage.settings = stage.settings.model_copy(
        update={"web": stage.settings.web.model_copy(update={"listen": f"127.0.0.1:{port}"})}
    )
    stage.start()
    expect(page.locator("#unsent")).to_be_hidden()
    expect(page.locator("#order-id")).to_contain_text("15000012345_2")
    assert [stage.facts(row).shipped for row in rows] == [1, 0]
    assert [event.what for event in stage.history(rows[0])] == ["flagged as shipped"]


@pytest.mark.slow
def test_the_keyboard_alone_is_enough(stage: Stage, page: Page) -> None:
    row = stage.order(ID)
    page.keyboard.type("789")
    page.keyboard.press("Enter")
    answered(page, "blue")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "ship":
            break
    page.keyboard.press("Enter")
    answered(page, "green")
    assert stage.facts(row).shipped == 1
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != ""


@pytest.mark.slow
@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["1024x768", "phone"])
def test_no_page_is_wider_than_the_screen(stage: Stage, page: Page, size: ViewportSize) -> None:
    row = stage.order(ID, sku="A-VERY-LONG-ARTICLE-NAME-" * 5)
    stage.call(row, "unknown", detail="x" * 300)
    page.set_viewport_size(size)
    scan(page, ID)
    answered(page, "blue")
    for path in ("/", "/list", "/problems", "/hand-over", "/pick", "/card", f"/order/{row}"):
        page.goto(stage.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path


@pytest.mark.slow
def test_all_that_matters_stands_on_one_screen_and_is_large_enough_for_gloves(stage: Stage, page: Page) -> None:
    for number in (1, 2):
        stage.order(f"15000012345_{number}")
    scan(page, "15000012345_1")
    answered(page, "blue")
    page.click("button[value=ship]")
    answered(page, "green")
    for name in ("undo", "problem", "print"):
        box = page.locator(f"button[value={name}]").bounding_box()
        assert box
        assert box["y"] + box["height"] <= TABLET["height"], name
        assert box["height"] >= 44, name


@pytest.mark.slow
def test_five_thousand_open_orders_are_paged_and_searched(stage: Stage, page: Page) -> None:
    fill(stage, 5000, 5000)
    page.goto(f"{stage.url}/list")
    expect(page.locator("h1")).to_contain_text("5000")
    assert page.locator(".row:not(.titles)").count() == PAGE
    page.fill("input[name=q]", "_4321")
    page.press("input[name=q]", "Enter")
    expect(page.locator(".row:not(.titles)")).to_have_count(1)
    scan_field = page.goto(stage.url)
    assert scan_field
    scan(page, "4321")
    answered(page, "blue")


@pytest.mark.slow
def test_the_answer_is_read_aloud_and_not_told_by_colour_alone(stage: Stage, page: Page) -> None:
    stage.order(ID)
    aloud = page.locator("#aloud")
    assert aloud.get_attribute("aria-live") == "assertive"
    scan(page, ID)
    expect(aloud).to_have_text("789 CHAIR-SCANDI-X4-OAK × 1 Shown Scan it again when you ship it.")
    assert page.locator(".answer .sign").inner_text() == "●"
    scan(page, "4006381333931")
    expect(aloud).to_contain_text("No No order has the code")
    assert page.locator(".answer .sign").inner_text() == "✕"


@pytest.mark.slow
def test_every_text_stands_out_from_its_ground(stage: Stage, page: Page) -> None:
    """By the measure of WCAG 2.2 AA: 4.5 to 1, and 3 to 1 for large letters."""
    row = stage.order(ID)
    stage.order("15000012345_790", held_reason="scratched")
    stage.call(row, "unknown", detail="no answer")
    assert page.evaluate(FAINT) == []
    for code, sign in ((ID, "blue"), ("790", "red"), ("CHAIR-SCANDI-X4-OAK", "yellow"), ("nothing known", "red")):
        scan(page, code)
        answered(page, sign)
        assert page.evaluate(FAINT) == [], code
    for path in ("/list", "/problems", "/hand-over", "/card", f"/order/{row}"):
        page.goto(stage.url + path)
        assert page.evaluate(FAINT) == [], path
    page.evaluate("document.querySelector('.who').style.color = '#31597a'")
    assert page.evaluate(FAINT) != []
