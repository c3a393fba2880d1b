"""What the client needs to know about a shop's platform: its requests, and what its answers mean. Pure, apart from the network.

Each platform has one file. It names the version of the API, and the document that each request and field comes from.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from supplier_agent.integrations.access_tokens import Granted
from supplier_agent.integrations.reading import AnswerError, instant_of
from supplier_agent.marketplace import Verdict
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.shop_orders import InShop, Product, ShopPage

ADDRESS = ("Menzzo order", "Do not send here: use the label of the marketplace", "No address", "00000")
"""What the shop gets as name, street, town and postcode. The marketplace gives suppliers no address, and none may be invented that
a person could take for a real one."""
NO_MAIL = "no-mail@menzzo.invalid"
"""Where a platform insists on an e-mail address: a domain that cannot exist (RFC 2606, 2)."""
MOST_FOUND = 20
"""The maximum number of orders that a search returns. More than one is a mistake."""


class SaidError(AnswerError):
    """The platform says in the body of a 2xx what others say with a status. Its text is the platform's."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict


@dataclass(frozen=True)
class Request:
    """One request. path: below the shop's address, with its query. body: None for none."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    @property
    def content(self) -> bytes | None:
        """Return the body as JSON; None: there is none."""
        return None if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Line:
    """What is mirrored of an order: no personal data, because the marketplace gives us none.

    price_cents: the wholesale price of one piece; None: it could not be read, and the shop uses its own.
    """

    reference: str
    supplier: str
    quantity: int
    price_cents: int | None


@dataclass(frozen=True)
class Scope:
    """A right that `shop check` proves by one read. what: a sentence without a full stop.

    read: raises AnswerError if the answer does not prove it, else returns what is doubtful all the same, or "".
    None: any JSON with a 2xx proves it.
    """

    name: str
    request: Request
    what: str
    read: Callable[[Answer], str] | None = None


class Platform(Protocol):
    """A platform. Every `read_…` raises AnswerError if the answer is not what is documented."""

    API: str
    """The name and version of the API."""
    CANNOT_PROVE: str
    """What `shop check` cannot prove by reads alone, as a sentence."""
    PAGE: int
    """How many orders a page has."""

    def headers(self, credentials: str) -> Mapping[str, str]:
        """Return the headers that carry the credentials."""

    def secrets(self, credentials: str) -> Sequence[str]:
        """Return everything that must not be shown, in every spelling that is sent."""

    def search(self, reference: str) -> Request:
        """Return the request that finds the orders with that reference."""

    def changed(self, since: datetime, page: int) -> Request:
        """Return the request for orders modified since then, oldest first."""

    def read_orders(self, answer: Answer, page: int) -> ShopPage:
        """Return the orders of an answer to `search` or `changed`."""

    def product(self, sku: str) -> Request:
        """Return the request that finds a product by its SKU."""

    def read_product(self, answer: Answer, sku: str) -> Product | None:
        """Return the product; None: the shop has none with exactly that SKU."""

    def create(self, line: Line, product: Product) -> Request:
        """Return the request that makes an order, without mail to any customer."""

    def read_created(self, answer: Answer) -> InShop:
        """Return the order that was made."""

    def scopes(self) -> Sequence[Scope]:
        """Return the rights that reads alone can prove."""


# -- What only some platforms have.


@runtime_checkable
class ByCursor(Protocol):
    """What a platform also has if its pages have cursors instead of numbers, and its search learns of an order some time later."""

    def changed_after(self, since: datetime, after: str) -> Request:
        """Return the request for the page of `changed` that follows that cursor."""

    def newest(self, after: str) -> Request:
        """Return the request for all orders, the newest first, without the search. after: a cursor; "" for the first page."""


@runtime_checkable
class Granting(Protocol):
    """What a platform also has if credentials are exchanged for an access token, which is sent in their place."""

    def grant(self, credentials: str) -> Request | None:
        """Return the request for an access token; None: these credentials are sent as they are."""

    def read_grant(self, answer: Answer) -> Granted:
        """Return the token. Raises AnswerError."""


@runtime_checkable
class FindsVariants(Protocol):
    """A platform whose search for products does not find variants: they have a request of their own."""

    def variant(self, sku: str) -> Request:
        """Return the request that finds a variant by its SKU."""

    def read_variant(self, answer: Answer, sku: str) -> Product | None:
        """Return the variant; None: the shop has none with exactly that SKU."""


@runtime_checkable
class SaysWhenToRetry(Protocol):
    """A platform that says in a header of its own when requests are allowed again."""

    def retry_after(self, answer: Answer) -> str | None:
        """Return what Retry-After would say, in seconds; None: the answer does not say."""


# -- What all platforms share in reading answers.


def list_of(value: object, what: str) -> list[Mapping[str, Any]]:
    """Return a list of objects."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise AnswerError(f"the answer is no list of {what}")
    return value


def object_of(value: object, what: str) -> Mapping[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise AnswerError(f"the answer is no {what}")
    return value


LONGEST_TEXT = 200


def text(row: Mapping[str, Any], name: str, *, needed: bool = False) -> str:
    """Return a field as text, cut to what may be shown; "" if it is missing."""
    value = row.get(name)
    found = str(value)[:LONGEST_TEXT] if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if needed and not found:
        raise AnswerError(f"an order of the answer has no {name}")
    return found


def number(row: Mapping[str, Any], name: str) -> float:
    """Return a field as a number; 0 if it is missing. Platforms write numbers as text, too."""
    value = row.get(name)
    try:
        return float(value) if isinstance(value, str | int | float) else 0.0
    except ValueError:
        return 0.0


def instant(row: Mapping[str, Any], name: str) -> datetime | None:
    """Return a field that is an instant in UTC without a zone; None if it is missing or cannot be read."""
    return instant_of(row.get(name))


def readable(rows: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], InShop]) -> tuple[InShop, ...]:
    """Return the orders that can be read. One that cannot is left out: it must not hide the others."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except AnswerError:
            continue
    if rows and not found:
        raise AnswerError("no order of the answer can be read")
    return tuple(found)
