"""Attacks in a real browser: what others may have written into the database, and somebody else's page."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from supplier_agent.db.tables import Event, RejectedEntry, Supplier
from tests.web.chromium import MISSING, PATH, scan, sign_in
from tests.web.payloads import PAYLOADS
from tests.web.stage import LEADS_PIN, SUPPLIER, Stage

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PATH is None, reason=MISSING)]

ID = "15000012345_789"


@pytest.fixture
def lead(browser: Browser, stage: Stage) -> Iterator[Page]:
    context = browser.new_context()
    yield sign_in(context.new_page(), stage.url, "Lea", pin=LEADS_PIN)
    context.close()


def poison(stage: Stage) -> list[int]:
    """Write every payload into every text that comes from outside, or from colleagues."""
    rows, now = [], stage.clock.now()
    for number, payload in enumerate(PAYLOADS):
        facts: dict[str, Any] = {"sku": payload, "carrier": payload, "problem": payload, "increment_id": payload}
        rows.append(stage.order(f"15000012345_{number}", **facts, held_reason=payload if number % 2 else None))
        stage.call(rows[-1], ("unknown", "parked")[number % 2], detail=payload)
    with stage.store.write() as tx:
        for row, payload in zip(rows, PAYLOADS, strict=True):
            tx.add(Event(order_id=rows[0], at=now, who=payload, what=payload, detail=payload, station=payload))
            tx.add(Event(order_id=row, at=now, who=payload, what="problem reported", detail=f"other: {payload}"))
            rejected: dict[str, Any] = {"raw": payload, "reason": payload, "sha256": payload}
            tx.add(RejectedEntry(supplier=SUPPLIER, received_at=now, last_listed_at=now, **rejected))
        tx.add(Supplier(name=SUPPLIER, paused_at=now, paused_by=PAYLOADS[0], paused_reason=PAYLOADS[3]))
    return rows


def test_nothing_that_others_wrote_becomes_part_of_the_page(stage: Stage, lead: Page) -> None:
    rows = poison(stage)
    told: list[str] = []
    lead.on("dialog", lambda dialog: told.append(dialog.message))  # one that nobody answers makes the test hang, too
    lead.on("console", lambda message: told.append(message.text) if "Security Policy" in message.text else None)
    lead.on("request", lambda request: told.append(request.url) if "evil" in request.url else None)
    paths = ["/problems", "/list", "/pick", "/hand-over", f"/order/{rows[0]}"]
    for path in paths:
        lead.goto(stage.url + path)
        assert lead.evaluate("window.pwned") is None, path
        assert lead.locator("main img[src=x], main iframe, main base, main meta, main style, main svg").count() == 0, (
            path
        )
    lead.goto(stage.url)
    for number, payload in enumerate(PAYLOADS):
        lead.fill("#scan", payload if number % 2 else f"15000012345_{number}")
        lead.press("#scan", "Enter")
    expect(lead.locator("#order-id")).to_contain_text("_29")
    assert lead.evaluate("window.pwned") is None
    assert told == []


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Serve an attacker's page, of another origin of this machine (another port: the same site, so the cookie is sent)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target, row = self.path.partition("?")[2].split("&")
            page = (
                f"<form id=f method=post action='{target}/act'><input name=act value=ship><input name=row value={row}>"
                f"<input name=key value={'c' * 32}></form><iframe src='{target}/'></iframe><script>f.submit()</script>"
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_words: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_form_of_somebody_elses_page_does_nothing(stage: Stage, lead: Page, elsewhere: str) -> None:
    row = stage.order(ID)
    lead.goto(f"{elsewhere}/?{stage.url}&{row}")
    lead.wait_for_url(f"{stage.url}/act")
    expect(lead.locator("body")).to_contain_text("does not come from our own page")
    assert stage.facts(row).shipped == 0


def test_the_page_works_without_javascript(stage: Stage, browser: Browser) -> None:
    row = stage.order(ID)
    with browser.new_context(java_script_enabled=False) as context:
        page = sign_in(context.new_page(), stage.url)
        scan(page, ID)
        expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "blue")
        page.click("button[value=ship]")
        expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "green")
        page.click("button[value=undo]")
        expect(page.locator("#said")).to_contain_text("Undone")
    assert [event.what for event in stage.history(row)] == ["flagged as shipped", "flag taken back"]
