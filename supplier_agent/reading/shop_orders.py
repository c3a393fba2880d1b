"""What an order in the supplier's own shop says about ours. Pure: no clock, no database, no network.

The shop is the supplier's (integrations/shops/ has a file for each platform). Its orders are read by their time of modification,
and "fulfilled" there is a mark here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

OVERLAP = timedelta(minutes=10)
"""Each read begins this long before the end of the last one: the shop's clock and its transactions are not exact."""
MOST_PAGES = 20
"""So many pages are read in a row; the rest is read later, from there."""


@dataclass(frozen=True)
class InShop:
    """One order in the shop. Instants are the shop's, in UTC.

    shop_id: the shop's own id. number: what its staff call it. reference: our `menzzo_order_id`, "" if it is not ours.
    supplier: for whom it was made, "" if it does not say. created_at, modified_at: None if the shop does not say.
    placed: a customer of the shop placed it in the shop itself; False: not, or the platform does not say.
    """

    shop_id: str
    number: str
    reference: str
    supplier: str
    status: str
    fulfilled: bool
    created_at: datetime | None = None
    modified_at: datetime | None = None
    placed: bool = False


@dataclass(frozen=True)
class ShopPage:
    """One page of the shop's orders. more: there is another page. at: the shop's clock; None: its answer has no time.

    after: the cursor with which the next page is asked for, "" if pages have numbers. note: what a person should know, or "".
    """

    orders: tuple[InShop, ...]
    more: bool
    at: datetime | None = None
    after: str = ""
    note: str = ""


@dataclass(frozen=True)
class Product:
    """A product. variant_id: the id of one of its variants; "" if it has none. currency: of its price; "" if not known."""

    product_id: str
    variant_id: str
    sku: str
    name: str
    currency: str = ""


class Says(StrEnum):
    """What an order in the shop means for ours."""

    NOTHING = "nothing"
    BEFORE = "before"  # it was fulfilled before the shop was connected, as far as we can know
    MARK = "mark"
    TAKEN_BACK = "taken back"


@dataclass(frozen=True)
class Known:
    """What was read about an order of the shop before. fulfilled: at the last read."""

    fulfilled: bool
    counted: bool  # its fulfilment was noticed after the shop was connected


def what_it_says(seen: InShop, known: Known | None, connected_at: datetime) -> Says:
    """Return what one order in the shop means for ours.

    1. Not fulfilled: nothing, unless it was fulfilled at the last read, and that had counted.
    2. Fulfilled, as at the last read: nothing new.
    3. Fulfilled now and not before: a mark.
    4. Fulfilled when it is read for the first time: a mark if it was made since the shop was connected. An older one may have been
       fulfilled before, which says nothing about the parcel of today.
    """
    if not seen.fulfilled:
        return Says.TAKEN_BACK if known is not None and known.fulfilled and known.counted else Says.NOTHING
    if known is not None:
        return Says.NOTHING if known.fulfilled else Says.MARK
    made = seen.created_at or seen.modified_at
    return Says.MARK if made is not None and made >= connected_at else Says.BEFORE


def next_cursor(cursor: datetime, orders: Sequence[InShop], at: datetime) -> datetime:
    """Return up to which time of modification everything has been read, after these orders, oldest first.

    at: the shop's clock. The cursor is never later: an order with a time in the future must not hide what is modified until then.
    """
    return min(at, max([cursor, *(each.modified_at for each in orders if each.modified_at is not None)]))
