"""A listener under strangers, with real sockets: idle, slow, many, huge. Whoever has something to ask is answered."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Semaphore

import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from supplier_agent.web.listener import Limits, Listener

MOST = 10
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

Connect = Callable[[], socket.socket]


def exempt(_address: str) -> None:
    return None


def one(_address: str) -> str:
    return "the one peer"


@contextmanager
def listening(limits: Limits, *, large: int = 5) -> Iterator[tuple[Connect, Connect, Event]]:
    """Serve four addresses, "/wait" until the event is set; give what connects, what asks for it, and the event."""
    go_on, entered = Event(), Semaphore(0)

    async def hello(_request: Request) -> Response:
        return PlainTextResponse("hello")

    async def body(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def wait(_request: Request) -> Response:
        entered.release()
        await run_in_threadpool(go_on.wait)
        return PlainTextResponse("at last")

    async def much(_request: Request) -> Response:
        return PlainTextResponse("x" * large)

    app = Starlette(
        routes=[Route("/", hello), Route("/body", body, methods=["POST"]), Route("/wait", wait), Route("/large", much)]
    )
    listener = Listener("page", ("127.0.0.1", 0), "[web] listen")
    port = int(listener.url.rpartition(":")[2])
    with ExitStack() as opened:

        def ask_and_wait() -> socket.socket:
            waiting = connect()
            waiting.sendall(ASK.replace(b"/ ", b"/wait "))
            assert entered.acquire(timeout=20)
            return waiting

        def connect() -> socket.socket:
            return opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))

        listener.serve(app, limits)
        try:
            yield connect, ask_and_wait, go_on
        finally:
            go_on.set()
            listener.close()


def is_closed(connection: socket.socket) -> bool:
    """Wait for what the other side does next; tell whether it closed."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def received(connection: socket.socket, until: bytes) -> bool:
    """Read until something has come; tell whether it did before the end."""
    said = b""
    while until not in said:
        chunk = connection.recv(65_536)
        if not chunk:
            return False
        said += chunk
    return True


def is_answered(connection: socket.socket, request: bytes = ASK, by: bytes = b"hello") -> bool:
    connection.sendall(request)
    return received(connection, by)


@pytest.mark.slow  # takes seconds
def test_idle_connections_give_way_to_one_that_asks() -> None:
    with listening(Limits(MOST, MOST, exempt)) as (connect, _, _):
        idle = [connect() for _ in range(200)]
        assert is_answered(connect())
        assert sum(is_closed(each) for each in idle[: 200 - MOST]) == 200 - MOST
        assert is_answered(idle[-1])


def test_what_is_being_answered_does_not_give_way() -> None:
    with listening(Limits(MOST, MOST, exempt)) as (connect, ask_and_wait, go_on):
        waiting = [ask_and_wait() for _ in range(MOST)]
        one_too_many = connect()
        assert is_closed(one_too_many)
        go_on.set()
        assert all(received(each, b"at last") for each in waiting)


def test_one_peer_has_only_so_many() -> None:
    with listening(Limits(MOST, 3, one)) as (connect, ask_and_wait, go_on):
        waiting = [ask_and_wait() for _ in range(3)]
        assert is_closed(connect())
        go_on.set()
        assert all(received(each, b"at last") for each in waiting)
        assert is_answered(connect())


QUICK = Limits(MOST, MOST, exempt, header_seconds=0.3, body_seconds=0.5, answer_seconds=1.0)


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\nX: "])
def test_headers_that_never_end_have_a_deadline(begun: bytes) -> None:
    with listening(QUICK) as (connect, _, _):
        slow = connect()
        slow.sendall(begun)
        assert is_closed(slow)


def test_the_second_request_of_a_connection_has_the_same_deadline() -> None:
    with listening(QUICK) as (connect, _, _):
        slow = connect()
        assert is_answered(slow)
        slow.sendall(b"G")
        assert is_closed(slow)


def test_dripping_headers_do_not_move_the_deadline() -> None:
    with listening(QUICK) as (connect, _, _):
        slow = connect()
        slow.sendall(b"GET / HTTP/1.1\r\nX: ")
        began, closed = time.monotonic(), False
        slow.settimeout(0.05)
        while not closed and time.monotonic() - began < 10:
            with suppress(TimeoutError):
                closed = is_closed(slow)
            with suppress(ConnectionError):
                slow.sendall(b"x")
        assert closed


def test_a_body_that_never_ends_has_a_deadline() -> None:
    with listening(QUICK) as (connect, _, _):
        slow = connect()
        slow.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert is_closed(slow)
        quick = connect()
        whole = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        assert is_answered(quick, whole, b"\r\n\r\n3")


def test_an_answer_that_nobody_reads_has_a_deadline() -> None:
    with listening(QUICK, large=50_000_000) as (connect, _, _):
        lazy = connect()
        lazy.sendall(ASK.replace(b"/ ", b"/large "))
        time.sleep(2.0)  # the lazy client itself
        got, closed = 0, False
        while not closed:
            try:
                chunk = lazy.recv(1 << 20)
            except ConnectionError:
                chunk = b""
            got, closed = got + len(chunk), not chunk
        assert got < 50_000_000


def test_a_head_has_a_bound() -> None:
    with listening(QUICK) as (connect, _, _):
        huge = connect()
        huge.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 60_000)
        assert b"400" in huge.recv(65_536).partition(b"\r\n")[0]


def test_requests_one_behind_the_other_are_all_answered() -> None:
    with listening(QUICK) as (connect, _, _):
        connection = connect()
        connection.sendall(ASK * 5)
        said = b""
        while said.count(b"hello") < 5:
            said += connection.recv(65_536)
        assert said.count(b"200 OK") == 5
