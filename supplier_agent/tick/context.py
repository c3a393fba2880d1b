"""What every step of a tick works with: the parts of the agent, and its accounts; and how a fault of ours stays with one order.

An account is someone we talk to: with a rate, circuit breakers, credentials, worker threads and an outbox lane of its own. A
supplier's account at the marketplace is one kind: it also pulls the list of orders. A kind that only delivers has no reads.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from supplier_agent import outbox
from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS, Calls, Job
from supplier_agent.calls.protocol import MARKETPLACE
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store, is_ours
from supplier_agent.db.tables import Order
from supplier_agent.labels import LabelFolder
from supplier_agent.maintenance.rollback import Watch
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.order import Rules
from supplier_agent.reading.schedule import Due
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import LABELS
from supplier_agent.suppliers.snapshot import Standing
from supplier_agent.tick.pull import OpenRun
from supplier_agent.tick.workers import Inbox, Workers

INTERNAL = "internal error"
"""The code of a problem: a fault of this program, not of the marketplace."""


READ = "read"
READ_EVERY = 5
"""A read that is due gets every fifth slot, so that a backlog of calls never stops the news."""
MOST_IN_FLIGHT = 4
"""Of one account in one lane, however long its answers take."""
MOST_LABELS = 4
"""Of one account, fetched or being fetched, and not checked yet: no other label is fetched before one of them is done."""


@dataclass(frozen=True)
class Flight:
    """A request that a worker has. `job` is None for a read."""

    kind: str
    lane: str
    started_at: datetime
    started: float  # monotonic seconds
    job: Job | None = None
    token: str = field(default="", repr=False)  # that it was sent with
    heard: list[float] = field(default_factory=list)  # seconds that each of its answers took on the network


@dataclass
class Account:
    """One account, as the loop sees it now. It is lost with the process."""

    name: str  # of its rows in `suppliers` and `lanes`, of its threads and its rate
    supplier: str  # whose orders its calls are about
    tools: Callable[
        [Callable[[float], None]], Any
    ]  # what a worker works with; it is given what hears the network's seconds
    pace: Pace  # the loop plans by it; what makes a request passes `wait_turn` right before its first byte
    kind: str = MARKETPLACE
    read_token: Callable[[], str] | None = None  # as it is now, or raises ConfigError; None: it needs no token
    read_next_token: Callable[[], str | None] = lambda: None  # the one that follows, or None
    token: str | None = field(default=None, repr=False)  # None: it could not be read; `token_problem` says why
    token_problem: str | None = None
    refused: set[str] = field(default_factory=set, repr=False)  # tokens that were refused, since one worked
    proven: str | None = field(default=None, repr=False)  # the token that is known to work; None: to be seen
    standing: Standing | None = None  # what was last read of it; None: somebody may have written since
    in_flight: list[Flight] = field(default_factory=list)
    run: OpenRun | None = None
    longest_page: int = 0
    slots_since_read: int = 0
    checking: set[int] = field(default_factory=set)  # ids of the label calls that are fetched and not checked yet
    answer_seconds: dict[str, float] = field(default_factory=dict)  # by lane: what recent answers took on the network
    facts_changed: bool = True  # there may be orders whose calls are to be derived again
    token_suspect: bool = True  # the token may be refused or missing: look before sending
    next_read: Due | None = None  # the run that comes next; None: not known, ask the database
    next_read_asked: float = 0.0  # monotonic: when the database was asked
    waits_for_rate: bool = False  # there may be more to send, and the rate alone holds it back
    reads_failing: bool = False  # then a read is not repeated within seconds: its lane paces it
    ships_wait: bool = False  # a person is asked about unusually many flags
    flags_changed: bool = False  # planned, and not looked at yet whether they are unusually many
    look_at: float = 0.0  # monotonic: when there may be something to do
    vain: tuple[int, int] = (0, 0)  # the call that was last claimed in vain, and how often in a row
    rests_until: float = 0.0  # monotonic: an internal error met it, so it is not served before

    @property
    def pulls(self) -> bool:
        """Whether it has a list of orders to read."""
        return self.kind == MARKETPLACE

    def flying(self, lane: str) -> int:
        """Return how many requests of that lane are in flight."""
        return sum(flight.lane == lane for flight in self.in_flight)

    def under_way(self, lane: str) -> int:
        """Return how many calls of that lane are neither owed nor settled: in flight, or a label that is being checked."""
        return self.flying(lane) + (len(self.checking) if lane == LABELS else 0)

    def has_room(self, lane: str) -> bool:
        """Tell whether another request of that lane may start.

        As many as the rate fills while one answer takes (Little's law), and one more, but never more than MOST_IN_FLIGHT:
        all that is in flight when the other side falls silent is lost at once.
        """
        if lane == LABELS and self.under_way(lane) >= MOST_LABELS:
            return False
        fills_the_rate = math.ceil(self.answer_seconds.get(lane, 0.0) / self.pace.interval) + 1
        return self.flying(lane) < min(fills_the_rate, MOST_IN_FLIGHT)

    def landed(self, flight: Flight) -> None:
        """Take a request out of flight; learn from how long its answer took. Silence teaches nothing of that."""
        self.in_flight.remove(flight)
        if flight.heard:
            seconds, before = max(flight.heard), self.answer_seconds.get(flight.lane, 0.0)
            self.answer_seconds[flight.lane] = max(seconds, before * 0.8 + seconds * 0.2)
        self.look_at = 0.0


@dataclass
class Context:
    """The parts of one running agent. Time, chance and network come in here, so the same seed gives the same history."""

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
    told_to_read_only: bool = False  # by the command line; the settings may say so, too
    accounts: dict[str, Account] = field(default_factory=dict)
    heal_at: datetime = field(init=False)  # when every open order is looked at again
    rollback: Watch = field(init=False)  # does the ship ledger go on from this very database?
    read_since_ping: set[str] = field(default_factory=set)  # suppliers read since the dead-man address was last told
    read_lately: set[str] = field(default_factory=set)  # the same, for the addresses of single suppliers

    def __post_init__(self) -> None:
        """Begin: every open order is looked at in the first turn."""
        self.heal_at = self.clock.now()
        self.rollback = Watch(self.store, self.ledger, self.log)

    @property
    def reads_only(self) -> bool:
        """Whether no call is made at all."""
        return self.told_to_read_only or self.settings.read_only

    @property
    def rules(self) -> Rules:
        """When each call is wanted, of those that are switched on."""
        return self.calls.rules(self.settings)

    @property
    def inbox(self) -> Inbox:
        """What came back from workers, and errands for the loop's thread."""
        return self.workers.inbox

    def all_were_read(self) -> bool:
        """Tell whether every list has been read since the dead-man address was last told."""
        return self.read_since_ping >= {name for name, account in self.accounts.items() if account.pulls}

    def in_flight(self) -> int:
        """Return how many requests workers have."""
        return sum(len(account.in_flight) for account in self.accounts.values())

    def under_way(self) -> int:
        """Return how many calls are not settled yet: requests that workers have, and fetched labels that are being checked."""
        return self.in_flight() + sum(len(account.checking) for account in self.accounts.values())

    def look_again(self, name: str | None = None) -> None:
        """Look at one account, or at all, in the next turn."""
        for account in self.accounts.values() if name is None else [self.accounts[name]]:
            account.look_at, account.facts_changed, account.next_read, account.standing = 0.0, True, None, None

    def wake(self, supplier: str) -> None:
        """Let every account of a supplier see in the next turn what is owed now."""
        for account in self.accounts.values():
            if account.supplier == supplier:
                account.look_at = 0.0


def fault(error: BaseException) -> str:
    """Return an internal error as a problem: coded, and without its text, which might hold a secret."""
    return f"{INTERNAL}: {type(error).__name__}"


def one_by_one(ctx: Context, account: str, ids: Sequence[int], step: Callable[[Session, Sequence[int]], None]) -> None:
    """Do a step for these orders in one transaction; if it fails, each in one of its own, and park those that fail.

    What concerns the database or the disk as a whole (store.is_ours) is raised: nothing can be promised to any order then.
    """
    try:
        with ctx.store.write() as tx:
            step(tx, ids)
    except Exception as error:
        if not is_ours(error):
            raise
        if len(ids) > 1:
            for each in ids:
                one_by_one(ctx, account, [each], step)
            return
        with ctx.store.write() as tx:
            outbox.park(tx, ids[0], fault(error), ctx.clock.now())
        log_fault(ctx, account, ids[0], error)


def log_fault(ctx: Context, account: str, order_id: int, error: Exception) -> None:
    """Log an internal error that an order met: once, with its traceback and the command that fixes it."""
    with ctx.store.read() as tx:
        row = tx.get(Order, order_id)
    this = f"row {order_id}" if row is None else row.menzzo_order_id
    cure = f"supplier-agent order {this}; then: supplier-agent retry {this}"
    ctx.log.fault("internal.error", f"{account} {this}", error, supplier=account, order=this, cure=cure)
