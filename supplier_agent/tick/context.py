"""What every step of a tick uses: the parts of the agent and its accounts.

An account is someone the agent talks to, with its own rate, circuit breakers, credentials and worker threads. A supplier's account
at the marketplace is one kind: it also pulls the list of orders. A kind that only delivers has no reads.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol, Self

from sqlmodel import Session

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import ConfigError, StateError
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS, Calls, Job
from supplier_agent.db.ship_ledger import Ledger, ShipCall
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Call, Order
from supplier_agent.evidence.chain import Chain
from supplier_agent.labels import LabelFolder
from supplier_agent.maintenance.rollback import Watch
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.order import Rules, wanted
from supplier_agent.reading.schedule import Due
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import LABELS
from supplier_agent.suppliers.snapshot import Changes, Snapshot
from supplier_agent.tick.pull import OpenRun
from supplier_agent.tick.workers import Inbox, Place, Workers
from supplier_agent.verdict.supplier import MARKETPLACE

INTERNAL = "internal error"
"""The code of a problem: an error of this program, not of the marketplace."""


READ = "read"
READ_EVERY = 5
"""A read that is due gets every fifth request, so that a backlog of calls never delays new orders."""
MOST_IN_FLIGHT = 4
"""The most requests of one account in one lane, however long its answers take."""
MOST_HEARD = 50
"""The times of so many answers are kept until learning looks at them."""
MOST_LABELS = 4
"""The most labels of one account that are being fetched or checked; no other is fetched until one of them is done."""


@dataclass(frozen=True)
class Flight:
    """A request in flight. `job` is None for a read."""

    kind: str
    place: Place  # its thread
    started_at: datetime
    started: float  # monotonic seconds
    job: Job | None = None
    token: str = field(default="", repr=False)  # the token it was sent with
    heard: list[float] = field(default_factory=list)  # network seconds of each answer

    @property
    def lane(self) -> str:
        """The lane whose thread it uses."""
        return self.place.lane


class Errand(Protocol):
    """Reads that an account makes from time to time: the fulfilled orders of a shop (integrations/)."""

    def look(self, ctx: "Context", account: "Account") -> None:
        """Start a read if one is due, and the account may make one now."""

    def due_at(self, tx: Session, ctx: "Context", account: "Account", now: datetime) -> datetime:
        """Return when the next read may be made: `now` or later."""


@dataclass
class Account:
    """The state of one account, in memory only: it is lost when the process ends."""

    name: str  # the key of its rows in `suppliers` and `lanes`, of its threads and its rate
    supplier: str  # the supplier whose orders its calls are about
    # Makes a worker's tools; the argument receives the network seconds of each answer.
    tools: Callable[[Callable[[float], None]], Any]
    pace: Pace  # its rate limit: the loop plans by it; a request calls `wait_turn` right before its first byte
    kind: str = MARKETPLACE
    read_token: Callable[[], str] | None = None  # the present token, or raises ConfigError; None: it needs no token
    read_next_token: Callable[[], str | None] = lambda: None  # `token_next`, or None
    errand: Errand | None = None  # reads of its own besides the list of orders; None: it has none
    token: str | None = field(default=None, repr=False)  # None: it could not be read; see `token_problem`
    token_problem: str | None = None
    refused: set[str] = field(default_factory=set, repr=False)  # tokens refused since one last worked
    proven: str | None = field(default=None, repr=False)  # the token known to work; None: not known yet
    snapshot: Snapshot | None = None  # the cached snapshot; None: invalid, load it again
    in_flight: list[Flight] = field(default_factory=list)
    run: OpenRun | None = None
    longest_page: int = 0
    slots_since_read: int = 0
    checking: set[int] = field(default_factory=set)  # ids of label calls that are fetched and not checked yet
    answer_seconds: dict[str, float] = field(default_factory=dict)  # by lane: network seconds of recent answers
    heard: list[tuple[str, datetime, float]] = field(
        default_factory=list
    )  # of the newest: kind, start, network seconds
    facts_changed: bool = True  # there may be orders to plan
    token_suspect: bool = True  # the token may be refused or missing: check before sending
    next_read: Due | None = None  # the next run; None: not known, ask the database
    poll_seconds: float = 0.0  # the interval between polls for which `next_read` was computed
    waits_for_rate: bool = False  # only the rate limit holds back the next request
    reads_failing: bool = False  # then a read is not retried within seconds: its lane decides when
    ships_wait: bool = False  # ship calls wait until a person approves unusually many marks
    flags_changed: bool = False  # marked orders were planned; not checked yet whether they are unusually many
    look_at: float = 0.0  # monotonic: when to tick it next
    idle_until: float = 0.0  # monotonic: nothing becomes due before this time, unless something changes
    ticked_at: float = 0.0  # monotonic: when it was ticked last
    failed_claims: tuple[int, int] = (0, 0)  # the call whose claim failed last, and how often in a row
    rests_until: float = 0.0  # monotonic: after an internal error, not served before this time

    def with_token(self) -> Self:
        """Read its token. If it cannot be read, the loop logs it, pauses this account, and reads it again later."""
        if self.read_token is not None:
            with suppress(ConfigError):
                self.token = self.read_token()
        return self

    @property
    def pulls(self) -> bool:
        """Whether it has a list of orders to read."""
        return self.kind == MARKETPLACE

    @property
    def next_look(self) -> float:
        """When to tick it next (monotonic seconds)."""
        return max(self.look_at, self.rests_until)

    def memory(self) -> dict[str, Any]:
        """Return a copy of its present state. `vars(account).update(memory)` brings it back."""
        return {
            name: copy(value) if isinstance(value, (list, set, dict)) else value for name, value in vars(self).items()
        }

    def flying(self, lane: str) -> int:
        """Return the number of requests of that lane in flight."""
        return sum(flight.lane == lane for flight in self.in_flight)

    def under_way(self, lane: str) -> int:
        """Return the number of unsettled calls of that lane: in flight, or labels being checked."""
        return self.flying(lane) + (len(self.checking) if lane == LABELS else 0)

    def has_room(self, lane: str) -> bool:
        """Tell whether another request of that lane may start.

        Allowed are as many as the rate starts during one answer (Little's law), plus one, but at most MOST_IN_FLIGHT: when the
        other side stops answering, everything in flight is lost at once.
        """
        if lane == LABELS and self.under_way(lane) >= MOST_LABELS:
            return False
        fills_the_rate = math.ceil(self.answer_seconds.get(lane, 0.0) / self.pace.interval) + 1
        return self.flying(lane) < min(fills_the_rate, MOST_IN_FLIGHT)

    def finished(self, flight: Flight) -> None:
        """Remove a request from flight and learn from how long its answer took; without an answer, nothing is learned."""
        self.in_flight.remove(flight)
        if flight.heard:
            seconds, before = max(flight.heard), self.answer_seconds.get(flight.lane, 0.0)
            self.answer_seconds[flight.lane] = max(seconds, before * 0.8 + seconds * 0.2)
            self.heard = [*self.heard, (flight.kind, flight.started_at, flight.heard[-1])][-MOST_HEARD:]
        self.wake()

    def wake(self) -> None:
        """Look for something to do in the next turn: something has changed."""
        self.look_at = self.idle_until = 0.0
        self.pace.is_ranked = False


@dataclass
class Context:
    """The parts of one running agent. Time, chance and network are injected here, so the same seed gives the same history."""

    settings: Settings  # replaced by a reload
    store: Store
    ledger: Ledger
    labels: LabelFolder
    clock: Clock
    chance: Callable[[], float]  # a random number in [0, 1)
    log: Log
    workers: Workers
    calls: Calls = CALLS
    round_at: datetime | None = None  # when a `run --once` began; None: the daemon, which polls by the clock
    told_to_read_only: bool = False  # by the command line; the settings may also do so
    accounts: dict[str, Account] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)  # made by other programs
    heal_at: datetime = field(init=False)  # when every open order is planned again
    rollback: Watch = field(init=False)  # does the ship ledger belong to this database?
    evidence: Chain = field(init=False)  # what was sent, received and decided
    read_since_ping: set[str] = field(default_factory=set)  # suppliers read since the last ping of the heartbeat URL
    read_lately: set[str] = field(default_factory=set)  # the same, for the heartbeat URLs of single suppliers
    to_learn: set[str] = field(default_factory=set)  # suppliers with a run that was not learned from yet
    touched: dict[int, None] | None = None  # orders that may have changed, oldest first; None: nobody wants to know
    publish: Callable[[], bool] = lambda: False  # what is done after a turn; returns whether there is more
    contained: dict[str, str] = field(
        default_factory=dict
    )  # errors that stopped nothing, in words, by what they are about
    is_looked_at: bool = True  # False: another program wrote, and the accounts that it concerns were not looked at yet
    is_compared: bool = True  # False: the same, and the ship ledger was not compared with the database yet
    _before: dict[int, tuple[Account, dict[str, Any]]] = field(
        default_factory=dict
    )  # accounts as they were before the turn
    _afterwards: list[Callable[[], object]] = field(default_factory=list)
    _departures: list[tuple[ShipCall, Callable[[StateError | None], object]]] = field(default_factory=list)
    _answers: list[ShipCall] = field(default_factory=list)  # heard, and not in the ship ledger yet

    def __post_init__(self) -> None:
        """Plan every open order in the first turn."""
        self.heal_at = self.clock.now()
        self.rollback = Watch(self.store, self.ledger, self.log)
        self.evidence = Chain(self.ledger, self.log)

    def only_reads(self, account: Account) -> bool:
        """Tell whether no call is made for the supplier of this account, or for any."""
        return self.told_to_read_only or self.settings.only_reads(account.supplier)

    def rules(self, supplier: str) -> Rules:
        """Return the rules of the calls that are switched on for a supplier."""
        return self.calls.rules(self.settings, supplier)

    def asks_for(self, order: Order, call: Call) -> bool:
        """Tell whether the facts of an order ask for this call now."""
        if call.kind not in self.calls or not self.calls.is_on(call.kind, self.settings, order.supplier):
            return False
        rule = self.calls[call.kind].narrowed(self.calls.all_rules[call.kind], self.settings, order.supplier)
        return bool(wanted(order, (call,), {call.kind: rule}))

    @property
    def inbox(self) -> Inbox:
        """Results from workers, and other steps for the loop's thread."""
        return self.workers.inbox

    def all_were_read(self) -> bool:
        """Tell whether every list has been read since the last ping of the heartbeat URL."""
        return self.read_since_ping >= {name for name, account in self.accounts.items() if account.pulls}

    def in_flight(self) -> int:
        """Return the number of requests in flight."""
        return sum(len(account.in_flight) for account in self.accounts.values())

    def under_way(self) -> int:
        """Return the number of unsettled requests: in flight, or fetched labels being checked."""
        return self.in_flight() + sum(len(account.checking) for account in self.accounts.values())

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Run one turn in one transaction: all that it settles, plans and claims. `follow_up` does what waits for the commit.

        If the transaction fails (locked, disk full), nothing of the turn has happened: its results are settled in the next one.
        """
        try:
            with self.evidence.turn(self.store, self.clock):
                yield
                self.note_answers()
        except BaseException:
            self._undo()
            raise
        else:
            self.inbox.settled()
        finally:
            self._before.clear()

    def follow_up(self) -> bool:
        """Do what waited for the commit of the turn, ship calls last; return whether there was anything."""
        steps, self._afterwards = self._afterwards, []
        departures, self._departures = self._departures, []
        if departures:
            refused = self._write_to_ledger([intent for intent, _ in departures])
            steps += [partial(start, refused) for _, start in departures]
        for step in steps:
            try:
                step()
            except Exception as error:  # noqa: BLE001 - the others must be done all the same
                self.log.fault("internal.error", "after a turn", error)
        return bool(steps)

    def then(self, step: Callable[[], object]) -> None:
        """Do this once what the turn writes is on disk: start a request, log a change."""
        self._afterwards.append(step)

    def depart(self, intent: ShipCall, start: Callable[[StateError | None], object]) -> None:
        """Do `start` once the turn and the intent are on disk. All intents of a turn are written to the ship ledger together.

        `start` receives the reason if they could not be written: then nothing may be sent.
        """
        self._departures.append((intent, start))

    def answered(self, answer: ShipCall) -> None:
        """Remember how a ship call ended, until `note_answers` writes it to the ship ledger."""
        self._answers.append(answer)

    def note_answers(self) -> None:
        """Write to the ship ledger how ship calls ended. If that fails, their intents stay: after a crash now they are unknown."""
        answers, self._answers = self._answers, []
        if answers and (error := self._write_to_ledger(answers)) is not None:
            self.log.problem("ledger", error.what)

    def _write_to_ledger(self, calls: Sequence[ShipCall]) -> StateError | None:
        try:
            self.ledger.write(calls)
        except StateError as error:
            return error
        return None

    def touch(self, account: Account) -> None:
        """Remember an account as it is before this turn changes it."""
        if self.store.in_turn and id(account) not in self._before:
            self._before[id(account)] = account, account.memory()

    def _undo(self) -> None:
        for account, before in self._before.values():
            for flight in account.in_flight:
                if flight not in before["in_flight"]:
                    self.workers.leave(flight.place)
            vars(account).update(before)
        self._afterwards.clear()
        self._departures.clear()
        self.inbox.again()

    def touch_orders(self, ids: Iterable[int | None]) -> None:
        """Remember that these orders may have changed."""
        if self.touched is not None:
            self.touched.update((each, None) for each in ids if each is not None)

    def look_again(self, name: str | None = None) -> None:
        """Invalidate the caches of one account, or of all, and tick it in the next turn."""
        for account in self.accounts.values() if name is None else [self.accounts[name]]:
            account.facts_changed, account.next_read, account.snapshot = True, None, None
            account.wake()

    def notice(self) -> None:
        """Notice what other programs have written: look again at their suppliers, and compare the ship ledger.

        Raises LockedError and StateError; then it is done again in the next turn.
        """
        if self.store.changed_elsewhere():
            self.is_looked_at = self.is_compared = False
            self.evidence.look()
        if not self.is_looked_at:
            with self.store.read() as tx:
                changed = self.changes.look(tx)
                for account in self.accounts.values():
                    if not changed.isdisjoint((account.name, account.supplier)):
                        self.look_again(account.name)
            self.is_looked_at = True
        self.is_compared = self.is_compared or self.rollback.look(self.clock.now())

    def facts_changed(self, supplier: str) -> None:
        """Plan the orders of a supplier in the next turn, because another account's call has changed them."""
        for account in self.accounts.values():
            if account.supplier == supplier and account.pulls:
                self.touch(account)
                account.facts_changed = True
                account.wake()

    def wake(self, supplier: str) -> None:
        """Tick every account of a supplier in the next turn, because new calls may be owed."""
        for account in self.accounts.values():
            if account.supplier == supplier:
                account.wake()


def fault(error: BaseException) -> str:
    """Return an internal error as a problem: a code and the type, without its text, which might contain a secret."""
    return f"{INTERNAL}: {type(error).__name__}"
