"""Labels for eyes and printers: as they are, in the order of the list, and a bad one spoils nothing."""

import io
from pathlib import Path
from typing import Any

import pytest
from pypdf import PageObject, PdfReader

from supplier_agent.printing.papers import MOST_JOINED, Bulk, Fault, Fit, Press, fit
from tests.barcodes.drawing import Code, Page, pdf


def label(state_dir: Path, name: str, content: bytes) -> str:
    path = f"labels/notio/{name}.pdf"
    (state_dir / path).write_bytes(content)
    return path


def test_a_preview_shows_the_first_page(press: Press, state_dir: Path) -> None:
    found = press.preview(label(state_dir, "1", pdf(Page([Code("XY123456789FR")]), Page())))
    assert isinstance(found, bytes)
    assert found.startswith(b"\x89PNG")
    assert len(found) < 100_000


def test_a_turned_label_has_the_size_that_is_seen(press: Press, state_dir: Path) -> None:
    assert press.size(label(state_dir, "1", pdf(Page(turned=90), Page(width_mm=210, height_mm=297)))) == (150.0, 100.0)


def pages_of(found: Bulk) -> list[PageObject]:
    return list(PdfReader(io.BytesIO(found.content)).pages)


def pictures(page: PageObject) -> list[bytes]:
    """Return the bytes of every picture on a page."""
    found: Any = page["/Resources"]
    return [found["/XObject"][name].get_data() for name in found["/XObject"]]


def test_many_labels_are_one_file_in_the_order_of_the_list_each_page_as_it_is(press: Press, state_dir: Path) -> None:
    sizes = [(100.0, 150.0), (210.0, 297.0), (105.0, 148.0), (100.0, 150.0)]
    names = [
        label(state_dir, f"in-{n}", pdf(Page([Code(f"XY00000{n:04}FR")], width, height, turned=90 * (n % 2))))
        for n, (width, height) in enumerate(sizes)
    ]
    names = [names[2], names[0], names[3], names[1]]
    found = press.bulk(names)
    assert isinstance(found, Bulk)
    pages = pages_of(found)
    assert (len(pages), found.left_out) == (4, ())
    assert [(round(float(p.mediabox.width) / 72 * 25.4), p.rotation) for p in pages] == [
        (105, 0),
        (100, 0),
        (100, 90),
        (210, 90),
    ]
    for page, name in zip(pages, names, strict=True):
        alone = PdfReader(state_dir / name).pages[0]
        assert page.get_contents() == alone.get_contents()
        assert pictures(page) == pictures(alone)
        assert page.mediabox == alone.mediabox


def test_every_page_of_a_label_is_in_the_file(press: Press, state_dir: Path) -> None:
    found = press.bulk([label(state_dir, "1", pdf(Page(), Page())), label(state_dir, "2", pdf(Page()))])
    assert isinstance(found, Bulk)
    assert len(pages_of(found)) == 3


def test_a_label_that_cannot_be_read_is_left_out_and_named(press: Press, state_dir: Path) -> None:
    good, bad = label(state_dir, "1", pdf(Page())), label(state_dir, "2", b"%PDF-1.4 broken")
    found = press.bulk([good, bad, "labels/notio/gone.pdf", good])
    assert isinstance(found, Bulk)
    assert len(pages_of(found)) == 2
    assert sorted(name for name, _ in found.left_out) == [bad, "labels/notio/gone.pdf"]
    assert all(why for _, why in found.left_out)


def test_with_no_label_at_all_there_is_nothing_to_print(press: Press, state_dir: Path) -> None:
    bad = label(state_dir, "2", b"%PDF-1.4 broken")
    assert [isinstance(press.bulk(names), Fault) for names in ([], [bad], ["labels/notio/gone.pdf"])] == [True] * 3


def test_five_hundred_labels_are_joined_and_more_are_refused(press: Press, state_dir: Path) -> None:
    one = label(state_dir, "1", pdf(Page([Code("XY123456789FR")])))
    found = press.bulk([one] * MOST_JOINED)
    assert isinstance(found, Bulk)
    assert len(pages_of(found)) == MOST_JOINED
    assert isinstance(press.bulk([one] * (MOST_JOINED + 1)), Fault)


@pytest.mark.parametrize("path", ["../agent.db", "agent.db", "/etc/passwd", "labels/../../x.pdf", "labels/notio", "\0"])
def test_nothing_but_labels_is_opened(press: Press, state_dir: Path, path: str) -> None:
    (state_dir / "agent.db").write_bytes(pdf(Page()))
    assert isinstance(press.preview(path), Fault)
    assert isinstance(press.size(path), Fault)
    assert isinstance(press.bulk([path]), Fault)


def test_a_link_that_leads_out_of_the_labels_is_not_followed(press: Press, state_dir: Path) -> None:
    (state_dir / "secret.pdf").write_bytes(pdf(Page()))
    link = state_dir / "labels/notio/link.pdf"
    link.symlink_to(state_dir / "secret.pdf")
    assert isinstance(press.preview("labels/notio/link.pdf"), Fault)


@pytest.mark.parametrize("content", [b"", b"<html>", b"%PDF-1.4 broken"])
def test_a_label_that_is_none_has_no_picture(press: Press, state_dir: Path, content: bytes) -> None:
    assert isinstance(press.preview(label(state_dir, "1", content)), Fault)


@pytest.mark.parametrize(
    ("page", "paper", "expected"),
    [
        ((100, 150), (100, 150), Fit.SAME),
        ((100, 150), (101.6, 152), Fit.SAME),
        ((101.6, 152.4), (100, 150), Fit.TOO_LARGE),
        ((100, 150), (150, 100), Fit.TURNED),
        ((100, 100), (100, 100), Fit.SAME),
        ((105, 148), (210, 297), Fit.SMALLER),
        ((210, 297), (100, 150), Fit.TOO_LARGE),
        ((140, 90), (100, 150), Fit.TURNED),
        (None, (100, 150), Fit.UNKNOWN),
        ((100, 150), None, Fit.UNKNOWN),
    ],
)
def test_it_is_told_whether_a_page_fits_the_paper(
    page: tuple[float, float] | None, paper: tuple[float, float] | None, expected: Fit
) -> None:
    assert fit(page, paper) is expected
