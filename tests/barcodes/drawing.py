"""Labels as carriers make them: codes as bitmaps of a thermal printer's resolution, on pages of any size, turned or not."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import zxingcpp

_POINTS_PER_MM = 72 / 25.4
FONT = b"/F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


@dataclass(frozen=True)
class Code:
    """One printed code. `dots`: printed dots for its thinnest bar; `dpi`: how many of them make an inch."""

    text: str
    kind: Any = zxingcpp.BarcodeFormat.Code128
    dots: int = 2
    dpi: int = 203
    x_mm: float = 8
    y_mm: float = 20
    gs1: bool = False


@dataclass(frozen=True)
class Page:
    """One page. `turned`: degrees, as its /Rotate says. `text`: its lines."""

    codes: Sequence[Code] = ()
    width_mm: float = 100
    height_mm: float = 150
    turned: int = 0
    text: Sequence[str] = ()


def pdf(*pages: Page) -> bytes:
    """Return a PDF of these pages."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        content, images = b"", b""
        for code in page.codes:
            drawn, picture = _image(code)
            objects.append(picture)
            name = b"/I%d" % len(objects)
            images += b"%s %d 0 R " % (name, len(objects))
            content += drawn + name + b" Do Q\n"
        for number, line in enumerate(page.text):
            content += b"BT /F1 9 Tf 20 %d Td <%s> Tj ET\n" % (400 - 14 * number, line.encode("cp1252").hex().encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        box = f"[0 0 {page.width_mm * _POINTS_PER_MM:.2f} {page.height_mm * _POINTS_PER_MM:.2f}]".encode()
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Rotate %d /Contents %d 0 R"
            b" /Resources << /XObject << %s>> /Font << %s >> >> >>" % (box, page.turned, len(objects), images, FONT)
        )
        kids.append(len(objects))
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids))
    return assemble(objects)


def _image(code: Code) -> tuple[bytes, bytes]:
    more = {"gs1": True} if code.gs1 else {}
    barcode = zxingcpp.create_barcode(code.text, code.kind, **more)
    image: Any = barcode.to_image(scale=code.dots, add_quiet_zones=True)
    bitmap = memoryview(image)
    height, width = bitmap.shape or (0, 0)
    data = zlib.compress(bitmap.tobytes())
    head = (
        f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8"
    )
    picture = head.encode() + b" /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(data), data)
    points = 72 / code.dpi
    place = f"{width * points:.3f} 0 0 {height * points:.3f} {code.x_mm * _POINTS_PER_MM:.3f} {code.y_mm * _POINTS_PER_MM:.3f}"
    return f"q {place} cm ".encode(), picture


def assemble(objects: Sequence[bytes]) -> bytes:
    """Return a PDF of these objects, the first of which is the catalogue."""
    document = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    xref = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return (
        document
        + xref
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(document))
    )
