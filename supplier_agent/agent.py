"""THE CORE LOOP. One thread owns the database and every decision; workers make requests and hand back values.

    tick(account) = pull (remote -> facts) · plan (facts -> calls owed) · deliver (calls -> remote -> facts)

`turn` does everything that can be done now, in one transaction, and returns when there may be more to do. Its caller decides when
to call it again: daemon.py, once.py, or a test with a fake clock.
"""

from collections.abc import Callable, Iterable, Sequence

from sqlmodel import Session

from supplier_agent.db.store import LockedError
from supplier_agent.suppliers import read_log, snapshot
from supplier_agent.tick import claim, evidence, learn, log_events, plan, pull, settle, tokens
from supplier_agent.tick.choose import LOOK_SECONDS, idle_for, next_step
from supplier_agent.tick.context import Account, Context

LOCKED_SECONDS = 1.0
TURN_SECONDS = 0.05
"""After so long, a turn writes what it has done, so that other writers of the database never wait much longer."""
DRAIN_SECONDS = 28.0
"""How long a stop waits for requests in flight. By default, every call has a shorter deadline than this."""


class Agent:
    """All accounts of one state directory, served one after another."""

    def __init__(self, ctx: Context, accounts: Sequence[Account]) -> None:
        self.ctx, self.stopping = ctx, False
        ctx.accounts = {account.name: account for account in accounts}
        self.holding = False  # send nothing new: a new configuration waits for the requests in flight
        self._locked_until = 0.0
        self.database_problem: LockedError | None = None  # None: the last turn found the database free

    @property
    def accounts(self) -> dict[str, Account]:
        """All accounts, by name."""
        return self.ctx.accounts

    def start(self) -> None:
        """Decide about everything that the last process left unfinished."""
        ctx, now = self.ctx, self.ctx.clock.now()
        ctx.rollback.start(now)
        evidence.started(ctx, now)
        plan.clock_changed(ctx)
        ctx.labels.clear_leftovers()
        with ctx.store.write() as tx:
            for call in plan.recover(ctx, tx):
                log_events.lost(ctx.log, tx, call)
                evidence.lost(ctx, tx, call, now)
            pull.abandon(tx, now)
            self.begin(tx, self.accounts.values())

    def begin(self, tx: Session, accounts: Iterable[Account]) -> None:
        """Prepare these accounts: their rows, the token that worked last, and the longest page of their list so far."""
        for account in accounts:
            snapshot.remember(tx, account.name)
            tokens.begin(self.ctx, tx, account)
            account.longest_page = account.longest_page or read_log.longest_page(tx, account.name)
            self.ctx.to_learn |= {account.name} if account.pulls else set()
            if self.ctx.round_at is not None:
                snapshot.try_now(tx, account.name, self.ctx.clock.now())

    def turn(self) -> float:
        """Settle results, then tick every account that may have something to do. Return the seconds until the next turn."""
        ctx = self.ctx
        ctx.inbox.collect()
        ctx.note_answers()
        if (wait := self._locked_until - ctx.clock.monotonic()) > 0:
            return wait
        try:
            ctx.store.must_still_be_there()
            self._heal()
            ctx.notice()
            with ctx.turn():
                self._settle_and_tick()
            did_something = ctx.follow_up()
            did_something |= ctx.publish()  # last: requests have left
            if not (did_something or ctx.inbox.has_steps or self.stopping):
                did_something = learn.step(ctx)
        except LockedError as error:  # nothing is lost: results wait in the inbox, and the same steps are tried again
            ctx.log.problem("database", error.what)
            self.database_problem = error
            self._locked_until = ctx.clock.monotonic() + LOCKED_SECONDS
            return LOCKED_SECONDS
        ctx.log.solved("database")
        self.database_problem = None
        if did_something or ctx.inbox.has_steps:  # so that a round ends with a turn in which nothing happens
            return 0.0
        next_look = min(account.next_look for account in self.accounts.values())
        return max(0.0, next_look - ctx.clock.monotonic())

    def _settle_and_tick(self) -> None:
        """Settle results, then tick accounts, those that waited longest first, until this turn has lasted long enough."""
        ctx = self.ctx
        until = ctx.clock.monotonic() + TURN_SECONDS
        ctx.inbox.run(lambda: ctx.clock.monotonic() < until)
        for name in ctx.workers.call_up() & self.accounts.keys():
            self.accounts[name].wake()
        now = ctx.clock.monotonic()
        due = [
            account
            for account in self.accounts.values()
            if account.next_look <= now or (account.pace.is_called and account.rests_until <= now)
        ]
        for account in sorted(due, key=lambda each: (each.pace.place, each.ticked_at)):
            settle.alone(ctx, account, self._serve)
            if ctx.clock.monotonic() >= until:  # asked afterwards: each turn serves one, however slow the machine is
                return

    def tick(self, account: Account) -> float:
        """Serve one account; return the seconds until there may be something to do again."""
        ctx = self.ctx
        account.waits_for_rate = False  # also if the steps below fail, or if nothing may be sent
        tokens.look(ctx, account)
        plan.plan(ctx, account)
        if account.errand is not None and not (self.stopping or self.holding):
            account.errand.look(ctx, account)
        while not (self.stopping or self.holding) and account.token is not None:
            wait = account.pace.free_in()
            account.waits_for_rate = wait > 0
            if wait > 0 and (account.pace.is_ranked or not account.pace.waits_for_host):
                return wait
            step = next_step(ctx, account, plan.repeat_lost(ctx, account))
            if wait > 0:  # how urgent the next request is decides who gets the host's next turn
                account.pace.queue(step.lane)
                account.waits_for_rate = step.lane is not None
                return step.idle_seconds if step.lane is None else wait
            if step.read is not None and step.read_first and claim.read(ctx, account, step.read):
                continue
            if step.call is not None:
                claim.send(ctx, account, step.call)
            elif step.read is None or not claim.read(ctx, account, step.read):
                return step.idle_seconds
        return LOOK_SECONDS

    def _serve(self, account: Account) -> None:
        account.ticked_at = self.ctx.clock.monotonic()
        wait = idle_for(self.ctx, account) or self.tick(account)
        account.look_at = account.ticked_at + (0.0 if account.facts_changed else wait)

    def _heal(self) -> None:
        """Plan every open order again once an hour, whether or not it is known to have changed."""
        now = self.ctx.clock.now()
        if now < self.ctx.heal_at:
            return
        for account in self.accounts.values():
            settle.alone(self.ctx, account, lambda each: plan.heal(self.ctx, each))
        self.ctx.heal_at = now + plan.HEAL

    def drain(self, seconds: float, step_seconds: float, show: Callable[[], object]) -> None:
        """Send nothing new and cancel label checks; settle requests in flight, for at most `seconds`."""
        ctx, self.stopping = self.ctx, True
        ctx.workers.checks.close()
        until = ctx.clock.monotonic() + seconds
        while ctx.under_way() and ctx.clock.monotonic() < until:
            ctx.inbox.wait(step_seconds)
            self.turn()
            show()
        for name, account in self.accounts.items():
            for flight in account.in_flight:
                ctx.log.warning("request.abandoned", supplier=name, call=flight.kind)
