"""Printing through a real CUPS: what comes out is what was sent, as large as it is."""

import os
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

import pytest

from supplier_agent.printing import NotPrinted, Printed, Printer, custom_media, look, media_of, print_pdf
from supplier_agent.sandbox.orders import draw
from tests.printing.press import CUPSD, LPADMIN, SECONDS, add_printer, cups, dots, paper_end, size_in_dots

pytestmark = [
    pytest.mark.skipif(CUPSD is None or LPADMIN is None, reason="CUPS (cupsd and lpadmin) is not installed here"),
    pytest.mark.skipif(os.geteuid() != 0, reason="a CUPS of our own needs root: it runs its filters as another user"),
    pytest.mark.xdist_group("cups"),
]
LABEL = draw("15000012345_789", "SOFA-3P-GRIS", 1, "GEODIS")
DOTS_PER_MM = 203 / 25.4
FRAME_MM = (93.0, 143.0)  # the frame that is drawn on the sandbox's label
Jobs = tuple[str, "Queue[bytes]"]


@pytest.fixture(scope="module")
def printers() -> Iterator[Jobs]:
    """Run CUPS with a queue "raw" and a queue "zebra"; return where they are, and what comes out."""
    # Not in pytest's own folder, which other users may not enter: filters and backends are such users.
    with TemporaryDirectory() as here, paper_end() as (to, jobs), cups(Path(here)) as port:
        assert add_printer(port, "raw", to, "raw")
        if not add_printer(port, "zebra", to, "drv:///sample.drv/zebra.ppd"):
            pytest.skip("this CUPS has no driver for a label printer")
        yield f"ipp://127.0.0.1:{port}/printers/", jobs


def test_a_label_comes_out_byte_by_byte(printers: Jobs) -> None:
    base, jobs = printers
    answer = print_pdf(base + "raw", LABEL, "Étiquette 15000012345_789", "Ayşe")
    assert isinstance(answer, Printed), answer
    assert jobs.get(timeout=SECONDS) == LABEL


def test_a_printer_says_how_it_is_and_what_it_takes(printers: Jobs) -> None:
    printer = look(printers[0] + "zebra")
    assert isinstance(printer, Printer), printer
    assert (printer.name, printer.state, printer.accepting, printer.reasons) == ("zebra", "idle", True, ())
    assert printer.default is not None
    label = media_of(printer, 101.6, 152.4)
    assert label is not None
    assert media_of(printer, 152.4, 101.6) == label
    assert media_of(printer, 1234, 4321) is None


def frame(jobs: "Queue[bytes]") -> tuple[float, float]:
    width, height = size_in_dots(dots(jobs.get(timeout=SECONDS)))
    return width / DOTS_PER_MM, height / DOTS_PER_MM


def test_a_label_is_printed_as_large_as_it_is(printers: Jobs) -> None:
    base, jobs = printers
    answer = print_pdf(base + "zebra", LABEL, "label", media=custom_media((100, 150)))
    assert isinstance(answer, Printed), answer
    assert frame(jobs) == pytest.approx(FRAME_MM, abs=0.5)


def test_a_label_that_is_larger_than_the_paper_is_cut_and_not_made_smaller(printers: Jobs) -> None:
    base, jobs = printers
    assert isinstance(print_pdf(base + "zebra", LABEL, "label", media=custom_media((100, 100))), Printed)
    width, height = frame(jobs)
    assert width == pytest.approx(FRAME_MM[0], abs=0.5)
    assert height < 105  # the nearest paper that it has


def test_a_printer_of_another_name_is_not_there(printers: Jobs) -> None:
    answer = print_pdf(printers[0] + "nobody", LABEL, "label")
    assert isinstance(answer, NotPrinted)
    assert answer.code == "address"
    assert "no printer of this name" in answer.why
