"""What carriers say about parcels, and what follows for an order. Pure: no clock, no database, no network.

No value has a place for a person, an address or a signature: the parser drops what an answer says of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True)
class LastScan:
    """The answer of a carrier about one code.

    is_known: the carrier knows the code. is_scanned: it had the parcel in its hands; an announcement of the sender is no scan.
    at: when, by the carrier's clock, in UTC; None: not scanned, or no usable time. event: its code for that; None: as above.
    """

    code: str
    is_known: bool = True
    is_scanned: bool = False
    at: datetime | None = None
    event: str | None = None


@dataclass(frozen=True)
class Asked:
    """The answers about several codes. whole: all that were asked about were answered."""

    scans: tuple[LastScan, ...] = ()
    whole: bool = True


def parcels(codes: Iterable[tuple[str, int | None, bool]]) -> tuple[int, int]:
    """Return how many parcels these codes are, and of how many no scan is known.

    codes: each with its page and whether it was scanned. The codes of one page are one parcel, scanned if one of them was.
    A code on several pages, or on none, is a parcel only if there is no other: it may be the shipment's.
    """
    pages: dict[int | None, bool] = {}
    for _, page, scanned in codes:
        pages[page] = pages.get(page, False) or scanned
    if len(pages) > 1:
        pages.pop(None, None)
    return len(pages), sum(not scanned for scanned in pages.values())
