"""One request and its answer as plain values, the faults that can be put on an answer, and which request gets which fault.

Each fault says how the answer fails and whether the effect takes place. Rules are set by a test or by a person, and tried in the
order in which they were set.
"""

import gzip
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Literal

from supplier_agent.base.clock import Clock

Endpoint = str
"""The last part of the path of one of the API's endpoints (api.py); or label, sandbox, other, or the name of a shop or carrier."""
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
    operation: str | None = None  # the name of a GraphQL operation; None: it is none
    is_complete: bool = True  # False: the connection ended before the whole body had arrived


def json_answer(status: int, value: object) -> Answer:
    """Return an answer with that value as JSON."""
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def error_answer(status: int, error: str) -> Answer:
    """Return an error. The documentation has no examples of errors (API notes, 7); the words are ours."""
    return json_answer(status, {"success": False, "error": error})


_HTML = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
_SECOND_REPLY = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"success": true}'


class Wire(Enum):
    """How an answer is transmitted."""

    WHOLE = auto()
    LATE = auto()
    HANG = auto()
    CLOSE = auto()
    RESET = auto()
    HALF_HEAD = auto()
    HALF_BODY = auto()
    GARBAGE = auto()
    DRIP_HEAD = auto()
    DRIP_BODY = auto()
    TWO_LENGTHS = auto()
    EXTRA_BYTES = auto()


_NO_STATUS = frozenset({Wire.HANG, Wire.CLOSE, Wire.RESET, Wire.HALF_HEAD, Wire.GARBAGE})


@dataclass(frozen=True)
class Fault:
    """One kind of failure. Created by the functions below."""

    name: str
    applied: bool  # whether acknowledge-sale or ship-sale takes effect first
    wire: Wire = Wire.WHOLE
    answer: Answer | None = None  # None: the API's own answer, as if the effect had taken place
    seconds: float | None = None  # how long, or between two pieces; None: until the client gives up
    data: bytes = b""  # what is sent in addition to the answer, or instead of it
    keep: float = 1.0  # the part of the body that stays, with a length that fits it
    measured: bool = True  # whether a broken body was announced with its full length

    def spoil(self, answer: Answer) -> Answer:
        """Return what is answered instead."""
        answer = self.answer or answer
        return replace(answer, body=answer.body[: int(len(answer.body) * self.keep)])

    @property
    def names_a_status(self) -> bool:
        """Tell whether a client can read a status line."""
        return self.wire not in _NO_STATUS


def status(code: int, *, headers: Headers = (), body: bytes = b"", applied: bool = False) -> Fault:
    """Answer with that status: 500, 429 with Retry-After, 401 for a while, or a 200 with any body."""
    return Fault(f"status {code}", applied, answer=Answer(code, body, headers))


def says(value: object, *, code: int = 200, applied: bool = False) -> Fault:
    """Answer with that value as JSON."""
    answer = Answer(code, json.dumps(value).encode(), (("Content-Type", "application/json"),))
    return Fault(f"says {code}", applied, answer=answer)


def redirect(url: str, *, code: int = 307, applied: bool = False) -> Fault:
    """Redirect the client."""
    return status(code, headers=(("Location", url),), applied=applied)


def html(*, code: int = 200, applied: bool = False) -> Fault:
    """Answer with a web page instead of JSON or a label, like a proxy in front of a dead server."""
    answer = Answer(code, _HTML, (("Content-Type", "text/html; charset=utf-8"),))
    return Fault("html", applied, answer=answer)


def empty(*, applied: bool = False) -> Fault:
    """Answer 200 without a body."""
    return Fault("empty", applied, answer=Answer(200))


def gzip_bomb(*, megabytes: int = 64, applied: bool = False) -> Fault:
    """Answer with a small body that decompresses to many megabytes of blanks."""
    headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
    return Fault("gzip bomb", applied, answer=Answer(200, _bomb(megabytes), headers))


def truncated(keep: float = 0.5) -> Fault:
    """Answer with the first part of the body and a matching length: a label that is a broken PDF."""
    return Fault("truncated", applied=True, keep=keep)


def late(seconds: float, *, applied: bool = True) -> Fault:
    """Answer in full after so many seconds."""
    return Fault("late", applied, Wire.LATE, seconds=seconds)


def hang(seconds: float | None = None, *, applied: bool) -> Fault:
    """Say nothing until the client closes, or for so many seconds, then close."""
    return Fault("hang", applied, Wire.HANG, seconds=seconds)


def close(*, applied: bool) -> Fault:
    """Close the connection properly, without an answer."""
    return Fault("close", applied, Wire.CLOSE)


def reset(*, applied: bool) -> Fault:
    """Reset the connection (RST) instead of an answer."""
    return Fault("reset", applied, Wire.RESET)


def half_head(*, applied: bool) -> Fault:
    """Close in the middle of the answer's head."""
    return Fault("half head", applied, Wire.HALF_HEAD)


def half_body(*, applied: bool, measured: bool = True) -> Fault:
    """Close in the middle of the body. Not measured: without Content-Length, so that it looks like the end."""
    return Fault("half body", applied, Wire.HALF_BODY, measured=measured)


def garbage(*, applied: bool, data: bytes = b"\x16\x03\x01 this is no HTTP \xff\x00\r\n\r\n") -> Fault:
    """Send bytes that are not HTTP, then close."""
    return Fault("garbage", applied, Wire.GARBAGE, data=data)


def drip_head(seconds: float = 0.05, *, applied: bool = True) -> Fault:
    """Send the head one byte at a time, with a pause after each."""
    return Fault("drip head", applied, Wire.DRIP_HEAD, seconds=seconds)


def drip_body(seconds: float = 0.05, *, applied: bool = True) -> Fault:
    """Send the body one byte at a time, with a pause after each."""
    return Fault("drip body", applied, Wire.DRIP_BODY, seconds=seconds)


def two_lengths(*, applied: bool = True) -> Fault:
    """Announce two different Content-Lengths."""
    return Fault("two lengths", applied, Wire.TWO_LENGTHS)


def extra_bytes(data: bytes = _SECOND_REPLY, *, applied: bool = True) -> Fault:
    """Send more than was announced: by default a whole second reply.

    A client that keeps the connection takes it for the answer to its next request.
    """
    return Fault("extra bytes", applied, Wire.EXTRA_BYTES, data=data)


@lru_cache(maxsize=4)
def _bomb(megabytes: int) -> bytes:
    return gzip.compress(bytes(megabytes << 20).replace(b"\0", b" "))


@dataclass
class _Rule:
    fault: Fault
    matches: Callable[[LogLine], bool]
    skip: int
    left: int | None
    until: float | None


class FaultPlan:
    """The rules that are armed. Safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._connections = 0

    def arm(
        self,
        endpoint: Endpoint,
        fault: Fault,
        *,
        supplier: str | None = None,
        menzzo_order_id: str | None = None,
        when: Callable[[LogLine], bool] = lambda _: True,
        nth: int = 1,
        times: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Give the fault to the nth matching request from now, and to the following ones, `times` in total.

        `times`: 1 by default; with `seconds`, every request until then. A request that gets an earlier rule's fault is not
        counted by later rules.
        """

        def matches(line: LogLine) -> bool:
            return (
                line.endpoint == endpoint
                and supplier in (None, line.supplier)
                and menzzo_order_id in (None, line.menzzo_order_id)
                and when(line)
            )

        until = None if seconds is None else self._clock.monotonic() + seconds
        left = 1 if times is None and seconds is None else times
        with self._lock:
            self._rules.append(_Rule(fault, matches, nth - 1, left, until))

    def reset_connections(self, times: int) -> None:
        """Reset that many of the next connections as soon as they are made, before anything is read."""
        with self._lock:
            self._connections += times

    def disarm(self) -> None:
        """Forget every rule."""
        with self._lock:
            self._rules.clear()
            self._connections = 0

    def take(self, line: LogLine) -> Fault | None:
        """Return the fault for this request, and count it."""
        with self._lock:
            now = self._clock.monotonic()
            self._rules = [r for r in self._rules if r.left != 0 and (r.until is None or now < r.until)]
            for rule in self._rules:
                if not rule.matches(line):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.left = None if rule.left is None else rule.left - 1
                return rule.fault
        return None

    def take_connection(self) -> bool:
        """Tell whether a new connection is to be reset, and count it."""
        with self._lock:
            if self._connections == 0:
                return False
            self._connections -= 1
            return True
