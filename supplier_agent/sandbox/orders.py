"""The orders of the marketplace, invented: articles, carriers, every effect of a call on them, and their label PDFs.

A label is one page of 100 x 150 mm, with the order as text and as a Code 128 barcode (set B, ISO/IEC 15417).
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise

_WIDTHS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
)
_START_B, _STOP, _CHECK_MODULUS = 104, 106, 103
_FIRST, _LAST = " ", "~"
_PATTERNS = _WIDTHS.split(" ")


def symbols(text: str) -> list[int]:
    """Return start, characters, check and stop symbol. Characters that set B does not have become question marks."""
    characters = [ord(c if _FIRST <= c <= _LAST else "?") - ord(_FIRST) for c in text]
    check = (_START_B + sum(place * value for place, value in enumerate(characters, 1))) % _CHECK_MODULUS
    return [_START_B, *characters, check, _STOP]


def symbol_widths(value: int) -> str:
    """Return the widths of a symbol's bars and gaps, a bar first, a digit each."""
    return _PATTERNS[value]


def code128_bars(text: str) -> tuple[list[tuple[int, int]], int]:
    """Return each bar as (first module, width in modules), and the modules of the whole code without quiet zones."""
    edges = [0]
    for width in "".join(symbol_widths(value) for value in symbols(text)):
        edges.append(edges[-1] + int(width))
    bars_and_gaps = list(pairwise(edges))
    return [(start, end - start) for start, end in bars_and_gaps[::2]], edges[-1]


_POINTS_PER_MM = 72 / 25.4
WIDTH, HEIGHT = 100 * _POINTS_PER_MM, 150 * _POINTS_PER_MM
_MARGIN = 20.0
_WIDEST_MODULE = 1.2


def draw(menzzo_order_id: str, sku: str, quantity: int, carrier: str, pages: int = 1) -> bytes:
    """Return the label of one order as a PDF, the same bytes for the same order. All pages are equal."""
    return _document(
        pages,
        _box(_MARGIN / 2, _MARGIN / 2, WIDTH - _MARGIN, HEIGHT - _MARGIN)
        + _text(_MARGIN, 375, 28, carrier)
        + _box(_MARGIN / 2, 355, WIDTH - _MARGIN, 0)
        + _text(_MARGIN, 325, 9, "Order")
        + _text(_MARGIN, 305, 16, menzzo_order_id)
        + _text(_MARGIN, 275, 9, "SKU")
        + _text(_MARGIN, 255, 16, sku)
        + _text(_MARGIN, 225, 9, "Quantity")
        + _text(_MARGIN, 205, 16, str(quantity))
        + _bars(menzzo_order_id, bottom=70, height=90)
        + _text(_MARGIN, 52, 9, menzzo_order_id)
        + _text(_MARGIN, 24, 8, "Menzzo sandbox - not a real parcel"),
    )


def _text(x: float, y: float, size: float, text: str) -> bytes:
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").replace("\r", " ").replace("\n", " ")
    return f"BT /F1 {size:g} Tf {x:.2f} {y:.2f} Td ({escaped}) Tj ET\n".encode("cp1252", "replace")


def _box(x: float, y: float, width: float, height: float) -> bytes:
    return f"{x:.2f} {y:.2f} {width:.2f} {height:.2f} re S\n".encode()


def _bars(text: str, bottom: float, height: float) -> bytes:
    bars, modules = code128_bars(text)
    module = min(_WIDEST_MODULE, (WIDTH - 2 * _MARGIN) / modules)
    left = (WIDTH - modules * module) / 2
    return b"".join(
        f"{left + first * module:.3f} {bottom:.2f} {width * module:.3f} {height:.2f} re f\n".encode()
        for first, width in bars
    )


def _document(pages: int, content: bytes) -> bytes:
    """Wrap one page's content into the objects, the cross-reference table and the trailer of PDF 1.4."""
    page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH:.2f} {HEIGHT:.2f}]"
    whole = f"{page} /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>".encode()
    more = range(6, 5 + pages)
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{' '.join(f'{number} 0 R' for number in (3, *more))}] /Count {pages} >>".encode(),
        whole,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length %d >>\nstream\n%sendstream" % (len(content), content),
        *(whole for _ in more),
    )
    document = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    xref = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(document))
    return document + xref + trailer


WELL_FORMED_ID = re.compile(r"[0-9A-Za-z_-]+_[0-9]+")
"""The form of a menzzo_order_id; anything else is a bad request."""


def position(menzzo_order_id: str) -> tuple[int, int]:
    """Return (increment, sale product), so that 9 comes before 10; (0, 0) for an id that is not two numbers."""
    increment, _, sale_product = menzzo_order_id.rpartition("_")
    if not (menzzo_order_id.isascii() and increment.isdecimal() and sale_product.isdecimal()):
        return 0, 0
    return int(increment), int(sale_product)


@dataclass(frozen=True)
class Content:
    """What is listed of an order from a time on: the fields of its row, and the path of its label; None: it has none yet."""

    at: datetime
    fields: Mapping[str, object]
    label_path: str | None


@dataclass
class Order:
    """One `menzzo_order_id` of one supplier. Set `label_path` before it is added to a world."""

    supplier: str
    menzzo_order_id: str
    sku: str
    quantity: int
    price_cents: int
    carrier: str
    order_date: date
    visible_from: datetime | None = None  # None: from the start; a time: listed from then on, late
    visible_until: datetime | None = None  # None: to the end
    label_ready_from: datetime | None = None  # None: from the start
    label: bytes | None = None  # None: drawn on request
    label_path: str = ""  # empty: /api/files/labels/SUPPLIER/ID.pdf
    link: str | None = None  # None: our own address of label_path
    row_json: str | None = None  # None: the row is written from these fields; else it is listed word for word
    contents: Sequence[Content] = ()  # what is listed instead, from a time on, oldest first
    pages: int = 1  # of the drawn label
    acknowledged_at: list[datetime] = field(default_factory=list)  # one entry per applied call
    shipped_at: list[datetime] = field(default_factory=list)
    position: tuple[int, int] = field(init=False)  # its position for the cursor and the order of the list

    def __post_init__(self) -> None:
        """Derive the fields that depend on the id."""
        self.position = position(self.menzzo_order_id)
        self.label_path = self.label_path or f"/api/files/labels/{self.supplier}/{self.menzzo_order_id}.pdf"

    @property
    def increment_id(self) -> str:
        """Return the customer's order number, which several lines may share."""
        return self.menzzo_order_id.rpartition("_")[0]

    def visible(self, now: datetime) -> bool:
        """Tell whether the order is listed by then."""
        is_over = self.visible_until is not None and self.visible_until <= now
        return (self.visible_from is None or self.visible_from <= now) and not is_over

    def content(self, now: datetime) -> Content | None:
        """Return what is listed instead of the fields; None: nothing."""
        begun = [each for each in self.contents if each.at <= now]
        return begun[-1] if begun else next(iter(self.contents), None)

    def label_ready(self, now: datetime) -> bool:
        """Tell whether its label is available by then."""
        return self.label_ready_from is None or self.label_ready_from <= now

    def pdf(self) -> bytes:
        """Return the label's bytes, the same at every call."""
        if self.label is not None:
            return self.label
        return draw(self.menzzo_order_id, self.sku, self.quantity, self.carrier, self.pages)


_ARTICLES = (  # sku without colour, lowest and highest wholesale price in euros
    ("SOFA-OSLO-3P", 280, 620),
    ("SOFA-MILO-CORNER", 450, 990),
    ("ARMCHAIR-NINA", 90, 240),
    ("CHAIR-SCANDI-X4", 80, 190),
    ("BED-VERONA-160", 180, 420),
    ("BED-KIDS-90", 95, 210),
    ("TABLE-LOFT-180", 140, 390),
    ("COFFEE-TABLE-ORBI", 55, 160),
    ("TV-STAND-LINEA", 70, 230),
    ("WARDROBE-ALTO-3D", 210, 520),
    ("DESK-KUBO", 65, 180),
    ("SHELF-STELLA", 35, 120),
)
_COLOURS = ("GREY", "OAK", "WHITE", "BLACK", "WALNUT", "BLUE-VELVET", "BEIGE")
_CARRIERS = ("CHRONOPOST", "GEODIS", "DPD", "GLS")
_LINES_OF_AN_ORDER = (1, 1, 1, 1, 2, 2, 3)
_QUANTITIES = (1, 1, 1, 1, 1, 2, 2, 4)


class Catalogue:
    """An endless series of orders, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._increment = 15_000_012_344
        self._sale_product = 788

    def basket(self, supplier: str, order_date: date, at_most: int) -> list[Order]:
        """Return the lines of one customer's order: one to three, never more than `at_most`."""
        self._increment += self._random.randint(1, 9)
        lines = min(at_most, self._random.choice(_LINES_OF_AN_ORDER))
        carrier = self._random.choice(_CARRIERS)
        return [self._line(supplier, order_date, carrier) for _ in range(lines)]

    def _line(self, supplier: str, order_date: date, carrier: str) -> Order:
        self._sale_product += self._random.randint(1, 3)
        article, low, high = self._random.choice(_ARTICLES)
        return Order(
            supplier=supplier,
            menzzo_order_id=f"{self._increment}_{self._sale_product}",
            sku=f"{article}-{self._random.choice(_COLOURS)}",
            quantity=self._random.choice(_QUANTITIES),
            price_cents=self._random.randint(low * 2, high * 2) * 50,
            carrier=carrier,
            order_date=order_date,
        )
