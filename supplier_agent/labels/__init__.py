"""Labels: stored, searched for barcodes, shown, joined and printed."""

from supplier_agent.labels.folder import Fetched, Label, LabelFolder, NotALabel

__all__ = ["Fetched", "Label", "LabelFolder", "NotALabel"]
