"""The watchdog is fed by progress: a worker that hangs beyond its deadline starves it, and its return feeds it again."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from supplier_agent.agent import Agent
from supplier_agent.base.clock import SystemClock
from supplier_agent.base.log import Log
from supplier_agent.base.process import Stop
from supplier_agent.db import state_folder
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.labels import LabelFolder
from supplier_agent.runtime.daemon import FEED_SECONDS, HUNG_SECONDS, Daemon
from supplier_agent.runtime.wiring import make_accounts
from supplier_agent.sandbox.api import Api
from supplier_agent.sandbox.world import World
from supplier_agent.tick.context import Context
from supplier_agent.tick.workers import Threads, Workers
from tests.world.clocks import until
from tests.world.databases import store_at
from tests.world.harness import MONDAY, ChecksAtOnce, ManualClock, NoSockets, no_fault, settings_for

PATIENCE_SECONDS = 10.0
TIMEOUT_SECONDS = 5.0


class PushedClock(SystemClock):
    """The machine's clocks, and what the test pushes them forward."""

    def __init__(self) -> None:
        self.pushed = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.pushed)

    def monotonic(self) -> float:
        return super().monotonic() + self.pushed


class Told(Stop):
    """A stop that a test asks for; signals are none of it."""

    def __init__(self) -> None:
        self.event = threading.Event()


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)  # noqa: FBT003 - the standard library's own
        self.env = {"NOTIFY_SOCKET": str(folder / "notify")}

    def heard(self) -> list[str]:
        """Return the messages since the last time."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Scene:
    """A daemon in a thread of its own, with real workers, whose requests hang when `hang` is set."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.systemd, self.stop = PushedClock(), Systemd(folder), Told()
        self.hang, self.let_go = threading.Event(), threading.Event()
        settings = settings_for(
            folder / "state", "notio", http={"timeout_seconds": TIMEOUT_SECONDS}, requests_per_second=1000
        )
        settings.state_dir.mkdir()
        world = World.with_orders(1, today=MONDAY.date(), clock=self.clock, suppliers=["notio"])
        wire = NoSockets(Api(world), ManualClock(), settings.base_url)
        wire.reachable = self._reachable
        labels = LabelFolder(settings.state_dir)
        self._store = store_at(settings.state_dir / state_folder.DATABASE)
        self._ledger = Ledger(settings.state_dir / state_folder.LEDGER)
        accounts = make_accounts(settings, {}, wire, self.clock, labels, self.stop.event.is_set)
        log = Log(None)
        workers = Workers(self.clock, Threads(), ChecksAtOnce(no_fault), log)
        ctx = Context(settings, self._store, self._ledger, labels, self.clock, lambda: 0.0, log, workers)
        self.agent = Agent(ctx, accounts)
        self.daemon = Daemon(self.agent, self.systemd.env, self.stop, lambda _: None)
        self.codes: list[int] = []
        self._thread = threading.Thread(target=lambda: self.codes.append(self.daemon.run()))

    def _reachable(self) -> bool:
        if self.hang.is_set():
            self.let_go.wait(PATIENCE_SECONDS)
        return True

    def begin(self) -> None:
        """Start the daemon."""
        self._thread.start()

    def end(self) -> None:
        """Stop it, and close all."""
        self.let_go.set()
        self.stop.event.set()
        self._thread.join(PATIENCE_SECONDS)
        self._store.close()
        self._ledger.close()
        self.systemd.close()

    def feeds(self, turns: int = 3) -> int:
        """Let a while pass several times; return how often the watchdog was fed meanwhile."""
        self.systemd.heard()
        fed = 0
        for _ in range(turns):
            self.clock.pushed += FEED_SECONDS + 1
            self.agent.ctx.inbox.put(lambda: None)
            time.sleep(0.25)  # longer than a turn takes: a watchdog that is not fed says nothing to wait for
            fed += sum("WATCHDOG=1" in message for message in self.systemd.heard())
        return fed


@contextmanager
def playing(folder: Path) -> Iterator[Scene]:
    scene = Scene(folder)
    scene.begin()
    try:
        yield scene
    finally:
        scene.end()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with playing(tmp_path) as scene:
        yield scene


def test_a_daemon_says_that_it_is_ready_feeds_the_watchdog_and_says_that_it_stops(tmp_path: Path) -> None:
    with playing(tmp_path) as scene:
        until(lambda: "READY=1" in scene.systemd.heard())
        until(lambda: scene.feeds() >= 2)
        scene.stop.event.set()
        until(lambda: scene.codes)
        assert "STOPPING=1" in scene.systemd.heard()
    assert scene.codes == [0]


def test_a_worker_that_hangs_starves_the_watchdog_until_it_returns(scene: Scene) -> None:
    until(lambda: scene.agent.accounts["notio"].next_read is not None and not scene.agent.ctx.in_flight())
    until(lambda: scene.feeds() >= 2, "before, all is well")
    scene.hang.set()
    scene.clock.pushed += scene.agent.ctx.settings.schedule.poll_seconds + 3600  # the next poll is due: it hangs
    scene.agent.ctx.inbox.put(scene.agent.ctx.look_again)
    until(scene.agent.ctx.in_flight)
    scene.clock.pushed += 4 * TIMEOUT_SECONDS + HUNG_SECONDS + 1
    until(lambda: scene.feeds(1) == 0)
    assert scene.feeds() == 0, "a hung worker is not progress"
    scene.hang.clear()
    scene.let_go.set()
    until(lambda: not scene.agent.ctx.in_flight())
    until(lambda: scene.feeds() >= 2, "it has returned")


def test_a_loop_that_hangs_starves_the_watchdog(scene: Scene) -> None:
    until(lambda: not scene.agent.ctx.in_flight())
    until(lambda: scene.feeds() >= 2)
    let_go = threading.Event()

    def hang() -> None:
        let_go.wait(PATIENCE_SECONDS)

    scene.agent.ctx.inbox.put(hang)
    time.sleep(0.3)
    assert scene.feeds() == 0
    let_go.set()
    until(lambda: scene.feeds(1) == 1)
