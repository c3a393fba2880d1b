"""An address that strangers may reach: how many may be connected, from where, and for how long without saying anything.

Nobody is kept waiting for nothing: when all seats are taken, the connection that has been idle longest gives way.
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
"""How long a stop waits for what is being answered."""
BACKLOG = 32
"""So many sockets are accepted at one go, before it is looked whether there is a seat for them."""
LARGEST_HEAD_BYTES = 16 * 1024


@dataclass(frozen=True)
class Limits:
    """How many sockets may be open, how many of one peer, and how long the other side may take.

    `peer_of` names the peer at an address; None: it is exempt.
    """

    most: int
    most_of_a_peer: int
    peer_of: Callable[[str], str | None]
    header_seconds: float = 10.0  # from the connection, or a request's first byte, to the end of its headers
    body_seconds: float = 20.0
    answer_seconds: float = 120.0  # from the whole request to the last byte of the answer, on the slowest line


@dataclass
class Seats:
    """Who is connected to one address, the longest idle first. Belongs to the thread of the event loop."""

    limits: Limits
    _taken: dict["Connection", str | None] = field(default_factory=dict)

    def take(self, connection: "Connection") -> bool:
        """Give a seat to a connection; return whether there was one."""
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
        """Note that a connection was of use just now."""
        if connection in self._taken:
            self._taken[connection] = self._taken.pop(connection)

    def leave(self, connection: "Connection") -> None:
        """Free the seat."""
        self._taken.pop(connection, None)

    def _free(self, among: Iterable["Connection"]) -> bool:
        idle = next((each for each in among if not each.is_busy), None)
        if idle is None:
            return False
        self.leave(idle)
        idle.transport.abort()
        return True


class Connection(H11Protocol):
    """One connection, with a deadline for everything that the other side may take its time with."""

    seats: Seats  # given by `_protocol`
    _deadline: asyncio.TimerHandle | None = None
    _stage: tuple[int, bool] | None = None  # which request, and whether its body still comes

    @property
    def is_busy(self) -> bool:
        """Tell whether a request is being answered."""
        # None before the first request, whatever its type says.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the class above
        """Take a seat, or be sent away."""
        super().connection_made(transport)
        if self.seats.take(self):
            self._due(self.seats.limits.header_seconds)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the seat."""
        super().connection_lost(exc)
        self._due(None)
        self.seats.leave(self)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; which deadline holds depends on what they complete."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request. While the answer lies unread in our buffer, its deadline stays."""
        super().on_response_complete()
        self.seats.worked(self)
        if not self.is_busy and not self.transport.get_write_buffer_size():
            self._due(None)
        self._look(idle=True)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, unless an answer is still on its way: that has a deadline of its own."""
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
        """End the connection in so many seconds (None: not by itself)."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


class Listener:
    """A socket that is served in a thread of its own, with an event loop of its own. Raises AgentError if it cannot be had."""

    def __init__(self, name: str, address: tuple[str, int], key: str) -> None:
        # `key` is the setting that names the address.
        self._name = name
        self._socket = _listen(name, address, key)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def serve(self, app: ASGIApp, limits: Limits) -> None:
        """Begin to answer."""
        self._server = server = uvicorn.Server(_config(app, limits))
        self._thread = threading.Thread(
            target=lambda: server.run(sockets=[self._socket]), name=self._name, daemon=True
        )  # outside the main thread it leaves signals alone
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Tell whether it still answers."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Answer what is being asked, within seconds, and listen no longer."""
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
        log_level=logging.CRITICAL,  # what goes wrong in a page is said by app.failed
        proxy_headers=False,  # only the door believes a proxy, and only the one that is named
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
        # Accepted sockets inherit it. asyncio leaves it out for a socket that was made like this, and then each answer waits 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise AgentError(
            f"the {name} cannot listen on {where}: {error.strerror}",
            f"free the port, or set another one: {key} in the configuration; it is tried again every 10 s",
        ) from error
    return listener
