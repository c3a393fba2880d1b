"""A listener that strangers may reach: it limits the connections, in total and per peer, and how long they may be idle.

If the limit is reached, the connection that has been idle longest is closed for the new one.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from supplier_agent.base.errors import AgentError

IDLE_SECONDS = 30
LINGER_SECONDS = 2
"""How long a stop waits for requests that are being answered."""
BACKLOG = 32
"""How many sockets are accepted at once, before the limit is checked."""
LARGEST_HEAD_BYTES = 16 * 1024


@dataclass(frozen=True)
class Limits:
    """How many sockets may be open, in total and per peer, and how long the other side may take.

    `peer_of` returns the peer of an address; None: it has no limit.
    """

    most: int
    most_of_a_peer: int
    peer_of: Callable[[str], str | None]
    header_seconds: float = 10.0  # from the connection, or the first byte of a request, to the end of its headers
    body_seconds: float = 20.0
    answer_seconds: float = 120.0  # from the end of the request to the last byte of the response, on the slowest line


@dataclass
class Seats:
    """The connections of one listener, the longest idle first. Only the thread of the event loop uses it."""

    limits: Limits
    _taken: dict["Connection", str | None] = field(default_factory=dict)

    def take(self, connection: "Connection") -> bool:
        """Accept a connection; return False if there is no place for it."""
        peer = self.limits.peer_of(connection.client[0] if connection.client else "")
        if peer is not None:
            same = [each for each, its in self._taken.items() if its == peer]
            if len(same) >= self.limits.most_of_a_peer and not self._free(same):
                return False
        if len(self._taken) >= self.limits.most and not self._free(list(self._taken)):
            return False
        self._taken[connection] = peer
        return True

    def worked(self, connection: "Connection") -> None:
        """Note that a connection was just used."""
        if connection in self._taken:
            self._taken[connection] = self._taken.pop(connection)

    def leave(self, connection: "Connection") -> None:
        """Remove a connection."""
        self._taken.pop(connection, None)

    def _free(self, among: Iterable["Connection"]) -> bool:
        idle = next((each for each in among if not each.is_busy), None)
        if idle is None:
            return False
        self.leave(idle)
        idle.transport.abort()
        return True


class Connection(H11Protocol):
    """One connection, with a deadline for everything that depends on the other side."""

    seats: Seats  # set by `_protocol`
    _deadline: asyncio.TimerHandle | None = None
    _stage: tuple[int, bool] | None = None  # the request, and whether its body is still being received

    @property
    def is_busy(self) -> bool:
        """Tell whether a request is being answered."""
        # None before the first request, in spite of its type.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the class above
        """Accept the connection, or close it if there is no place."""
        super().connection_made(transport)
        if self.seats.take(self):
            self._due(self.seats.limits.header_seconds)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove a connection."""
        super().connection_lost(exc)
        self._due(None)
        self.seats.leave(self)

    def data_received(self, data: bytes) -> None:
        """Receive bytes, and set the deadline that follows from what they complete."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request. While the response is still in our buffer, its deadline stays."""
        super().on_response_complete()
        self.seats.worked(self)
        if not self.is_busy and not self.transport.get_write_buffer_size():
            self._due(None)
        self._look(idle=True)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, unless a response is still being sent: that has its own deadline."""
        if not self.transport.get_write_buffer_size():
            super().timeout_keep_alive_handler()

    def _look(self, *, idle: bool = False) -> None:
        if self.transport.is_closing():
            return
        if self.is_busy:
            stage = id(self.cycle), self.cycle.more_body
            if stage != self._stage:
                self._stage = stage
                limits = self.seats.limits
                self._due(limits.body_seconds if self.cycle.more_body else limits.answer_seconds)
        elif not idle and self._deadline is None:
            self._due(self.seats.limits.header_seconds)

    def _due(self, seconds: float | None) -> None:
        """Close the connection after this many seconds (None: never)."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


class Listener:
    """A socket that is served in its own thread, with its own event loop. Raises AgentError if it cannot listen."""

    def __init__(self, name: str, address: tuple[str, int], key: str) -> None:
        # `key` is the setting that names the address.
        self._name = name
        self._socket = _listen(name, address, key)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def serve(self, app: ASGIApp, limits: Limits) -> None:
        """Start to serve."""
        self._server = server = uvicorn.Server(_config(app, limits))
        self._thread = threading.Thread(
            target=lambda: server.run(sockets=[self._socket]), name=self._name, daemon=True
        )  # outside the main thread it does not handle signals
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Tell whether it still serves."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Stop listening; requests that are being answered get a few seconds."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(LINGER_SECONDS + 1)
        self._socket.close()


def _config(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=type("Seated", (Connection,), {"seats": Seats(limits)}),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level=logging.CRITICAL,  # errors of a page are logged by app.failed
        proxy_headers=False,  # auth.py alone evaluates proxy headers, and only those of the configured proxies
        server_header=False,
        backlog=BACKLOG,
        h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=LINGER_SECONDS,
    )


def _listen(name: str, address: tuple[str, int], key: str) -> socket.socket:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=128)
        # Accepted sockets inherit it. asyncio does not set it for a socket created like this; each response would take 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise AgentError(
            f"the {name} cannot listen on {where}: {error.strerror}",
            f"free the port, or set another one: {key} in the configuration; it is tried again every 10 s",
        ) from error
    return listener
