"""Lists and paper: to ship, bulk labels, pick list, hand-over, card, history; labels printed, counted, or not printed."""

import io
import re
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PageObject, PdfReader

from supplier_agent.db.tables import Order
from supplier_agent.printing.queue import SETTLED_WITHIN
from tests.printing.test_queue import device
from tests.web.stage import BENCH, LEADS_PIN, OTHER, Browser, Stage, browsing, staged
from tests.world.clocks import until

NOBODY = "ipp://127.0.0.1:1/printers/nobody"


def ids(browser: Browser) -> list[str]:
    return [word for word in browser.said.replace("_ ", "_").split() if word.startswith("15000")]


def test_the_list_is_oldest_first_with_a_customers_lines_together(stage: Stage, anna: Browser) -> None:
    stage.order("15000012350_3", order_date=date(2026, 11, 19))
    stage.order("15000012340_1", order_date=date(2026, 11, 20))
    stage.order("15000012350_4", order_date=date(2026, 11, 19))
    stage.order("15000012330_9", order_date=date(2026, 11, 1), shipped=1)
    anna.get("/list")
    assert [each for each in ids(anna) if "_" in each] == ["15000012350_3", "15000012350_4", "15000012340_1"]
    assert "2 lines of one customer" in anna.said


def test_any_part_finds_an_order(stage: Stage, anna: Browser) -> None:
    stage.order("15000012350_3", sku="SOFA-OSLO", carrier="GEODIS")
    stage.order("15000012340_1", sku="CHAIR-X4", carrier="DPD 100%_")
    for query in ("q=oslo", "q=geo", "q=350_3", "q=asir+oslo", "carrier=GEODIS"):
        anna.get(f"/list?{query}")
        assert ("15000012350_3" in ids(anna)) == (query != "q=asir+oslo"), query
        assert "15000012340_1" not in ids(anna), query
    anna.get("/list?q=100%25_")
    assert ids(anna) == ["15000012340_1"]


def test_labels_in_bulk_are_one_pdf_in_the_order_of_the_pick_list_counted_once(stage: Stage, anna: Browser) -> None:
    late = stage.order("15000012350_3", order_date=date(2026, 11, 20), sku="SOFA")
    early = stage.order("15000012340_1", order_date=date(2026, 11, 21), sku="BED")
    stage.order("15000012341_2", label=False)
    anna.get("/list")
    for _ in range(2):
        anna.post("/print", key="b" * 32, row=[str(late), str(early)], how="pdf")
    pages = [page.extract_text() for page in printed_here(anna)]
    assert ["15000012340_1" in pages[0], "15000012350_3" in pages[1], len(pages)] == [True, True, 2]
    for row in (late, early):
        assert [(event.what, event.who, event.station) for event in stage.history(row)] == [
            ("label printed", "Anna", BENCH)
        ]


def printed_here(browser: Browser) -> list[PageObject]:
    """Return the pages of the PDF that the page prints in place."""
    (link,) = re.findall(r'href="(/labels\.pdf[^"]*)"[^>]* data-labels', browser.html)
    answer = browser.client.get(link)
    assert answer.headers["content-type"] == "application/pdf"
    return list(PdfReader(io.BytesIO(answer.content)).pages)


def test_the_pdf_of_many_labels_leaves_out_what_must_not_ship_by_now(stage: Stage, anna: Browser) -> None:
    rows = [stage.order(f"15000012350_{number}") for number in range(2)]
    anna.get("/list")
    anna.post("/print", all="1", how="pdf")
    with stage.store.write() as tx:
        tx.get_one(Order, rows[0]).held_reason = "x"
    (page,) = printed_here(anna)
    assert "15000012350_1" in page.extract_text()
    assert anna.client.get("/labels.pdf?rows=").status_code == 404


def prints_on_scan(uri: str) -> tuple[dict[str, object], ...]:
    """Return stations: Anna's prints what she scans, on this printer; the other one has none."""
    return (
        {"name": BENCH, "printer": uri, "page": "100x150", "print_on_scan": True, "one_scan": True},
        {"name": OTHER},
    )


def happened(stage: Stage, row: int) -> list[str]:
    return [event.what for event in stage.history(row)]


def shown(browser: Browser, text: str) -> bool:
    browser.get("/")
    return text in browser.said


def test_a_printer_that_hangs_delays_no_answer(tmp_path: Path, pristine: Path) -> None:
    with (
        device(hangs=True) as it,
        staged(tmp_path, pristine=pristine, stations=prints_on_scan(it.uri)) as stage,
        browsing(stage.url) as anna,
    ):
        rows = [stage.order(f"15000012350_{number}") for number in (3, 4)]
        anna.sign_in("Anna")
        for number in (3, 4):
            anna.scan(f"15000012350_{number}")
            assert anna.sign == "green"
            assert "Sent to the printer (127.0.0.1" in anna.said
        assert [happened(stage, row) for row in rows] == [["flagged as shipped"]] * 2
        it.let_go.set()
        until(lambda: shown(anna, "Label printed (127.0.0.1"))
        assert [happened(stage, row)[1:] for row in rows] == [["label printed"]] * 2


def test_a_label_that_fails_after_its_box_was_read_again_is_said(tmp_path: Path, pristine: Path) -> None:
    with (
        device(hangs=True, refuses=True) as it,
        staged(tmp_path, pristine=pristine, stations=prints_on_scan(it.uri)) as stage,
        browsing(stage.url) as anna,
    ):
        stage.order("15000012350_3")
        stage.clock.held = stage.clock.now()
        anna.sign_in("Anna").scan("15000012350_3").scan("15000012350_3")
        assert shown(anna, "counted once")
        assert shown(anna, "Sent to the printer")
        it.let_go.set()
        until(lambda: shown(anna, "15000012350_3: NOT printed"))
        assert not shown(anna, "Sent to the printer")
        assert shown(anna, "counted once")


@pytest.mark.parametrize("refuses", [True, False])
def test_a_printer_that_fails_blocks_nothing_and_names_the_order(
    tmp_path: Path, pristine: Path, *, refuses: bool
) -> None:
    with device(refuses=True) as it, ExitStack() as opened:
        stations = prints_on_scan(it.uri if refuses else NOBODY)
        stage = opened.enter_context(staged(tmp_path, pristine=pristine, stations=stations))
        anna, ben, lea = (opened.enter_context(browsing(stage.url)) for _ in range(3))
        stage.person("Ben")
        ben.sign_in("Ben", OTHER)
        lea.sign_in("Lea", OTHER, LEADS_PIN)
        row = stage.order("15000012350_3")
        anna.sign_in("Anna").scan("15000012350_3")
        assert anna.sign == "green"
        why = "the printer is stopped (paper, cover, ribbon?)" if refuses else "the printer cannot be reached"
        until(lambda: shown(anna, f"15000012350_3: NOT printed, {why}. You can go on shipping"))
        anna.get("/hand-over")  # on any page, and whatever was scanned since
        assert f"15000012350_3 not printed: {why}" in anna.said
        assert (anna.html.count("data-alarm="), f'href="/order/{row}"' in anna.html) == (1, True)
        assert not shown(ben, "not printed")
        assert shown(lea, "15000012350_3 not printed")
        assert "data-alarm" not in lea.html
        anna.post("/language", lang="fr")
        assert "15000012350_3 : NON imprimée, l’imprimante" in anna.said
        anna.post("/language", lang="en")
        assert stage.facts(row).shipped == 1
        assert happened(stage, row) == ["flagged as shipped", "label not printed"]
        it.refuses = False
        if refuses:
            stage.order("15000012350_4")
            anna.scan("15000012350_4")
            until(lambda: not shown(anna, "not printed:"))
            assert not shown(lea, "not printed:")


def test_a_page_that_ends_says_which_label_was_not_printed(tmp_path: Path, pristine: Path) -> None:
    with (
        device(hangs=True) as it,
        staged(tmp_path, pristine=pristine, stations=prints_on_scan(it.uri)) as stage,
        browsing(stage.url) as anna,
    ):
        rows = [stage.order(f"15000012350_{number}") for number in (3, 4)]
        anna.sign_in("Anna").scan("15000012350_3").scan("15000012350_4")
        until(lambda: it.heard)
        stage.stop()
        found = [event.detail for row in rows for event in stage.history(row) if event.what == "label not printed"]
        name = it.uri.split("/")[2]
        assert found == [f"{name}: timeout", f"{name}: ended"]


def test_a_print_whose_process_died_is_not_said_to_be_under_way(tmp_path: Path, pristine: Path) -> None:
    with (
        device(hangs=True) as it,
        staged(tmp_path, pristine=pristine, stations=prints_on_scan(it.uri)) as stage,
        browsing(stage.url) as anna,
    ):
        stage.order("15000012350_3")
        anna.sign_in("Anna").scan("15000012350_3")
        stage.clock.ahead += SETTLED_WITHIN
        assert shown(anna, "15000012350_3: we do not know whether the label was printed")


def test_a_label_is_printed_with_the_size_of_the_paper_and_counted(tmp_path: Path, pristine: Path) -> None:
    with (
        device() as it,
        staged(tmp_path, pristine=pristine, stations=prints_on_scan(it.uri)) as stage,
        browsing(stage.url) as anna,
    ):
        row = stage.order("15000012350_3")
        anna.sign_in("Anna").scan("15000012350_3")
        until(lambda: shown(anna, "Label printed (127.0.0.1"))
        anna.act("print", row)
        until(lambda: shown(anna, "2× in all."))
        assert happened(stage, row) == ["flagged as shipped", "label printed", "label printed"]
    assert b"custom_100x150mm_100x150mm" in it.heard[0]
    assert b"%PDF" in it.heard[0]


def test_many_labels_are_one_job_recorded_when_it_is_printed_and_not_printed_twice(
    tmp_path: Path, pristine: Path
) -> None:
    with (
        device(hangs=True) as it,
        staged(tmp_path, pristine=pristine, stations=prints_on_scan(it.uri)) as stage,
        browsing(stage.url) as anna,
    ):
        rows = [stage.order(f"15000012350_{number}", sku=f"SKU-{9 - number}") for number in range(3)]
        anna.sign_in("Anna").get("/list")
        anna.post("/print", all="1", how="printer")
        assert "Labels to print: 3." in anna.said
        assert "Sent to the printer" in anna.said
        anna.post("/print", all="1", how="printer")
        assert "None of these orders has a label to print." in anna.said
        until(lambda: it.heard)
        anna.post("/print", row=str(rows[0]), how="printer")
        assert "because their labels are being printed: 15000012350_0." in anna.said
        assert [happened(stage, row) for row in rows] == [[]] * 3
        it.let_go.set()
        until(lambda: all(happened(stage, row) for row in rows))
        assert [happened(stage, row) for row in rows] == [["label printed"]] * 3
        anna.get("/list?unprinted=1")
        assert 'name="row"' not in anna.html
        anna.get("/list")
        assert anna.said.count("printed 1×") == 3
    assert len(it.heard) == 1
    pages = PdfReader(io.BytesIO(it.heard[0][it.heard[0].index(b"%PDF") :])).pages
    assert ["15000012350_2" in pages[0].extract_text(), len(pages)] == [True, 3]


def test_more_than_fifty_labels_are_asked_about_once_more(stage: Stage, anna: Browser) -> None:
    rows = [stage.order(f"15000012350_{number}") for number in range(51)]
    anna.get("/list")
    anna.post("/print", all="1", how="pdf")
    assert "Print 51 labels? Nothing is printed yet." in anna.said
    assert [happened(stage, row) for row in rows] == [[]] * 51
    asked = re.findall(r'type="hidden" name="row" value="(\d+)"', anna.html)
    assert sorted(map(int, asked)) == rows
    stage.order("15000012350_99")  # came after the question: not among what was asked about
    anna.post("/print", row=asked, how="pdf", sure="1")
    assert len(printed_here(anna)) == 51
    assert [happened(stage, row) for row in rows] == [["label printed"]] * 51


def test_a_form_with_a_used_key_and_other_ticks_prints_nothing(stage: Stage, anna: Browser) -> None:
    rows = [stage.order(f"15000012350_{number}") for number in range(2)]
    anna.get("/list")
    anna.post("/print", row=str(rows[0]), how="pdf", key="b" * 32)
    anna.get("/list")
    anna.post("/print", row=str(rows[1]), how="pdf", key="b" * 32)
    assert anna.client.get("/list").status_code == 200
    assert [happened(stage, row) for row in rows] == [["label printed"], []]


def test_a_selection_is_a_pick_list(stage: Stage, anna: Browser) -> None:
    rows = [stage.order(f"15000012350_{number}", sku=f"SOFA-{number}", carrier=f"C{number}") for number in range(3)]
    anna.get("/list")
    anna.post("/print", row=[str(rows[2]), str(rows[0])], how="pick")
    assert [sku for sku in ("SOFA-0", "SOFA-1", "SOFA-2") if sku in anna.said] == ["SOFA-0", "SOFA-2"]
    anna.get("/pick?carrier=C1")
    assert [sku for sku in ("SOFA-0", "SOFA-1", "SOFA-2") if sku in anna.said] == ["SOFA-1"]
    anna.get("/pick?supplier=asir-group")
    assert "Nothing is waiting." in anna.said


def test_the_search_says_that_an_order_is_shipped(stage: Stage, anna: Browser) -> None:
    now = stage.clock.now()
    over: dict[str, Any] = {"shipped": 1, "shipped_at": now, "ship_confirmed_at": now, "ship_evidence": "confirmed"}
    stage.order("15000012350_3", sku="SOFA", carrier="DPD", **over)
    for text in ("15000012350_3", "sofa", "dpd", "3"):
        anna.get(f"/list?q={text}")
        assert "Also found: no longer to ship" in anna.said, text
        assert re.search(r"15000012350_ 3 .*shipped", anna.said), text
    anna.get("/list?q=BED")
    assert "Nothing was found." in anna.said


def test_every_sheet_of_the_hand_over_list_says_what_it_is(stage: Stage, anna: Browser) -> None:
    now = stage.clock.now()
    for number, carrier in enumerate(("DPD", "GLS", "GLS")):
        stage.order(f"15000012350_{number}", carrier=carrier, quantity=2, shipped=1, shipped_at=now)
    anna.get("/hand-over")
    heads, day = re.findall(r"<thead>.*?</thead>", anna.html, re.DOTALL), now.astimezone(stage.settings.timezone)
    assert len(heads) == anna.html.count("<tfoot>") == 2
    for head, carrier, number in zip(heads, ("DPD", "GLS"), (1, 2), strict=True):
        for text in (f"{carrier}</h2>", f"{day:%Y-%m-%d}", "Sender: notio", f"{number} order", f"{2 * number} pieces"):
            assert text in head
    assert "Hand-over 3 " in anna.said


def test_an_article_lists_its_oldest_orders_first_with_their_dates(stage: Stage, anna: Browser) -> None:
    stage.order("15000012350_1", sku="SOFA", order_date=date(2026, 11, 20))
    stage.order("15000012350_2", sku="SOFA", order_date=date(2026, 11, 10))
    anna.scan("SOFA")
    found = re.findall(r"150000123\d+_ (\d) .*?(2026-\d+-\d+)", anna.said.partition("choose one")[2])
    assert found == [("2", "2026-11-10"), ("1", "2026-11-20")]


def test_a_label_that_is_too_large_is_not_printed_by_itself(tmp_path: Path, pristine: Path) -> None:
    stations = ({"name": BENCH, "page": "50x70", "print_on_scan": True},)
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as anna:
        row = stage.order("15000012350_3")
        anna.sign_in("Anna").scan("15000012350_3")
        assert "The label is 100 × 150 mm, the paper 50 × 70 mm" in anna.said
        assert stage.history(row) == []


def test_without_a_printer_the_browser_prints_and_it_is_counted(stage: Stage, anna: Browser) -> None:
    row = stage.order("15000012350_3")
    anna.scan("15000012350_3").act("print", row)
    assert f'href="/label/{row}.pdf"' in anna.html
    assert "Printed 1×, last by Anna (Bench 1)" in anna.said
    assert anna.client.get(f"/label/{row}.pdf").content.startswith(b"%PDF")
    assert anna.client.get(f"/preview/{row}.png").content.startswith(b"\x89PNG")


def test_a_label_that_was_damaged_on_the_disk_is_not_printed(stage: Stage, anna: Browser) -> None:
    row = stage.order("15000012350_3")
    path = stage.settings.state_dir / (stage.facts(row).label_path or "")
    path.write_bytes(path.read_bytes()[:-30])
    anna.scan("15000012350_3").act("print", row)
    assert "The label on the disk is damaged" in anna.said
    assert anna.client.get(f"/label/{row}.pdf").status_code == 404


@pytest.mark.parametrize("path", ["/pick", "/hand-over", "/card", "/hand-over?days=3"])
def test_the_papers_can_be_read(stage: Stage, anna: Browser, path: str) -> None:
    stage.order("15000012350_3", sku="SOFA-OSLO")
    now = stage.clock.now()
    stage.order("15000012351_4", sku="SOFA-MILO", shipped=1, shipped_at=now, carrier="DPD")
    anna.get(path)
    assert anna.status == 200
    wanted = {"/pick": "SOFA-OSLO", "/hand-over": "15000012351_4", "/card": "/card/undo.svg"}
    assert wanted.get(path, "Nothing was marked as shipped on this day") in anna.html


def test_the_card_shows_its_codes(anna: Browser) -> None:
    for name in ("undo", "print_again", "problem", "next"):
        assert b"<svg" in anna.client.get(f"/card/{name}.svg").content
    assert anna.client.get("/card/other.svg").status_code == 404


def test_the_history_tells_who_did_what_where(stage: Stage, anna: Browser) -> None:
    row = stage.order("15000012350_3")
    anna.scan("15000012350_3").act("ship", row).act("undo", row)
    anna.get(f"/order/{row}")
    assert "Undone: not marked as shipped" in anna.said
    assert "Anna (Bench 1)" in anna.said
