"""The lead's desk in a real browser: a message to Menzzo is copied, and all of it works without JavaScript."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.chromium import MISSING, PATH, PATIENCE_MS, sign_in
from tests.web.stage import LEADS_PIN, Stage

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PATH is None, reason=MISSING)]

ID = "15000012345_789"


def opened(browser: Browser, stage: Stage, *, javascript: bool = True) -> Page:
    context = browser.new_context(viewport={"width": 1024, "height": 768}, java_script_enabled=javascript)
    context.set_default_timeout(PATIENCE_MS)
    page = sign_in(context.new_page(), stage.url, "Lea", pin=LEADS_PIN)
    page.goto(f"{stage.url}/problems")
    return page


def test_a_message_is_copied_with_one_press(stage: Stage, browser: Browser) -> None:
    stage.refused(stage.order(ID), 409, "this order is cancelled")
    page = opened(browser, stage)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("details.letter summary")
    text = page.locator("details.letter textarea").input_value()
    assert ID in text
    page.click("text=Copy >> nth=-1")
    expect(page.locator("button.copy")).to_have_text("✓ Copied")
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.context.close()


def test_without_a_clipboard_the_older_command_copies(stage: Stage, browser: Browser) -> None:
    """A browser has no clipboard on a page without https, as in most warehouses."""
    stage.refused(stage.order(ID), 409, "this order is cancelled")
    page = opened(browser, stage)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.click("details.letter summary")
    page.click("button.copy")
    expect(page.locator("button.copy")).to_have_text("✓ Copied")
    page.context.close()


def test_a_lead_decides_without_javascript(stage: Stage, browser: Browser) -> None:
    row = stage.order(ID, shipped=1, shipped_at=stage.clock.now())
    stage.call(row, "unknown")
    page = opened(browser, stage, javascript=False)
    page.click("details.letter summary")
    expect(page.locator("details.letter textarea")).to_be_visible()
    expect(page.locator("button.copy")).to_be_hidden()
    page.click("button[value=again]")
    assert stage.history(row) == []
    page.click("text=Yes, send again")
    expect(page.locator("[data-sign]")).to_contain_text("It is sent again")
    assert stage.history(row)[-1].what == "resolved: send again"
    page.context.close()


def test_the_lead_s_pages_are_no_wider_than_the_screen(stage: Stage, browser: Browser) -> None:
    stage.refused(stage.order(ID), 409, '{"message": "' + "x" * 300 + '"}')
    page = opened(browser, stage)
    for width in (390, 1024):
        page.set_viewport_size({"width": width, "height": 780})
        for path in ("/problems", "/team", "/order/1"):
            page.goto(stage.url + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
    page.context.close()
