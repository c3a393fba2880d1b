"""What a scanner typed: tidied, its symbology prefix taken off, a wrong keyboard language repaired, commands recognised.

A scanner types as a keyboard of the United States. Where the computer believes in another keyboard, other characters arrive.
Such a text is offered as it came, and beside it as it was probably meant; whoever looks orders up tries them in this order.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

MOST_CHARACTERS = 4096
"""More than any code holds: somebody leans on the keyboard."""

_AIM_PREFIX = re.compile(r"\A\][A-Za-z][0-9A-Za-z](?=.)")
"""How a scanner may announce what kind of code it read (ISO/IEC 15424): ]C1, ]Q3, …"""

_KEPT_AS_IT_IS = re.compile(r"\A[\x21-\x7e]{1,48}\Z")

_US = r"""`1234567890-=qwertyuiop[]\asdfghjkl;'zxcvbnm,./~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?"""
_KEYBOARDS: Mapping[str, str] = {
    "fr": """²&é"'(-è_çà)=azertyuiop^$*qsdfghjklmùwxcvbn,;:!~1234567890°+AZERTYUIOP¨£µQSDFGHJKLM%WXCVBN?./§""",
    "tr": """"1234567890*-qwertyuıopğü,asdfghjklşizxcvbnmöç.é!'^+%&/()=?_QWERTYUIOPĞÜ;ASDFGHJKLŞİZXCVBNMÖÇ:""",  # noqa: RUF001 - the Turkish keyboard has two kinds of i
}
"""The same keys in the same order: first without, then with shift. Source: xkeyboard-config, symbols/fr and symbols/tr."""

_TYPED = {name: str.maketrans(_US, keys) for name, keys in _KEYBOARDS.items()}
_REPAIRED = {name: str.maketrans(keys, _US) for name, keys in _KEYBOARDS.items()}
_INNOCENT = frozenset("-_./+ ")
"""What codes have anyway: no sign of a wrong keyboard. (But nothing else than - and _ is: a French 6 and 8.)"""


class Command(StrEnum):
    """What the card of commands can say. Capitals and a space: most keyboards agree on them, and the rest is repaired."""

    UNDO = "UNDO"
    PRINT_AGAIN = "PRINT AGAIN"
    PROBLEM = "PROBLEM"
    NEXT = "NEXT"


@dataclass(frozen=True)
class Reading:
    """One way to read what was typed. `layout`: the keyboard ("fr", "tr") that was repaired; None: as it came."""

    text: str
    layout: str | None = None


@dataclass(frozen=True)
class Scan:
    """What was typed, in every way that it can be read, the likeliest first; none: nothing was scanned."""

    readings: tuple[Reading, ...] = ()
    command: Command | None = None
    layout: str | None = None  # the keyboard that was repaired to recognise the command; None: none


def read(raw: str) -> Scan:
    """Return what a scanner, or a person, has typed."""
    text = tidy(raw)
    if not text:
        return Scan()
    for layout in (None, *_KEYBOARDS):
        words = (text if layout is None else text.translate(_REPAIRED[layout])).upper()
        if words in set(Command):
            return Scan(command=Command(words), layout=layout)
    repaired = [
        Reading(_without_prefix(text.translate(_REPAIRED[layout])), layout)
        for layout in _KEYBOARDS
        if _shows(layout, text)
    ]
    return Scan((Reading(_without_prefix(text)), *repaired))


def tidy(raw: str) -> str:
    """Return the text without what cannot be seen: control characters, group separators, blanks around it."""
    return "".join(character for character in raw[:MOST_CHARACTERS] if character.isprintable()).strip()


def _without_prefix(text: str) -> str:
    return _AIM_PREFIX.sub("", text)


def _shows(layout: str, text: str) -> bool:
    """Tell whether the text has what only that keyboard would have made of a code."""
    signs = [
        c for c in text if ord(c) in _REPAIRED[layout] and not (c.isascii() and c.isalnum()) and c not in _INNOCENT
    ]
    return bool(signs) or (layout == "fr" and set(text) <= {"-", "_"})


def as_typed(text: str, layout: str) -> str:
    """Return what arrives if a scanner types `text` where the computer believes in the keyboard "fr" or "tr"."""
    return text.translate(_TYPED[layout])


def alias(code: str) -> str:
    """Return the form in which a code of the carrier's label is kept.

    A long one, or one with blanks, may hold the customer's name and address: it is kept as its hash, and found all the same.
    """
    text = _without_prefix(tidy(code))
    if _KEPT_AS_IT_IS.match(text):
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text else ""


# -- The orders behind a scan, as far as an answer needs to know them.

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
