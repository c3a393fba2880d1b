"""Pictures of the page's main states for the README and the docs: `python -m tests.web.screenshots [FOLDER]`."""

import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, ViewportSize

from tests.web.chromium import chromium, scan, sign_in, switch
from tests.web.stage import Stage, staged

DOCS = Path(__file__).parents[2] / "docs"
DESKTOP = ViewportSize(width=1024, height=768)
PHONE = ViewportSize(width=390, height=780)
SOFA, CHAIR = "15000012347_792", "15000012351_796"
WITHOUT_LABEL = 6
ORDERS = (
    # id, supplier, sku, quantity, carrier, day
    ("15000012345_789", "notio", "BED-VERONA-160-OAK", 1, "GEODIS", 17),
    (SOFA, "asir-group", "SOFA-OSLO-3P-GREY", 1, "GEODIS", 18),
    ("15000012347_793", "asir-group", "CHAIR-SCANDI-X4-OAK", 2, "GEODIS", 18),
    ("15000012347_794", "asir-group", "COFFEE-TABLE-ORBI-WALNUT", 1, "GEODIS", 18),
    (CHAIR, "notio", "CHAIR-SCANDI-X4-WHITE", 4, "DPD", 19),
    ("15000012358_799", "notio", "SHELF-STELLA-BEIGE", 1, "DPD", 19),
    ("15000012360_803", "asir-group", "WARDROBE-ALTO-3D-WHITE", 1, "GLS", 20),
    ("15000012366_805", "asir-group", "DESK-KUBO-BLACK", 1, "DPD", 20),
    ("15000012371_808", "notio", "ARMCHAIR-NINA-BLUE-VELVET", 2, "GEODIS", 20),
)


def fill(stage: Stage) -> None:
    for number, (this, supplier, sku, quantity, carrier, day) in enumerate(ORDERS):
        facts: dict[str, Any] = {"supplier": supplier, "sku": sku, "quantity": quantity, "carrier": carrier}
        stage.order(this, order_date=date(2026, 11, day), label=number != WITHOUT_LABEL, **facts)
    held = stage.order("15000012340_781", sku="TABLE-LOFT-180-OAK", held_reason="top is scratched, ask the shop")
    lost = stage.order("15000012338_777", sku="TV-STAND-LINEA-WHITE", shipped=1, shipped_at=stage.clock.now())
    stage.call(lost, "unknown", detail="no answer within 20 s")
    stage.call(held, "parked", "acknowledge", "409: order is being changed")


def take(page: Page, folder: Path, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(350)
    path = folder / f"{name}.png"
    page.screenshot(path=str(path))
    print(f"{path.name}: {path.stat().st_size // 1024} kB")  # noqa: T201 - what was done


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as state, staged(Path(state)) as stage, chromium() as browser:
        fill(stage)
        page = browser.new_page(viewport=DESKTOP)
        sign_in(page, stage.url)
        scan(page, SOFA)
        page.wait_for_selector("[data-sign=blue]")
        take(page, folder, "page-shown")
        stage.clock.ahead += timedelta(seconds=3)
        scan(page, SOFA)
        page.wait_for_selector("[data-sign=green]")
        take(page, folder, "page-marked")
        page.goto(f"{stage.url}/list?supplier=asir-group")
        take(page, folder, "page-list")
        lead = browser.new_context(viewport=DESKTOP).new_page()
        sign_in(lead, stage.url, "Lea", pin="0815")
        lead.goto(f"{stage.url}/problems")
        take(lead, folder, "page-problems")
        lead.goto(f"{stage.url}/hand-over")
        take(lead, folder, "page-hand-over")
        phone = browser.new_context(viewport=PHONE).new_page()
        sign_in(phone, stage.url, station="Bench 2")
        switch(phone, "lang", "fr")
        phone.wait_for_selector("html[lang=fr]")
        scan(phone, CHAIR)
        phone.wait_for_selector("[data-sign=blue]")
        take(phone, folder, "page-phone")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
