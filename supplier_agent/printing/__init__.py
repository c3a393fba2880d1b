"""Printing by IPP, to CUPS or directly to a printer, and the printed documents. A failed print is a value, not an exception."""

from supplier_agent.printing.ipp import NotPrinted, parse_uri
from supplier_agent.printing.printer import Media, Printed, Printer, custom_media, look, media_of, print_pdf

__all__ = [
    "Media",
    "NotPrinted",
    "Printed",
    "Printer",
    "custom_media",
    "look",
    "media_of",
    "parse_uri",
    "print_pdf",
]
