"""What a server may do with a request, and the table of what must follow from it for each of the four requests.

A behaviour is given the good answer of its request and spoils it, or not.
"""

import gzip
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from supplier_agent.outbox import DONE, LATER, NOT_SENT, REFUSED, UNKNOWN
from tests.marketplace.raw_server import Peer, whole

SECOND = whole(b'{"success": true}')
HTML = b"<!DOCTYPE html><html><body>We will be back soon</body></html>"
LATER_SECONDS = 0.15

Act = Callable[[Peer, bytes], None]
"""What the server does once it has read the request; the good answer's body is given."""
Ends = tuple[str, str]
"""How a call ends: the outcome of the attempt, and the next state of the call."""


@dataclass(frozen=True)
class Follows:
    """One row of the table: what the read means, and how each call ends. Several where the network decides."""

    read: frozenset[str]
    acknowledge: frozenset[Ends]
    label: frozenset[Ends]
    ship: frozenset[Ends]

    def or_else(self, other: "Follows") -> "Follows":
        """Return the row that allows both."""
        return Follows(*(getattr(self, kind) | getattr(other, kind) for kind in KINDS))


KINDS = ("read", "acknowledge", "label", "ship")


def follows(read: str, acknowledge: Ends, label: Ends, ship: Ends) -> Follows:
    """Return a row with one ending for each request."""
    return Follows(frozenset({read}), frozenset({acknowledge}), frozenset({label}), frozenset({ship}))


@dataclass(frozen=True)
class Behaviour:
    """What the server does, and what must follow."""

    act: Act
    row: Follows
    unread: bool = False  # it begins before it has read the request
    endless: bool = False  # only our deadline ends it


# -- the rows that occur again and again --------------------------------------------------------------------------------

DONE_ = (DONE, "done")
AGAIN = (UNKNOWN, "owed")
DOUBT = (UNKNOWN, "unknown")
WAITS = (LATER, "owed")
PARKED = (REFUSED, "parked")
UNSENT = (NOT_SENT, "owed")

GOOD = follows("listed", DONE_, DONE_, DONE_)
LOST = follows("lost", AGAIN, AGAIN, DOUBT)
FAILED = follows("failed", AGAIN, AGAIN, DOUBT)
UNCLEAR = follows("unclear", AGAIN, WAITS, DOUBT)
REFUSED_ = follows("refused", PARKED, PARKED, PARKED)
TOKEN = follows("token_refused", WAITS, WAITS, WAITS)
NOT_REACHED = follows("not_sent", UNSENT, UNSENT, UNSENT)
ACCEPTED_BLANK = follows("unclear", DONE_, WAITS, DONE_)
NO = follows("unclear", PARKED, WAITS, PARKED)


# -- what a server may do -----------------------------------------------------------------------------------------------


def says(*parts: bytes, then: Callable[[Peer], None] = lambda _: None) -> Act:
    """Send these bytes, then do something or close."""

    def act(peer: Peer, _good: bytes) -> None:
        peer.send(*parts)
        then(peer)

    return act


def answers(status: bytes, body: bytes = b"", *header_lines: bytes) -> Act:
    """Send a well-formed answer."""
    return says(whole(body, *header_lines, status=status))


def spoils(form: Callable[[bytes], bytes], then: Callable[[Peer], None] = lambda _: None) -> Act:
    """Send what `form` makes of the good answer's body, then do something or close."""

    def act(peer: Peer, good: bytes) -> None:
        peer.send(form(good))
        then(peer)

    return act


def drips(head: bytes, piece: bytes) -> Act:
    """Send the head, then a piece every 50 ms until the client goes away, for 10 s at most."""

    def act(peer: Peer, _good: bytes) -> None:
        peer.send(head)
        for _ in range(200):
            time.sleep(0.05)
            peer.send(piece)

    return act


def floods(peer: Peer, _good: bytes) -> None:
    """Send a body that does not end, for 100 MB at most."""
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(100):
        peer.send(b" " * (1 << 20))


def late(peer: Peer, good: bytes) -> None:
    """Answer well, but late."""
    time.sleep(LATER_SECONDS)
    peer.send(whole(good))


def second_answer_late(peer: Peer, good: bytes) -> None:
    """Answer well, and a little later once more, unasked."""
    peer.send(whole(good, b"Connection: keep-alive"))
    time.sleep(LATER_SECONDS)
    peer.send(SECOND)


def chunked(body: bytes, *, trailer: bytes = b"", last: bytes = b"0\r\n") -> bytes:
    """Return an answer in one chunk."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n" % (len(body), body) + last + trailer + b"\r\n"


def plain(body: bytes) -> bytes:
    """Return an answer without a length, which ends where the connection ends."""
    return b"HTTP/1.1 200 OK\r\n\r\n" + body


def announced(body: bytes, keep: float) -> bytes:
    """Return an answer that announces the whole body and holds a part of it."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[: int(len(body) * keep)]


def bomb(megabytes: int) -> bytes:
    """Return many megabytes of blanks as a small gzip."""
    return gzip.compress(b" " * (megabytes << 20), 1)


OK = b"200 OK"
SILENT = Peer.stay_silent
BOMB = bomb(40)

BEHAVIOURS: Mapping[str, Behaviour] = {
    # a good answer, in every dress
    "good": Behaviour(spoils(whole), GOOD),
    "good, in chunks with a trailer": Behaviour(spoils(lambda body: chunked(body, trailer=b"X-Sum: 1\r\n")), GOOD),
    "good, as HTTP/1.0 without a length": Behaviour(spoils(lambda b: plain(b).replace(b"1.1", b"1.0", 1)), GOOD),
    "good, packed": Behaviour(spoils(lambda b: whole(gzip.compress(b), b"Content-Encoding: gzip")), GOOD),
    "good, kept open": Behaviour(spoils(lambda b: whole(b, b"Connection: keep-alive"), SILENT), GOOD),
    "good, after 100 Continue": Behaviour(spoils(lambda b: b"HTTP/1.1 100 Continue\r\n\r\n" + whole(b)), GOOD),
    "good, after 103 Early Hints": Behaviour(
        spoils(lambda b: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + whole(b)), GOOD
    ),
    "good, late": Behaviour(late, GOOD),
    "good, and a second answer unasked": Behaviour(spoils(lambda body: whole(body) + SECOND), GOOD),
    "good, and a second answer unasked, later": Behaviour(second_answer_late, GOOD),
    "good, with bytes behind it": Behaviour(spoils(lambda body: whole(body) + b"trailing"), GOOD),
    "good, then reset": Behaviour(spoils(whole, Peer.reset), GOOD.or_else(LOST)),
    "good, before the request was read": Behaviour(spoils(whole), GOOD.or_else(LOST), unread=True),
    # the answer is lost
    "closed": Behaviour(says(), LOST),
    "reset": Behaviour(says(then=Peer.reset), LOST),
    "silence": Behaviour(says(then=SILENT), LOST, endless=True),
    "half a status line": Behaviour(says(b"HTTP/1.1 2"), LOST),
    "half a status line, then silence": Behaviour(says(b"HTTP/1.1 2", then=SILENT), LOST, endless=True),
    "a status line alone": Behaviour(says(b"HTTP/1.1 200 OK\r\n"), LOST),
    "half the headers": Behaviour(says(b"HTTP/1.1 200 OK\r\nContent-Le"), LOST),
    "half the headers, then silence": Behaviour(says(b"HTTP/1.1 200 OK\r\nConte", then=SILENT), LOST, endless=True),
    "half the body": Behaviour(spoils(lambda body: announced(body, 0.5)), LOST),
    "half the body, then reset": Behaviour(spoils(lambda body: announced(body, 0.5), Peer.reset), LOST),
    "half the body, then silence": Behaviour(spoils(lambda b: announced(b, 0.5), SILENT), LOST, endless=True),
    "no body, though one was announced": Behaviour(spoils(lambda body: announced(body, 0)), LOST),
    "a body without an end": Behaviour(spoils(plain, SILENT), LOST, endless=True),
    "chunks without the last": Behaviour(spoils(lambda body: chunked(body, last=b"")[:-2]), LOST),
    "a chunk size that is none": Behaviour(
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), LOST
    ),
    "two lengths": Behaviour(spoils(lambda body: whole(body, b"Content-Length: 2")), LOST),
    "a length that is none": Behaviour(says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"), LOST),
    "a header of 200 kB": Behaviour(says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n"), LOST),
    "garbage": Behaviour(says(b"\x16\x03\x01 this is no HTTP \xff\x00\r\n\r\n"), LOST),
    "another protocol": Behaviour(says(b"220 mail.example ESMTP\r\n"), LOST),
    "100 Continue, then silence": Behaviour(says(b"HTTP/1.1 100 Continue\r\n\r\n", then=SILENT), LOST, endless=True),
    "100 Continue for ever": Behaviour(drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), LOST, endless=True),
    "switching protocols unasked": Behaviour(says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), LOST),
    "dripping headers": Behaviour(drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"), LOST, endless=True),
    "dripping body": Behaviour(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "), LOST, endless=True),
    "dripping chunks": Behaviour(
        drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), LOST, endless=True
    ),
    "bad gzip": Behaviour(answers(OK, b"this is no gzip", b"Content-Encoding: gzip"), LOST),
    "gzip cut short": Behaviour(spoils(lambda b: whole(gzip.compress(b)[:-9], b"Content-Encoding: gzip")), LOST),
    "an encoding nobody asked for": Behaviour(spoils(lambda b: whole(b, b"Content-Encoding: br")), LOST),
    # a whole answer that says no, not now, or nothing
    "400": Behaviour(answers(b"400 Bad Request", b'{"error": "no"}'), REFUSED_),
    "409": Behaviour(answers(b"409 Conflict"), REFUSED_),
    "413": Behaviour(answers(b"413 Content Too Large"), REFUSED_),
    "422": Behaviour(answers(b"422 Unprocessable Content"), REFUSED_),
    "401": Behaviour(answers(b"401 Unauthorized"), TOKEN),
    "403": Behaviour(answers(b"403 Forbidden", HTML), TOKEN),
    "404": Behaviour(answers(b"404 Not Found"), follows("not_found", (REFUSED, "owed"), WAITS, PARKED)),
    "408": Behaviour(answers(b"408 Request Timeout"), FAILED),
    "425": Behaviour(answers(b"425 Too Early"), follows("failed", AGAIN, WAITS, DOUBT)),
    "429": Behaviour(answers(b"429 Too Many Requests"), follows("too_many", WAITS, WAITS, WAITS)),
    "429 with a date that is none": Behaviour(
        answers(b"429 Too Many Requests", b"", b"Retry-After: soon"), follows("too_many", WAITS, WAITS, WAITS)
    ),
    "500": Behaviour(answers(b"500 Internal Server Error", HTML), FAILED),
    "502": Behaviour(answers(b"502 Bad Gateway", HTML), FAILED),
    "503": Behaviour(answers(b"503 Service Unavailable"), FAILED),
    "503 with Retry-After": Behaviour(
        answers(b"503 Service Unavailable", b"", b"Retry-After: 120"), follows("failed", WAITS, AGAIN, DOUBT)
    ),
    "503 before the request was read": Behaviour(
        says(whole(b"busy", status=b"503 Service Unavailable"), then=SILENT), FAILED, unread=True
    ),
    "504": Behaviour(answers(b"504 Gateway Timeout"), FAILED),
    "a status beyond all classes": Behaviour(answers(b"799 Whatever"), UNCLEAR),
    "200 with a web page": Behaviour(answers(OK, HTML, b"Content-Type: text/html"), UNCLEAR),
    "200 with nothing": Behaviour(answers(OK), ACCEPTED_BLANK),
    "204": Behaviour(says(b"HTTP/1.1 204 No Content\r\n\r\n"), ACCEPTED_BLANK),
    "200 with null": Behaviour(answers(OK, b"null"), UNCLEAR),
    "200 with a number": Behaviour(answers(OK, b"1"), UNCLEAR),
    "200 with an empty list": Behaviour(answers(OK, b"[]"), replace(UNCLEAR, read=frozenset({"listed"}))),
    "200 with broken JSON": Behaviour(answers(OK, b'{"success": true'), UNCLEAR),
    "200 with deep nesting": Behaviour(answers(OK, b"[" * 100_000), UNCLEAR),
    "200 with success false": Behaviour(answers(OK, b'{"success": false}'), NO),
    "200 with an error": Behaviour(answers(OK, b'{"error": "unknown sale"}'), NO),
    "200 with success true and an error": Behaviour(answers(OK, b'{"success": true, "error": "no"}'), UNCLEAR),
    "200 with success twice": Behaviour(answers(OK, b'{"success": true, "success": true}'), UNCLEAR),
    "200 with success as a text": Behaviour(
        answers(OK, b'{"success": "true"}'), follows("unclear", DONE_, WAITS, DONE_)
    ),
    "200 with success as an odd text": Behaviour(answers(OK, b'{"success": "perhaps"}'), UNCLEAR),
    "200 with success null": Behaviour(answers(OK, b'{"success": null}'), UNCLEAR),
    "200 with the status of an error": Behaviour(answers(OK, b'{"status": "error"}'), NO),
    "200 with the code of an error": Behaviour(answers(OK, b'{"code": 401, "message": "Unauthorized"}'), NO),
    "200 with another order deep inside": Behaviour(
        answers(OK, b'{"success": true, "more": [{"sale": {"order_id": "1_1"}}]}'), UNCLEAR
    ),
    "200 with success for another order": Behaviour(
        answers(OK, b'{"success": true, "menzzo_order_id": "1_1"}'), UNCLEAR
    ),
    "200 with an object without success": Behaviour(answers(OK, b'{"message": "ok"}'), ACCEPTED_BLANK),
    "200, half the body as if it were all": Behaviour(spoils(lambda body: plain(body[: len(body) // 2])), UNCLEAR),
    "200 with NaN": Behaviour(answers(OK, b'{"success": true, "n": NaN}'), UNCLEAR),
    # too much
    "a gzip bomb": Behaviour(answers(OK, BOMB, b"Content-Encoding: gzip"), follows("too_large", AGAIN, PARKED, DOUBT)),
    "a flood": Behaviour(floods, follows("too_large", AGAIN, PARKED, DOUBT)),
}
"""Public contract, "What an answer means", and what it leaves to the wire. 503 with Retry-After: as told."""

REDIRECTS = (
    b"301 Moved Permanently",
    b"302 Found",
    b"303 See Other",
    b"307 Temporary Redirect",
    b"308 Permanent Redirect",
)
