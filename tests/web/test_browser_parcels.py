"""Furniture in several boxes, in a real browser: a label of three pages that the page itself reads, typed at scanner speed."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.barcodes.drawing import Code, pdf
from tests.barcodes.drawing import Page as Sheet
from tests.web.chromium import MISSING, PATH, opened, scan, sign_in
from tests.web.stage import BENCH, Stage, staged
from tests.world.clocks import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PATH is None, reason=MISSING)]

ID = "15000012345_789"
PARCELS = [f"XY00000000{number}FR" for number in (1, 2, 3)]
SKU = "CHAIR-SCANDI-X4-OAK"
LATER = timedelta(seconds=3)


def three_pages(*codes: str) -> bytes:
    """Return a label with a page for each parcel: its own code, and the order's on each of them."""
    return pdf(*(Sheet([Code(code), Code(ID, y_mm=80)]) for code in codes or PARCELS))


def read(stage: Stage, row: int) -> int:
    """Wait until the page has read the label of an order."""
    until(lambda: stage.facts(row).label_pages is not None)
    return row


def box(stage: Stage, page: Page, code: str, sign: str, text: str) -> None:
    stage.clock.ahead += LATER
    scan(page, code)
    expect(page.locator("#said")).to_contain_text(text)
    expect(page.locator("[data-sign]")).to_have_attribute("data-sign", sign)


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    with opened(browser) as context:
        yield sign_in(context.new_page(), stage.url)


def test_a_label_of_three_pages_is_three_parcels(stage: Stage, page: Page) -> None:
    stage.article(SKU, "Chair Scandi, 4 pieces", "A-12-3")
    row = read(stage, stage.order(ID, label=three_pages()))
    box(stage, page, PARCELS[0], "blue", "Parcel 1 of 3")
    expect(page.locator("#said .which")).to_have_text(f"789 {SKU} × 1 Chair Scandi, 4 pieces Bin A-12-3")
    expect(page.locator(".parcels")).to_have_text("■□□ 1 of 3 parcels scanned")
    box(stage, page, PARCELS[0], "yellow", "This parcel was scanned before: 1 of 3")
    box(stage, page, ID, "yellow", "This code does not say which parcel it is")
    box(stage, page, PARCELS[2], "blue", "Parcel 2 of 3")
    assert stage.facts(row).shipped == 0
    box(stage, page, PARCELS[1], "green", "3 parcels: marked as shipped")
    assert stage.facts(row).shipped == 1
    expect(page.locator(".parcels")).to_have_text("3 parcels")
    box(stage, page, "UNDO", "yellow", "Undone")
    expect(page.locator(".parcels")).to_have_text("□□□ 0 of 3 parcels scanned")
    box(stage, page, PARCELS[0], "blue", "Parcel 1 of 3")


def test_three_boxes_in_a_burst_are_three_parcels(stage: Stage, page: Page) -> None:
    row = read(stage, stage.order(ID, label=three_pages()))
    for code in PARCELS:
        scan(page, code)
    expect(page.locator("#said")).to_contain_text("3 parcels: marked as shipped")
    assert stage.facts(row).shipped == 1


def test_with_one_scan_the_last_parcel_marks(browser: Browser, tmp_path: Path, pristine: Path) -> None:
    stations = ({"name": BENCH, "one_scan": True},)
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, opened(browser) as context:
        page = sign_in(context.new_page(), stage.url)
        row = read(stage, stage.order(ID, label=three_pages()))
        for number, code in enumerate(PARCELS[:2], 1):
            box(stage, page, code, "blue", f"Parcel {number} of 3")
            box(stage, page, code, "yellow", f"scanned before: {number} of 3")
            assert stage.facts(row).shipped == 0
        box(stage, page, PARCELS[2], "green", "marked as shipped")
        assert stage.facts(row).shipped == 1


def test_a_smaller_number_is_confirmed_with_the_mouse_and_all_with_the_keyboard(stage: Stage, page: Page) -> None:
    fewer = read(stage, stage.order(ID, label=three_pages()))
    every = read(stage, stage.order("15000012346_790", label=three_pages("SAME-CODE", "SAME-CODE")))
    box(stage, page, PARCELS[0], "blue", "Parcel 1 of 3")
    box(stage, page, PARCELS[1], "blue", "Parcel 2 of 3")
    expect(page.locator("select[name=number]")).to_have_value("2")
    page.click("button:has-text('Mark only these')")
    expect(page.locator("#said")).to_contain_text("2 parcels: marked as shipped")
    assert (stage.facts(fewer).shipped, stage.facts(fewer).parcels_confirmed) == (1, 2)
    box(stage, page, "SAME-CODE", "blue", "2 parcels: scan the label of each one")
    box(stage, page, "SAME-CODE", "yellow", "This code does not say which parcel it is")
    page.locator("button:has-text('Mark all 2 parcels as shipped')").focus()
    page.wait_for_timeout(450)  # an Enter that follows a scan at once is the scanner's
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("2 parcels: marked as shipped")
    assert (stage.facts(every).shipped, stage.facts(every).parcels_confirmed) == (1, 2)


def test_the_articles_file_beats_the_label(stage: Stage, page: Page) -> None:
    stage.article(SKU, "Chair Scandi", "A-12-3", cartons=2)
    row = read(stage, stage.order(ID, label=three_pages()))
    box(stage, page, PARCELS[0], "blue", "Parcel 1 of 2")
    box(stage, page, PARCELS[2], "green", "2 parcels: marked as shipped")
    assert stage.facts(row).shipped == 1


def test_a_second_bench_sees_what_the_first_has_scanned(browser: Browser, stage: Stage, page: Page) -> None:
    read(stage, stage.order(ID, label=three_pages()))
    box(stage, page, PARCELS[0], "blue", "Parcel 1 of 3")
    with opened(browser) as context:
        box(stage, sign_in(context.new_page(), stage.url, station="Bench 2"), PARCELS[1], "blue", "Parcel 2 of 3")
    expect(page.locator(".parcels")).to_have_text("■■□ 2 of 3 parcels scanned")
