"""What came back from the marketplace: an ending becomes facts, in one short transaction on the loop's thread.

A ship call's answer is noted in the ledger before anything else: the database may be locked, the ledger is not.
"""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Any

from sqlmodel import Session

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import StateError
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS, ONCE, Ending, Job
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store, is_ours
from supplier_agent.marketplace import Listing, Means, Verdict
from supplier_agent.outbox import NOT_SENT, UNKNOWN, Outcome
from supplier_agent.settings import Settings
from supplier_agent.suppliers import safety_stops
from supplier_agent.suppliers.circuit_breakers import READS
from supplier_agent.tick import deliver, log_events, pull
from supplier_agent.tick.account import Account, Flight
from supplier_agent.tick.bulkheads import NotStartedError
from supplier_agent.tick.tokens import Renewal

INTERNAL = "internal error"
"""The code of a problem: a fault of this program, not of the marketplace."""


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
        worker, finished = done.exception(), False
        if worker is not None and not isinstance(worker, NotStartedError):
            order = flight.job.menzzo_order_id if flight.job else None
            about = f"{account.name} {flight.kind} {order or ''}".rstrip()
            self._log.fault("worker.failed", about, worker, supplier=account.name, call=flight.kind, order=order)
        try:
            finished = self._taken_in(account, flight, done)
        except Exception as error:
            if not is_ours(error):
                raise
            self._give_up(account, flight.kind, flight.job, error)
        account.landed(flight)
        return finished

    def _taken_in(self, account: Account, flight: Flight, done: "Future[Any]") -> bool:
        finished = False
        if flight.job is not None:
            ending = _ending_of(done)
            self.settle(account, flight.job, ending)
        else:
            error = done.exception()
            answer = Verdict(Means.LOST, fault(error)) if error else done.result()
            ending, finished = self._page(account, flight, answer)
        if ending.token_refused:
            self._renewal.refused(account, flight.token)
        elif ending.quiet_seconds is not None:
            account.next_read = None  # after what concerns the supplier as a whole, the next read is another one
        return finished

    def finish(self, account: Account, job: Job, ending: Ending) -> None:
        """Settle a call whose answer was worked on here after its request had landed (a label that was checked)."""
        try:
            self.settle(account, job, ending)
        except Exception as error:
            if not is_ours(error):
                raise
            self._give_up(account, job.kind, job, error)

    def _give_up(self, account: Account, kind: str, job: Job | None, error: Exception) -> None:
        """After a fault of ours in settling: what came back is lost, so the call, or the run, ends as if no answer had come."""
        order = job.menzzo_order_id if job else None
        about = f"{account.name} {kind} {order or ''}".rstrip()
        self._log.fault("internal.error", about, error, supplier=account.name, call=kind, order=order)
        account.standing = account.next_read = None
        account.facts_changed = True
        now, why = self._clock.now(), fault(error)
        with self._store.write() as tx:
            if job is not None:
                ending = Ending(Outcome(UNKNOWN, why), fault=True)
                deliver.settle(tx, job, ending, self._settings, self._ledger, now, self._chance())
            else:
                give_up_reading(tx, account, self._settings, why, now, self._chance())
        if job is None:
            account.run = None

    def settle(self, account: Account, job: Job, ending: Ending) -> None:
        """Record how a call ended, what it changed, and what it says of the supplier."""
        now, lane = self._clock.now(), CALLS[job.kind].LANE
        stands, account.standing = account.standing, None
        with self._store.write() as tx:
            said = deliver.settle(tx, job, ending, self._settings, self._ledger, now, self._chance())
            as_before = (
                stands is not None and ending.was_heard and stands.is_well(lane) and safety_stops.PAUSED not in said
            )
            if not as_before:
                said += deliver.note_supplier(
                    tx, job.supplier, lane, ending, self._settings, now, self._chance(), job.order_id
                )
        if as_before:
            account.standing = stands  # it goes as well as it went: nothing was written about the supplier
        account.facts_changed = account.facts_changed or deliver.UNPLANNED in said
        log_events.call(self._log, job, ending.outcome, [each for each in said if each != deliver.UNPLANNED])

    def _page(self, account: Account, flight: Flight, answer: Listing | Verdict) -> tuple[Ending, bool]:
        if account.run is None:  # its run was given up meanwhile, and is read again from the beginning
            return Ending(Outcome(UNKNOWN)), False
        now, name, account.standing, said = self._clock.now(), account.name, None, list[str]()
        with self._store.write() as tx:
            step = pull.take_in(tx, name, account.run, answer, flight.started_at, self._settings, now)
            ending = deliver.read_ending(answer, failed=isinstance(step, pull.Failed))
            if isinstance(answer, Listing) or not isinstance(
                step, pull.OpenRun
            ):  # a refusal that leads on proves nothing
                said = deliver.note_supplier(tx, name, READS, ending, self._settings, now, self._chance())
            works = self._renewal.worked(tx, account, flight.token, now) if isinstance(answer, Listing) else None
        account.run = step if isinstance(step, pull.OpenRun) else None
        account.reads_failing = isinstance(step, pull.Failed)
        account.facts_changed, account.next_read = True, None
        if isinstance(answer, Listing):
            account.longest_page = max(account.longest_page, len(answer.rows))
            self._renewal.proved(account, flight.token, works)
        log_events.page(self._log, name, answer, step, said)
        return ending, isinstance(step, pull.Finished)


def give_up_reading(tx: Session, account: Account, settings: Settings, why: str, now: datetime, chance: float) -> None:
    """End the run of a supplier whose reading met an error of our own: it proves nothing, and reads back off as after an outage."""
    if account.run is not None:
        pull.give_up(tx, account.run, why, now)
    deliver.note_supplier(tx, account.name, READS, Ending(Outcome(UNKNOWN, why), outage=True), settings, now, chance)


def fault(error: BaseException) -> str:
    """Return an internal error as a problem: coded, and without its text, which might hold a secret."""
    return f"{INTERNAL}: {type(error).__name__}"


def _ending_of(done: "Future[Any]") -> Ending:
    """Return how a call ended. A worker that failed is a fault of ours, and the call may have been made."""
    error = done.exception()
    if isinstance(error, NotStartedError):
        return Ending(Outcome(NOT_SENT, "this machine has no thread to spare"), outage=True)
    if error is not None:
        return Ending(Outcome(UNKNOWN, fault(error)), fault=True)
    ending: Ending = done.result()
    return ending
