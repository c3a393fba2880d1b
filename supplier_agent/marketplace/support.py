"""Values of Menzzo's customer-support API ("Chatbot API"), and the interface of a client. Without HTTP.

integrations/support makes the requests and reads the answers. No value has a place for a customer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from supplier_agent.marketplace import Verdict


@dataclass(frozen=True)
class SoldLine:
    """One article of a sale. tracking, carrier: None: not given, or not usable."""

    sku: str
    tracking: str | None = None
    carrier: str | None = None


@dataclass(frozen=True)
class SaleFound:
    """What is known of a sale. as_of: how old that is. status: None: no usable word. found: False: there is no such sale."""

    as_of: datetime
    status: str | None = None
    lines: tuple[SoldLine, ...] = ()
    found: bool = True

    def line_of(self, sku: str | None) -> SoldLine | None:
        """Return the line of an article; None if there is none, or if several differ."""
        mine = {line for line in self.lines if line.sku == sku}
        return mine.pop() if len(mine) == 1 else None


@dataclass(frozen=True)
class ProductFound:
    """What is known of a product. name, picture (an address): None: not given, or not usable."""

    name: str | None = None
    picture: str | None = None


@dataclass(frozen=True)
class Picture:
    """A picture that was fetched. suffix: by its first bytes, as in a file name."""

    content: bytes
    suffix: str


@dataclass(frozen=True)
class Case:
    """A case of the after-sales service. None: not given, or not usable."""

    sav_id: str
    complaint: str | None = None
    status: str | None = None
    opened_on: str | None = None


@dataclass(frozen=True)
class CasesFound:
    """The cases about one line of a sale."""

    cases: tuple[Case, ...] = ()


class SupportClient(Protocol):
    """The requests that may be made of the support API: three kinds of reads, and one case that a person has opened.

    There is none by e-mail.
    """

    def sale(self, increment_id: str) -> SaleFound | Verdict:
        """GET /api/sale/details/{incrementId}."""

    def product(self, sku: str) -> ProductFound | Verdict:
        """GET /api/product/{sku}."""

    def picture(self, address: str) -> Picture | Verdict:
        """GET the picture of a product, without the token."""

    def cases(self, increment_id: str, sale_product_id: str) -> CasesFound | Verdict:
        """GET /api/customer/sav-status?increment_id=…&sale_product_id=…."""

    def open_case(self, body: str) -> tuple[Verdict, str | None]:
        """POST /api/sav, once. Return the verdict, and the id of the case; None: the answer names none."""


class SupportTools(Protocol):
    """What a worker has for a call to the support API."""

    @property
    def support(self) -> SupportClient:
        """Makes the requests."""

    def keep_picture(self, supplier: str, sku: str, picture: Picture) -> str | None:
        """Store a picture in the state folder; return its path there, None if it cannot be stored."""
