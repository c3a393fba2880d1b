"""THE CORE LOOP. One thread owns the database and every decision; workers make requests and hand back values.

    tick(supplier) = pull (marketplace -> facts) · plan (facts -> calls owed) · deliver (calls -> marketplace -> facts)

The clock, the dice, the executor and the marketplace come in as parameters, so the same seed gives the same history.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from supplier_agent import outbox
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import StateError
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS, ONCE, Ending, Job, Unfinished
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import FullError, LockedError, Store
from supplier_agent.db.tables import Call, Order
from supplier_agent.labels import LabelFolder
from supplier_agent.labels.pdf.process import Checks
from supplier_agent.maintenance.rollback import Watch
from supplier_agent.outbox import NOT_SENT, Outcome
from supplier_agent.reading.schedule import Due
from supplier_agent.reports.vitals import DATABASE_LOCKED, DISK_FULL, Trouble
from supplier_agent.settings import Settings
from supplier_agent.suppliers import read_log, snapshot
from supplier_agent.suppliers.circuit_breakers import READS
from supplier_agent.suppliers.snapshot import Standing
from supplier_agent.tick import deliver, plan, pull
from supplier_agent.tick.account import READ, READ_EVERY, Account, Flight
from supplier_agent.tick.containment import Containment
from supplier_agent.tick.planner import Planner
from supplier_agent.tick.settle import Landing
from supplier_agent.tick.tokens import Renewal
from supplier_agent.tick.workers import Inbox, Workers

LOOK_SECONDS = 30.0
"""The longest time between two looks at a supplier when nothing is due; opening hours and new tokens are noticed by then."""
LOCKED_SECONDS = 1.0
DRAIN_SECONDS = 28.0
"""How long a stop waits for what is in flight; every call has a shorter deadline of its own, as it is set by default."""


class Agent:
    """The suppliers of one state, served in turn. `turn` does all that can be done now; whoever calls it decides when."""

    def __init__(  # noqa: PLR0913, PLR0917 - here all parts come together; wiring.py is the one caller
        self,
        settings: Settings,
        store: Store,
        ledger: Ledger,
        labels: LabelFolder,
        accounts: Sequence[Account],
        clock: Clock,
        executor: Executor,
        checks: Checks,
        chance: Callable[[], float],
        log: Log,
        read_token: Callable[[str], str],
        *,
        round_at: datetime | None = None,
        reads_only: bool = False,
        read_next: Callable[[str], str | None] = lambda _name: None,
    ) -> None:
        self.settings, self.store, self.ledger, self.labels = settings, store, ledger, labels
        self.accounts = {account.name: account for account in accounts}
        self.clock, self.log, self.stopping = clock, log, False
        self.holding = False  # nothing new is sent: a new configuration waits for what is in flight
        self.inbox = Inbox(lambda error: log.fault("internal.error", "inbox", error))
        self.workers = Workers(clock, executor, checks, self.inbox)
        self.read_since_ping: set[str] = set()
        self.read_lately: set[str] = set()  # for the dead-man addresses of the suppliers themselves
        self._renewal = Renewal(settings, store, clock, chance, log, read_token, read_next)
        self._landing = Landing(settings, store, ledger, clock, chance, log, self._renewal)
        self._rollback, self._looked = Watch(store, ledger, log), True  # False: somebody wrote, and it was not seen yet
        self._contained = Containment(store, clock, chance, log, lambda: self.settings)
        self._chance, self.round_at = chance, round_at
        self._told_to_read_only, self.reads_only = reads_only, reads_only or settings.read_only
        self._planner = Planner(store, ledger, labels, clock, log, self._contained, lambda: self.settings)
        self._locked_until = 0.0
        self.database_problem: LockedError | None = None  # None: the last turn found the database free

    # -- the loop -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Decide about everything that the last process left in the middle."""
        now = self.clock.now()
        self._rollback.start(now)
        self.clock_changed()
        self.labels.clear_leftovers()
        with self.store.write() as tx:
            for call in plan.recover(tx, self.ledger, ONCE, now):
                order = tx.get(Order, call.order_id)
                this = order.menzzo_order_id if order is not None else None
                facts = {"supplier": call.supplier, "order": this, "call": call.kind, "attempt": call.attempts}
                self.log.warning("call.unknown", **facts, detail=call.detail)
            pull.abandon(tx, now)
            for account in self.accounts.values():
                snapshot.remember(tx, account.name)
                self._renewal.begin(tx, account)
                if self.round_at is not None:
                    snapshot.try_now(tx, account.name, now)
                account.longest_page = read_log.longest_page(tx, account.name)

    def end(self) -> None:
        """Note in database and ship ledger that this process has worked on them to its end."""
        self._rollback.end(self.clock.now())

    def adopt(
        self,
        settings: Settings,
        accounts: Sequence[Account],
        read_token: Callable[[str], str],
        read_next: Callable[[str], str | None],
    ) -> None:
        """Go on by another configuration. Nothing may be in flight."""
        renewal = Renewal(settings, self.store, self.clock, self._chance, self.log, read_token, read_next)
        with self.store.write() as tx:
            for account in accounts:
                snapshot.remember(tx, account.name)
                renewal.begin(tx, account)
                account.longest_page = account.longest_page or read_log.longest_page(tx, account.name)
        self.settings, self.reads_only, self._renewal = settings, self._told_to_read_only or settings.read_only, renewal
        self._landing = Landing(settings, self.store, self.ledger, self.clock, self._chance, self.log, renewal)
        self.accounts = {account.name: account for account in accounts}
        self.read_since_ping &= set(self.accounts)
        self._planner.heal_at = (
            self.clock.now()
        )  # another undo window, another brake: every open order is looked at again
        self.look_again()

    def clock_changed(self) -> None:
        """Look at everything again, and let nothing wait for an instant that a clock set back has moved away."""
        now = self.clock.now()
        for account in self.accounts.values():
            with self.store.write() as tx:
                plan.after_clock_change(tx, account.name, self.settings, now)
        self._planner.heal_at = now
        self.look_again()

    def turn(self) -> float:
        """Take in what came back, then tick whoever may have something to do. Returns the seconds until the next turn."""
        self.inbox.hear()
        if (wait := self._locked_until - self.clock.monotonic()) > 0:
            return wait
        try:
            self.inbox.take_in()
            for name in self.workers.call_up() & set(self.accounts):
                self.accounts[name].look_at = 0.0
            self.store.must_still_be_there()
            self._planner.heal(self.accounts.values())
            if self.store.changed_elsewhere():
                self.look_again()
                self._looked = False
            self._looked = self._looked or self._rollback.look(self.clock.now())
            for account in self.accounts.values():
                if max(account.look_at, account.rests_until) <= self.clock.monotonic():
                    self._contained.alone(account, self._serve)
        except LockedError as error:  # nothing is lost: what came back waits, and the same steps are tried again
            self.log.problem("database", error.what)
            self.database_problem = error
            self._locked_until = self.clock.monotonic() + LOCKED_SECONDS
            return LOCKED_SECONDS
        self.log.solved("database")
        self.database_problem = None
        next_look = min(max(account.look_at, account.rests_until) for account in self.accounts.values())
        return max(0.0, next_look - self.clock.monotonic())

    def _serve(self, account: Account) -> None:
        account.look_at = self.clock.monotonic() + self.tick(account)

    def tick(self, account: Account) -> float:
        """Serve one supplier; return the seconds until there may be something to do again."""
        account.waits_for_rate = False  # also if what follows fails, or if nothing may be sent
        self._renewal.look(account)
        self._planner.plan(account)
        while not (self.stopping or self.holding) and account.token is not None:
            wait = account.pace.free_in()
            account.waits_for_rate = wait > 0
            if wait > 0:
                return wait
            idle = self._send_next(account)
            if idle is not None:
                return idle
        return LOOK_SECONDS

    def look_again(self, name: str | None = None) -> None:
        """Look at a supplier, or at all, at the next turn."""
        for account in self.accounts.values() if name is None else [self.accounts[name]]:
            account.look_at, account.facts_changed, account.next_read, account.standing = 0.0, True, None, None

    def in_flight(self) -> int:
        """Return how many requests workers have."""
        return sum(len(account.in_flight) for account in self.accounts.values())

    def troubles(self, beside: LockedError | None = None) -> list[Trouble]:
        """Return what keeps this process from its work, as its heartbeat shows it (heartbeat.py).

        `beside`: the locked database as something beside the loop met it; the loop itself may have nothing to write just then.
        """
        locked = self.database_problem or beside
        if locked is None:
            return []
        return [Trouble(DISK_FULL if isinstance(locked, FullError) else DATABASE_LOCKED, locked.what, locked.cure)]

    def under_way(self) -> int:
        """Return how many calls are not settled yet: requests that workers have, and fetched labels that are being checked."""
        return self.in_flight() + sum(len(account.checking) for account in self.accounts.values())

    def drain(self, seconds: float, step_seconds: float, show: Callable[[], object]) -> None:
        """Send nothing new and give up the checks of labels; take in what is in flight, for at most so many seconds."""
        self.stopping = True
        self.workers.checks.close()
        until = self.clock.monotonic() + seconds
        while self.under_way() and self.clock.monotonic() < until:
            self.inbox.wait(step_seconds)
            self.turn()
            show()
        for name, account in self.accounts.items():
            for flight in account.in_flight:
                self.log.warning("request.abandoned", supplier=name, call=flight.kind)

    # -- deliver: the next request --------------------------------------------------------------------------------

    def _send_next(self, account: Account) -> float | None:
        """Hand the most urgent request to a worker; if nothing may go, return for how many seconds that holds."""
        now = self.clock.now()  # one instant for what may go and for what is waited for, or a moment between is missed
        again_at = self._repeat_by_itself(account, now)
        with self.store.read() as tx:
            stands = account.standing = account.standing or snapshot.look(tx, account.name)
            due = self._read_due(tx, account, stands, now)
            overdue = due is not None and account.slots_since_read >= READ_EVERY - 1
            choice = (
                deliver.Choice()
                if self.reads_only
                else deliver.choose(
                    tx,
                    account,
                    stands,
                    now,
                    read_waits=overdue,
                    may_start=lambda lane: self.workers.may_start(lane, account.name),
                )
            )
            if choice.probe and not account.flying(READS) and stands.not_before(now) <= now:
                overdue, due = True, due or Due("probe", now)
            idle = LOOK_SECONDS
            if due is None and choice.call is None:
                idle = self._idle_seconds(tx, account, stands, now, again_at)
        call = choice.call
        if overdue and due is not None and self._read(account, due):
            return None
        if call is not None:
            self._call(account, stands, call)
            return None
        return None if due is not None and self._read(account, due) else idle

    def _read_due(self, tx: Session, account: Account, stands: Standing, now: datetime) -> Due | None:
        """Return the run to begin, or to go on with; None if nothing may be read now."""
        if account.flying(READS) or stands.not_before(now) > now:
            return None
        if account.run is not None:
            return Due(account.run.plan.purpose, now)
        due = self._next_read(tx, account, now)
        return due if due.at <= now else None

    def _next_read(self, tx: Session, account: Account, now: datetime) -> Due:
        """Return the run that comes next. Asked of the database when something happened, and now and then for the hours' sake."""
        if account.next_read is None or self.clock.monotonic() - account.next_read_asked >= LOOK_SECONDS:
            account.next_read = read_log.due(tx, account.name, self.settings, now, round_at=self.round_at)
            account.next_read_asked = self.clock.monotonic()
        return account.next_read

    def _call(self, account: Account, stands: Standing, call: Call) -> None:
        """Claim a call and hand it to a worker, which can start now. The intent is on the disk before the request leaves."""
        now, call_id = self.clock.now(), call.id or 0
        try:
            with self.store.write() as tx:
                job = deliver.claim(tx, account, stands, call_id, self.settings, self.labels, now)
        except OSError as error:
            self._put_off(account, call_id, f"its label cannot be read now: {error.strerror}", now)
            return
        except Exception as error:  # noqa: BLE001 - what is not ours is raised again
            self._contained.claim(account, call, error)
            return
        if job is None:
            self._contained.in_vain(account, call_id)
            account.facts_changed = True
            self._planner.plan(account)
            return
        flight = Flight(job.kind, CALLS[job.kind].LANE, now, self.clock.monotonic(), job, account.token or "")
        if job.kind in ONCE:
            self.log.solved(f"label {account.name}", account.name)
            try:
                self.ledger.write(job.supplier, job.menzzo_order_id, job.number, None, now)
            except StateError as error:
                self._not_sent(account, flight, error.what)
                self._rollback.look(now)
                return
        account.slots_since_read += 1
        marketplace = replace(account.tools.marketplace, heard=flight.heard.append)
        self._fly(account, flight, CALLS[job.kind].perform, job, replace(account.tools, marketplace=marketplace))

    def _not_sent(self, account: Account, flight: Flight, why: str) -> None:
        """Let a call that was claimed come back unsent. It counts as in flight until it is settled: a stop waits for that."""
        done: Future[Any] = Future()
        done.set_result(Ending(Outcome(NOT_SENT, why), outage=True))
        account.in_flight.append(flight)
        self.inbox.put(lambda: self._landed(account, flight, done))

    def _put_off(self, account: Account, call_id: int, why: str, now: datetime) -> None:
        """Let a ship call wait for its label. The label is not forgotten: nothing is known against it."""
        with self.store.write() as tx:
            outbox.put_off(tx, call_id, now + timedelta(seconds=self.settings.retry.first_seconds), why)
        self.log.problem(f"label {account.name}", f"a ship call waits: {why}", account.name)

    def _read(self, account: Account, due: Due) -> bool:
        """Ask for the next page of the open run, or begin one. Not while an acknowledge is in flight: pages might shift."""
        if any(flight.kind == "acknowledge" for flight in account.in_flight):
            return False
        if not self.workers.may_start(READS, account.name):
            return False
        now = self.clock.now()
        if account.run is None:
            with self.store.write() as tx:
                run = pull.begin(tx, account.name, due, self.settings, now, account.longest_page)
            account.next_read = None
            if run is None:
                self.log.problem(
                    f"resync of {account.name}", "a request to read impossible days was given up", account.name
                )
                return True
            account.run = run  # only now: a commit that failed has left no row of it
        account.slots_since_read = 0
        flight = Flight(READ, READS, now, self.clock.monotonic(), token=account.token or "")
        marketplace = replace(account.marketplace, heard=flight.heard.append)
        self._fly(account, flight, marketplace.get_sales, account.run.plan.query)
        return True

    def _fly(self, account: Account, flight: Flight, request: Callable[..., Any], *arguments: object) -> None:
        account.pace.book()
        account.in_flight.append(flight)
        self.workers.start(
            flight.lane,
            account.name,
            lambda done: self._landed(account, flight, done),
            request,
            *arguments,
            at_once=lambda done: self._landing.note_answer(flight, done),
        )

    def _landed(self, account: Account, flight: Flight, done: "Future[Any]") -> None:
        result, job = (None if done.exception() else done.result()), flight.job
        if isinstance(result, Unfinished) and job is not None:
            account.landed(flight)
            account.checking.add(job.call_id)
            self.workers.finish(account.name, result, lambda ending: self._finished(account, job, ending))
        elif self._landing.take_in(account, flight, done):
            self.read_since_ping.add(account.name)
            self.read_lately.add(account.name)

    def _finished(self, account: Account, job: Job, ending: Ending) -> None:
        account = self.accounts.get(account.name, account)  # a new configuration may have come meanwhile
        self._landing.finish(account, job, ending)
        account.checking.discard(job.call_id)  # not there if its supplier was taken away and came back during the check
        account.look_at = 0.0

    # -- time -----------------------------------------------------------------------------------------------------

    def _repeat_by_itself(self, account: Account, now: datetime) -> datetime | None:
        """Let unknown calls go once more if the user chose so; return when the next one will."""
        if self.settings.ship.after_lost_answer != "resend":
            return None
        with self.store.write() as tx:
            return plan.repeat_by_itself(tx, account.name, self.settings, now)

    def _idle_seconds(
        self, tx: Session, account: Account, stands: Standing, now: datetime, again_at: datetime | None
    ) -> float:
        """Return how long after `now` nothing can be due for this supplier, unless something happens."""
        moments = deliver.moments(tx, account.name, stands, now)
        if account.run is None and not account.flying(READS):
            moments.append(self._next_read(tx, account, now).at)
        waits = [
            (moment - now).total_seconds() for moment in (*moments, again_at) if moment is not None and moment > now
        ]
        return min([LOOK_SECONDS, *waits])
