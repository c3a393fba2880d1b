"""One request, its answer and its log line: plain values, no sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Endpoint = Literal["get-sales", "acknowledge-sale", "ship-sale", "label", "sandbox", "other"]
Token = Literal["none", "right", "wrong"]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Arrival:
    """When a request's head was complete, on both clocks."""

    at: datetime
    monotonic: float


@dataclass(frozen=True)
class Request:
    """A request. Header names are in lower case."""

    method: str
    target: str  # path and query
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = b""  # None: the connection ended before it was complete
    arrival: Arrival | None = None  # None: now


@dataclass(frozen=True)
class Answer:
    """An answer. The server adds Date, Connection and Content-Length."""

    status: int
    body: bytes = b""
    headers: Headers = ()


@dataclass
class LogLine:
    """One request as the server saw it, whether or not it was answered."""

    at: datetime
    monotonic: float
    method: str
    target: str
    endpoint: Endpoint
    supplier: str | None  # None: the path names none that we know
    token: Token
    menzzo_order_id: str | None = None  # as given; None: none was given, or it was not text
    status: int | None = None  # None: nothing that names a status was sent
    cached: bool = False
    effect: Literal["acknowledged", "shipped"] | None = None  # what really happened, whatever the answer
    fault: str | None = None  # the name of the fault that the request met


def json_answer(status: int, value: object) -> Answer:
    """Return an answer with that value as JSON."""
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def error_answer(status: int, error: str) -> Answer:
    """Return an error. The documentation has no examples of errors (API notes, 7); the words are ours."""
    return json_answer(status, {"success": False, "error": error})
