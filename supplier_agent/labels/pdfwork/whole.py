"""Whether a file is a whole PDF, asked of pypdf: in the working process, since a crafted file may make it loop or swell."""

from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import PyPdfError


def flaw(path: Path) -> str:
    """Return why the file is not a whole PDF, in a few words, or ""."""
    content = path.read_bytes()
    if not content:
        return "it is empty"
    if not content.startswith(b"%PDF-"):
        return "it is not a PDF" + (" but a web page" if content.lstrip()[:1] == b"<" else "")
    if b"%%EOF" not in content[-1024:]:
        return "it is a PDF, but cut off"
    try:
        pages = len(PdfReader(path, strict=False).pages)
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        MemoryError,
    ) as error:
        return f"it is a broken PDF ({type(error).__name__})"
    return "" if pages else "it is a PDF without a page"
