"""An agent and a marketplace in one thread, on a clock that only they move: days pass in seconds, the same ones for the same seed.

Everything is real but four things: the clock, the executor (it works at once), the sockets, and the check of PDFs.
"""

import math
import random
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

import httpx

from supplier_agent.agent import Agent
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS, Calls
from supplier_agent.db import state_folder
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store
from supplier_agent.labels import Label, LabelFolder, NotALabel
from supplier_agent.labels.pdf import Check, Checks, Fault
from supplier_agent.marketplace.connections import Deadline
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply, Wire
from supplier_agent.runtime.wiring import follow_bots, follow_webhooks, make_accounts
from supplier_agent.sandbox.api import Api
from supplier_agent.sandbox.faults import Request
from supplier_agent.sandbox.faults import Wire as Travels
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.tick.choose import LOOK_SECONDS
from supplier_agent.tick.context import Account, Context
from supplier_agent.tick.workers import Workers
from tests.world.databases import store_at

P = ParamSpec("P")
T = TypeVar("T")

LABEL = b"%PDF-1.4 a label\n%%EOF\n"
MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)
LEAST_SECONDS = 0.001
STRIDE_SECONDS = 900.0
SHORT_SECONDS = 5.0
"""Who waits no longer has something to do."""
MOST_TURNS_IN_PLACE = 500
"""So many turns without time passing are an endless loop."""


class ManualClock:
    """Time that passes when the code sleeps. Whole nanoseconds: sums of floats would never reach some instants."""

    def __init__(self, start: datetime = MONDAY) -> None:
        self._start = start
        self._nanoseconds = 0

    def now(self) -> datetime:
        """Return the instant, to the microsecond."""
        return self._start + timedelta(microseconds=self._nanoseconds // 1000)

    def monotonic(self) -> float:
        """Return the seconds since the start, and a thousand: zero would hide mistakes."""
        return 1000 + self._nanoseconds / 1e9

    def sleep(self, seconds: float) -> None:
        """Let at least that much time pass."""
        self._nanoseconds += max(0, math.ceil(seconds * 1e9))


class AtOnce(Executor):
    """Works in the caller's thread, before `submit` returns."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run it now."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - an executor hands on whatever was raised
            future.set_exception(error)
        return future


class NoSockets(Wire):
    """Hands each request straight to the sandbox's API. An answer takes `answer_seconds` of the clock."""

    def __init__(self, api: Api, clock: ManualClock, base_url: str, answer_seconds: float = 0.25) -> None:
        super().__init__(clock, timeout_seconds=20)
        self.api, self.clock, self.base_url = api, clock, base_url
        self.answer_seconds = answer_seconds
        self.reachable: Callable[[], bool] = lambda: True

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
        """Answer like the real one: what the sandbox's faults do to the connection ends as Lost."""
        if deadline is not None and deadline.left() <= 0:
            return NotSent("no connection could be made in time")
        if not self.reachable():
            return NotSent("the connection was refused")
        turn()
        target = httpx.URL(url).raw_path.decode("ascii")
        request = Request(method, target, {name.lower(): value for name, value in headers.items()}, content or b"")
        handled = self.api.handle(request, self.base_url)
        self.clock.sleep(self.answer_seconds)
        fault, answer = handled.fault, handled.answer
        if fault is not None and fault.wire is Travels.LATE:
            self.clock.sleep(fault.seconds or 0)
        elif fault is not None and fault.wire is Travels.HANG:
            self.clock.sleep(20)
        if answer is None or (fault is not None and fault.wire not in {Travels.WHOLE, Travels.LATE}):
            return Lost("the connection was closed without an answer")
        assert len(answer.body) <= limit_bytes
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers}, answer.body)

    def ping(self, url: str) -> Reply:
        """Take every ping."""
        assert url
        return Answer(200, {}, b"")


def arrive(world: World, supplier: str, number: int = 1) -> None:
    """Let so many more orders be listed, each with a label that is quickly made."""
    for _ in range(number):
        world.arrive(supplier).label = LABEL


def settings_for(state_dir: Path, *suppliers: str, **sections: Any) -> Settings:  # noqa: ANN401 - sections are of many shapes
    """Return settings whose tokens are the world's. `sections` as in the file: `ship={"undo_seconds": 0}`."""
    known: dict[str, dict[str, object]] = {name: {"token": f"sandbox-{name}"} for name in suppliers}
    return Settings(state_dir=state_dir, suppliers=known, **sections)


class ChecksAtOnce(Checks):
    """Checks a label in the caller's thread, before `submit` returns."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def submit(self, supplier: str, check: Check) -> "Future[Any]":  # noqa: ARG002 - as in Checks
        """Check it now."""
        return AtOnce().submit(check, self._fault)

    def close(self) -> None:
        """Do nothing: nothing waits."""


def keep(
    labels: LabelFolder,
    supplier: str,
    menzzo_order_id: str,
    content: bytes,
    fault: Fault = lambda _path: None,
) -> Label | NotALabel:
    """Store a label as a worker and a check do together."""
    received = labels.receive(supplier, menzzo_order_id, content)
    return received if isinstance(received, Label) else labels.accept(received, fault)


def no_fault(_path: Path) -> str | None:
    """Take every file for a whole PDF."""
    return None


@dataclass
class Site:
    """One installation over its life: its folder, its clock and its marketplace outlive the agents that come and go."""

    settings: Settings
    world: World
    clock: ManualClock
    semantics: Semantics = field(default_factory=Semantics)
    seed: int = 1
    pdf_fault: Callable[[Path], str | None] = no_fault
    executor: Executor = field(default_factory=AtOnce)
    calls: Calls = CALLS
    others: Callable[["Site"], Iterable[Account]] = lambda _site: ()  # accounts besides those at the marketplace
    said: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    agent: Agent = field(init=False)
    running: bool = False

    def __post_init__(self) -> None:
        self.settings.state_dir.mkdir(parents=True, exist_ok=True)
        self.api = Api(self.world, self.semantics)
        self.wire = NoSockets(self.api, self.clock, self.settings.base_url)
        self._dice = random.Random(self.seed)

    @property
    def database(self) -> Path:
        """Where the state is."""
        return self.settings.state_dir / state_folder.DATABASE

    def parts(self) -> tuple[Store, Ledger, LabelFolder, Checks]:
        """Open what keeps the state on the disk, and the check of PDFs."""
        folder = self.settings.state_dir
        store, ledger = store_at(self.database), Ledger(folder / state_folder.LEDGER)
        return store, ledger, LabelFolder(folder), ChecksAtOnce(self.pdf_fault)

    def assemble(self) -> Agent:
        """Put an agent together on the folder, as wiring.py does."""
        assert not self.running
        settings = self.settings
        self._store, self._ledger, labels, checks = self.parts()
        made = make_accounts(settings, {}, self.wire, self.clock, labels, lambda: self.agent.stopping)
        log = Log(None, lambda event, facts: self.said.append((event, facts)))
        workers = Workers(self.clock, self.executor, checks, log)
        chance = self._dice.random
        ctx = Context(settings, self._store, self._ledger, labels, self.clock, chance, log, workers, self.calls)
        follow_webhooks(ctx, settings)
        follow_bots(ctx, settings)
        self.agent = Agent(ctx, [*made, *self.others(self)])
        self.running = True
        return self.agent

    def start(self) -> Agent:
        """Put an agent together, and let it recover."""
        self.assemble().start()
        return self.agent

    def stop(self) -> None:
        """End as SIGTERM does: send nothing more, and settle what came back."""
        self.agent.stopping = True
        while self.agent.ctx.in_flight():
            self.agent.turn()
        self.crash()

    def crash(self) -> None:
        """End the process at once: what came back and was not settled is lost with it."""
        self._store.close()
        self._ledger.close()
        self.running = False

    def run_for(
        self, seconds: float, stride_seconds: float = STRIDE_SECONDS, until: Callable[[], bool] = lambda: False
    ) -> None:
        """Let the agent work for that long, or until something holds.

        An idle agent looks every 30 s whether opening time or a new token has come. Here it skips such looks up to the next
        moment at which it has anything to do, `stride_seconds` at most: hours become cheap.
        """
        idle = self.nothing_before if stride_seconds > LOOK_SECONDS else lambda _most: 0.0
        pass_time(self.clock, seconds, self.turn, lambda: idle(stride_seconds), until)

    def turn(self) -> float | None:
        """Let the agent do what can be done now; return the seconds that it would wait, None if an answer has come already."""
        wait = self.agent.turn()
        return None if self.agent.ctx.in_flight() else wait

    def nothing_before(self, most_seconds: float) -> float:
        """Return the seconds until the agent has anything to do: it would look every 30 s, and find nothing."""
        now = self.clock.now()
        accounts = self.agent.accounts.values()
        moments = [account.next_read.at for account in accounts if account.next_read is not None]
        if any(account.errand is not None for account in accounts):
            with self.agent.ctx.store.read() as tx:
                each = [(account.errand, account) for account in accounts]
                moments += [errand.due_at(tx, self.agent.ctx, one, now) for errand, one in each if errand is not None]
        for (text,) in self.ask(
            "SELECT min(due_at) FROM calls WHERE state = 'owed' AND due_at > ?1 UNION ALL "
            "SELECT min(resume_at) FROM lanes WHERE resume_at > ?1 UNION ALL "
            "SELECT min(quiet_until) FROM suppliers WHERE quiet_until > ?1",
            f"{now:%Y-%m-%d %H:%M:%S.%f}",
        ):
            if text is not None:
                moments.append(datetime.fromisoformat(text).replace(tzinfo=UTC))
        return min([most_seconds, *((moment - now).total_seconds() for moment in moments)])

    def collected(self) -> Self:
        """Start, and let the agent read and acknowledge all orders, and fetch their labels."""
        self.start()
        self.run_for(60)
        return self

    def flag(self, ids: Iterable[str] | None = None) -> None:
        """Flag orders (None: all of them) as the warehouse does, in SQL.

        Then the moment is made ours: the trigger takes the machine's time.
        """
        if ids is None:
            ids = [order.menzzo_order_id for name in self.settings.suppliers for order in self.world.orders(name)]
        now = f"{self.clock.now():%Y-%m-%d %H:%M:%S.%f}"
        with sqlite3.connect(self.database, isolation_level=None) as connection:
            for each in ids:
                connection.execute("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", (each,))
                connection.execute("UPDATE orders SET shipped_at = ? WHERE menzzo_order_id = ?", (now, each))
        connection.close()

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database as staff do."""
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()


def pass_time(
    clock: ManualClock,
    seconds: float,
    turn: Callable[[], float | None],
    idle: Callable[[], float],
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Turn and let time pass by what is asked for, for that many seconds or until something holds.

    `turn` returns the seconds to wait, None for not at all. `idle`: how long a longer wait may be instead.
    """
    end, last, turns = clock.monotonic() + seconds, clock.monotonic(), 0
    while clock.monotonic() < end and not until():
        wait = turn()
        turns = turns + 1 if clock.monotonic() == last else 0
        last = clock.monotonic()
        assert turns < MOST_TURNS_IN_PLACE, "the agent turns, but no time passes"
        if wait is not None:
            wait = max(wait, idle() if wait > SHORT_SECONDS else 0, LEAST_SECONDS)
            clock.sleep(min(wait, end - clock.monotonic()))
