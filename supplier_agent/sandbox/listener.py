"""The listening socket and its connections: one thread each, HTTP/1.1, 127.0.0.1 alone, nothing printed."""

import contextlib
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from supplier_agent.sandbox import wire
from supplier_agent.sandbox.api import Api
from supplier_agent.sandbox.exchange import Arrival, Request

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
        """Bind as a plain TCP server: HTTPServer would look our own name up, and may wait for the network."""
        TCPServer.server_bind(self)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002 - as inherited
        """Cut the connections that the plan wants cut before anything is read."""
        if self.api.world.faults.take_connection():
            wire.reset(request)
            return False
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as inherited
        """Say nothing of clients that went away; anything else is a mistake of ours, and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, so that it can be cut; at once when it comes too late."""
        with self._lock:
            self._connections.add(connection)
        if self.stopping.is_set():
            self.cut_connections()

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)

    def cut_connections(self) -> None:
        """End what is still open, in mid-answer or idle."""
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
        """Print nothing: the world has a log."""

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
        sending = wire.Sending(self.connection, self.server.stopping, self._arrival.at)
        kept = sending.send(
            handled.answer,
            handled.fault,
            keep=not self.close_connection,
            with_body=self.command != "HEAD",
        )
        self.close_connection = not kept

    def _body(self) -> bytes | None:
        """Return the body; None when it did not come in full, in a form or at a length that we read."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > _LONGEST_BODY:
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815 - http.server's names
