"""Gives work to threads and processes, and puts results into the inbox. Only the loop's thread calls it.

Bulkheads: each lane (a class of traffic) has its own threads, and slow accounts never take all of them. Accounts whose calls
take longer than SLOW_SECONDS hold at most half of its threads, as do accounts that have not made a call yet; quick ones may take
any free thread. So however many suppliers, label servers or heartbeat URLs hang, the others continue. The loop checks for a free
thread first, then claims the call, then starts the thread: a claimed call never waits in a queue.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.calls import Ending, Unfinished
from supplier_agent.db.store import is_ours
from supplier_agent.labels.pdf import Checks
from supplier_agent.outbox import NOT_SENT, UNKNOWN, Outcome
from supplier_agent.suppliers.circuit_breakers import LABELS, OTHERS, READS, WRITES

P = ParamSpec("P")
T = TypeVar("T")

HALVES = {READS: 128, WRITES: 64, LABELS: 64, OTHERS: 8}
"""Half of the threads of each lane. Reads come first and show which suppliers are slow: 100 of them fit into one half."""
SLOW_SECONDS = 2.0


class NotStartedError(Exception):
    """The machine has no free thread: the work was not started, and nothing was sent."""


class Threads(Executor):
    """Starts one thread per call; the bulkheads limit how many.

    They are daemon threads: a thread that hangs in a library never delays the end of the process.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start it now. Raises RuntimeError if the machine has no free thread."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - an executor passes on every exception
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, name="worker", daemon=True).start()
        return future


@dataclass(frozen=True, eq=False)
class Place:
    """One thread of a lane, held by an account since a monotonic time."""

    lane: str
    account: str
    since: float


class Bulkhead:
    """The threads of one lane. Only the loop's thread uses them.

    `suspects`, shared by all lanes: the accounts whose last call in any lane was slow.
    """

    def __init__(self, lane: str, clock: Clock, half: int, suspects: set[str]) -> None:
        self._lane, self._clock, self._half, self._suspects = lane, clock, half, suspects
        self._taken: list[Place] = []
        self._slow: dict[str, bool] = {}  # by account: whether its last call in this lane was slow
        self._waiting: dict[str, None] = {}  # accounts that found no free thread, in order
        self._promised: set[str] = set()  # accounts for which a thread is reserved in this turn

    def may_start(self, account: str) -> bool:
        """Tell whether a call of this account would start at once. If not, `call_up` returns the account later."""
        if account in self._promised or self._has_place(account):
            return True
        self._waiting.setdefault(account)
        return False

    def take(self, account: str) -> Place:
        """Take a thread, after `may_start` returned True."""
        self._promised.discard(account)
        self._waiting.pop(account, None)
        place = Place(self._lane, account, self._clock.monotonic())
        self._taken.append(place)
        return place

    def leave(self, place: Place) -> None:
        """Give a thread back. Idempotent."""
        if place not in self._taken:
            return
        self._taken.remove(place)
        slow = self._slow[place.account] = self._is_old(place)
        if slow:
            self._suspects.add(place.account)
        else:
            self._suspects.discard(place.account)

    def call_up(self) -> list[str]:
        """Return the waiting accounts for which a thread is free now, longest wait first. It is reserved for one turn."""
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
        """Tell whether an account is slow; None if that is unknown."""
        if account in stuck or (account not in self._slow and account in self._suspects):
            return True
        return self._slow.get(account)

    def _is_old(self, place: Place) -> bool:
        return self._clock.monotonic() - place.since > SLOW_SECONDS


Step = Callable[[], None]


class Inbox:
    """Steps in the order of arrival. A step whose turn failed is run again in the next one, so no result is lost.

    `fault` is called with an internal error of a step, and the step is skipped: the error would happen again.
    """

    def __init__(self, fault: Callable[[Exception], None] | None = None) -> None:
        self._fault = fault
        # Not SimpleQueue: if its `get` loses the processor until the timeout has passed, it waits for ever.
        self._queue: queue.Queue[tuple[Step, Step | None]] = queue.Queue()
        self._taken: list[Step] = []  # arrived
        self._run_now: list[Step] = []  # run in the present turn, which is not committed yet

    def put(self, step: Step, at_once: Step | None = None) -> None:
        """Add a step for the loop's thread. Thread-safe.

        `at_once`: a step that runs before the others, because it does not need the database, which may be locked.
        """
        self._queue.put((step, at_once))

    def wait(self, seconds: float) -> None:
        """Wait until a step arrives, at most `seconds`."""
        try:
            self._take(*self._queue.get(timeout=max(seconds, 0.0)))
        except queue.Empty:
            return

    def collect(self) -> None:
        """Collect the steps that have arrived, and run their `at_once` steps."""
        while True:
            try:
                self._take(*self._queue.get_nowait())
            except queue.Empty:
                return

    def _take(self, step: Step, at_once: Step | None) -> None:
        self._taken.append(step)
        if at_once is not None:
            self._run(at_once)

    def run(self, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Run the steps that have arrived, while `goes_on`. Afterwards, `settled` forgets them, or `again` puts them back."""
        self.collect()
        while self._taken and goes_on():
            self._run(self._taken[0])
            self._run_now.append(self._taken.pop(0))
            self.collect()

    def settled(self) -> None:
        """Forget the steps that were run: what they have written is on disk."""
        self._run_now.clear()

    def again(self) -> None:
        """Put the steps that were run back: nothing of what they have written is on disk."""
        self._taken[:0] = self._run_now
        self._run_now.clear()

    @property
    def has_steps(self) -> bool:
        """Whether steps have arrived that were not run yet."""
        return bool(self._taken)

    def _run(self, step: Step) -> None:
        try:
            step()
        except Exception as error:
            if self._fault is None or not is_ours(error):
                raise
            self._fault(error)


Finished = Callable[["Future[Any]"], None]


class Workers:
    """The threads of each lane, and the processes that check labels."""

    def __init__(
        self, clock: Clock, executor: Executor, checks: Checks, log: Log, halves: Mapping[str, int] = HALVES
    ) -> None:
        self._executor, self.checks = executor, checks
        self.inbox = Inbox(lambda error: log.fault("internal.error", "inbox", error))
        suspects: set[str] = set()
        self._bulkheads = {lane: Bulkhead(lane, clock, half, suspects) for lane, half in halves.items()}

    def may_start(self, lane: str, account: str) -> bool:
        """Tell whether a request of this account would start at once; if not, `call_up` returns the account when it would."""
        return self._bulkheads[lane].may_start(account)

    def call_up(self) -> set[str]:
        """Return the accounts that waited for a thread and have one reserved in this turn."""
        return {account for bulkhead in self._bulkheads.values() for account in bulkhead.call_up()}

    def take(self, lane: str, account: str) -> Place:
        """Take a thread, after `may_start` returned True; `start` uses it."""
        return self._bulkheads[lane].take(account)

    def leave(self, place: Place) -> None:
        """Give a thread back. Idempotent."""
        self._bulkheads[place.lane].leave(place)

    def start(
        self, place: Place, finished: Finished, request: Callable[..., Any], *arguments: object, at_once: Finished
    ) -> None:
        """Start a request. `finished` settles it, in a turn; `at_once` runs even if the database is locked."""

        def settle(done: "Future[Any]") -> None:
            self.leave(place)
            finished(done)

        try:
            future = self._executor.submit(request, *arguments)
        except RuntimeError as error:
            future = Future()
            future.set_exception(NotStartedError(str(error)))
        future.add_done_callback(lambda done: self.inbox.put(lambda: settle(done), at_once=lambda: at_once(done)))

    def finish(self, account: str, work: Unfinished, finished: Callable[[Ending], None]) -> None:
        """Run the rest of a call in another process; its thread is free for the next request."""
        future = self.checks.submit(account, work.finish)
        future.add_done_callback(lambda done: self.inbox.put(lambda: finished(_ending_of(done))))

    def apart(self, name: str, errand: Callable[[], object]) -> bool:
        """Start a request whose result is not needed, in the lane OTHERS; False if no thread is free now."""
        if not self.may_start(OTHERS, name):
            return False
        self.start(self.take(OTHERS, name), _ignore, errand, at_once=_ignore)
        return True


def _ignore(_done: "Future[Any]") -> None:
    """Ignore the result: the request logs it itself."""


def _ending_of(done: "Future[Any]") -> Ending:
    """Return how a call ended whose answer was processed on this machine. A cancelled one is owed again."""
    try:
        ending: Ending = done.result()
    except CancelledError:
        return Ending(Outcome(NOT_SENT, "fetched, but not checked: the agent was stopped"))
    except Exception as error:  # noqa: BLE001 - an internal error; its text might contain a secret
        return Ending(Outcome(UNKNOWN, f"an internal error: {type(error).__name__}"), outage=True)
    return ending
