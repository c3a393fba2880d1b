"""Labels: stored, checked and read in processes of their own, and found again by what a scanner reads on a box."""

from supplier_agent.labels.folder import Fetched, Label, LabelFolder, NotALabel

__all__ = ["Fetched", "Label", "LabelFolder", "NotALabel"]
