"""The page on its devices, in a real browser: signing in by keyboard or tap, the header, phone, dark, large text, no keyboard."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.web.chromium import FAINT, MISSING, PATH, TABLET, chromium, opened, scan, sign_in, switch
from tests.web.stage import BENCH, LEADS_PIN, OTHER, PIN, Stage, staged

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PATH is None, reason=MISSING)]

ID = "15000012345_789"
PHONE = ViewportSize(width=360, height=740)
CAMERA = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--use-file-for-fake-video-capture=%s",
)
FOCUSED = "document.activeElement.name || document.activeElement.getAttribute('href') || document.activeElement.tagName"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    film = tmp_path_factory.mktemp("camera") / "box.y4m"
    film.write_bytes(film_of(ID))
    first, second, third = CAMERA
    with chromium(first, second, third % film) as started:
        yield started


def film_of(code: str) -> bytes:
    """Return what a camera sees in front of a label with this code: one frame of a film in YUV4MPEG2."""
    image: Any = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.Code128).to_image(scale=1, add_quiet_zones=True)
    (high, wide), drawn = memoryview(image).shape or (0, 0), memoryview(image).tobytes()
    frame = bytearray(b"\xc0" * (640 * 480))
    for line in range(high):
        begins = (240 - high // 2 + line) * 640 + 320 - wide
        frame[begins : begins + 2 * wide] = bytes(each for each in drawn[line * wide :][:wide] for _ in range(2))
    return b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420\nFRAME\n" + bytes(frame) + b"\x80" * (640 * 480 // 2)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with opened(browser) as context:
        yield context


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    with opened(browser, viewport=PHONE, has_touch=True, is_mobile=True) as context:
        yield context


def test_a_tap_on_a_name_leads_to_the_pin_and_a_new_person_is_two_taps_away(
    stage: Stage, phone: BrowserContext
) -> None:
    page = sign_in(phone.new_page(), stage.url)
    page.tap(".menu summary")
    page.tap(".menu a")
    assert page.locator("input:checked").count() == 0
    page.tap("#names label:has-text('Lea')")
    expect(page.locator("#pin")).to_be_focused()
    page.keyboard.type(LEADS_PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("#scan")
    assert page.evaluate("document.body.dataset.who") == "Lea"


def test_signing_in_needs_no_mouse(stage: Stage, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{stage.url}/sign-in")
    expect(page.locator("#pin")).to_be_focused()
    page.locator("input[name=station]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "name"
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(50)
    assert page.evaluate(FOCUSED) == "name"  # arrow keys go on through the names
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("#scan")
    expect(page.locator("header .who")).to_contain_text(f"{OTHER} Anna")


def test_a_pin_is_hidden_without_a_password_field(stage: Stage, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{stage.url}/sign-in")
    assert page.evaluate("getComputedStyle(document.getElementById('pin')).webkitTextSecurity") == "disc"
    assert page.locator("input[type=password]").count() == 0


def test_the_pulse_leaves_the_focus_where_it_is_and_changes_the_numbers(stage: Stage, context: BrowserContext) -> None:
    page = context.new_page()
    page.clock.install()
    sign_in(page, stage.url)
    for address in ("/list", "/problems"):
        page.focus(f"header a[href='{address}']")
        stage.order(f"15000012345_{len(address)}", held_reason="scratched")
        with page.expect_response(f"{stage.url}/"):
            page.clock.fast_forward(5_500)
        number = 1 if address == "/list" else 2
        expect(page.locator("header a[href='/problems'] b")).to_have_text(str(number))
        assert page.evaluate(FOCUSED) == address
    assert page.locator("header a[href='/problems']").get_attribute("class") == "bad"


def test_an_answer_leaves_the_focus_on_a_link_of_the_header(stage: Stage, context: BrowserContext) -> None:
    """The order on the screen is marked, so it is loaded again by itself."""
    page = context.new_page()
    page.clock.install()
    sign_in(page, stage.url)
    row = stage.order(ID)
    scan(page, ID)
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "blue")
    page.click("button[value=ship]")
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "green")
    page.focus("header a[href='/list']")
    with page.expect_response(f"{stage.url}/"):
        page.clock.fast_forward(5_500)
    page.wait_for_timeout(100)
    assert page.evaluate(FOCUSED) == "/list"
    assert stage.facts(row).shipped == 1


def test_the_menu_closes_with_escape_and_gives_the_focus_back(stage: Stage, context: BrowserContext) -> None:
    page = sign_in(context.new_page(), stage.url)
    page.focus(".menu summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "/sign-in"
    page.keyboard.press("Escape")
    expect(page.locator(".menu")).not_to_have_attribute("open", "")
    assert page.evaluate(FOCUSED) == "SUMMARY"
    page.click(".menu summary")
    page.click("main")
    expect(page.locator(".menu")).not_to_have_attribute("open", "")


def test_a_screen_reader_finds_every_control_by_its_name(stage: Stage, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{stage.url}/sign-in")
    tree = page.locator("main").aria_snapshot()
    for line in (
        'group "Station"',
        f'radio "{OTHER}"',
        'group "Name"',
        'radio "Lea"',
        'textbox "PIN, or scan your badge"',
        'button "Sign in"',
    ):
        assert line in tree
    sign_in(page, stage.url)
    page.click(".menu summary")
    tree = page.locator("header").aria_snapshot()
    for line in (
        'navigation "Pages"', 'link "To ship 0"', f'link "{BENCH} Anna Change person"', 'group "Language"',
        'group "This device: colours"', 'button "Dark"', 'group "This device: text"', 'button "Sign out"',
    ):  # fmt: skip
        assert line in tree
    unnamed = """[...document.querySelectorAll("a, button, input:not([type=hidden]), select, summary")].filter((each) =>
        !(each.textContent.trim() || each.ariaLabel || each.labels?.length)).map((each) => each.outerHTML)"""
    stage.order(ID)
    for path in ("/", "/list", "/problems", "/hand-over", "/order/1"):
        page.goto(stage.url + path)
        assert page.evaluate(unnamed) == [], path


@pytest.mark.parametrize("language", ["en", "fr", "tr", "pl"])
def test_the_header_of_a_phone_is_one_row(stage: Stage, phone: BrowserContext, language: str) -> None:
    page = sign_in(phone.new_page(), stage.url)
    switch(page, "lang", language)
    for number in range(12):
        stage.order(f"15000012345_{number}")
    page.reload()
    header = page.locator("header").bounding_box()
    assert header
    assert header["height"] <= 72
    cut = "[...document.querySelectorAll('header nav a')].filter((each) => each.scrollWidth > each.clientWidth + 1)"
    assert page.evaluate(f"{cut}.map((each) => each.innerText)") == []
    tops = page.evaluate(
        "[...document.querySelectorAll('header nav a:not(.desk), .menu')].map((each) => each.getBoundingClientRect().top)"
    )
    assert len(tops) == 5
    assert max(tops) - min(tops) < 12
    page.tap(".menu summary")
    page.tap(".menu a[href='/hand-over']")  # there is no room for it in the row
    expect(page.locator(".hand-over, .nothing")).to_be_visible()


def test_an_outage_leaves_the_header_in_one_row(stage: Stage, context: BrowserContext) -> None:
    page = sign_in(context.new_page(), stage.url)
    html = "<a class=outage href='/problems'>▲ a-supplier-with-a-long-name: belirteç reddedildi</a>"
    page.evaluate(
        "(html) => { for (const _ of 'abc') document.getElementById('pulse').insertAdjacentHTML('beforeend', html); }",
        html,
    )
    header = page.locator("header").bounding_box()
    assert header
    assert header["height"] <= 72
    assert page.evaluate("document.documentElement.scrollWidth") <= TABLET["width"]


def test_a_phone_shows_each_order_of_a_choice_in_one_piece(stage: Stage, phone: BrowserContext) -> None:
    for number in (1, 2):
        stage.order(f"15000012345_81{number}", carrier="A CARRIER WITH A LONG NAME")
    page = sign_in(phone.new_page(), stage.url)
    scan(page, "CHAIR-SCANDI-X4-OAK")
    expect(page.locator(".choices button")).to_have_count(2)
    for each in page.locator(".choices .id").all():
        box = each.bounding_box()
        assert box
        assert box["height"] < 40  # one line
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def everywhere(page: Page, stage: Stage) -> Iterator[str]:
    """Show every page, and the four answers, one after the other."""
    row = stage.order(ID)
    stage.order("15000012345_790", held_reason="scratched")
    shipped = stage.order("15000012345_791", shipped=1, shipped_at=stage.clock.now())
    stage.call(shipped, "unknown", detail="no answer")
    page.goto(stage.url)
    yield "/"
    for code, sign in ((ID, "blue"), ("790", "red"), ("CHAIR-SCANDI-X4-OAK", "yellow")):
        scan(page, code)
        expect(page.locator("[data-sign]")).to_have_attribute("data-sign", sign)
        yield code
    scan(page, ID)
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "blue")
    page.click("button[value=ship]")
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "green")
    yield "marked"
    for path in ("/list", "/problems", "/hand-over", "/pick", "/card", f"/order/{row}", "/sign-in"):
        page.goto(stage.url + path)
        yield path


def test_every_text_stands_out_in_the_dark_too(stage: Stage, context: BrowserContext) -> None:
    page = sign_in(context.new_page(), stage.url, "Lea", pin=LEADS_PIN)
    switch(page, "look", "dark")
    for where in everywhere(page, stage):
        assert page.evaluate(FAINT) == [], where
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(15, 22, 28)", where
        if where != "/sign-in":
            page.evaluate("document.querySelector('.menu').open = true")
            assert page.evaluate(FAINT) == [], where
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"


def test_a_dark_device_gets_a_dark_page_unless_it_is_switched(stage: Stage, browser: Browser) -> None:
    with opened(browser, color_scheme="dark") as dark:
        page = sign_in(dark.new_page(), stage.url)
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        assert page.evaluate(ground) == "rgb(15, 22, 28)"
        switch(page, "look", "light")
        assert page.evaluate(ground) == "rgb(241, 244, 246)"


@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["1024x768", "phone"])
def test_large_text_fits_every_page(stage: Stage, context: BrowserContext, size: ViewportSize) -> None:
    page = sign_in(context.new_page(), stage.url, "Lea", pin=LEADS_PIN)
    page.set_viewport_size(size)
    before = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.answer')).fontSize)")
    switch(page, "text", "large")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.answer')).fontSize)") > 1.2 * before
    for where in everywhere(page, stage):
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], where


def test_a_handheld_opens_no_keyboard_unless_a_person_wants_to_type(stage: Stage, phone: BrowserContext) -> None:
    stage.order(ID)
    page = sign_in(phone.new_page(), stage.url)
    mode = "document.getElementById('scan').inputMode"
    assert page.evaluate(mode) == ""
    assert page.locator("#keyboard").count() == 0
    switch(page, "keyboard", "none")
    assert page.evaluate(mode) == "none"
    page.tap("#keyboard")
    expect(page.locator("#scan")).to_be_focused()
    assert page.evaluate(mode) == "text"
    scan(page, "789")
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "blue")
    assert page.evaluate(mode) == "none"


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_focus_is_seen_on_every_ground(stage: Stage, context: BrowserContext, look: str) -> None:
    """By the measure of WCAG 2.2 AA for what is no text: 3 to 1 against the ground next to it."""
    page = sign_in(context.new_page(), stage.url)
    switch(page, "look", look)
    stage.order(ID)
    scan(page, ID)
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "blue")
    weak: list[str] = []
    for _ in range(14):
        page.keyboard.press("Tab")
        weak += page.evaluate(WEAK_FOCUS)
    assert weak == []


WEAK_FOCUS = """() => {
  const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number)
    .map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const element = document.activeElement, style = getComputedStyle(element);
  if (element === document.body) return [];  // past the last control
  let around = element.parentElement;
  while (around.parentElement && getComputedStyle(around).backgroundColor.endsWith(", 0)")) around = around.parentElement;
  const [a, b] = [light(style.outlineColor), light(getComputedStyle(around).backgroundColor)].sort((x, y) => y - x);
  return style.outlineStyle !== "none" && (a + 0.05) / (b + 0.05) >= 3 ? [] : [`${element.outerHTML.slice(0, 80)}`];
}"""


DETECTOR = """window.BarcodeDetector = class {
  async detect() { return window.inFront ? [{ rawValue: window.inFront }] : []; }
};"""


def test_a_browser_that_reads_no_barcodes_lets_the_page_read_them(
    tmp_path: Path, pristine: Path, browser: Browser
) -> None:
    with (
        staged(tmp_path, pristine=pristine, origin="https://warehouse.example") as stage,
        opened(browser, viewport=PHONE) as context,
    ):
        context.add_init_script("delete window.BarcodeDetector")
        row = stage.order(ID)
        page = sign_in(context.new_page(), stage.url)
        for sign, shipped in (("blue", 0), ("green", 1)):
            page.click("#camera")
            expect(page.locator("[data-sign]")).to_have_attribute("data-sign", sign)
            expect(page.locator("#picture")).to_be_hidden()
            assert stage.facts(row).shipped == shipped
            stage.clock.ahead += timedelta(seconds=10)
            page.wait_for_timeout(500)


def test_a_camera_scans_once_for_each_tap(tmp_path: Path, pristine: Path, browser: Browser) -> None:
    """Chromium on Linux has a camera for tests, but reads no barcodes: the detector is ours."""
    with (
        staged(tmp_path, pristine=pristine, origin="https://warehouse.example") as stage,
        opened(browser, viewport=PHONE) as context,
    ):
        context.add_init_script(DETECTOR)
        row = stage.order(ID)
        page = sign_in(context.new_page(), stage.url)
        page.click("#camera")
        expect(page.locator("#picture")).to_be_visible()
        page.evaluate(f"window.inFront = '{ID}'")
        expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "blue")
        expect(page.locator("#picture")).to_be_hidden()
        stage.clock.ahead += timedelta(seconds=10)
        page.wait_for_timeout(500)
        assert stage.facts(row).shipped == 0  # the box is still in front of the camera
        page.click("#camera")
        expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "green")
        assert stage.facts(row).shipped == 1
