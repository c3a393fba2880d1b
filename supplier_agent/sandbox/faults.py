"""What may go wrong on request: each fault says how the answer is spoilt and whether the effect happened."""

import gzip
import json
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache

from supplier_agent.sandbox.exchange import Answer, Headers

_HTML = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
_SECOND_REPLY = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"success": true}'


class Wire(Enum):
    """How an answer travels."""

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
    """One way to go wrong. Made by the functions below."""

    name: str
    applied: bool  # whether the effect of acknowledge-sale or ship-sale takes place first
    wire: Wire = Wire.WHOLE
    answer: Answer | None = None  # None: the API's own answer, as if the effect had taken place
    seconds: float | None = None  # how long, or between two pieces; None: until the client gives up
    data: bytes = b""  # what is sent beside or instead of the answer
    keep: float = 1.0  # the part of the body that stays, with a length that fits it
    measured: bool = True  # whether a broken body was announced with its full length

    def spoil(self, answer: Answer) -> Answer:
        """Return what is answered instead."""
        answer = self.answer or answer
        return replace(answer, body=answer.body[: int(len(answer.body) * self.keep)])

    @property
    def names_a_status(self) -> bool:
        """Tell whether a client gets to read a status line."""
        return self.wire not in _NO_STATUS


def status(code: int, *, headers: Headers = (), body: bytes = b"", applied: bool = False) -> Fault:
    """Answer with that status: 500, 429 with Retry-After, 401 for a while, or a 200 with any body."""
    return Fault(f"status {code}", applied, answer=Answer(code, body, headers))


def says(value: object, *, code: int = 200, applied: bool = False) -> Fault:
    """Answer with that value as JSON."""
    answer = Answer(code, json.dumps(value).encode(), (("Content-Type", "application/json"),))
    return Fault(f"says {code}", applied, answer=answer)


def redirect(url: str, *, code: int = 307, applied: bool = False) -> Fault:
    """Send the client elsewhere."""
    return status(code, headers=(("Location", url),), applied=applied)


def html(*, code: int = 200, applied: bool = False) -> Fault:
    """Answer with a web page, like a proxy in front of a dead server, in the place of JSON or of a label."""
    answer = Answer(code, _HTML, (("Content-Type", "text/html; charset=utf-8"),))
    return Fault("html", applied, answer=answer)


def empty(*, applied: bool = False) -> Fault:
    """Answer 200 without a body."""
    return Fault("empty", applied, answer=Answer(200))


def gzip_bomb(*, megabytes: int = 64, applied: bool = False) -> Fault:
    """Answer with a small body that unpacks to many megabytes of blanks."""
    headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
    return Fault("gzip bomb", applied, answer=Answer(200, _bomb(megabytes), headers))


def truncated(keep: float = 0.5) -> Fault:
    """Answer with the first part of the body, its length fitting: a label that is a broken PDF."""
    return Fault("truncated", applied=True, keep=keep)


def late(seconds: float, *, applied: bool = True) -> Fault:
    """Answer in full after so many seconds."""
    return Fault("late", applied, Wire.LATE, seconds=seconds)


def hang(seconds: float | None = None, *, applied: bool) -> Fault:
    """Say nothing until the client closes, or for so many seconds, then close."""
    return Fault("hang", applied, Wire.HANG, seconds=seconds)


def close(*, applied: bool) -> Fault:
    """Close in good order without an answer."""
    return Fault("close", applied, Wire.CLOSE)


def reset(*, applied: bool) -> Fault:
    """Reset the connection (RST) in the place of an answer."""
    return Fault("reset", applied, Wire.RESET)


def half_head(*, applied: bool) -> Fault:
    """Close in the middle of the answer's head."""
    return Fault("half head", applied, Wire.HALF_HEAD)


def half_body(*, applied: bool, measured: bool = True) -> Fault:
    """Close in the middle of the body. Not measured: without Content-Length, so that the cut looks like an end."""
    return Fault("half body", applied, Wire.HALF_BODY, measured=measured)


def garbage(*, applied: bool, data: bytes = b"\x16\x03\x01 this is no HTTP \xff\x00\r\n\r\n") -> Fault:
    """Send bytes that are no HTTP, then close."""
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
