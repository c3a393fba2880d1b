"""Printing by IPP, with CUPS or directly. A printer that fails returns a message, never an exception."""

from supplier_agent.printing.printer import Media, Printed, Printer, custom_media, look, media_of, print_pdf
from supplier_agent.printing.wire import NotPrinted, parse

__all__ = [
    "Media",
    "NotPrinted",
    "Printed",
    "Printer",
    "custom_media",
    "look",
    "media_of",
    "parse",
    "print_pdf",
]
