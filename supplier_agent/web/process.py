"""What the page's process does: it listens for people and for machines, tries again what it cannot have yet, and says how it is.

It holds no token: the settings come without one, through stdin. What it cannot do (a port that is taken, a database that is not
there yet) it shows in its heartbeat (page.json), and tries again. It ends on a signal, or when the agent that started it is gone.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from supplier_agent.base import log
from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.base.errors import AgentError, BusyError, StateError
from supplier_agent.base.process import Stop
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock, holder
from supplier_agent.reports.heartbeat import PAGE, Heartbeat, tell
from supplier_agent.reports.vitals import PAGE as NOT_LISTENING
from supplier_agent.reports.vitals import Trouble
from supplier_agent.settings import Settings
from supplier_agent.settings.handed import read_back
from supplier_agent.web.servers import MachineServer, PageServer, RationedLog

BEAT_SECONDS = 10.0
NICENESS = 5
"""Where the processor is short, the agent goes first."""
EXPENDABLE = 500
"""Where memory is short, the kernel ends this process before others (proc_pid_oom_score_adj(5))."""


def serve(*, supervised: bool, env: Mapping[str, str]) -> int:
    """Serve until told to stop. `supervised`: stdin stays open as long as the agent lives. Returns the exit code."""
    stop, clock = Stop(), SystemClock()
    settings = read_back(sys.stdin.buffer.readline().decode(), env)
    if supervised:
        threading.Thread(target=_end_with_the_agent, args=(stop,), name="leash", daemon=True).start()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the agent reloads, and brings the page along
    else:
        signal.signal(signal.SIGHUP, lambda _number, _frame: stop.event.set())  # its unit starts it again
    _step_back()
    logging.getLogger("asyncio").setLevel(
        logging.CRITICAL
    )  # it would write a line for every socket that it cannot have
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
            "stop it first: systemctl stop supplier-agent-page, or the agent, which serves the page where nobody else does",
        ) from error


class Process:
    """Both listeners, each tried again until it listens. `supervised`: an agent waits for signs, and logs what is shown."""

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
            if not self._supervised:  # else who ended it knows whether another one follows
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


def _fault(server: PageServer | MachineServer) -> AgentError | None:
    """See that a server listens; return why it does not."""
    try:
        server.must_serve()
    except AgentError as error:
        return error
    return None


def _end_with_the_agent(stop: Stop) -> None:
    """Wait until the agent's end of the pipe is closed, by intent or by its death."""
    while os.read(0, 4096):
        pass
    stop.event.set()


def _give_a_sign() -> None:
    os.set_blocking(1, False)
    with contextlib.suppress(OSError):  # an agent that reads none of them for a week has other troubles
        os.write(1, b".")


def _step_back() -> None:
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - a knob, not a file
        file.write(str(EXPENDABLE))
