"""The Menzzo supplier API: four requests, each ending in a value; the only module that talks to the marketplace.

account.py makes the requests, answers.py and listing.py interpret the answers, links.py decides where a label may come from,
wire.py sends.
"""

from supplier_agent.marketplace.answers import Means, Verdict
from supplier_agent.marketplace.client import LabelBytes, Listing, Marketplace
from supplier_agent.marketplace.listing import Rejected, Seen
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply, TooLarge, Wire

__all__ = [
    "Answer",
    "LabelBytes",
    "Listing",
    "Lost",
    "Marketplace",
    "Means",
    "NotSent",
    "Rejected",
    "Reply",
    "Seen",
    "TooLarge",
    "Verdict",
    "Wire",
]
