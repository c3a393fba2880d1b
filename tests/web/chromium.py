"""A real browser for the tests: Debian's Chromium, driven by Playwright, which brings none of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

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
TABLET = ViewportSize(width=1024, height=768)
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """Yield a browser without a window. `more`: further arguments of Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=[*QUIET, *more])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, **options: Any) -> Iterator[BrowserContext]:  # noqa: ANN401 - any option of a context
    """Yield a context of a tablet; fail if a script failed in it, or the content security policy had to stop something."""
    context = browser.new_context(**{"viewport": TABLET} | options)
    context.set_default_timeout(PATIENCE_MS)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda told: wrong.append(told.text) if "Content Security Policy" in told.text else None)
    yield context
    context.close()
    assert not wrong


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


FAINT = """() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const light = (rgb) => rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    const own = parse(getComputedStyle(element).backgroundColor);
    return own[3] === 1 || !element.parentElement ? over(own, [255, 255, 255]) : over(own, ground(element.parentElement));
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((n) => n.nodeType === 3 && n.data.trim()).map((n) => n.data.trim()).join(" ");
    if (!text || !element.checkVisibility() || element.closest("[disabled]")) continue;
    const style = getComputedStyle(element), below = ground(element), size = parseFloat(style.fontSize);
    const [a, b] = [light(over(parse(style.color), below)), light(below)].sort((x, y) => y - x);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) faint.push(`${text}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return faint;
}"""
"""The texts whose contrast is less than WCAG 2.2 AA asks: 4.5 to 1, and 3 to 1 for large letters."""
