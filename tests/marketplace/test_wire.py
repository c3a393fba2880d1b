"""One exchange against servers that misbehave: how it ends, and that it ends in time."""

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import httpcore
import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.marketplace.connections import Deadline, Progress
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply, TooLarge, Wire
from tests.marketplace.conftest import Certificate
from tests.marketplace.raw_server import Peer, RawServer, Script, answer, drip, whole
from tests.world.clocks import HandClock

DEADLINE_SECONDS = 0.4
GRACE_SECONDS = 1.0
BODY = b'{"menzzo_order_id": "15000012345_789"}'
YES = b'{"success": true}'


def no_turn() -> None:
    """Let the request go at once."""


def send(
    url: str,
    *,
    ssl_context: ssl.SSLContext | None = None,
    turn: Callable[[], None] = no_turn,
    limit_bytes: int = 1 << 20,
    token: str = "secret-token",
) -> Reply:
    wire = Wire(SystemClock(), DEADLINE_SECONDS, ssl_context)
    began = time.monotonic()
    reply = wire.exchange(
        "POST",
        url,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        content=BODY,
        limit_bytes=limit_bytes,
        turn=turn,
    )
    assert time.monotonic() - began < DEADLINE_SECONDS + GRACE_SECONDS, reply
    assert "secret-token" not in repr(reply)
    return reply


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def break_off(peer: Peer) -> None:
    peer.read()
    peer.reset()


@contextmanager
def dead_address(host: str, port: int = 0) -> Iterator[int]:
    """Hold a port whose connections hang: somebody listens, nobody accepts, and the queue is full."""
    with ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(3):
            client = held.enter_context(socket.socket())
            client.setblocking(False)  # noqa: FBT003 - the standard library's own
            client.connect_ex((host, port))
        yield port


LOSSES: dict[str, Script] = {
    "request read, then closed": answer(),
    "request read, then reset": answer(then=Peer.reset),
    "request read, then silence": answer(then=Peer.stay_silent),
    "half a status line": answer(b"HTTP/1.1 2"),
    "half a status line, then silence": answer(b"HTTP/1.1 2", then=Peer.stay_silent),
    "status line alone": answer(b"HTTP/1.1 200 OK\r\n"),
    "half the headers": answer(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half the headers, then silence": answer(b"HTTP/1.1 200 OK\r\nContent-Le", then=Peer.stay_silent),
    "half the body": answer(b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"succ'),
    "half the body, then reset": answer(b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"succ', then=Peer.reset),
    "half the body, then silence": answer(
        b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"succ', then=Peer.stay_silent
    ),
    "half a chunked body": answer(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{"succ'),
    "chunks without the last": answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n" + YES + b"\r\n"),
    "a chunk size that is none": answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + YES),
    "no end of the body, kept open": answer(b"HTTP/1.1 200 OK\r\n\r\n" + YES, then=Peer.stay_silent),
    "garbage": answer(b"\x00\xff\x16 nothing like HTTP\r\n\r\n"),
    "another protocol": answer(b"220 mail.example ESMTP\r\n"),
    "two Content-Lengths": answer(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nContent-Length: 2\r\n\r\n" + YES),
    "a Content-Length that is none": answer(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + YES),
    "a header of 200 kB": answer(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n" + YES),
    "100 Continue, then silence": answer(b"HTTP/1.1 100 Continue\r\n\r\n", then=Peer.stay_silent),
    "100 Continue for ever": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "switching protocols unasked": answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    "dripping headers": drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "dripping body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
    "dripping chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "bad gzip": answer(whole(b"this is no gzip", b"Content-Encoding: gzip")),
    "gzip cut short": answer(whole(gzip.compress(YES)[:-9], b"Content-Encoding: gzip")),
    "something behind the gzip": answer(whole(gzip.compress(YES) + b"more", b"Content-Encoding: gzip")),
    "an encoding nobody asked for": answer(whole(YES, b"Content-Encoding: br")),
    "two encodings": answer(whole(YES, b"Content-Encoding: gzip, deflate")),
    "half the request read, then reset": break_off,
}


@pytest.mark.parametrize("script", LOSSES.values(), ids=LOSSES.keys())
def test_a_request_that_left_without_a_whole_answer_is_lost_and_never_called_unsent(script: Script) -> None:
    with RawServer(script) as server:
        reply = send(server.url + "/api/notio/ship-sale")
    assert isinstance(reply, Lost), reply
    assert server.connections == 1


def test_a_reason_quotes_neither_the_server_nor_a_library() -> None:
    with RawServer(answer(b"HTTP/1.1 secret-token\r\n\r\n")) as server:
        assert send(server.url) == Lost("the answer was cut short or is not HTTP, after 25 bytes of the answer")


UNSENT: dict[str, str] = {
    "a name that does not exist": "https://api.invalid/",
    "a name that no resolver takes": "https://" + "x" * 64 + ".example/",
    "no host": "https:///api",
    "no scheme": "api.example/x",
    "another scheme": "ftp://127.0.0.1/",
    "a port that is none": "https://127.0.0.1:99999/",
    "not an address": "http://[::1",
}


@pytest.mark.parametrize("url", UNSENT.values(), ids=UNSENT.keys())
def test_what_cannot_be_reached_is_not_sent(url: str) -> None:
    assert isinstance(send(url), NotSent)


def test_a_refused_port_is_not_sent() -> None:
    assert send(f"http://127.0.0.1:{closed_port()}/") == NotSent("the connection was refused")


def test_a_certificate_nobody_vouches_for_is_not_sent_and_gets_no_byte_of_the_request(certificate: Certificate) -> None:
    with RawServer(answer(whole(YES)), certificate.server) as server:
        reply = send(server.url)
    assert isinstance(reply, NotSent)
    assert reply.reason.startswith("the server's certificate was not accepted")
    assert server.first_byte_at is None


def test_a_certificate_for_another_name_is_not_sent(certificate: Certificate) -> None:
    with RawServer(answer(whole(YES)), certificate.server) as server:
        reply = send(f"https://localhost:{server.port}/", ssl_context=certificate.trusting)
    assert isinstance(reply, NotSent)
    assert server.first_byte_at is None


@pytest.mark.parametrize("script", [lambda _: None, Peer.reset, Peer.stay_silent], ids=["closed", "reset", "silence"])
def test_a_handshake_that_fails_is_not_sent(script: Script) -> None:
    with RawServer(script) as server:
        assert isinstance(send(f"https://127.0.0.1:{server.port}/"), NotSent)


def test_plain_http_behind_https_is_not_sent() -> None:
    with RawServer(lambda peer: peer.send(whole(YES))) as server:
        assert send(f"https://127.0.0.1:{server.port}/") == NotSent("the TLS handshake failed")


def test_a_connection_that_nobody_accepts_is_not_sent() -> None:
    with dead_address("127.0.0.1") as port:
        assert send(f"http://127.0.0.1:{port}/") == NotSent("no connection could be made in time")


def test_a_reset_right_after_accept_ends_in_time_as_not_sent_or_lost() -> None:
    with RawServer(Peer.reset) as server:
        for _ in range(50):
            assert isinstance(send(server.url), NotSent | Lost)


@pytest.mark.parametrize("token", ["line\nbreak secret-token", "sécret secret-token"], ids=["newline", "not ASCII"])
def test_a_token_that_fits_no_header_is_not_sent_and_not_told(token: str) -> None:
    with RawServer(answer(whole(YES))) as server:
        assert isinstance(send(server.url, token=token), NotSent)
    assert server.requests == []


# Names and addresses ---------------------------------------------------------------------------------------------


def exchange_resolving(port: int, resolve: Callable[[str, int], Sequence[str]]) -> Reply:
    wire = Wire(SystemClock(), DEADLINE_SECONDS, resolve=resolve)
    began = time.monotonic()
    reply = wire.exchange("GET", f"http://api.example:{port}/", headers={}, limit_bytes=100, turn=no_turn)
    assert time.monotonic() - began < DEADLINE_SECONDS + GRACE_SECONDS
    return reply


def test_a_dead_address_leaves_time_for_the_next_one() -> None:
    with RawServer(answer(whole(YES))) as server, dead_address("127.0.0.2", server.port):
        reply = exchange_resolving(server.port, lambda _host, _port: ["127.0.0.2", "::1", "127.0.0.1"])
    assert isinstance(reply, Answer)
    assert b"Host: api.example:%d\r\n" % server.port in server.requests[0]


def test_a_resolver_that_hangs_is_left_behind_in_time() -> None:
    release = threading.Event()

    def hang(_host: str, _port: int) -> list[str]:
        release.wait(5)
        return []

    assert exchange_resolving(80, hang) == NotSent("no connection could be made in time")
    release.set()


def test_a_name_without_addresses_is_not_sent() -> None:
    assert isinstance(exchange_resolving(80, lambda _host, _port: []), NotSent)


# The turn ----------------------------------------------------------------------------------------------------------


def test_the_turn_is_taken_once_with_the_connection_up_and_before_the_first_byte() -> None:
    taken: list[tuple[int, float | None]] = []
    with RawServer(answer(whole(YES))) as server:

        def turn() -> None:
            until = time.monotonic() + 2
            while server.connections == 0 and time.monotonic() < until:
                time.sleep(0.001)
            taken.append((server.connections, server.first_byte_at))

        assert isinstance(send(server.url, turn=turn), Answer)
    assert taken == [(1, None)]


def test_with_tls_the_turn_is_taken_once_after_the_handshake(certificate: Certificate) -> None:
    turns: list[float] = []
    shaken: list[float] = []

    def script(peer: Peer) -> None:
        shaken.append(time.monotonic())
        peer.read_request()
        peer.send(whole(YES))

    with RawServer(script, certificate.server) as server:

        def turn() -> None:
            until = time.monotonic() + 2
            while not shaken and time.monotonic() < until:
                time.sleep(0.001)
            turns.append(time.monotonic())

        assert send(server.url, ssl_context=certificate.trusting, turn=turn) == Answer(
            200, {"content-length": "17"}, YES
        )
    assert len(turns) == len(shaken) == 1
    assert server.first_byte_at is not None
    assert shaken[0] <= turns[0] <= server.first_byte_at


def test_no_turn_is_taken_where_no_connection_comes_about(certificate: Certificate) -> None:
    def turn() -> None:
        pytest.fail("a slot of the rate was used up")

    assert isinstance(send(f"http://127.0.0.1:{closed_port()}/", turn=turn), NotSent)
    with RawServer(answer(whole(YES)), certificate.server) as server:
        assert isinstance(send(server.url, turn=turn), NotSent)


def test_waiting_for_the_turn_does_not_count_against_the_deadline() -> None:
    with RawServer(answer(whole(YES))) as server:
        reply = send(server.url, turn=lambda: time.sleep(DEADLINE_SECONDS + 0.1))
    assert isinstance(reply, Answer)


def test_a_request_that_is_too_late_takes_no_turn_and_does_not_count_as_sent() -> None:
    clock = HandClock()
    progress = Progress(Deadline(clock, 5), lambda: pytest.fail("a slot of the rate was used up"))
    clock.sleep(6)
    with pytest.raises(httpcore.ConnectTimeout):
        progress.first_byte()
    assert not progress.sent


# Whole answers -----------------------------------------------------------------------------------------------------


def test_the_request_is_what_the_document_shows_and_nothing_more() -> None:
    with RawServer(answer(whole(YES))) as server:
        assert send(server.url + "/api/notio/ship-sale?page=1") == Answer(200, {"content-length": "17"}, YES)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /api/notio/ship-sale?page=1 HTTP/1.1"
    assert sorted(lines[1:]) == [
        "Accept-Encoding: identity",
        "Authorization: Bearer secret-token",
        "Connection: close",
        f"Content-Length: {len(BODY)}",
        "Content-Type: application/json",
        f"Host: 127.0.0.1:{server.port}",
        "User-Agent: supplier-agent/0.2.0",
    ]
    assert body == BODY


def test_an_unsolicited_second_answer_is_never_taken_for_the_answer_to_the_next_request() -> None:
    with RawServer(answer(whole(b"first"), whole(b"unasked"))) as server:
        wire = Wire(SystemClock(), DEADLINE_SECONDS)
        for _ in range(3):
            reply = wire.exchange("GET", server.url, headers={}, limit_bytes=100, turn=no_turn)
            assert isinstance(reply, Answer)
            assert reply.body == b"first"
    assert server.connections == 3


def test_bytes_behind_the_answer_are_not_part_of_it() -> None:
    with RawServer(answer(whole(YES) + b"trailing")) as server:
        reply = send(server.url)
    assert isinstance(reply, Answer)
    assert reply.body == YES


def test_an_answer_before_the_request_was_read_counts() -> None:
    def refuse(peer: Peer) -> None:
        peer.send(whole(b"busy", status=b"503 Service Unavailable"))
        peer.stay_silent()

    with RawServer(refuse) as server:
        reply = send(server.url)
    assert isinstance(reply, Answer)
    assert reply.status == 503


def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    moved = whole(b"", b"Location: /elsewhere", b"Set-Cookie: a=b", status=b"307 Temporary Redirect")
    with RawServer(answer(moved)) as server:
        wire = Wire(SystemClock(), DEADLINE_SECONDS)
        for _ in range(2):
            reply = wire.exchange("GET", server.url, headers={}, limit_bytes=100, turn=no_turn)
            assert isinstance(reply, Answer)
            assert reply.headers["location"] == "/elsewhere"
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


def test_one_deadline_holds_for_several_exchanges_and_not_for_the_waits_between_them() -> None:
    def late(peer: Peer) -> None:
        peer.read_request()
        time.sleep(0.25)
        peer.send(whole(YES))

    with RawServer(late) as server:
        wire = Wire(SystemClock(), 0.4)
        deadline, began = wire.deadline(), time.monotonic()
        for turn, ending in ((lambda: time.sleep(0.3), Answer), (no_turn, Lost), (no_turn, NotSent)):
            reply = wire.exchange("GET", server.url, headers={}, limit_bytes=100, turn=turn, deadline=deadline)
            assert isinstance(reply, ending)
        assert time.monotonic() - began < 0.4 + 0.3 + GRACE_SECONDS
    assert len(server.requests) == 2


PACKED = {
    "gzip": gzip.compress(YES),
    "x-gzip": gzip.compress(YES),
    "GZIP": gzip.compress(YES),
    "deflate": zlib.compress(YES),
    "identity": YES,
}


@pytest.mark.parametrize(("encoding", "body"), PACKED.items(), ids=PACKED.keys())
def test_an_answer_packed_against_our_wish_is_unpacked(encoding: str, body: bytes) -> None:
    with RawServer(answer(whole(body, f"Content-Encoding: {encoding}".encode()))) as server:
        reply = send(server.url)
    assert isinstance(reply, Answer)
    assert reply.body == YES


def test_bare_deflate_is_unpacked_too() -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    with RawServer(answer(whole(packer.compress(YES) + packer.flush(), b"Content-Encoding: deflate"))) as server:
        reply = send(server.url)
    assert isinstance(reply, Answer)
    assert reply.body == YES


def test_a_packed_204_has_no_body_to_unpack() -> None:
    with RawServer(answer(b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n")) as server:
        assert isinstance(send(server.url), Answer)


def test_a_header_given_twice_is_joined() -> None:
    with RawServer(answer(whole(YES, b"X-Cache: a", b"x-cache: b"))) as server:
        reply = send(server.url)
    assert isinstance(reply, Answer)
    assert reply.headers["x-cache"] == "a, b"


# Size --------------------------------------------------------------------------------------------------------------


def test_a_gzip_bomb_is_too_large_before_it_unfolds() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with RawServer(answer(whole(bomb, b"Content-Encoding: gzip"))) as server:
        assert send(server.url) == TooLarge(1 << 20)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_the_limit_is_the_last_size_that_fits(size: int, *, fits: bool) -> None:
    with RawServer(answer(whole(b"x" * size))) as server:
        assert isinstance(send(server.url, limit_bytes=1000), Answer if fits else TooLarge)
    with RawServer(answer(whole(gzip.compress(b"x" * size), b"Content-Encoding: gzip"))) as server:
        assert isinstance(send(server.url, limit_bytes=1000), Answer if fits else TooLarge)


def test_an_endless_body_is_read_no_further_than_the_limit() -> None:
    def flood(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            peer.send(b"x" * 65536)

    with RawServer(flood) as server:
        assert send(server.url) == TooLarge(1 << 20)


# The dead-man URL --------------------------------------------------------------------------------------------------


def test_a_ping_carries_no_token() -> None:
    with RawServer(answer(whole(b"OK"))) as server:
        reply = Wire(SystemClock(), DEADLINE_SECONDS).ping(server.url + "/beat")
    assert isinstance(reply, Answer)
    assert server.requests[0].startswith(b"GET /beat HTTP/1.1\r\n")
    assert b"authorization" not in server.requests[0].lower()


def test_a_ping_that_finds_nobody_is_a_value() -> None:
    assert isinstance(Wire(SystemClock(), DEADLINE_SECONDS).ping(f"http://127.0.0.1:{closed_port()}"), NotSent)
