"""A real browser for the tests: Debian's Chromium, driven by Playwright, which brings none of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, expect, sync_playwright

PATH = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "no Chromium here (Debian: apt-get install chromium)"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)
PATIENCE_MS = 40_000
"""What is waited for comes within a second; a machine that does ten other things may take longer."""
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, url: str, name: str = "Anna", station: str = "Bench 1", pin: str = "4711") -> Page:
    """Sign somebody in as they would."""
    page.goto(f"{url}/sign-in?{urlencode({'station': station})}")
    page.check(f"input[name=name][value='{name}']")
    page.fill("#pin", pin)
    page.click("button.main")
    page.wait_for_selector("#scan")
    return page


def switch(page: Page, name: str, value: str) -> None:
    """Press a switch in the menu of the header; the page is loaded again."""
    page.click(".menu summary")
    with page.expect_navigation():
        page.click(f".menu button[name={name}][value='{value}']")


def scan(page: Page, code: str, milliseconds: float = 1) -> None:
    """Type a code as a scanner does: fast, into whatever has the focus, with Enter at its end."""
    page.keyboard.type(code, delay=milliseconds)
    page.keyboard.press("Enter")
