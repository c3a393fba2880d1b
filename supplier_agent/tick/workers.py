"""Hands work to threads and processes, and what comes back to the inbox. The loop's thread alone calls it."""

import queue
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

from supplier_agent.base.clock import Clock
from supplier_agent.calls import Ending, Unfinished
from supplier_agent.db.store import is_ours
from supplier_agent.labels.pdf.process import Checks
from supplier_agent.outbox import NOT_SENT, UNKNOWN, Outcome
from supplier_agent.tick.bulkheads import HALVES, OTHERS, Bulkhead, NotStartedError

Step = Callable[[], None]


class Inbox:
    """Steps in the order in which they came. One that the database refuses stays first in line, so nothing that came back is lost.

    `fault` is handed what else goes wrong in a step, and the next one is taken: a fault of ours would be the same again.
    """

    def __init__(self, fault: Callable[[Exception], None] | None = None) -> None:
        self._fault = fault
        self._queue: queue.SimpleQueue[tuple[Step, Step | None]] = queue.SimpleQueue()
        self._taken: list[Step] = []

    def put(self, step: Step, at_once: Step | None = None) -> None:
        """Leave a step for the loop's thread. Thread safe.

        `at_once`: what need not wait for the steps before it, because it needs no database that somebody might have locked.
        """
        self._queue.put((step, at_once))

    def wait(self, seconds: float) -> None:
        """Wait until something comes, at most so long."""
        try:
            self._take(*self._queue.get(timeout=max(seconds, 0.001)))
        except queue.Empty:
            return

    def hear(self) -> None:
        """Take what has come, and do of it what is to be done at once."""
        while True:
            try:
                self._take(*self._queue.get_nowait())
            except queue.Empty:
                return

    def _take(self, step: Step, at_once: Step | None) -> None:
        self._taken.append(step)
        if at_once is not None:
            self._run(at_once)

    def take_in(self) -> None:
        """Run every step that has come, each once."""
        self.hear()
        while self._taken:
            self._run(self._taken[0])
            self._taken.pop(0)
            self.hear()

    def _run(self, step: Step) -> None:
        try:
            step()
        except Exception as error:
            if self._fault is None or not is_ours(error):
                raise
            self._fault(error)


Landed = Callable[["Future[Any]"], None]


class Workers:
    """The threads of each lane, and the processes that check labels."""

    def __init__(
        self, clock: Clock, executor: Executor, checks: Checks, inbox: Inbox, halves: Mapping[str, int] = HALVES
    ) -> None:
        self._executor, self.checks, self._inbox = executor, checks, inbox
        suspects: set[str] = set()
        self._bulkheads = {lane: Bulkhead(clock, half, suspects) for lane, half in halves.items()}

    def may_start(self, lane: str, account: str) -> bool:
        """Tell whether a request of this account would start at once; if not, `call_up` names it when it would."""
        return self._bulkheads[lane].may_start(account)

    def call_up(self) -> set[str]:
        """Return the accounts that waited for a thread and have one now, for this turn."""
        return {account for bulkhead in self._bulkheads.values() for account in bulkhead.call_up()}

    def start(
        self, lane: str, account: str, landed: Landed, request: Callable[..., Any], *arguments: object, at_once: Landed
    ) -> None:
        """Start a request, after `may_start` said so. `landed` takes it in; `at_once` does what need not wait for a lock."""
        place = self._bulkheads[lane].take(account)

        def take_in(done: "Future[Any]") -> None:
            self._bulkheads[lane].leave(place)
            landed(done)

        try:
            future = self._executor.submit(request, *arguments)
        except RuntimeError as error:
            future = Future()
            future.set_exception(NotStartedError(str(error)))
        future.add_done_callback(lambda done: self._inbox.put(lambda: take_in(done), at_once=lambda: at_once(done)))

    def finish(self, account: str, work: Unfinished, finished: Callable[[Ending], None]) -> None:
        """Have the rest of a call done; its thread is free for the next request meanwhile."""
        future = self.checks.submit(account, work.finish)
        future.add_done_callback(lambda done: self._inbox.put(lambda: finished(_ending_of(done))))

    def apart(self, name: str, errand: Callable[[], object]) -> bool:
        """Start something that decides nothing, in the lane of such; False if no thread is free now."""
        if not self.may_start(OTHERS, name):
            return False
        self.start(OTHERS, name, _ignore, errand, at_once=_ignore)
        return True


def _ignore(_done: "Future[Any]") -> None:
    """Do nothing: what it says of itself is enough."""


def _ending_of(done: "Future[Any]") -> Ending:
    """Return how a call ended whose answer was worked on here. What was given up is owed again."""
    try:
        ending: Ending = done.result()
    except CancelledError:
        return Ending(Outcome(NOT_SENT, "fetched, but not checked: the agent was stopped"))
    except Exception as error:  # noqa: BLE001 - a fault of ours: no promise may hang on it, and its text might hold a secret
        return Ending(Outcome(UNKNOWN, f"a fault in the agent: {type(error).__name__}"), outage=True)
    return ending
