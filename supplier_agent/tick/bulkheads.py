"""Bulkheads: each lane has its own threads, and slow accounts never take all of them.

A lane is a class of traffic. Accounts whose calls take longer than SLOW_SECONDS hold at most half of its threads, and so do
accounts about which nothing is known yet; quick ones may take any free thread. So however many suppliers, label servers or
heartbeat URLs hang, the others continue. The loop takes a place first, then claims the call, then starts the thread: a call
that is claimed never waits in a queue.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from supplier_agent.base.clock import Clock
from supplier_agent.suppliers.circuit_breakers import LABELS, READS, WRITES

P = ParamSpec("P")
T = TypeVar("T")

OTHERS = "others"
"""The lane for everything else: heartbeat URLs."""
HALVES = {READS: 128, WRITES: 64, LABELS: 64, OTHERS: 8}
"""Half of the places of each lane. Reads come first and show which suppliers are slow: 100 of them fit into one half."""
SLOW_SECONDS = 2.0


class NotStartedError(Exception):
    """The machine has no free thread: the work was not started, and nothing was sent."""


class Threads(Executor):
    """Starts one thread per call; the bulkheads limit how many.

    They are daemon threads: one that hangs in a library never delays the end of the process.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start it now. Raises RuntimeError if the machine has no free thread."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - an executor hands on whatever was raised
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name="worker", daemon=True).start()
        return future


@dataclass(frozen=True, eq=False)
class Place:
    """One thread of a lane, held by an account since a monotonic instant."""

    account: str
    since: float


class Bulkhead:
    """The places of one lane. Only the loop's thread uses them.

    `suspects`, which all lanes share: the accounts whose last call in any lane was slow.
    """

    def __init__(self, clock: Clock, half: int, suspects: set[str]) -> None:
        self._clock, self._half, self._suspects = clock, half, suspects
        self._taken: list[Place] = []
        self._slow: dict[str, bool] = {}  # by account: whether its last call in this lane was slow
        self._waiting: dict[str, None] = {}  # accounts that found no place, in order
        self._promised: set[str] = set()  # accounts that were called up, and may take a place in this turn

    def may_start(self, account: str) -> bool:
        """Tell whether a call of this account would start at once. An account that has to wait is called up later."""
        if account in self._promised or self._has_place(account):
            return True
        self._waiting.setdefault(account)
        return False

    def take(self, account: str) -> Place:
        """Take a place, after `may_start` said that there is one."""
        self._promised.discard(account)
        self._waiting.pop(account, None)
        place = Place(account, self._clock.monotonic())
        self._taken.append(place)
        return place

    def leave(self, place: Place) -> None:
        """Give a place back, once or more often."""
        if place not in self._taken:
            return
        self._taken.remove(place)
        slow = self._slow[place.account] = self._is_old(place)
        if slow:
            self._suspects.add(place.account)
        else:
            self._suspects.discard(place.account)

    def call_up(self) -> list[str]:
        """Return the waiting accounts for which there is a place now, longest wait first. The place is kept for one turn."""
        self._promised.clear()
        called = []
        for account in list(self._waiting):
            if self._has_place(account):
                self._promised.add(account)
                del self._waiting[account]
                called.append(account)
        return called

    def _has_place(self, account: str) -> bool:
        taken = [*(place.account for place in self._taken), *self._promised]
        if len(taken) < self._half:
            return True
        if len(taken) >= 2 * self._half:
            return False
        stuck = {place.account for place in self._taken if self._is_old(place)}
        slow = self._is_slow(account, stuck)
        return slow is False or sum(self._is_slow(each, stuck) is slow for each in taken) < self._half

    def _is_slow(self, account: str, stuck: set[str]) -> bool | None:
        """Tell whether an account is slow; None if it is not known."""
        if account in stuck or (account not in self._slow and account in self._suspects):
            return True
        return self._slow.get(account)

    def _is_old(self, place: Place) -> bool:
        return self._clock.monotonic() - place.since > SLOW_SECONDS
