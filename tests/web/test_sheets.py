"""Lists and paper: to ship, bulk labels, pick list, hand-over, card, history; labels printed, counted, or not printed."""

import io
import socket
from datetime import date
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.printing.test_printer import JOB, answer, http, printer
from tests.web.stage import BENCH, Browser, Stage, browsing, staged

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


def test_labels_in_bulk_are_one_pdf_in_list_order_counted_once(stage: Stage, anna: Browser) -> None:
    late = stage.order("15000012350_3", order_date=date(2026, 11, 20))
    early = stage.order("15000012340_1", order_date=date(2026, 11, 1))
    stage.order("15000012341_2", label=False)
    anna.get("/list")
    form = {"token": anna.token(), "key": "b" * 32, "row": [str(late), str(early)], "how": "pdf"}
    answers = [anna.client.post("/print", data=form, headers={"Origin": stage.url}) for _ in range(2)]
    assert {answer.headers["content-type"] for answer in answers} == {"application/pdf"}
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(answers[1].content)).pages]
    assert ["15000012340_1" in pages[0], "15000012350_3" in pages[1], len(pages)] == [True, True, 2]
    for row in (late, early):
        assert [(event.what, event.who, event.station) for event in stage.history(row)] == [
            ("label printed", "Anna", BENCH)
        ]


def test_a_printer_that_fails_never_blocks_shipping(tmp_path: Path, pristine: Path) -> None:
    stations = ({"name": BENCH, "printer": NOBODY, "page": "100x150", "print_on_scan": True, "one_scan": True},)
    with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as anna:
        row = stage.order("15000012350_3")
        anna.sign_in("Anna").scan("15000012350_3")
        assert anna.sign == "green"
        assert "The label was not printed: the printer cannot be reached. You can go on shipping" in anna.said
        anna.post("/language", lang="fr")
        assert "L’étiquette n’a pas été imprimée : l’imprimante est injoignable." in anna.said
        assert stage.facts(row).shipped == 1
        assert [event.what for event in stage.history(row)] == ["flagged as shipped"]


def test_a_label_is_printed_with_the_size_of_the_paper_and_counted(tmp_path: Path, pristine: Path) -> None:
    def takes_it(connection: socket.socket) -> None:
        connection.sendall(http(answer(groups=JOB)))

    with printer(takes_it) as (uri, heard):
        stations = ({"name": BENCH, "printer": uri, "page": "100x150", "print_on_scan": True},)
        with staged(tmp_path, pristine=pristine, stations=stations) as stage, browsing(stage.url) as anna:
            row = stage.order("15000012350_3")
            anna.sign_in("Anna").scan("15000012350_3")
            assert "Label printed (print)." in anna.said
            assert [event.what for event in stage.history(row)] == ["label printed"]
    assert b"custom_100x150mm_100x150mm" in heard[1]
    assert b"%PDF" in heard[1]


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
