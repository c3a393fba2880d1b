"""Printing by IPP, to CUPS or directly to a printer, and the printed documents. A failed print is a value, not an exception."""

from supplier_agent.printing.ipp import NotPrinted, name_of, parse_uri
from supplier_agent.printing.printer import Media, Printed, Printer, custom_media, look, media_of, print_pdf
from supplier_agent.printing.queue import Job, Printers, Trouble

__all__ = [
    "Job",
    "Media",
    "NotPrinted",
    "Printed",
    "Printer",
    "Printers",
    "Trouble",
    "custom_media",
    "look",
    "media_of",
    "name_of",
    "parse_uri",
    "print_pdf",
]
