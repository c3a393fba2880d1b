"""All that opens a PDF to check it, to look at it or to join it: in a process of its own, in bounded time and memory."""

from supplier_agent.labels.pdf.process import Done, Failed, PdfWork

__all__ = ["Done", "Failed", "PdfWork"]
