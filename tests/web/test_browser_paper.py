"""Printing in a real browser: the tone of a label that did not come out, buttons that count, and sheets of paper."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader
from sqlmodel import col, update

from supplier_agent.db.tables import Order
from tests.printing.test_queue import NOBODY, device
from tests.web.benchmark import fill
from tests.web.chromium import MISSING, PATH, opened, scan, sign_in
from tests.web.stage import BENCH, Stage, staged

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PATH is None, reason=MISSING)]

TONES = """window.tones = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) { window.tones.push(this.frequency.value); return start.call(this, at); };"""
ALARM = [523, 392, 523, 392]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with opened(browser) as context:
        context.add_init_script(TONES)
        yield context.new_page()


def with_printer(uri: str) -> tuple[dict[str, object], ...]:
    return ({"name": BENCH, "printer": uri, "print_on_scan": True},)


def test_a_label_that_does_not_come_out_sounds_once_and_its_order_stays_in_the_header(
    tmp_path: Path, pristine: Path, page: Page
) -> None:
    with staged(tmp_path, pristine=pristine, stations=with_printer(NOBODY)) as stage:
        stage.order("15000012345_789")
        sign_in(page, stage.url)
        scan(page, "15000012345_789")
        expect(page.locator("header .not-printed")).to_contain_text("15000012345_789 not printed")
        expect(page.locator(".note.not_printed")).to_contain_text("the printer cannot be reached")
        assert [round(tone) for tone in page.evaluate("tones")] == [660, *ALARM]
        expect(page.locator("#aloud")).to_contain_text("not printed", ignore_case=True)
        assert page.evaluate("document.activeElement.id") == "scan"
        page.goto(f"{stage.url}/hand-over")
        expect(page.locator("header .not-printed")).to_be_visible()
        assert page.evaluate("tones") == []


def test_the_answer_comes_while_the_printer_hangs_and_tells_by_itself_when_it_has_printed(
    tmp_path: Path, pristine: Path, page: Page
) -> None:
    with device(hangs=True) as it, staged(tmp_path, pristine=pristine, stations=with_printer(it.uri)) as stage:
        stage.order("15000012345_789")
        sign_in(page, stage.url)
        scan(page, "15000012345_789")
        expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "blue")
        expect(page.locator(".note")).to_contain_text("Sent to the printer")
        it.let_go.set()
        expect(page.locator(".note")).to_contain_text("Label printed")
        assert [round(tone) for tone in page.evaluate("tones")] == [660]


def test_the_buttons_say_how_many_labels_they_print_and_none_is_pressed_without_a_tick(
    tmp_path: Path, pristine: Path, page: Page
) -> None:
    with device() as it, staged(tmp_path, pristine=pristine, stations=with_printer(it.uri)) as stage:
        for number in range(4):
            stage.order(f"15000012345_{number}", held_reason="x" if number == 3 else None)
        sign_in(page, stage.url)
        page.goto(f"{stage.url}/list")
        button = page.locator("button[value=printer]")
        expect(button).to_be_disabled()
        expect(page.locator("button[value=pdf]")).to_be_disabled()
        page.locator("input[name=row]:enabled").first.check()
        expect(button).to_have_text("Print 1 label")
        page.locator(".page-ticks").check()
        expect(button).to_have_text("Print 3 labels")
        expect(page.locator("button[value=pdf]")).to_have_text("3 labels as one PDF")
        page.locator(".page-ticks").uncheck()
        expect(button).to_be_disabled()
        page.locator("input[name=all]").check()
        expect(button).to_have_text("Print 3 labels")
        button.click()
        expect(page.locator(".note.printed_many")).to_contain_text("Labels printed")
        expect(page.locator(".row .printed [aria-hidden]")).to_have_count(3)
        expect(button).to_be_disabled()


def test_labels_as_one_pdf_are_printed_in_this_page_once_and_it_keeps_its_scans(stage: Stage, page: Page) -> None:
    for number in range(2):
        stage.order(f"15000012345_{number}")
    sign_in(page, stage.url)
    page.goto(f"{stage.url}/list")
    page.locator(".page-ticks").check()
    page.locator("button[value=pdf]").click()
    expect(page.locator("iframe[src*='/labels.pdf?rows=']")).to_have_count(1)
    assert len(page.context.pages) == 1
    page.reload()
    expect(page.locator("[data-labels]")).to_have_count(1)
    expect(page.locator("iframe")).to_have_count(0)
    page.locator(".page-ticks").check()
    page.locator("button[value=pdf]").click()
    expect(page.locator("iframe")).to_have_count(1)
    scan(page, "15000012345_1")
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", "blue")


def test_five_thousand_orders_are_a_pick_list_that_can_be_read(stage: Stage, page: Page) -> None:
    fill(stage, 5000, 5000)
    with stage.store.write() as tx:
        tx.exec(update(Order).where(col(Order.id) < 3000).values(sku="CHAIR-SCANDI-X4-OAK-WITH-A-LONG-NAME"))
    sign_in(page, stage.url)
    page.goto(f"{stage.url}/pick")
    for media in ("screen", "print"):
        page.emulate_media(media=media)
        widths = page.locator(".picks th").evaluate_all("all => all.map((each) => each.offsetWidth)")
        assert widths[0] >= 0.25 * sum(widths), media
        assert widths[2] >= 0.4 * sum(widths), media
    sheets = PdfReader(io.BytesIO(page.pdf(format="A4"))).pages
    texts = [sheet.extract_text() for sheet in sheets]
    assert "CHAIR-SCANDI-X4-OAK-" in " ".join(texts)
    assert all("Article" in text for text in texts)
    assert len(sheets) < 70


def test_every_sheet_for_the_driver_has_date_sender_carrier_totals_and_a_place_to_sign(
    stage: Stage, page: Page
) -> None:
    now = stage.clock.now()
    day = now.astimezone(stage.settings.timezone)
    for number in range(90):
        carrier = "GLS" if number else "DPD"
        stage.order(f"15000012345_{number:02}", carrier=carrier, shipped=1, shipped_at=now, label=False)
    sign_in(page, stage.url)
    page.goto(f"{stage.url}/hand-over")
    sheets = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(page.pdf(format="A4"))).pages]
    assert len(sheets) > 2
    for number, sheet in enumerate(sheets):
        carrier, orders = ("GLS", "89 orders") if number else ("DPD", "1 order")
        for text in (f"{day:%Y-%m-%d}", "Sender: notio", f"Hand-over to the carrier: {carrier}", orders, "Signature"):
            assert text in sheet, (number, text)
    assert sum(sheet.count("15000012345_") for sheet in sheets) == 90
