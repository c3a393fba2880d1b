"""The value of one database cell, whatever a program wrote into it. Pure: no database, no clock.

SQLite stores anything: a blob, bytes that are not UTF-8, text in a column for numbers, a day that does not exist. Such a cell
is read as an `Unreadable` of its column's type, so that every reader keeps working and can tell: no call is made for an order
with an unreadable fact, and `status` names it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import partial

SHOWN = "(unreadable)"
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Between them, adding or subtracting a hundred years stays within the calendar."""
MOST = 2**31 - 1
"""In seconds, this is 68 years; none of our counts is larger. `BOUNDS` has the columns that differ."""
BOUNDS = {
    "quantity": (1, MOST),
    "price_cents": (0, 2**53),
    "label_bytes": (0, MOST),
    "label_pages": (0, MOST),
    "parcels_confirmed": (1, MOST),
    "cartons": (1, MOST),
    "attempts": (0, MOST),
    "strikes": (0, MOST),
}
"""The smallest and the largest allowed number, by column."""
NEVER_EMPTY = {
    *("supplier", "menzzo_order_id", "increment_id", "sale_product_id", "sku", "carrier", "link_to_label", "problem"),
    *("label_link", "label_path", "label_sha256", "label_read_sha256"),
    *("override_by", "held_reason", "closed_reason", "fault"),
}
"""Columns whose text is never '': a missing value is null, and '' would look like a person's statement or a product."""
DECODE = partial(str, encoding="utf-8", errors="surrogateescape")
"""The `text_factory` of every connection: bytes that are not UTF-8 become lone surrogates, which `text` below refuses."""

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Unreadable:
    """Marks the value of a cell that cannot be read. It equals nothing else, so that overwriting it is a change."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        return SHOWN

    def __format__(self, _form: str) -> str:
        return SHOWN


class _Instant(Unreadable, datetime):
    pass


class _Day(Unreadable, date):
    pass


class _Number(Unreadable, int):
    pass


class _Text(Unreadable, str):
    __slots__ = ()


NO_INSTANT, NO_DAY, NO_NUMBER, NO_TEXT = _Instant(1970, 1, 1, tzinfo=UTC), _Day(1970, 1, 1), _Number(0), _Text(SHOWN)
_MARKS = frozenset({_Instant, _Day, _Number, _Text})


def instant(value: object) -> datetime | None:
    """Read an instant: text `YYYY-MM-DD HH:MM:SS.ffffff`, in UTC."""
    if value is None:
        return None
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return NO_INSTANT
        if is_usual(at) and value[11:13] != "24":  # which newer Pythons read as the next day
            return at.replace(tzinfo=UTC)
    return NO_INSTANT


def day(value: object) -> date | None:
    """Read a day: text `YYYY-MM-DD`."""
    if value is None:
        return None
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            found = date.fromisoformat(value)
        except ValueError:
            return NO_DAY
        if is_usual(found):
            return found
    return NO_DAY


def number(value: object, least: int = -MOST, most: int = MOST) -> int | None:
    """Read a whole number."""
    if value is None or (isinstance(value, int) and least <= value <= most):
        return value
    return NO_NUMBER


def text(value: object) -> str | None:
    """Read a text that is safe for a screen, a file name and a URL: UTF-8, without NUL."""
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value:
        return NO_TEXT
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return NO_TEXT
    return value


def some_text(value: object) -> str | None:
    """Read a text that is never empty."""
    return NO_TEXT if value == "" else text(value)


def is_usual(day: date) -> bool:
    """Tell whether arithmetic with this day, or instant, stays within the calendar."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def unreadable(row: object) -> list[str]:
    """Return the columns of a row (of tables.py, or a plain one) that cannot be read."""
    found = vars(row)
    if _MARKS.isdisjoint(map(type, found.values())):  # almost always, and ten times for each order that is judged
        return []
    return [name for name, value in found.items() if isinstance(value, Unreadable)]


def known(value: object) -> object:
    """Return a value for a program: null if it is not known."""
    return None if isinstance(value, Unreadable) else value
