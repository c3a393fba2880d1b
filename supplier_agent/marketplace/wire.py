"""One HTTP exchange, with a total deadline, its own connection, and a result that shows whether the request was sent.

httpx's Client is not used: it would add redirects, cookies, its own choice of proxies, decompression without a limit, and log
lines with whole URLs. httpx checks the URL, httpcore sends, and egress.py chooses proxy and certificates.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import httpcore
import httpx

from supplier_agent import __version__
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.marketplace.connections import (
    Deadline,
    Progress,
    Resolve,
    TooLargeError,
    TunnelError,
    UndecodableError,
    WatchedNetwork,
    collect,
    decode,
    resolve,
)
from supplier_agent.settings.egress import DIRECT, Egress, Proxy

PING_SECONDS = 10
PING_BYTES = 1 << 20


@dataclass(frozen=True)
class Answer:
    """A complete answer. Header names are in lower case; the body is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class NotSent:
    """No byte of the request was sent, so any request may be made again."""

    reason: str


@dataclass(frozen=True)
class Lost:
    """At least a part of the request was sent, and no complete answer came, so it may have taken effect."""

    reason: str


@dataclass(frozen=True)
class TooLarge:
    """The answer's body is longer than the limit. The rest of it was not read."""

    limit_bytes: int


Reply: TypeAlias = Answer | NotSent | Lost | TooLarge


class Wire:
    """Sends requests. Two exchanges share only the trusted certificates.

    So bytes that a server sends late or unasked never count as the answer to another request. Reasons are our own sentences,
    because a library's message may contain the token or the server's text.
    """

    def __init__(
        self,
        clock: Clock,
        timeout_seconds: float,
        ssl_context: ssl.SSLContext | None = None,
        resolve: Resolve = resolve,
        egress: Egress = DIRECT,
    ) -> None:
        self._egress = egress
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._given_ssl_context = ssl_context
        self._resolve = resolve

    def exchange(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        limit_bytes: int,
        turn: Callable[[], None],
        deadline: Deadline | None = None,
    ) -> Reply:
        """Send one request and wait for the complete answer. Network errors are values, never exceptions.

        `turn` is called once, when connection and TLS are established, right before the first byte of the request. Its time does
        not count. `deadline`: the deadline of a call that makes several requests.
        """
        progress = Progress(deadline or self.deadline(), turn)
        return self._run(progress, method, url, headers, content, limit_bytes)

    def exchange_in_turn(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        limit_bytes: int,
        wait_turn: Callable[[], object],
        heard: Callable[[float], None],
        deadline: Deadline | None = None,
    ) -> Reply:
        """Exchange, in the turn of a rate limit, for which `wait_turn` waits.

        `heard` gets the seconds that an answer took on the network, without that wait; it is not called if no answer came.
        """
        began, waited = self._clock.monotonic(), 0.0

        def turn() -> None:
            nonlocal waited
            since = self._clock.monotonic()
            wait_turn()
            waited = self._clock.monotonic() - since

        reply = self.exchange(
            method, url, headers=headers, content=content, limit_bytes=limit_bytes, turn=turn, deadline=deadline
        )
        if isinstance(reply, Answer):
            heard(self._clock.monotonic() - began - waited)
        return reply

    def deadline(self) -> Deadline:
        """Return the deadline of a call that starts now."""
        return Deadline(self._clock, self._timeout_seconds)

    def ping(self, url: str) -> Reply:
        """GET a heartbeat URL: no token, no rate limit, 10 s in total."""
        return self._run(Progress(Deadline(self._clock, PING_SECONDS), lambda: None), "GET", url, {}, None, PING_BYTES)

    def _run(
        self,
        progress: Progress,
        method: str,
        url: httpx.URL | str,
        headers: Mapping[str, str],
        content: bytes | None,
        limit_bytes: int,
    ) -> Reply:
        proxy: Proxy | None = None
        try:
            request = _request(method, httpx.URL(url), headers, content)
            scheme, (host, port) = request.url.scheme.decode(), _host(request)
            proxy = self._egress.proxy_for(scheme, host, port)
            return self._converse(progress, request, limit_bytes, proxy)
        except TooLargeError:
            return TooLarge(limit_bytes)
        except UndecodableError as error:
            return Lost(str(error))
        except Exception as error:  # noqa: BLE001 - after any error, the caller must know whether the request was sent
            by = f" (through the proxy {proxy.shown})" if proxy is not None else ""
            return Lost(_lost(error, progress) + by) if progress.sent else NotSent(_not_sent(error) + by)
        finally:
            progress.close()

    def _converse(self, progress: Progress, request: httpcore.Request, limit_bytes: int, proxy: Proxy | None) -> Answer:
        secure = request.url.scheme == b"https"
        network = WatchedNetwork(progress, self._resolve, proxy, tunnel=secure)
        if proxy is not None and not secure:
            _hand_to(proxy, request)
        with httpcore.HTTPConnection(
            request.url.origin, self._ssl_context if secure else None, network_backend=network
        ) as connection:
            response = connection.handle_request(request)
            headers: dict[str, str] = {}
            for raw_name, raw_value in response.headers:
                name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1")
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
            body = collect(response.iter_stream(), limit_bytes)
            return Answer(response.status, headers, decode(body, headers.get("content-encoding", ""), limit_bytes))

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        """The trusted certificates, read once (about 20 ms)."""
        return self._given_ssl_context or self._egress.ssl_context()


def _request(method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes | None) -> httpcore.Request:
    if url.scheme not in {"http", "https"} or not url.raw_host:
        raise httpcore.UnsupportedProtocol
    fields = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": f"supplier-agent/{__version__}",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    if content is not None:
        fields["Content-Length"] = str(len(content))
    port = url.port or (443 if url.scheme == "https" else 80)
    return httpcore.Request(
        method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=port, target=url.raw_path),
        headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in fields.items()],
        content=content,
    )


def _host(request: httpcore.Request) -> tuple[str, int]:
    return request.url.host.decode("ascii").strip("[]"), request.url.port or 0


def _hand_to(proxy: Proxy, request: httpcore.Request) -> None:
    """Address an unencrypted request to a proxy: the whole URL in its first line (RFC 9112, 3.2.2)."""
    host = dict(request.headers)[b"Host"]
    request.url.target = b"http://" + host + request.url.target
    if proxy.authorization is not None:
        request.headers.append((b"Proxy-Authorization", proxy.authorization.encode("ascii")))


def _not_sent(error: BaseException) -> str:
    """Return in our own words why nothing was sent. The cause of an httpcore error has the details."""
    if isinstance(error, AgentError):
        return error.what
    if isinstance(error, TunnelError):
        return str(error)
    why = error.__cause__ or error.__context__ or error
    match why:
        case httpcore.TimeoutException() | TimeoutError():
            return "no connection could be made in time"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate was not accepted: {why.verify_message}"
        case ssl.SSLError():
            return "the TLS handshake failed"
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectionResetError():
            return "the connection was reset before anything was sent"
        case socket.gaierror():
            return "the server's name could not be resolved"
        case OSError():
            return f"no connection could be made: {why.strerror or type(why).__name__}"
        case _:
            return f"the request could not be made ({type(error).__name__})"


def _lost(error: BaseException, progress: Progress) -> str:
    """Return in our own words how the answer was lost."""
    so_far = f"after {progress.received_bytes} bytes of the answer" if progress.received_bytes else "without an answer"
    match error:
        case httpcore.TimeoutException():
            return f"the time was up {so_far}"
        case httpcore.NetworkError() | OSError():
            return f"the connection broke {so_far}"
        case httpcore.RemoteProtocolError() if progress.received_bytes:
            return f"the answer was cut short or is not HTTP, {so_far}"
        case httpcore.RemoteProtocolError():
            return "the connection was closed without an answer"
        case _:
            return f"the answer could not be read, {so_far} ({type(error).__name__})"
