"""How many parcels an order has, and which were scanned. Pure. Furniture comes in several boxes.

How many, by the first of these that tells:

1. A person counted them, and confirmed the number.
2. The articles file: its cartons, times the quantity.
3. The codes on the label: each page with a code of its own, which is on no other page, is one parcel.
4. The pages of the label. Of a label that replaces another one and was not read yet, those of the older one count; without any,
   it is one parcel.

The codes of one page (tracking number, routing, order) are one parcel. A code on several pages names no parcel: scans of it cannot
be told apart, and two scans of one code are never two parcels. Then a person confirms the number.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

MOST_PAGES = 20
"""How many pages of a label are searched for codes."""


class Source(StrEnum):
    """What the number of parcels is taken from."""

    PERSON = "person"
    ARTICLES = "articles"
    CODES = "codes"
    PAGES = "pages"


@dataclass(frozen=True)
class Parcels:
    """The parcels of one order. scanned: the pages of its label whose codes were scanned. name, bin: as in the articles file.

    pages: of its label; 0: it was not read, or cannot be.
    """

    total: int = 1
    source: Source = Source.PAGES
    scanned: frozenset[int] = frozenset()
    name: str = ""  # empty: the articles file has none
    bin: str = ""  # as above
    pages: int = 0

    @property
    def done(self) -> int:
        """How many were scanned."""
        return min(len(self.scanned), self.total)

    @property
    def is_complete(self) -> bool:
        """Whether the order may be marked: all were scanned, or confirmed, or there is only one."""
        return self.total <= 1 or self.source is Source.PERSON or self.done >= self.total

    def plus(self, page: int | None) -> "Parcels":
        """Return them after a scan of a code of this page. None: the code names no parcel."""
        return self if page is None else replace(self, scanned=self.scanned | {page})

    def confirmed(self, number: int) -> "Parcels":
        """Return them after a person has counted them."""
        return replace(self, total=number, source=Source.PERSON)


ONE = Parcels()
"""An order of one parcel, which is marked like any other."""


def expected(
    confirmed: int | None, cartons: int | None, quantity: int | None, own_pages: int, pages: int | None
) -> tuple[int, Source]:
    """Return how many parcels there are, and how that is known. own_pages: the pages with a code of their own."""
    if confirmed:
        return confirmed, Source.PERSON
    if cartons and quantity:
        return cartons * quantity, Source.ARTICLES
    if own_pages and (pages or 0) <= MOST_PAGES:  # of a longer label, not every page was searched
        return own_pages, Source.CODES
    return pages or 1, Source.PAGES
