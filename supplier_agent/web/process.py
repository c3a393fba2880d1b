"""The page's process, which `run` or `page` starts: it listens for people ([web]) and machines ([metrics]), and reads barcodes.

It has no token: its settings come through stdin, without one. What it cannot do yet (a port is taken, there is no database) it
shows in its heartbeat (page.json) and tries again. It ends on a signal, or when the agent that started it ends.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import ASGIApp
from structlog.typing import FilteringBoundLogger

from supplier_agent.base import log
from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.errors import AgentError, BusyError, StateError
from supplier_agent.base.log import Log
from supplier_agent.base.process import Stop, ended
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock, holder
from supplier_agent.db.store import LockedError, Store, open_store
from supplier_agent.labels.barcodes import LabelCodes
from supplier_agent.labels.pdf import PdfWork
from supplier_agent.metrics.routes import Source, routes
from supplier_agent.printing.papers import Press
from supplier_agent.reports.heartbeat import PAGE, Heartbeat, tell
from supplier_agent.reports.vitals import PAGE as NOT_LISTENING
from supplier_agent.reports.vitals import Trouble
from supplier_agent.settings import Settings
from supplier_agent.settings.dump import SUPERVISED, read_back
from supplier_agent.web.answers import forget
from supplier_agent.web.app import make_app, room_of
from supplier_agent.web.listener import Limits, Listener
from supplier_agent.web.peers import Ours, has_seats_of_its_own
from supplier_agent.web.people import present

MOST_SOCKETS = 100
MOST_SOCKETS_OF_A_PEER = 8
"""Sockets per peer: a browser opens six. This machine and the proxy have no limit."""


class Server(ABC):
    """Serves one address, from the first `must_serve` until `stop`. `url`: where it listens; empty: nowhere yet."""

    def __init__(self, name: str, address: tuple[str, int] | None, key: str) -> None:
        assert address is not None  # noqa: S101 - it is only made where there is one
        self._name, self._address, self._key = name, address, key
        self._opened = ExitStack()
        self._listener: Listener | None = None
        self.url = ""

    def must_serve(self) -> None:
        """Listen, if that is not so already. Raises AgentError if it cannot be done now."""
        if self._listener is not None and self._listener.is_alive and self._is_usable():
            return
        self.stop()
        with ExitStack() as opened:
            listener = Listener(self._name, self._address, self._key)
            opened.callback(listener.close)
            app, limits = self._open(opened, listener.url)
            listener.serve(app, limits)
            opened.callback(listener.close)  # before the resources that it uses
            self._listener, self.url, self._opened = listener, listener.url, opened.pop_all()

    def stop(self) -> None:
        """Stop listening; requests that are being answered get a few seconds."""
        self._opened.close()
        self._listener, self.url = None, ""

    @abstractmethod
    def _open(self, opened: ExitStack, url: str) -> tuple[ASGIApp, Limits]:
        """Open what is served at this URL; `opened` closes it."""

    def _is_usable(self) -> bool:
        """Tell whether what was opened can still be used."""
        return True


class PageServer(Server):
    """Serves people: `[web] listen`."""

    def __init__(self, settings: Settings, clock: Clock, log: Log) -> None:
        super().__init__("page", settings.web.address, "[web] listen")
        self._settings, self._clock, self._log = settings, clock, log
        self._store: Store | None = None

    def _open(self, opened: ExitStack, url: str) -> tuple[ASGIApp, Limits]:
        settings, web = self._settings, self._settings.web
        database = settings.state_dir / state_folder.DATABASE
        self._store = store = open_store(database)
        opened.callback(store.close)
        press = Press(settings.state_dir, self._clock)
        opened.callback(press.close)
        source = Source(database, settings)
        opened.callback(source.close)
        room = room_of(settings, store, self._clock, self._log, press)
        app = make_app(room, source, opened)
        self._look_around(store, url)
        opened.callback(LabelCodes(settings.state_dir, PdfWork(self._clock), self._log).start().close)
        opened.callback(room.printers.close)  # first: what was not printed is recorded while there is a database
        return app, Limits(MOST_SOCKETS, MOST_SOCKETS_OF_A_PEER, lambda address: has_seats_of_its_own(web, address))

    def _is_usable(self) -> bool:
        """Tell whether the database file is still the same. SQLite would go on writing to one that was replaced."""
        with suppress(AgentError):
            if self._store is not None:
                self._store.must_still_be_there()
                return True
        return False

    def _look_around(self, store: Store, url: str) -> None:
        """Delete old answers, and log what matters to the person who sets up the page."""
        with suppress(LockedError), store.write() as tx:  # the next start cleans up
            forget(tx, self._clock.now())
        with store.read() as tx:
            nobody = not present(tx)
        if self._settings.web.is_open:
            self._log.warning("page.exposed", detail="other machines can reach the page, without https", at=url)
        if nobody:
            self._log.warning("page.unattended", detail="nobody may sign in yet: supplier-agent person add NAME")


MOST_MACHINE_SOCKETS = 16
"""Sockets per peer: Prometheus holds one, a load balancer a few."""


class MachineServer(Server):
    """Serves machines: `[metrics] listen`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__("metrics", settings.metrics.address, "[metrics] listen")
        self._settings, self._clock = settings, clock

    def _open(self, opened: ExitStack, url: str) -> tuple[ASGIApp, Limits]:  # noqa: ARG002 - as in Server
        source = Source(self._settings.state_dir / state_folder.DATABASE, self._settings)
        opened.callback(source.close)
        ours = Ours(self._address, self._settings.web.origin)
        app = Starlette(routes=routes(source, self._settings, self._clock, ours.hold))
        return app, Limits(MOST_MACHINE_SOCKETS, MOST_MACHINE_SOCKETS, lambda _address: None)


AT_ONCE = 20
EVERY_SECONDS = 60.0
"""How many events may be logged, and how fast: an attack adds less than 1 MB, a day of attacks less than 6 MB."""


class RationedLog(Log):
    """The log of the page's process, with a rate limit."""

    def __init__(self, logger: FilteringBoundLogger | None, clock: Clock) -> None:
        super().__init__(logger, None)
        self._clock, self._lock = clock, threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}  # how many events may be logged, as of when
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


BEAT_SECONDS = 10.0
NICENESS = 5
"""The niceness: if the processor is busy, the agent has priority."""
EXPENDABLE = 500
"""If memory is short, the kernel ends this process before others (proc_pid_oom_score_adj(5))."""


def serve(*, supervised: bool, env: Mapping[str, str]) -> int:
    """Serve until a signal. `supervised`: stdin stays open while the agent lives. Return the exit code."""
    stop, clock = Stop(), SystemClock()
    settings = read_back(sys.stdin.buffer.readline().decode(), env)
    if supervised:
        threading.Thread(target=_end_with_the_agent, args=(stop,), name="leash", daemon=True).start()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the agent reloads, and restarts the page
    else:
        signal.signal(signal.SIGHUP, lambda _number, _frame: stop.event.set())  # its systemd unit restarts it
    _step_back()
    logging.getLogger("asyncio").setLevel(
        logging.CRITICAL
    )  # it would write a line for every socket that cannot be opened
    os.umask(0o007)
    logger = log.set_up(env, form=settings.log.format, level=settings.log.level)
    if not settings.state_dir.is_dir():
        raise StateError(f"the state folder {settings.state_dir} does not exist", "supplier-agent check --offline")
    held = _alone(settings.state_dir / state_folder.PAGE_LOCK, clock)
    try:
        Process(settings, clock, RationedLog(logger, clock), supervised=supervised).run(stop.event)
    finally:
        held.release()
    return 0


def _alone(path: Path, clock: Clock) -> InstanceLock:
    try:
        return InstanceLock(path, "page", clock)
    except BusyError as error:
        raise BusyError(
            f"another process serves the page: {holder(path)}",
            "stop it first: systemctl stop supplier-agent-page, or stop the agent, which also serves the page",
        ) from error


class Process:
    """Both listeners; each is tried again until it listens. `supervised`: the agent reads the heartbeat and logs its problems."""

    def __init__(self, settings: Settings, clock: Clock, log: log.Log, *, supervised: bool) -> None:
        self._settings, self._clock, self._log, self._supervised = settings, clock, log, supervised
        self._page = PageServer(settings, clock, log) if settings.web.listen else None
        self._machines = MachineServer(settings, clock) if settings.metrics.listen else None
        self._beat = Heartbeat(settings.state_dir / PAGE, clock, "page")
        self._before: Mapping[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set."""
        servers = [server for server in (self._page, self._machines) if server is not None]
        try:
            while not stop.is_set():
                faults = [fault for fault in map(_fault, servers) if fault is not None]
                self._show(faults)
                stop.wait(BEAT_SECONDS)
        finally:
            for server in servers:
                server.stop()
            if not self._supervised:  # else the program that ended it knows whether another one follows
                self._beat.end()

    def _show(self, faults: Sequence[AgentError]) -> None:
        what = "; ".join(fault.what for fault in faults)
        troubles = [Trouble(NOT_LISTENING, what, faults[0].cure)] if faults else []
        servers = {"page": self._page, "metrics": self._machines}
        serves = {name: server.url for name, server in servers.items() if server is not None and server.url}
        self._beat.keep("page", troubles)
        self._beat.serve(serves)
        self._beat.beat()
        if self._supervised:
            _give_a_sign()
        else:
            tell(self._log, troubles, serves, self._before)
        self._before = serves


def _fault(server: Server) -> AgentError | None:
    """Make a server listen; return the reason if it cannot."""
    try:
        server.must_serve()
    except AgentError as error:
        return error
    return None


def _end_with_the_agent(stop: Stop) -> None:
    """Wait until the agent closes its end of the pipe, or dies."""
    while os.read(0, 4096):
        pass
    stop.event.set()


def _give_a_sign() -> None:
    os.set_blocking(1, False)
    with contextlib.suppress(OSError):  # an agent that has read none of them for a week has other problems
        os.write(1, b".")


def _step_back() -> None:
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - a knob, not a file
        file.write(str(EXPENDABLE))


if __name__ == "__main__":
    code = ended(lambda: serve(supervised=SUPERVISED in sys.argv[1:], env=os.environ))
    os._exit(code)  # do not wait for threads that still answer a request
