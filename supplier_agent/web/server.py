"""The page listens in a thread of its own, beside the loop: whatever happens to it, orders are collected and reported."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import uvicorn
from sqlmodel import Session
from starlette.types import ASGIApp

from supplier_agent import state
from supplier_agent.clock import Clock
from supplier_agent.errors import AgentError
from supplier_agent.labels.papers import Press
from supplier_agent.log import Log
from supplier_agent.settings import Settings
from supplier_agent.store import LockedError, Store, open_store
from supplier_agent.web.answers import forget
from supplier_agent.web.app import make_app, room_of
from supplier_agent.web.people import present

LINGER_SECONDS = 3
"""How long a stop waits for pages that are being answered."""
MOST_AT_ONCE = 200
IDLE_SECONDS = 30


@contextmanager
def serving(settings: Settings, clock: Clock, log: Log) -> Iterator[str]:
    """Serve the page while the block runs, and give its address; "" if it cannot listen, which stops nothing else."""
    server = PageServer(settings, clock, log)
    try:
        server.start()
    except AgentError as error:
        log.problem("page", f"{error.what} ({error.cure})")
    try:
        yield server.url
    finally:
        server.stop()


class PageServer:
    """The page of one installation, listening from `start` to `stop`. `url` is where."""

    def __init__(self, settings: Settings, clock: Clock, log: Log) -> None:
        self._settings, self._clock, self._log = settings, clock, log
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._opened = ExitStack()
        self.url = ""

    def start(self) -> None:
        """Listen. Raises AgentError if the address cannot be had."""
        with ExitStack() as opened:
            listener = opened.enter_context(_listen(self._settings))
            host, port = listener.getsockname()[:2]
            self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            store = open_store(self._settings.state_dir / state.DATABASE)
            opened.callback(store.close)
            press = Press(self._settings.state_dir, self._clock)
            opened.callback(press.close)
            self._look_around(store)
            app = make_app(room_of(self._settings, store, self._clock, self._log, press))
            self._server = uvicorn.Server(_config(app))
            self._thread = threading.Thread(target=self._serve, args=(self._server, listener), name="page", daemon=True)
            self._thread.start()
            self._opened = opened.pop_all()

    def _serve(self, server: uvicorn.Server, listener: socket.socket) -> None:
        server.run(sockets=[listener])  # outside the main thread it leaves signals alone

    def _look_around(self, store: Store) -> None:
        """Drop old answers, and say what somebody who sets the page up should know."""
        with suppress(LockedError), store.write() as tx:  # the next start may clean up
            forget(tx, self._clock.now())
        with store.read() as tx:
            nobody = not _somebody(tx)
        if self._settings.web.is_open:
            self._log.warning("page.exposed", detail="other machines can reach the page, without https", at=self.url)
        if nobody:
            self._log.warning("page.unattended", detail="nobody may sign in yet: supplier-agent person add NAME")
        self._log.info("page.started", at=self.url)

    def stop(self) -> None:
        """Answer what is being asked, within seconds, and listen no longer."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(LINGER_SECONDS + 2)
        self._opened.close()
        self._server = None


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level=logging.CRITICAL,  # what goes wrong in a page is told by app.failed, once
        proxy_headers=False,  # only the door believes a proxy, and only the one that is named
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=LINGER_SECONDS,
    )


def _somebody(tx: Session) -> bool:
    return bool(present(tx))


def _listen(settings: Settings) -> socket.socket:
    assert settings.web.address is not None  # noqa: S101 - the page is only started when it is on
    host, port = settings.web.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=128)
        # Accepted sockets inherit it. asyncio leaves it out for a socket that was made like this, and then each answer waits 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise AgentError(
            f"the page cannot listen on {settings.web.listen}: {error.strerror}",
            "free the port, or set another one: [web] listen in the configuration",
        ) from error
    return listener
