"""Settle: what came back becomes facts, in one short transaction on the loop's thread.

A ship call's answer is noted in the ledger before anything else: the database may be locked, the ledger is not. After a
LockedError the same step is tried again: until its transaction nothing has changed.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session, col, select

from supplier_agent import outbox
from supplier_agent.base.errors import StateError
from supplier_agent.calls import Ending, Job, Unfinished
from supplier_agent.db.store import is_ours
from supplier_agent.db.tables import Attempt, Call, Order
from supplier_agent.marketplace import Listing, Means, Verdict
from supplier_agent.outbox import NOT_SENT, UNKNOWN, Next, Outcome, backoff
from supplier_agent.suppliers import circuit_breakers, read_log, safety_stops
from supplier_agent.suppliers.circuit_breakers import READS
from supplier_agent.tick import log_events, plan, pull, tokens
from supplier_agent.tick.context import Account, Context, Flight, fault
from supplier_agent.tick.outages import Change, note_ending, read_ending
from supplier_agent.tick.workers import NotStartedError

NOT_FOUND = 404
REST_SECONDS = 30.0
"""How long an account is left alone after an internal error that no order is to blame for."""


# What a worker hands back


def note_answer(ctx: Context, flight: Flight, done: "Future[Any]") -> None:
    """Note in the ship ledger how a call ended."""
    if flight.job is None or not ctx.calls[flight.job.kind].LEDGERED:
        return
    job, outcome = flight.job, _ending_of(done).outcome
    try:
        ctx.ledger.write(job.supplier, job.menzzo_order_id, job.number, outcome.kind, ctx.clock.now())
    except StateError as error:  # the intent is there: after a crash now it would be unknown, which is safe
        ctx.log.problem("ledger", error.what)


def landed(ctx: Context, account: Account, flight: Flight, done: "Future[Any]") -> None:
    """Settle what a worker hands back: a call, a page, or a label whose file has to be checked first."""
    result, job = (None if done.exception() else done.result()), flight.job
    if isinstance(result, Unfinished) and job is not None:
        account.landed(flight)
        account.checking.add(job.call_id)
        ctx.workers.finish(account.name, result, lambda ending: _checked(ctx, account, job, ending))
        return
    worker = done.exception()
    if worker is not None and not isinstance(worker, NotStartedError):
        order = job.menzzo_order_id if job else None
        about = f"{account.name} {flight.kind} {order or ''}".rstrip()
        ctx.log.fault("worker.failed", about, worker, supplier=account.name, call=flight.kind, order=order)
    try:
        _settle(ctx, account, flight, done)
    except Exception as error:
        if not is_ours(error):
            raise
        _give_up(ctx, account, flight.kind, job, error)
    account.landed(flight)


def _settle(ctx: Context, account: Account, flight: Flight, done: "Future[Any]") -> None:
    if flight.job is not None:
        ending = _ending_of(done)
        settle_call(ctx, account, flight.job, ending)
    else:
        error = done.exception()
        ending = settle_page(ctx, account, flight, Verdict(Means.LOST, fault(error)) if error else done.result())
    if ending.token_refused:
        tokens.refused(ctx, account, flight.token)
    elif not account.pulls and ending.was_heard:
        account.refused.clear()  # where there are no reads, a call proves the token
    elif ending.quiet_seconds is not None:
        account.next_read = None  # after what concerns the supplier as a whole, the next read is another one


def _checked(ctx: Context, account: Account, job: Job, ending: Ending) -> None:
    """Settle a call whose answer was worked on here after its request had landed."""
    account = ctx.accounts.get(account.name, account)  # a new configuration may have come meanwhile
    try:
        settle_call(ctx, account, job, ending)
    except Exception as error:
        if not is_ours(error):
            raise
        _give_up(ctx, account, job.kind, job, error)
    account.checking.discard(job.call_id)  # not there if its supplier was taken away and came back during the check
    account.look_at = 0.0


def _give_up(ctx: Context, account: Account, kind: str, job: Job | None, error: Exception) -> None:
    """After a fault of ours in settling: what came back is lost, so the call, or the run, ends as if no answer had come."""
    order = job.menzzo_order_id if job else None
    about = f"{account.name} {kind} {order or ''}".rstrip()
    ctx.log.fault("internal.error", about, error, supplier=account.name, call=kind, order=order)
    account.standing = account.next_read = None
    account.facts_changed = True
    if job is None:
        give_up_reading(ctx, account, fault(error))
        return
    with ctx.store.write() as tx:
        settle(ctx, tx, account, job, Ending(Outcome(UNKNOWN, fault(error)), fault=True))


def give_up_reading(ctx: Context, account: Account, why: str) -> None:
    """End the run of an account whose reading met an error of our own: it proves nothing, and reads back off as after an outage."""
    if not account.pulls:
        return
    with ctx.store.write() as tx:
        if account.run is not None:
            pull.give_up(tx, account.run, why, ctx.clock.now())
        note_ending(ctx, tx, account, READS, Ending(Outcome(UNKNOWN, why), outage=True))
    account.run = None


def alone(ctx: Context, account: Account, step: Callable[[Account], None]) -> None:
    """Do a step for one account; after an error of our own let that account rest, and go on with the others."""
    try:
        step(account)
    except Exception as error:
        if not is_ours(error):
            raise
        ctx.log.fault("internal.error", account.name, error, supplier=account.supplier)
        account.rests_until = ctx.clock.monotonic() + REST_SECONDS
        account.standing = account.next_read = None
        give_up_reading(ctx, account, fault(error))


def _ending_of(done: "Future[Any]") -> Ending:
    """Return how a call ended. A worker that failed is a fault of ours, and the call may have been made."""
    error = done.exception()
    if isinstance(error, NotStartedError):
        return Ending(Outcome(NOT_SENT, "this machine has no thread to spare"), outage=True)
    if error is not None:
        return Ending(Outcome(UNKNOWN, fault(error)), fault=True)
    ending: Ending = done.result()
    return ending


# A call


@dataclass(frozen=True)
class Settled:
    """What an ending changed."""

    state: str | None  # of the call now; None: another process has settled it
    planned: bool  # False: the order's calls could not be derived from its new facts; the planner meets the error again
    paused: bool  # the 404 brake stopped the account


def settle_call(ctx: Context, account: Account, job: Job, ending: Ending) -> None:
    """Record how a call ended, what it changed, and what it says of its account."""
    lane, stands = ctx.calls[job.kind].LANE, account.standing
    account.standing, changes = None, list[Change]()
    with ctx.store.write() as tx:
        settled = settle(ctx, tx, account, job, ending)
        as_before = stands is not None and ending.was_heard and stands.is_well(lane) and not settled.paused
        if not as_before:
            changes = note_ending(ctx, tx, account, lane, ending, job.order_id)
    if as_before:
        account.standing = stands  # it goes as well as it went: nothing was written about the account
    account.facts_changed = account.facts_changed or not settled.planned
    if ending.outcome.facts:
        ctx.wake(account.supplier)
    log_events.call(ctx.log, job, ending.outcome, settled.state)
    paused = [Change(safety_stops.PAUSED)] if settled.paused else []
    log_events.changes(ctx.log, account.name, [*paused, *changes], ending.outcome.detail)


def settle(ctx: Context, tx: Session, account: Account, job: Job, ending: Ending) -> Settled:
    """Record how an attempt ended, and what follows from it, step by step.

    1. A redirect that has parked one call already in this outage says nothing of further orders: for them it is "not now".
    2. What becomes of the call, as it decides itself; after a fault of our own, as `_after_fault` says.
    3. The attempt and the call, if the claim is still ours: the attempt's number fences off any other process.
    4. The facts of the order, whoever settles the call: we hold the answer. And the calls that these facts ask for.
    5. The reads that were made on the way, for the journal.
    6. After a 404, whether so many in a row say that the address is wrong.
    """
    now, call = ctx.clock.now(), ctx.calls[job.kind]
    if ending.redirected_to is not None and call.ONCE and _redirect_parked_one(ctx, tx, account, call.LANE):
        ending = replace(ending, outcome=replace(ending.outcome, kind=outbox.LATER))
    outcome = ending.outcome
    after = _after_fault(ctx, job, ending) if ending.fault else call.after(job, ending, ctx.settings, now, ctx.chance())
    state = after.state if outbox.settle(tx, job.call_id, job.number, outcome, after, now) else None
    planned = _add_facts(ctx, tx, job, outcome)
    for read in ending.reads:
        read_log.write(tx, job.supplier, read, None)
    paused = False
    if outcome.http_status == NOT_FOUND:
        kinds = [kind for kind, each in ctx.calls.at(account.kind).items() if each.BRAKES_ON_404]
        limit = ctx.settings.brakes.not_found_in_a_row
        paused = safety_stops.mind_the_address(tx, account.name, account.supplier, kinds, limit, now)
    return Settled(state, planned, paused)


def _add_facts(ctx: Context, tx: Session, job: Job, outcome: Outcome) -> bool:
    """Note what is known of the order now, and derive its calls; False if that failed: what came back counts all the same."""
    if not outcome.facts:
        return True
    order = tx.get_one(Order, job.order_id)
    for name, value in outcome.facts.items():
        setattr(order, name, value)
    order.planned_at = None
    try:
        with tx.begin_nested():
            plan.derive(ctx, tx, [order])
    except Exception:  # noqa: BLE001 - if the disk is full, the commit that follows fails and is tried again
        return False
    return True


def _after_fault(ctx: Context, job: Job, ending: Ending) -> Next:
    """Decide what becomes of a call that an error of our own ended; unless it was not sent, nobody knows whether it arrived."""
    retry, why = ctx.settings.retry, ending.outcome.detail
    if ctx.calls[job.kind].ONCE:
        return Next("parked" if ending.outcome.kind == NOT_SENT else "unknown", strike=True, why=why)
    if job.strikes + 1 >= retry.park_after_attempts:
        return Next("parked", strike=True, why=why)
    wait = backoff(retry.first_seconds, retry.max_seconds, job.strikes + 1, ctx.chance())
    return Next("owed", ctx.clock.now() + wait, strike=True, why=why)


def _redirect_parked_one(ctx: Context, tx: Session, account: Account, lane_name: str) -> bool:
    """Tell whether a redirect has parked a call in this outage: one is enough for a person to look at."""
    lane = circuit_breakers.of(tx, account.name, lane_name)
    if lane.failing_since is None:
        return False
    kinds = ctx.calls.once & ctx.calls.at(account.kind).keys()
    parked = select(Attempt.id).join(Call).where(Call.supplier == account.supplier, col(Call.kind).in_(kinds))
    parked = parked.where(col(Call.state).in_(("sending", "parked", "unknown")), Call.state == "parked")  # calls_stuck
    parked = parked.where(Attempt.number == Call.attempts, col(Attempt.http_status).between(300, 399))
    return tx.exec(parked.where(col(Attempt.ended_at) >= lane.failing_since).limit(1)).first() is not None


# A page


def settle_page(ctx: Context, account: Account, flight: Flight, answer: Listing | Verdict) -> Ending:
    """Store a page of the list, and what it says of the account."""
    if account.run is None:  # its run was given up meanwhile, and is read again from the beginning
        return Ending(Outcome(UNKNOWN))
    now, name, account.standing, changes = ctx.clock.now(), account.name, None, list[Change]()
    with ctx.store.write() as tx:
        step = pull.take_in(tx, name, account.run, answer, flight.started_at, ctx.settings, now)
        ending = read_ending(answer, failed=isinstance(step, pull.Failed))
        if isinstance(answer, Listing) or not isinstance(step, pull.OpenRun):  # a refusal that leads on proves nothing
            changes = note_ending(ctx, tx, account, READS, ending)
        works = tokens.worked(ctx, tx, account, flight.token) if isinstance(answer, Listing) else None
    account.run = step if isinstance(step, pull.OpenRun) else None
    account.reads_failing = isinstance(step, pull.Failed)
    account.facts_changed, account.next_read = True, None
    if isinstance(answer, Listing):
        account.longest_page = max(account.longest_page, len(answer.rows))
        tokens.proved(ctx, account, flight.token, works)
    if isinstance(step, pull.Finished):
        ctx.read_since_ping.add(name)
        ctx.read_lately.add(name)
    log_events.page(ctx.log, name, step)
    log_events.changes(ctx.log, name, changes, answer.detail if isinstance(answer, Verdict) else None)
    return ending
