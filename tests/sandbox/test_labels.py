"""Label PDFs that a strict reader takes, with a barcode that is one."""

import io
from itertools import pairwise

from pypdf import PdfReader

from supplier_agent.sandbox import orders

PATTERNS = [orders.symbol_widths(value) for value in range(107)]


def decode(text: str) -> str:
    """Read the bars back, as a scanner does: widths, symbols, check symbol, characters."""
    bars, modules = orders.code128_bars(text)
    edges = [edge for first, width in bars for edge in (first, first + width)]
    assert edges[-1] == modules
    widths = "".join(str(after - before) for before, after in pairwise(edges))
    body, stop = widths[:-7], widths[-7:]
    values = [PATTERNS.index(body[place : place + 6]) for place in range(0, len(body), 6)]
    assert (values[0], PATTERNS.index(stop)) == (104, 106)
    *characters, check = values[1:]
    assert (104 + sum(place * value for place, value in enumerate(characters, 1))) % 103 == check
    return "".join(chr(value + 32) for value in characters)


def test_a_label_is_one_page_of_10_by_15_centimetres_with_order_sku_and_carrier() -> None:
    reader = PdfReader(io.BytesIO(orders.draw("15000012345_789", "SOFA-(3P)\\", 2, "CHRONOPOST")), strict=True)
    assert len(reader.pages) == 1
    box = reader.pages[0].mediabox
    assert (round(box.width / 72 * 25.4), round(box.height / 72 * 25.4)) == (100, 150)
    text = reader.pages[0].extract_text()
    assert {"15000012345_789", "SOFA-(3P)\\", "CHRONOPOST"} <= set(text.splitlines())


def test_the_cross_reference_table_points_at_its_objects() -> None:
    document = orders.draw("1_1", "S", 1, "DPD")
    start = int(document.split(b"startxref\n")[1].split()[0])
    assert document[start:].startswith(b"xref\n0 6\n")
    entries = document[start:].splitlines()[3:8]
    for number, entry in enumerate(entries, 1):
        assert document[int(entry[:10]) :].startswith(b"%d 0 obj\n" % number)


def test_a_label_survives_words_that_its_font_lacks() -> None:
    assert PdfReader(io.BytesIO(orders.draw("1_1", "沙发\n)", 1, "")), strict=True).pages[0].extract_text()


def test_the_same_order_has_the_same_label() -> None:
    assert orders.draw("1_1", "S", 1, "DPD") == orders.draw("1_1", "S", 1, "DPD")


def test_the_barcode_reads_back() -> None:
    for text in ("15000012345_789", "AMZ-402-77_12", "".join(chr(code) for code in range(32, 127))):
        assert decode(text) == text


def test_the_barcode_table_has_the_shape_that_the_standard_demands() -> None:
    assert len(set(PATTERNS)) == 107
    for widths in PATTERNS[:-1]:
        assert sum(map(int, widths)) == 11
        assert sum(map(int, widths[::2])) % 2 == 0
