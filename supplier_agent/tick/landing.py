"""What came back from the marketplace: an ending becomes facts, in one short transaction on the loop's thread.

A ship call's answer is noted in the ledger before anything else: the database may be locked, the ledger is not.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from supplier_agent import brakes
from supplier_agent.bulkheads import NotStartedError
from supplier_agent.calls import CALLS, ONCE, Ending, Job
from supplier_agent.clock import Clock
from supplier_agent.errors import StateError
from supplier_agent.lanes import READS
from supplier_agent.ledger import Ledger
from supplier_agent.log import Log
from supplier_agent.marketplace import Listing, Means, Verdict
from supplier_agent.outbox import NOT_SENT, UNKNOWN, Outcome
from supplier_agent.settings import Settings
from supplier_agent.store import Store
from supplier_agent.tick import deliver, narrate, pull
from supplier_agent.tick.account import Account, Flight
from supplier_agent.tick.renewal import Renewal


class Landing:
    """Takes in what workers hand back. After a LockedError `take_in` may be tried again: until its transaction nothing changes."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        chance: Callable[[], float],
        log: Log,
        renewal: Renewal,
    ) -> None:
        self._settings, self._store, self._ledger, self._clock = settings, store, ledger, clock
        self._chance, self._log, self._renewal = chance, log, renewal

    def note_answer(self, flight: Flight, done: "Future[Any]") -> None:
        """Note in the ledger how a ship call ended."""
        if flight.job is None or flight.job.kind not in ONCE:
            return
        job, outcome = flight.job, _ending_of(done).outcome
        try:
            self._ledger.write(job.supplier, job.menzzo_order_id, job.number, outcome.kind, self._clock.now())
        except StateError as error:  # the intent is there: after a crash now it would be unknown, which is safe
            self._log.problem("ledger", error.what)

    def take_in(self, account: Account, flight: Flight, done: "Future[Any]") -> bool:
        """Settle a call, or store a page; return whether a reading has come to its end with it."""
        error, finished = done.exception(), False
        if error is not None:  # a fault of ours: no promise may hang on it, and its text might hold a secret
            self._log.error("worker.failed", supplier=account.name, call=flight.kind, error=type(error).__name__)
        if flight.job is not None:
            ending = _ending_of(done)
            self.settle(account, flight.job, ending)
        else:
            answer = Verdict(Means.LOST, _fault(error)) if error else done.result()
            ending, finished = self._page(account, flight, answer)
        if ending.token_refused:
            self._renewal.refused(account, flight.token)
        elif ending.quiet_seconds is not None:
            account.next_read = None  # after what concerns the supplier as a whole, the next read is another one
        account.landed(flight)
        return finished

    def settle(self, account: Account, job: Job, ending: Ending) -> None:
        """Record how a call ended, what it changed, and what it says of the supplier."""
        now, lane = self._clock.now(), CALLS[job.kind].LANE
        stands, account.standing = account.standing, None
        with self._store.write() as tx:
            said = deliver.settle(tx, job, ending, self._settings, self._ledger, now, self._chance())
            if stands is not None and ending.was_heard and stands.is_well(lane) and brakes.PAUSED not in said:
                account.standing = stands  # it goes as well as it went: nothing is written about the supplier
            else:
                said += deliver.note_supplier(
                    tx, job.supplier, lane, ending, self._settings, now, self._chance(), job.order_id
                )
        narrate.call(self._log, job, ending.outcome, said)

    def _page(self, account: Account, flight: Flight, answer: Listing | Verdict) -> tuple[Ending, bool]:
        assert account.run is not None  # noqa: S101 - a read belongs to a run
        now, name, account.standing, said = self._clock.now(), account.name, None, list[str]()
        with self._store.write() as tx:
            step = pull.take_in(tx, name, account.run, answer, flight.started_at, self._settings, now)
            ending = deliver.read_ending(answer, failed=isinstance(step, pull.Failed))
            if isinstance(answer, Listing) or not isinstance(
                step, pull.OpenRun
            ):  # a refusal that leads on proves nothing
                said = deliver.note_supplier(tx, name, READS, ending, self._settings, now, self._chance())
            if isinstance(answer, Listing):
                self._renewal.worked(tx, account, flight.token, now)
        account.run = step if isinstance(step, pull.OpenRun) else None
        account.reads_failing = isinstance(step, pull.Failed)
        account.facts_changed, account.next_read = True, None
        if isinstance(answer, Listing):
            account.longest_page = max(account.longest_page, len(answer.rows))
        narrate.page(self._log, name, answer, step, said)
        return ending, isinstance(step, pull.Finished)


def _fault(error: BaseException) -> str:
    return f"a fault in the agent: {type(error).__name__}"


def _ending_of(done: "Future[Any]") -> Ending:
    """Return how a call ended. A worker that failed is a fault of ours, and the call may have been made."""
    error = done.exception()
    if isinstance(error, NotStartedError):
        return Ending(Outcome(NOT_SENT, "this machine has no thread to spare"), outage=True)
    if error is not None:
        return Ending(Outcome(UNKNOWN, _fault(error)), outage=True)
    ending: Ending = done.result()
    return ending
