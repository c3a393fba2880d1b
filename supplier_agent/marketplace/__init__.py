"""The Menzzo supplier API: four requests, each with a value as its result. The only package that talks to the marketplace.

This file has the values and the interface of a client, without HTTP. client.py makes the requests, answers.py and listing.py
interpret the answers, links.py decides where a label may come from, wire.py sends, rate_limit.py limits the rate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from supplier_agent.base.clock import Clock
from supplier_agent.marketplace.listing import Rejected, Seen
from supplier_agent.reading.strategy import Query


class Means(StrEnum):
    """What is known after a request."""

    CONFIRMED = "confirmed"  # the marketplace says that it is done
    UNVERIFIED = "unverified"  # accepted, without the documented `success`
    REFUSED = "refused"  # a person must look; the same request would be refused again
    NOT_FOUND = "not_found"
    REDIRECTED = "redirected"  # never followed: the address is wrong, or something else answers
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a meaning
    TOO_MANY = "too_many"
    UNCLEAR = "unclear"  # an answer that proves neither a yes nor a no
    FAILED = "failed"  # the server reported a failure, but may have done the work before
    LOST = "lost"  # sent, but no complete answer came
    NOT_SENT = "not_sent"
    TOO_LARGE = "too_large"  # reads only


@dataclass(frozen=True)
class Verdict:
    """The result of a call. `detail` is the answer word for word, escaped, or our own sentence if no answer came.

    `http_status` is None if no answer came. `tries` counts the requests.
    """

    means: Means
    detail: str
    http_status: int | None = None
    retry_after_seconds: float | None = None
    tries: int = 1
    redirected_to: str | None = None  # the host; None: it was no redirect


@dataclass(frozen=True)
class Listing:
    """One page of get-sales. `sha256` is the hash of the answer's body or masked entries, so equal pages have equal hashes."""

    rows: tuple[Seen | Rejected, ...]
    http_status: int
    sha256: str
    tries: int = 1
    age_seconds: int | None = None  # how long it was in a cache; None: not known
    ahead_seconds: int | None = None  # the server's clock minus ours; None: the answer has no time


@dataclass(frozen=True)
class LabelBytes:
    """The content behind a link, not checked yet. `url_path` is the final path, without the query."""

    content: bytes
    url_path: str
    tries: int = 1


class Client(Protocol):
    """The requests that a supplier's account at the marketplace can make. client.py implements them."""

    @property
    def clock(self) -> Clock:
        """The clock of this client."""

    def get_sales(self, query: Query) -> Listing | Verdict:
        """Return one page of the list of orders."""

    def post(self, endpoint: str, menzzo_order_id: str, fields: Mapping[str, object] | None = None) -> Verdict:
        """Tell the marketplace something about one order, once. `fields`: what the endpoint needs besides the order's id."""

    def fetch_label(self, link: str) -> LabelBytes | Verdict:
        """Download the label behind a link."""


__all__ = ["Client", "LabelBytes", "Listing", "Means", "Rejected", "Seen", "Verdict"]
