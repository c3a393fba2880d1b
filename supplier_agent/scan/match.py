"""The orders behind a scan, as far as an answer needs to know them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from supplier_agent.scan.text import Command

MOST = 50
"""Orders shown to choose from."""


class Way(StrEnum):
    """By what an order was found."""

    ORDER = "order"  # its menzzo_order_id
    LAST_PART = "last_part"  # what stands after the last _ of it
    INCREMENT = "increment"  # the customer's order, of which it is a line
    SKU = "sku"  # its product
    LABEL = "label"  # a code on the carrier's label


class Condition(StrEnum):
    """What may be done with an order in the warehouse."""

    OPEN = "open"  # it may go
    WAITING = "waiting"  # it may be marked, but its acknowledgement or label is still missing
    FLAGGED = "flagged"  # marked as shipped, not yet confirmed
    SHIPPED = "shipped"  # confirmed by the marketplace
    CLOSED = "closed"  # dealt with elsewhere
    HELD = "held"  # somebody keeps it back
    VANISHED = "vanished"  # the marketplace no longer lists it


@dataclass(frozen=True)
class Match:
    """One order behind a scan."""

    order: int  # orders.id
    supplier: str
    menzzo_order_id: str
    increment_id: str
    sku: str | None  # None, here and in the next three: the marketplace sent none that could be read
    quantity: int | None
    carrier: str | None
    order_date: date | None
    condition: Condition
    ways: frozenset[Way] = frozenset()
    reason: str | None = None  # why it is held or closed; None: it is neither
    missing: tuple[str, ...] = ()  # what a WAITING or FLAGGED order still waits for: acknowledgement, label
    at: datetime | None = None  # when it was flagged, confirmed or missed in the list; None: none of these
    who: str | None = None  # who flagged it; None: nobody
    station: str | None = None  # where it was flagged; None: not on the page


@dataclass(frozen=True)
class Meaning:
    """What a scan means: a command, or the orders that it names. Several are a question, never a guess."""

    command: Command | None = None
    matches: tuple[Match, ...] = ()
    layout: str | None = None  # the keyboard that was repaired to understand it; None: none
    more: bool = False  # there are more than MOST
    empty: bool = False  # nothing was scanned
