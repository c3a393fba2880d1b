"""Everything that opens a PDF, to check, show, search or join it: in a separate process, with limited time and memory."""

from supplier_agent.labels.pdf.process import Done, Failed, PdfWork

__all__ = ["Done", "Failed", "PdfWork"]
