"""The warehouse's printed papers: labels (one, or many as one file), pick list, hand-over list, card of commands."""

from supplier_agent.printing.papers.lists import CardCode, HandOver, Parcel, Pick, card, hand_over, pick_list, to_ship
from supplier_agent.printing.papers.press import MOST_JOINED, Bulk, Fault, Fit, Press, Preview, Size, fit

__all__ = [
    "MOST_JOINED",
    "Bulk",
    "CardCode",
    "Fault",
    "Fit",
    "HandOver",
    "Parcel",
    "Pick",
    "Press",
    "Preview",
    "Size",
    "card",
    "fit",
    "hand_over",
    "pick_list",
    "to_ship",
]
