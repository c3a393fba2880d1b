"""What a scanner typed: text in, the ways to read it out. Pure.

Clean the text, remove the symbology prefix, recognise a command. A scanner types like a US keyboard; if the computer uses another
layout, other characters arrive. Such a text is offered as it came and as it was probably meant.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MOST_CHARACTERS = 4096
"""Longer than any code: something is lying on the keyboard."""

_AIM_PREFIX = re.compile(r"\A\][A-Za-z][0-9A-Za-z](?=.)")
"""The prefix by which a scanner may announce the type of code (ISO/IEC 15424): ]C1, ]Q3, …"""

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
"""Characters of normal codes, which are no sign of a wrong layout. (Only - and _ are: a French 6 and 8.)"""


class Command(StrEnum):
    """The commands of the card. Capitals and a space: most layouts have them in the same place, and the others are corrected."""

    UNDO = "UNDO"
    PRINT_AGAIN = "PRINT AGAIN"
    PROBLEM = "PROBLEM"
    NEXT = "NEXT"


@dataclass(frozen=True)
class Reading:
    """One way to read the typed text. `layout`: the layout ("fr", "tr") that was corrected; None: as it came."""

    text: str
    layout: str | None = None


@dataclass(frozen=True)
class Scan:
    """All ways to read the typed text, most likely first; none: nothing was scanned."""

    readings: tuple[Reading, ...] = ()
    command: Command | None = None
    layout: str | None = None  # the layout that was corrected to recognise the command; None: none


def read(raw: str) -> Scan:
    """Return the ways to read the text from a scanner or a person."""
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
    """Return the text without invisible characters: control characters, group separators, blanks around it."""
    return "".join(character for character in raw[:MOST_CHARACTERS] if character.isprintable()).strip()


def _without_prefix(text: str) -> str:
    return _AIM_PREFIX.sub("", text)


def _shows(layout: str, text: str) -> bool:
    """Tell whether the text has characters that only that layout makes of a code."""
    signs = [
        c for c in text if ord(c) in _REPAIRED[layout] and not (c.isascii() and c.isalnum()) and c not in _INNOCENT
    ]
    return bool(signs) or (layout == "fr" and set(text) <= {"-", "_"})


def as_typed(text: str, layout: str) -> str:
    """Return what arrives if a scanner types `text` on a computer with the layout "fr" or "tr"."""
    return text.translate(_TYPED[layout])


def alias(code: str) -> str:
    """Return the form in which a code of the carrier's label is stored.

    A long code, or one with blanks, may contain the customer's name and address: it is stored as a hash, and still found.
    """
    text = _without_prefix(tidy(code))
    if _KEPT_AS_IT_IS.match(text):
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text else ""
