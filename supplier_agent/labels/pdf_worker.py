"""The worker process, started by pdf.py: it checks a PDF, reads its barcodes or its text, paints it, measures it, or joins many.

One task for each line of stdin, within its own limits. The check of a downloaded label needs pypdf; pdfium and zxing cost 20 MB
more, so the first task that needs them loads them.
"""

import base64
import errno
import hashlib
import io
import json
import math
import resource
import struct
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError

from supplier_agent.labels.pdf import MEMORY_BYTES, MOST_RESIDENT_BYTES, TOO_MUCH
from supplier_agent.labels.progress import MOST_PAGES

if TYPE_CHECKING:
    from pypdfium2 import PdfBitmap, PdfDocument, PdfPage

POINTS_PER_INCH = 72
MM_PER_POINT = 25.4 / POINTS_PER_INCH
DPI = (300, 406)
"""Bars of a thermal printer are a few dots of 1/203 inch wide; 300 dpi keeps them apart. 406 = 2 x 203, if that finds nothing."""
MOST_PIXELS = 20_000_000
"""An A3 page at 300 dpi, or an A4 page at 406. A larger page is rendered smaller."""
MOST_CODES = 10 * MOST_PAGES
MOST_TEXT = 20_000
"""Characters; a label has a few hundred."""
SHORTEST = 5
"""Shorter codes are also found in ornaments."""
FORMATS = ("Code128", "Code39", "ITF", "EAN13", "QRCode", "DataMatrix", "Aztec", "PDF417", "MaxiCode")
"""What carriers print."""

Facts = Mapping[str, Any]


def check(path: str) -> tuple[Facts, bytes]:
    """Return why a file is not a complete PDF, or ""."""
    return {"flaw": flaw(Path(path))}, b""


def flaw(path: Path) -> str:
    """Return why the file is not a complete PDF, in a few words, or "". Raises MemoryError, after which the process must end."""
    content = path.read_bytes()
    if not content:
        return "it is empty"
    if not content.startswith(b"%PDF-"):
        return "it is not a PDF" + (" but a web page" if content.lstrip()[:1] == b"<" else "")
    if b"%%EOF" not in content[-1024:]:
        return "it is a PDF, but cut off"
    try:
        pages = len(PdfReader(io.BytesIO(content), strict=False).pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        return f"it is a broken PDF ({type(error).__name__})"
    return "" if pages else "it is a PDF without a page"


def codes(path: str) -> tuple[Facts, bytes]:
    """Return the codes in a file, each with its page (null: it is on several), the pages, and the hash of what was read."""
    content = Path(path).read_bytes()
    found: dict[str, int | None] = {}
    with _opened(content) as document:
        for index in range(min(len(document), MOST_PAGES)):
            page = document[index]
            for scale in dict.fromkeys(_bounded(page, dpi / POINTS_PER_INCH) for dpi in DPI):
                seen = _codes_of(page, scale)
                found.update({text: index + 1 if found.get(text, index + 1) == index + 1 else None for text in seen})
                if seen:
                    break
            page.close()
        pages = len(document)
    return {
        "sha256": hashlib.sha256(content).hexdigest(), "pages": pages, "codes": list(found.items())[:MOST_CODES],
    }, b""  # fmt: skip


def text(path: str) -> tuple[Facts, bytes]:
    """Return the text of a file, up to a limit, and the hash of the bytes that were read."""
    content, found, left = Path(path).read_bytes(), list[str](), MOST_TEXT
    with _opened(content) as document:
        for index in range(min(len(document), MOST_PAGES)):
            letters = document[index].get_textpage()
            number = min(letters.count_chars(), left)
            if number > 0:
                found.append(letters.get_text_range(0, number))
                left -= number
    return {"sha256": hashlib.sha256(content).hexdigest(), "text": "\n".join(found)}, b""


def _opened(file: Path | bytes) -> "PdfDocument":
    from pypdfium2 import PdfDocument  # noqa: PLC0415 - see above

    return PdfDocument(file)


def seen(picture: str, width: int) -> tuple[Facts, bytes]:
    """Return the codes in a grey picture of a camera: one byte for each pixel, row by row, in base64 for URLs."""
    pixels = base64.urlsafe_b64decode(picture + "=" * (-len(picture) % 4))
    return {"codes": _codes_in(memoryview(pixels), width, len(pixels) // width, width)}, b""


def _codes_of(page: "PdfPage", scale: float) -> list[str]:
    bitmap = page.render(scale=scale, grayscale=True)
    return _codes_in(memoryview(bitmap.buffer).cast("B"), bitmap.width, bitmap.height, bitmap.stride)


def _codes_in(pixels: memoryview, width: int, height: int, stride: int) -> list[str]:
    import zxingcpp  # noqa: PLC0415 - see above

    formats = zxingcpp.BarcodeFormats([getattr(zxingcpp.BarcodeFormat, name) for name in FORMATS])
    image = zxingcpp.ImageView(pixels, width, height, zxingcpp.ImageFormat.Lum, stride)
    barcodes = zxingcpp.read_barcodes(image, formats=formats, text_mode=zxingcpp.TextMode.Plain)
    return [barcode.text for barcode in barcodes if len(barcode.text) >= SHORTEST]


def _bounded(page: "PdfPage", scale: float) -> float:
    """Return the scale for rendering a page: the one wanted, or a smaller one that keeps it within the limit."""
    width, height = map(float, page.get_size())
    return min(scale, math.sqrt(MOST_PIXELS / max(width * height, 1.0)))


def picture(path: str, width: int) -> tuple[Facts, bytes]:
    """Return the first page as a PNG of that width in pixels."""
    with _opened(Path(path)) as document:
        page = document[0]
        across, down = page.get_size()
        scale = min(width / across, 4 * width / down)  # limits the height of a very long page
        bitmap = page.render(scale=_bounded(page, scale), grayscale=True)
        return {}, _png(bitmap)


def size(path: str) -> tuple[Facts, bytes]:
    """Return width and height of the first page in mm, as displayed: rotated and cropped."""
    with _opened(Path(path)) as document:
        return {"size": [round(points * MM_PER_POINT, 1) for points in document.get_page_size(0)]}, b""


def _png(bitmap: "PdfBitmap") -> bytes:
    """Return pixels of 8-bit grey as a PNG (W3C PNG, 5 to 11)."""
    rows = memoryview(bitmap.buffer).cast("B")
    lines = b"".join(
        b"\0" + rows[row * bitmap.stride : row * bitmap.stride + bitmap.width] for row in range(bitmap.height)
    )
    header = struct.pack(">IIBBBBB", bitmap.width, bitmap.height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def join(paths: list[str]) -> tuple[Facts, bytes]:
    """Return all pages of all files as one PDF, in this order, unchanged; a file that cannot be read is left out and named."""
    writer = PdfWriter()
    left_out: list[tuple[int, str]] = []
    for number, path in enumerate(paths):
        try:
            pages = PdfReader(io.BytesIO(Path(path).read_bytes())).pages
            for page in list(pages):
                writer.add_page(page)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - what pypdf may raise at a stranger's file is not known
            left_out.append((number, f"it could not be read ({type(error).__name__})"))
    if not writer.pages:
        return {"left_out": left_out}, b""
    content = io.BytesIO()
    writer.write(content)
    return {"left_out": left_out}, content.getvalue()


def nothing() -> tuple[Facts, bytes]:
    """Return nothing: this only checks that the process and its libraries work."""
    import pypdfium2  # noqa: F401, PLC0415 - see above
    import zxingcpp  # noqa: F401, PLC0415 - see above

    return {}, b""


TASKS: Mapping[str, Callable[..., tuple[Facts, bytes]]] = {
    "check": check,
    "codes": codes,
    "text": text,
    "seen": seen,
    "picture": picture,
    "size": size,
    "join": join,
    "nothing": nothing,
}


_FILES = 32


def main() -> None:
    """Run one task for each line of stdin until it is closed. The answer is a line of JSON, then the bytes that it announces."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),  # it writes no file
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
    ):
        resource.setrlimit(limit, (most, most))
    leaves = False
    while not leaves and (line := sys.stdin.buffer.readline()):
        about = json.loads(line)
        _bound_the_processor(about.pop("seconds"))
        facts, content = _work(about.pop("task"), about)
        leaves = facts.get("fault") == TOO_MUCH or _resident_bytes() > MOST_RESIDENT_BYTES
        head = {**facts, "bytes": len(content), "leaves": leaves}
        sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + content)
        sys.stdout.buffer.flush()


def _work(name: str, about: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
    """Run one task. Its result is facts or a fault of the file; an error number says that the file cannot be read."""
    try:
        return TASKS[name](**about)
    except MemoryError:
        return {"fault": TOO_MUCH}, b""
    except OSError as error:
        if error.errno == errno.ENOMEM:
            return {"fault": TOO_MUCH}, b""
        return {"errno": error.errno or errno.EIO}, b""
    except Exception as error:  # noqa: BLE001 - what three libraries may raise at a stranger's file is not known
        return {"fault": f"it could not be read ({type(error).__name__})"}, b""


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:  # not Linux: its maximum so far, in bytes or kilobytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _bound_the_processor(seconds: float) -> None:
    """End this process when its parent is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + 2 * seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()
