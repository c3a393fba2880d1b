"""Load and depart in a real browser: scans at scanner speed, two benches at once, the agent away, printing, recall."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from supplier_agent.db.tables import Order
from tests.web.chromium import MISSING, PATH, TABLET, opened, sign_in
from tests.web.stage import LEADS_PIN, OTHER, Stage
from tests.web.test_browser_scans import LATER, LISTEN, answered, heard, hears, restart, scan
from tests.web.test_load import order_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PATH is None, reason=MISSING)]

IDS = [f"15000012345_{number}" for number in range(780, 790)]
PRINTS = "window.prints = 0; window.print = () => { window.prints += 1; };"
DONE, STOP = [660, 880], [196, 147]


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    with opened(browser) as context:
        context.add_init_script(LISTEN + PRINTS)
        yield sign_in(context.new_page(), stage.url, "Lea", pin=LEADS_PIN)


def begin(page: Page, vehicle: str = "GEODIS AB-123") -> None:
    """Begin to load a vehicle, with the keyboard alone."""
    page.click("header nav a[href='/load']")
    page.locator("input[name=vehicle]").press_sequentially(vehicle, delay=100)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(vehicle)
    assert re.search(r"/load/\d+$", page.url)


def on_it(page: Page, number: int) -> None:
    expect(page.locator(".off .lines li")).to_have_count(number)


def depart(page: Page) -> None:
    page.click(".depart button")
    page.click(".sheet .depart button")
    expect(page.locator("#said")).to_contain_text("departed at")


def marks(stage: Stage, rows: list[int]) -> list[int]:
    return [stage.facts(row).shipped for row in rows]


def test_scans_at_scanner_speed_are_loaded_whatever_has_the_focus_and_mark_nothing(stage: Stage, page: Page) -> None:
    rows = [stage.order(each) for each in IDS]
    begin(page)
    for each in IDS[:7]:  # a burst: the answer to each has not come yet when the next is scanned
        scan(page, each)
    on_it(page, 7)
    page.locator(".depart button").focus()
    scan(page, IDS[7])
    on_it(page, 8)
    page.locator(".off button").first.focus()
    scan(page, IDS[8])
    on_it(page, 9)
    hears(page, DONE)
    expect(page.locator("#aloud")).to_contain_text("788 CHAIR-SCANDI-X4-OAK × 1 Done On GEODIS AB-123.")
    scan(page, "no order of ours")
    answered(page, "red")
    hears(page, STOP)
    assert marks(stage, rows) == [0] * 10
    assert (
        page.evaluate("document.activeElement.id") in {"scan", "", "screen"}
        or page.locator("#scan").input_value() == ""
    )
    page.click(".off button >> nth=0")
    on_it(page, 8)
    expect(page.locator("#said")).to_contain_text("Taken off")


def test_a_scan_where_no_vehicle_is_chosen_marks_nothing_and_a_typed_name_is_left_alone(
    stage: Stage, page: Page
) -> None:
    row = stage.order(IDS[0])
    page.goto(f"{stage.url}/load")
    page.locator("input[name=vehicle]").press_sequentially("DPD", delay=100)
    for _ in range(2):
        scan(page, IDS[0])
        answered(page, "red")
        stage.clock.ahead += LATER
    assert stage.facts(row).shipped == 0
    assert page.url.endswith("/load")


def test_the_departure_asks_once_marks_all_prints_the_list_and_closes(stage: Stage, page: Page) -> None:
    rows = [stage.order(each) for each in IDS[:3]]
    begin(page)
    for each in IDS[:3]:
        scan(page, each)
    on_it(page, 3)
    page.click(".depart button")
    expect(page.locator("#said")).to_contain_text("Orders to mark as shipped: 3. Nothing is marked yet.")
    page.click(".look button")
    expect(page.locator(".sheet")).to_have_count(0)
    assert marks(stage, rows) == [0, 0, 0]
    depart(page)
    answered(page, "green")
    assert marks(stage, rows) == [1, 1, 1]
    page.wait_for_function("window.prints === 1")
    expect(page.locator(".hand-over tbody tr")).to_have_count(3)
    page.emulate_media(media="print")
    for hidden in ("#scan-form", "#said", "header", "[data-print-page]"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".hand-over tfoot")).to_be_visible()
    page.emulate_media(media="screen")
    page.reload()
    page.click("[data-print-page]")
    assert page.evaluate("window.prints") == 1  # the reload set it to 0: only the button printed
    scan(page, IDS[0])
    answered(page, "blue")
    expect(page.locator("#said")).to_contain_text("It left with GEODIS AB-123")


def test_parcels_are_counted_and_a_smaller_number_is_chosen_with_the_keyboard(stage: Stage, page: Page) -> None:
    row, codes = order_of(stage, IDS[0], 3)
    other, _ = order_of(stage, IDS[1], 2)
    begin(page)
    for code in codes[:2]:  # two parcels of one order within the time of a repeat are two
        scan(page, code)
    expect(page.locator("#said")).to_contain_text("Parcel 2 of 3 is on GEODIS AB-123.")
    scan(page, IDS[1])
    on_it(page, 2)
    page.wait_for_timeout(500)  # an Enter right after a scan is the scanner's
    page.locator(".depart button").focus()
    page.wait_for_timeout(500)  # some scanners send Enter twice: right after a scan it presses no button
    page.keyboard.press("Enter")
    expect(page.locator(".note.load_missing")).to_contain_text(f"{IDS[1]} (0/2), {IDS[0]} (2/3)")
    page.locator(f"select[name=parcels-{row}]").focus()
    page.keyboard.press("2")
    page.locator(".sheet .depart button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Orders marked as shipped: 1.")
    assert marks(stage, [row, other]) == [1, 0]
    assert stage.facts(row).parcels_confirmed == 2


def test_two_benches_load_one_vehicle_and_see_each_other(stage: Stage, page: Page, browser: Browser) -> None:
    rows = [stage.order(each) for each in IDS[:4]]
    stage.person("Ben")
    begin(page)
    with browser.new_context(viewport=TABLET) as context:
        context.add_init_script(LISTEN + PRINTS)
        ben = sign_in(context.new_page(), stage.url, "Ben", OTHER)
        ben.goto(page.url)
        scan(page, IDS[0])
        scan(ben, IDS[1])
        answered(ben, "green")
        scan(ben, IDS[0])
        answered(ben, "yellow")
        on_it(page, 2)  # by itself
        ben.click("button[aria-label='Take off: 15000012345_780']")
        expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "grey")
        for each in IDS[2:4]:
            scan(page, each)
        on_it(ben, 3)
        with stage.store.write() as tx:
            tx.get_one(Order, rows[3]).held_reason = "glass broken"
        expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "red")
        page.click(".depart button")
        expect(page.locator(".note")).to_contain_text("15000012345_783: stays here.")
        ben.click(".depart button")
        page.click(".sheet .depart button")
        expect(page.locator("#said")).to_contain_text("Orders marked as shipped: 2.")
        before = marks(stage, rows)
        ben.click(".sheet .depart button")
        expect(ben.locator("#said")).to_contain_text("Orders marked as shipped: 2.")
        scan(ben, IDS[0])
        answered(ben, "red")
        assert before == marks(stage, rows) == [0, 1, 1, 0]
    assert [event.what for event in stage.history(rows[1])].count("departed") == 1


def test_while_the_agent_is_away_scans_and_the_departure_are_kept_and_done_once(stage: Stage, page: Page) -> None:
    rows = [stage.order(IDS[0]), stage.order(IDS[1]), stage.order(IDS[2], vanished_at=stage.clock.now())]
    begin(page)
    scan(page, IDS[0])
    on_it(page, 1)
    stage.stop()
    scan(page, IDS[2])
    expect(page.locator(".answer.kept")).to_contain_text(IDS[2])
    scan(page, IDS[1])
    expect(page.locator(".answer.kept")).to_contain_text(IDS[1])
    restart(stage)
    on_it(page, 2)
    expect(page.locator("#refused li")).to_contain_text("Not loaded. Do not ship")
    page.click("#refused button")
    page.click(".depart button")
    expect(page.locator(".sheet")).to_be_visible()
    stage.stop()
    page.click(".sheet .depart button")
    expect(page.locator(".answer.kept")).to_be_visible()
    assert marks(stage, rows) == [0, 0, 0]
    restart(stage)
    expect(page.locator("#said")).to_contain_text("Orders marked as shipped: 2.")
    assert marks(stage, rows) == [1, 1, 0]
    assert [event.what for event in stage.history(rows[0])].count("flagged as shipped") == 1


def test_a_late_answer_of_another_page_does_not_change_where_scans_go(stage: Stage, page: Page) -> None:
    """A scan that the agent could not take is sent from the next page: its answer must not turn that page into another."""
    rows = [stage.order(IDS[0]), stage.order(IDS[1], vanished_at=stage.clock.now())]
    begin(page)
    van = page.url
    page.goto(stage.url)
    page.route("**/scan", lambda route: route.abort())
    scan(page, IDS[1])
    expect(page.locator(".answer.kept")).to_be_visible()
    page.goto(van)
    page.unroute("**/scan")
    expect(page.locator("#refused li")).to_contain_text("Do not ship")
    assert page.url == van
    heard(page)
    scan(page, IDS[0])
    on_it(page, 1)
    assert marks(stage, rows) == [0, 0]


def test_a_recall_before_and_after_the_report(stage: Stage, page: Page) -> None:
    rows = [stage.order(each) for each in IDS[:2]]
    begin(page)
    for each in IDS[:2]:
        scan(page, each)
    on_it(page, 2)
    depart(page)
    stage.call(rows[1], "done")
    with stage.store.write() as tx:
        tx.get_one(Order, rows[1]).ship_confirmed_at = stage.clock.now()
    for each, said in zip(IDS[:2], ("the mark is undone", "a lead sees it under Problems"), strict=True):
        scan(page, each)
        answered(page, "blue")
        page.click(".recall button.main")
        page.locator("input[name=text]").press_sequentially("forgotten on the ramp", delay=80)
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text(said)
    assert marks(stage, rows) == [0, 1]
    expect(page.locator(".hand-over")).to_have_count(0)
    page.goto(f"{stage.url}/problems")
    expect(page.locator("main")).to_contain_text("It is reported as shipped, but did not leave: forgotten on the ramp")
    page.click("button[value=settle]")
    expect(page.locator("main")).to_contain_text("No problems.")


@pytest.mark.parametrize("width", [360, 1024])
def test_it_fits_on_a_phone_and_in_a_long_language(stage: Stage, page: Page, width: int) -> None:
    stage.order(IDS[0], sku="A-VERY-LONG-ARTICLE-NAME-OF-A-WARDROBE-WITH-MIRRORS-240")
    begin(page, "A carrier with a long name and its number plate AB-123-CD")
    scan(page, IDS[0])
    on_it(page, 1)
    page.set_viewport_size({"width": width, "height": 740})
    for path in ("/load", page.url.removeprefix(stage.url)):
        page.goto(stage.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
