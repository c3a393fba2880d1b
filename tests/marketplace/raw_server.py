"""A server made of bare sockets, so that it can do what no HTTP library would: the other end of the wire's tests."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, server: "RawServer") -> None:
        self.socket = connection
        self._server = server

    def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        for part in parts:
            self.socket.sendall(part)

    def read(self) -> bytes:
        """Return what comes next; the server keeps it, and when it came."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError
        self._server.first_byte_at = self._server.first_byte_at or time.monotonic()
        return data

    def read_request(self) -> bytes:
        """Read one request with its body; the server keeps it."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.read()
        head, _, body = received.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.partition(b":")[2]):
                    body += self.read()
        request = head + b"\r\n\r\n" + body
        self._server.requests.append(request)
        return request

    def stay_silent(self) -> None:
        """Wait until the client goes away."""
        while self.socket.recv(65536):
            pass

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Script = Callable[[Peer], None]
"""What the server does with one connection; it is closed afterwards."""


def answer(*parts: bytes, then: Script = lambda _: None) -> Script:
    """Read the request, send the parts as they are, then do something or close."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(*parts)
        then(peer)

    return script


def drip(head: bytes, piece: bytes) -> Script:
    """Read the request, send the head, then a piece every 50 ms until the client goes away, for 10 s at most."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        for _ in range(200):
            time.sleep(0.05)
            peer.send(piece)

    return script


def whole(body: bytes, *header_lines: bytes, status: bytes = b"200 OK") -> bytes:
    """Return a well-formed answer."""
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *header_lines, b"", body])


class RawServer:
    """Listens on loopback, runs the script for every connection, and ends with the `with`."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.connections = 0
        self.requests: list[bytes] = []
        self.first_byte_at: float | None = None

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(_Served(connection, self._tls, self._script, self).run)


class _Served:
    """One connection's thread."""

    def __init__(
        self, connection: socket.socket, tls: ssl.SSLContext | None, script: Script, server: RawServer
    ) -> None:
        self._connection = connection
        self._tls = tls
        self._script = script
        self._server = server

    def run(self) -> None:
        self._connection.settimeout(5)
        with self._connection:
            try:
                if self._tls is None:
                    self._script(Peer(self._connection, self._server))
                    return
                with self._tls.wrap_socket(self._connection, server_side=True) as secured:
                    self._script(Peer(secured, self._server))
            except OSError:
                pass  # the client went away, as it should
