"""The network layer of one exchange. Each step gets the time that is left, and the first byte of the request is recorded.

httpx restarts its timeout for each read, so a slow server could block a worker for hours. And its exceptions do not show whether
the request was sent. This module knows both.
"""

import re
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

from supplier_agent.base.clock import Clock
from supplier_agent.settings.egress import Proxy

LONGEST_HEAD = 1 << 16

Resolve = Callable[[str, int], Sequence[str]]
"""Turns a host name and a port into addresses. May raise OSError."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order of the machine's resolver."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Deadline:
    """When a call must be over, with all its exchanges. The time spent waiting for the rate limit does not count."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; 0 or less if it has passed."""
        return self._ends_at - self._clock.monotonic()

    def wait(self, turn: Callable[[], None]) -> None:
        """Wait for the rate limit, and extend the deadline by that time."""
        began = self._clock.monotonic()
        turn()
        self._ends_at += self._clock.monotonic() - began


class Progress:
    """What one exchange has sent and received so far, and how long it may still take."""

    def __init__(self, deadline: Deadline, turn: Callable[[], None]) -> None:
        self._deadline = deadline
        self._turn = turn
        self.sent = False
        self.received_bytes = 0
        self.stream: httpcore.NetworkStream | None = None

    def left(self, too_late: type[httpcore.TimeoutException]) -> float:
        """Return the seconds left; raise `too_late` if there are none."""
        seconds = self._deadline.left()
        if seconds <= 0:
            raise too_late
        return seconds

    def first_byte(self) -> None:
        """Wait for the turn, which does not count towards the deadline. After this, the request may have arrived."""
        if not self.sent:
            self.left(httpcore.ConnectTimeout)  # do not use a turn for a request that is too late
            self._deadline.wait(self._turn)
            self.sent = True

    def close(self) -> None:
        """Close the socket, if there is one."""
        if self.stream is not None:
            self.stream.close()


class WatchedStream(httpcore.NetworkStream):
    """A socket. With TLS, the stream that `start_tls` returns writes the request. The handshake uses the stream below it."""

    def __init__(self, stream: httpcore.NetworkStream, progress: Progress) -> None:
        self._stream = stream
        self._progress = progress
        progress.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline decides
        """Read what has arrived, or wait for it."""
        data = self._stream.read(max_bytes, self._progress.left(httpcore.ReadTimeout))
        self._progress.received_bytes += len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline decides
        """Write; before the request's first byte, wait for the turn."""
        self._progress.first_byte()
        self._stream.write(buffer, self._progress.left(httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline decides
    ) -> httpcore.NetworkStream:
        """Do the TLS handshake. It contains nothing of the request."""
        left = self._progress.left(httpcore.ConnectTimeout)
        return WatchedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._progress)

    def close(self) -> None:
        """Close the socket."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        """Return information about the socket."""
        return self._stream.get_extra_info(info)


class TunnelError(httpcore.ConnectError):
    """The proxy refused the tunnel, so nothing of the request was sent. The message is our own sentence."""


class WatchedNetwork(httpcore.NetworkBackend):
    """Opens the one connection of one exchange, through a proxy if there is one. `tunnel`: use CONNECT, as for https."""

    def __init__(
        self, progress: Progress, resolve: Resolve, proxy: Proxy | None = None, *, tunnel: bool = True
    ) -> None:
        self._proxy, self._tunnel = proxy, tunnel
        self._progress = progress
        self._resolve = resolve
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline decides
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect. Watching starts with the connection to the server: what is sent to a proxy before is not the request."""
        if self._proxy is None:
            return WatchedStream(self._open(host, port, local_address, socket_options), self._progress)
        stream = self._open(self._proxy.host, self._proxy.port, local_address, socket_options)
        self._progress.stream = stream
        if self._tunnel:
            self._ask_for_a_way(stream, self._proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        return WatchedStream(stream, self._progress)

    def _ask_for_a_way(self, stream: httpcore.NetworkStream, proxy: Proxy, target: str) -> None:
        """Send CONNECT (RFC 9110, 9.3.6). After a 2xx, which has no body, all bytes come from the server."""
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        lines += [f"Proxy-Authorization: {proxy.authorization}"] if proxy.authorization else []
        stream.write("\r\n".join([*lines, "", ""]).encode("ascii"), self._progress.left(httpcore.ConnectTimeout))
        head = b""
        while b"\r\n\r\n" not in head:
            more = stream.read(LONGEST_HEAD, self._progress.left(httpcore.ConnectTimeout))
            head += more
            if not more or len(head) > LONGEST_HEAD:
                raise TunnelError("the proxy closed the connection or did not answer in HTTP")
        status = re.match(rb"HTTP/1\.[01] ([0-9]{3})(?: |\r)", head)
        if status is None or not head.endswith(b"\r\n\r\n"):
            raise TunnelError("the proxy did not answer in HTTP")
        if status[1] == b"407":
            raise TunnelError("the proxy asks for a user and a password, or refuses those it was given (HTTP 407)")
        if not status[1].startswith(b"2"):
            raise TunnelError(f"the proxy refused to open the way (HTTP {status[1].decode('ascii')})")

    def _open(
        self,
        host: str,
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.NetworkStream:
        """Try the host's addresses in turn. Each gets a share of the time, so that a dead address leaves some for the next."""
        addresses = self._addresses(host, port)
        failure: Exception = httpcore.ConnectError("the name has no address")
        for behind, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = self._progress.left(httpcore.ConnectTimeout) / behind
            try:
                return self._plain.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Look up the name. The resolver has no deadline, so it runs in a thread that may be abandoned."""
        found: list[Sequence[str] | Exception] = []

        def look_up() -> None:
            try:
                found.append(self._resolve(host, port))
            except (OSError, ValueError) as error:
                found.append(error)

        thread = threading.Thread(target=look_up, name="resolver", daemon=True)
        thread.start()
        thread.join(self._progress.left(httpcore.ConnectTimeout))
        if not found:
            raise httpcore.ConnectTimeout
        if isinstance(found[0], Exception):
            raise httpcore.ConnectError from found[0]
        return found[0]


# -- The body of an answer, up to a limit, however it is compressed.

GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
BARE_DEFLATE = -zlib.MAX_WBITS


class TooLargeError(Exception):
    """The body is longer than the limit."""


class UndecodableError(Exception):
    """The body does not match its Content-Encoding. The message is our own sentence."""


def collect(chunks: Iterable[bytes], limit_bytes: int) -> bytes:
    """Join the chunks. Raises TooLargeError at the first byte above the limit."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise TooLargeError
        parts.append(chunk)
    return b"".join(parts)


def decode(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Unpack a body that the server compressed although we asked for `identity`.

    Raises TooLargeError before a decompression bomb can fill the memory, and UndecodableError for anything other than one complete
    gzip or deflate stream.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip" | "deflate" if not body:
            return body
        case "gzip" | "x-gzip":
            return _inflate(body, GZIP_OR_ZLIB, limit_bytes)
        case "deflate":
            zlib_header = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0  # RFC 1950, 2.2
            return _inflate(body, GZIP_OR_ZLIB if zlib_header else BARE_DEFLATE, limit_bytes)
        case _:
            raise UndecodableError("the answer came in a Content-Encoding that was not asked for")


def _inflate(body: bytes, wbits: int, limit_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits)
    try:
        plain = inflater.decompress(body, limit_bytes + 1)
    except zlib.error as error:
        raise UndecodableError("the answer's compression is broken") from error
    if len(plain) > limit_bytes:
        raise TooLargeError
    if not inflater.eof or inflater.unused_data:
        raise UndecodableError("the answer's compressed body is cut short or followed by something else")
    return plain
