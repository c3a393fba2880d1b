"""The sandbox's server, on 127.0.0.1 only: HTTP/1.1, one thread for each connection, nothing printed.

It is a context manager for tests and the demo, and a command for people.
"""

import contextlib
import os
import select
import socket
import struct
import sys
import threading
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox.api import Api
from supplier_agent.sandbox.faults import Answer, Arrival, Fault, Request, Wire
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.world import World

_REAL = SystemClock()  # sockets do not use the test's clock
_LOOK_SECONDS = 0.02  # how soon a closed client or a stop is noticed
_NO_LINGER = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN


def reset(connection: socket.socket) -> None:
    """Reset the connection. It is detached first, because files made from it would keep it open."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    os.close(connection.detach())


class Sending:
    """One answer on its way over one connection."""

    def __init__(self, connection: socket.socket, stopping: threading.Event, now: datetime) -> None:
        self._connection = connection
        self._stopping = stopping
        self._now = now

    def send(self, answer: Answer, fault: Fault | None, *, keep: bool, with_body: bool) -> bool:
        """Send the answer with its fault; return whether the connection can serve another request."""
        wire = Wire.WHOLE if fault is None else fault.wire
        keep = keep and wire in (Wire.WHOLE, Wire.LATE, Wire.DRIP_HEAD, Wire.DRIP_BODY, Wire.EXTRA_BYTES)
        head = self._head(answer, keep=keep, lengths=_lengths(answer, fault))
        body = answer.body if with_body else b""
        if fault is None:
            self._connection.sendall(head + body)
        else:
            self._spoilt(head, body, fault)
        return keep

    def _spoilt(self, head: bytes, body: bytes, fault: Fault) -> None:
        match fault.wire:
            case Wire.RESET:
                reset(self._connection)
            case Wire.HANG:
                self._client_waits(fault.seconds)
            case Wire.LATE:
                if self._client_waits(fault.seconds):
                    self._connection.sendall(head + body)
            case Wire.DRIP_HEAD:
                self._drip(head, fault.seconds)
                self._connection.sendall(body)
            case Wire.DRIP_BODY:
                self._connection.sendall(head)
                self._drip(body, fault.seconds)
            case _:
                self._connection.sendall(_at_once(head, body, fault))

    def _head(self, answer: Answer, *, keep: bool, lengths: list[int]) -> bytes:
        lines = [
            f"HTTP/1.1 {answer.status} {_phrase(answer.status)}",
            *([] if _has_date(answer) else [f"Date: {format_datetime(self._now, usegmt=True)}"]),
            *(f"{name}: {value}" for name, value in answer.headers),
            *(f"Content-Length: {length}" for length in lengths),
            f"Connection: {'keep-alive' if keep else 'close'}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _drip(self, data: bytes, seconds: float | None) -> None:
        for place in range(len(data)):
            self._connection.sendall(data[place : place + 1])
            if not self._client_waits(seconds):
                raise ConnectionAbortedError

    def _client_waits(self, seconds: float | None) -> bool:
        """Wait this long (None: without end); False as soon as the client has closed or the sandbox stops."""
        ends_at = None if seconds is None else _REAL.monotonic() + seconds
        while not self._stopping.is_set():
            left = _LOOK_SECONDS if ends_at is None else ends_at - _REAL.monotonic()
            if left <= 0:
                return True
            readable, _, _ = select.select([self._connection], [], [], min(left, _LOOK_SECONDS))
            if readable and not self._connection.recv(1, socket.MSG_PEEK):
                return False
            if readable:
                self._stopping.wait(min(left, _LOOK_SECONDS))
        return False


def _has_date(answer: Answer) -> bool:
    """Tell whether an answer has a clock of its own, as a shop's has."""
    return any(name == "Date" for name, _ in answer.headers)


def _at_once(head: bytes, body: bytes, fault: Fault) -> bytes:
    match fault.wire:
        case Wire.CLOSE:
            return b""
        case Wire.GARBAGE:
            return fault.data
        case Wire.HALF_HEAD:
            return head[: len(head) // 2]
        case Wire.HALF_BODY:
            return head + body[: len(body) // 2]
    return head + body + fault.data


def _lengths(answer: Answer, fault: Fault | None) -> list[int]:
    if answer.status == HTTPStatus.NO_CONTENT or (fault is not None and not fault.measured):
        return []
    length = len(answer.body)
    return [length, length + 5] if fault is not None and fault.wire is Wire.TWO_LENGTHS else [length]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


ADDRESS = "127.0.0.1"
_LONGEST_BODY = 65_536


class Server(ThreadingHTTPServer):
    """Binds at once. OSError: the port is taken."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, api: Api) -> None:
        self.api = api
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        super().__init__((ADDRESS, port), _Handler)

    def server_bind(self) -> None:
        """Bind as a plain TCP server: HTTPServer would look up our host name, and may wait for the network."""
        TCPServer.server_bind(self)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002 - as inherited
        """Cut connections before anything is read, if the plan says so."""
        if self.api.world.faults.take_connection():
            reset(request)
            return False
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Ignore clients that went away; show any other error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def opened(self, connection: socket.socket) -> None:
        """Register a connection, so that it can be cut; cut it at once if we are stopping."""
        with self._lock:
            self._connections.add(connection)
        if self.stopping.is_set():
            self.cut_connections()

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)

    def cut_connections(self) -> None:
        """Close all open connections, busy or idle."""
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection and its requests, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server
    connection: socket.socket
    _arrival: Arrival

    def setup(self) -> None:
        """Take the connection over."""
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        """Give the connection back."""
        self.server.closed(self.connection)
        super().finish()

    def parse_request(self) -> bool:
        """Read the head, and note when it was complete."""
        whole = super().parse_request()
        clock = self.server.api.world.clock
        self._arrival = Arrival(clock.now(), clock.monotonic())
        return whole

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Print nothing; the world has a log."""

    def _serve(self) -> None:
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
            arrival=self._arrival,
        )
        host, port = self.server.server_address[:2]
        handled = self.server.api.handle(request, f"http://{host!s}:{port}")
        if handled.answer is None:
            self.close_connection = True
            return
        sending = Sending(self.connection, self.server.stopping, self._arrival.at)
        kept = sending.send(
            handled.answer,
            handled.fault,
            keep=not self.close_connection,
            with_body=self.command != "HEAD",
        )
        self.close_connection = not kept

    def _body(self) -> bytes | None:
        """Return the body; None if it was incomplete, too long, or in an unsupported form."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > _LONGEST_BODY:
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815 - http.server's names


class Sandbox:
    """The simulated marketplace, on 127.0.0.1 only. Stopped and started again, it keeps port, world and cache."""

    def __init__(self, world: World, semantics: Semantics | None = None, port: int = 0) -> None:
        self.world = world
        self.api = Api(world, semantics)
        self._port = port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the base URL without a trailing slash; known once it was started, or if a port was given."""
        return f"http://{ADDRESS}:{self._port}"

    def start(self) -> Self:
        """Listen. OSError: the port is taken."""
        self._server = Server(self._port, self.api)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOK_SECONDS,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse new connections, cut open ones, and end all answers. Can be called twice."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is None or thread is None:
            return
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
        server.cut_connections()

    def __enter__(self) -> Self:
        """Listen."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
