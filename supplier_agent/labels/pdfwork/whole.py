"""Whether a file is a complete PDF, by pypdf; in the worker process, because a crafted file may make it loop or grow."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError


def check(path: str) -> tuple[Mapping[str, Any], bytes]:
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
