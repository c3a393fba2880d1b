"""The warehouse's printed papers: labels (one, or many as one file), pick list, hand-over list, card of commands."""

from supplier_agent.labels.papers.card import CardCode, card
from supplier_agent.labels.papers.lists import HandOver, Parcel, Pick, hand_over, pick_list, to_ship
from supplier_agent.labels.papers.press import MOST_JOINED, Bulk, Fault, Press, Preview
from supplier_agent.labels.papers.size import Fit, Size, fit

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
