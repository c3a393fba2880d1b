"""What the client needs to know about a carrier: its requests, and what its answers mean. Pure.

Each carrier has one file. It names the version of the API, and the document that each request and field comes from. A parser
reads named fields only: the code, the time and the kind of the last event. Names, addresses, places, signatures and free texts are
dropped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from supplier_agent.integrations.reading import AnswerError
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading.scans import LastScan

_EVENT = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,19}", re.ASCII)
MOST_EVENTS = 500
"""So many events of one parcel are looked at."""


@dataclass(frozen=True)
class Request:
    """One request. target: below the carrier's address, with its query. content: None for none."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)


class Carrier(Protocol):
    """A carrier. `read` raises AnswerError if the answer is not what is documented."""

    API: str
    """The name and version of the API."""
    LIMITS: str
    """What the carrier publishes about rates and quotas, as a sentence."""
    AT_ONCE: int
    """How many codes one request may ask about."""

    def ask(self, codes: Sequence[str], secret: str) -> Request:
        """Return the request for the last scan of these codes. secret: the credentials, or the access token of `sign_in`."""

    def read(self, answer: Answer, codes: Sequence[str]) -> tuple[LastScan, ...] | None:
        """Return the last scan of each code; None: the answer is no answer about them (its status says why)."""

    def sign_in(self, credentials: str) -> Request | None:
        """Return the request for an access token; None: the credentials themselves are sent."""


# -- What all carriers share in reading answers.


def object_of(value: object, what: str) -> Mapping[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise AnswerError(f"the answer has no {what}")
    return value


def objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none if it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def event_code(value: object) -> str | None:
    """Return a code of an event; None if it has not the form of one, like a text."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if _EVENT.fullmatch(text) else None


def last_of(code: str, events: Sequence[tuple[datetime | None, str | None]]) -> LastScan:
    """Return the last scan among the events that are scans; without one, the carrier only knows the code."""
    if not events:
        return LastScan(code)
    floor = datetime.min.replace(tzinfo=UTC)
    at, event = max(events, key=lambda each: each[0] or floor)
    return LastScan(code, is_scanned=True, at=at, event=event)


def by_code(codes: Sequence[str], found: Mapping[str, LastScan]) -> tuple[LastScan, ...]:
    """Return the answers in the order of the codes. Raises AnswerError if one is missing."""
    if missing := [code for code in codes if code not in found]:
        raise AnswerError(f"the answer leaves out {len(missing)} of {len(codes)} codes")
    return tuple(found[code] for code in codes)
