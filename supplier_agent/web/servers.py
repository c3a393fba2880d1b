"""The page of one installation, served: its listener, its database, and what works on labels for it."""

import threading
from contextlib import ExitStack, suppress

from starlette.applications import Starlette
from structlog.typing import FilteringBoundLogger

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.store import LockedError, Store, open_store
from supplier_agent.metrics.routes import Source, routes
from supplier_agent.printing.papers import Press
from supplier_agent.settings import Settings
from supplier_agent.web.answers import forget
from supplier_agent.web.app import make_app, room_of
from supplier_agent.web.listener import Limits, Listener
from supplier_agent.web.peers import Ours, has_seats_of_its_own
from supplier_agent.web.people import present

MOST_SOCKETS = 100
MOST_SOCKETS_OF_A_PEER = 8
"""A browser opens six. This machine and the proxy are exempt."""


class PageServer:
    """Serves [web] listen, from the first `must_serve` to `stop`. `url` is where; empty: nowhere yet."""

    def __init__(self, settings: Settings, clock: Clock, log: Log) -> None:
        self._settings, self._clock, self._log = settings, clock, log
        self._opened = ExitStack()
        self._listener: Listener | None = None
        self._store: Store | None = None
        self.url = ""

    def must_serve(self) -> None:
        """Listen, if that is not so already. Raises AgentError if it cannot be done now.

        A database that was replaced is opened again: SQLite itself would go on writing to the old file.
        """
        if self._listener is not None and self._store is not None and self._listener.is_alive:
            with suppress(AgentError):
                self._store.must_still_be_there()
                return
        self.stop()
        self._start()

    def _start(self) -> None:
        web = self._settings.web
        assert web.address is not None  # noqa: S101 - it is only made where there is one
        with ExitStack() as opened:
            listener = Listener("page", web.address, "[web] listen")
            opened.callback(listener.close)
            database = self._settings.state_dir / state_folder.DATABASE
            store = open_store(database)
            opened.callback(store.close)
            press = Press(self._settings.state_dir, self._clock)
            opened.callback(press.close)
            source = Source(database, self._settings)
            opened.callback(source.close)
            app = make_app(room_of(self._settings, store, self._clock, self._log, press), source)
            self._look_around(store, listener.url)
            limits = Limits(MOST_SOCKETS, MOST_SOCKETS_OF_A_PEER, lambda address: has_seats_of_its_own(web, address))
            listener.serve(app, limits)
            opened.callback(listener.close)  # before what it uses
            self._listener, self._store, self.url, self._opened = listener, store, listener.url, opened.pop_all()

    def _look_around(self, store: Store, url: str) -> None:
        """Drop old answers, and say what somebody who sets the page up should know."""
        with suppress(LockedError), store.write() as tx:  # the next start may clean up
            forget(tx, self._clock.now())
        with store.read() as tx:
            nobody = not present(tx)
        if self._settings.web.is_open:
            self._log.warning("page.exposed", detail="other machines can reach the page, without https", at=url)
        if nobody:
            self._log.warning("page.unattended", detail="nobody may sign in yet: supplier-agent person add NAME")

    def stop(self) -> None:
        """Answer what is being asked, within seconds, and listen no longer."""
        self._opened.close()
        self._listener, self._store, self.url = None, None, ""


# -- The listener for machines: /healthz, /readyz and /metrics, away from people, with limits of its own.

MOST_MACHINE_SOCKETS = 16
"""Prometheus holds one, a load balancer a few."""


class MachineServer:
    """Serves [metrics] listen, from the first `must_serve` to `stop`. `url` is where; empty: nowhere yet."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._opened = ExitStack()
        self._listener: Listener | None = None
        self.url = ""

    def must_serve(self) -> None:
        """Listen, if that is not so already. Raises AgentError if it cannot be done now."""
        if self._listener is not None and self._listener.is_alive:
            return
        self.stop()
        address = self._settings.metrics.address
        assert address is not None  # noqa: S101 - it is only made where there is one
        with ExitStack() as opened:
            listener = Listener("metrics", address, "[metrics] listen")
            opened.callback(listener.close)
            source = Source(self._settings.state_dir / state_folder.DATABASE, self._settings)
            opened.callback(source.close)
            ours = Ours(address, self._settings.web.origin)
            app = Starlette(routes=routes(source, self._settings, self._clock, ours.hold))
            listener.serve(app, Limits(MOST_MACHINE_SOCKETS, MOST_MACHINE_SOCKETS, lambda _address: None))
            self._listener, self.url, self._opened = listener, listener.url, opened.pop_all()

    def stop(self) -> None:
        """Listen no longer."""
        self._opened.close()
        self._listener, self.url = None, ""


# -- A log that no stranger can flood: of each event a few at once, then one a minute, with the number of those left out.

AT_ONCE = 20
EVERY_SECONDS = 60.0
"""With a dozen events of 300 bytes that is below 1 MB in any attack, and below 6 MB on a day of attacks."""


class RationedLog(Log):
    """What the page's process writes to."""

    def __init__(self, logger: FilteringBoundLogger | None, clock: Clock) -> None:
        super().__init__(logger, None)
        self._clock, self._lock = clock, threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}  # how many may be said, as of when
        self._unsaid: dict[str, int] = {}

    def _say(self, level: str, event: str, facts: dict[str, object]) -> None:
        with self._lock:
            now = self._clock.monotonic()
            left, at = self._left.get(event, (float(AT_ONCE), now))
            left = min(float(AT_ONCE), left + (now - at) / EVERY_SECONDS)
            if left < 1:
                self._left[event] = left, now
                self._unsaid[event] = self._unsaid.get(event, 0) + 1
                return
            self._left[event] = left - 1, now
            unsaid = self._unsaid.pop(event, None)
        super()._say(level, event, facts | {"unsaid": unsaid})
