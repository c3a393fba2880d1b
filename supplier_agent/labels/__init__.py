"""Labels: stored, checked and read in separate processes, and found by the codes that a scanner reads on a box."""

from supplier_agent.labels.folder import Fetched, Label, LabelFolder, NotALabel

__all__ = ["Fetched", "Label", "LabelFolder", "NotALabel"]
