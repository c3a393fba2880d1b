"""Settle: results become facts, on the loop's thread, each in a savepoint of the turn's transaction.

The answer of a ship call is written to the ledger first, because the database may be locked and the ledger is not. If the turn's
transaction fails, the accounts are as before it, and the same results are settled again in the next turn (Context.turn).
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import cache, partial
from typing import Any

from sqlalchemy import Update, bindparam
from sqlmodel import Session, col, select, update

from supplier_agent import outbox
from supplier_agent.calls import Ending, Job, Unfinished
from supplier_agent.db.ship_ledger import ShipCall
from supplier_agent.db.store import is_ours
from supplier_agent.db.tables import Attempt, Call, Order
from supplier_agent.marketplace import Listing, Means, Verdict
from supplier_agent.outbox import NOT_SENT, UNKNOWN, Next, Outcome, backoff
from supplier_agent.suppliers import circuit_breakers, read_log, safety_stops
from supplier_agent.suppliers.circuit_breakers import READS
from supplier_agent.tick import log_events, pull, tokens
from supplier_agent.tick.context import Account, Context, Flight, fault
from supplier_agent.tick.outages import Change, note_ending, read_ending
from supplier_agent.tick.workers import NotStartedError

NOT_FOUND = 404
REST_SECONDS = 30.0
"""How long an account rests after an internal error that concerns no single order."""


# Results of workers


def note_answer(ctx: Context, flight: Flight, done: "Future[Any]") -> None:
    """Have the ship ledger record how a call ended."""
    if flight.job is None or not ctx.calls[flight.job.kind].LEDGERED:
        return
    job, outcome = flight.job, _ending_of(done).outcome
    ctx.answered(ShipCall(job.supplier, job.menzzo_order_id, job.number, outcome.kind, ctx.clock.now()))


def finished(ctx: Context, account: Account, flight: Flight, done: "Future[Any]") -> None:
    """Settle the result of a worker: a call, a page, or a label whose file must be checked first."""
    ctx.touch(account)
    result, job = (None if done.exception() else done.result()), flight.job
    if isinstance(result, Unfinished) and job is not None:
        account.finished(flight)
        account.checking.add(job.call_id)
        ctx.then(lambda: ctx.workers.finish(account.name, result, lambda ending: _checked(ctx, account, job, ending)))
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
    account.finished(flight)


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
        account.refused.clear()  # without reads, a call proves the token
    elif ending.quiet_seconds is not None:
        account.next_read = None  # the whole supplier is affected, so compute the next read again


def _checked(ctx: Context, account: Account, job: Job, ending: Ending) -> None:
    """Settle a call whose answer was processed on this machine after its request had ended."""
    account = ctx.accounts.get(account.name, account)  # a new configuration may have been adopted meanwhile
    ctx.touch(account)
    try:
        settle_call(ctx, account, job, ending)
    except Exception as error:
        if not is_ours(error):
            raise
        _give_up(ctx, account, job.kind, job, error)
    account.checking.discard(job.call_id)  # missing if its supplier was removed and added again during the check
    account.wake()


def _give_up(ctx: Context, account: Account, kind: str, job: Job | None, error: Exception) -> None:
    """After an internal error while settling, the result is lost: end the call or the run as if no answer had come."""
    order = job.menzzo_order_id if job else None
    about = f"{account.name} {kind} {order or ''}".rstrip()
    ctx.log.fault("internal.error", about, error, supplier=account.name, call=kind, order=order)
    account.snapshot = account.next_read = None
    account.facts_changed = True
    if job is None:
        give_up_reading(ctx, account, fault(error))
        return
    with ctx.store.write() as tx:
        settle(ctx, tx, account, job, Ending(Outcome(UNKNOWN, fault(error)), fault=True))


def give_up_reading(ctx: Context, account: Account, why: str) -> None:
    """End the run of an account after an internal error. It proves nothing, and reads back off as after an outage."""
    if not account.pulls:
        return
    with ctx.store.write() as tx:
        if account.run is not None:
            pull.give_up(tx, account.run, why, ctx.clock.now())
        note_ending(ctx, tx, account, READS, Ending(Outcome(UNKNOWN, why), outage=True))
    account.run = None


def alone(ctx: Context, account: Account, step: Callable[[Account], None]) -> None:
    """Run a step for one account. After an internal error that account rests, and the others continue."""
    ctx.touch(account)
    try:
        step(account)
    except Exception as error:
        if not is_ours(error):
            raise
        ctx.log.fault("internal.error", account.name, error, supplier=account.supplier)
        account.rests_until = ctx.clock.monotonic() + REST_SECONDS
        account.snapshot = account.next_read = None
        give_up_reading(ctx, account, fault(error))


def _ending_of(done: "Future[Any]") -> Ending:
    """Return how a call ended. An exception in a worker is an internal error, and the call may have been made."""
    error = done.exception()
    if isinstance(error, NotStartedError):
        return Ending(Outcome(NOT_SENT, "this machine has no free thread"), outage=True)
    if error is not None:
        return Ending(Outcome(UNKNOWN, fault(error)), fault=True)
    ending: Ending = done.result()
    return ending


# A call


def settle_call(ctx: Context, account: Account, job: Job, ending: Ending) -> None:
    """Record how a call ended, what it changed, and what it says about its account."""
    lane, seen = ctx.calls[job.kind].LANE, account.snapshot
    account.snapshot, changes = None, list[Change]()
    with ctx.store.write() as tx:
        state, paused = settle(ctx, tx, account, job, ending)
        as_before = seen is not None and ending.was_heard and seen.is_well(lane) and not paused
        if not as_before:
            changes = note_ending(ctx, tx, account, lane, ending, job.order_id)
    if as_before:
        account.snapshot = seen  # still working: nothing was written about the account, so the snapshot is valid
    account.facts_changed = account.facts_changed or bool(ending.outcome.facts)
    changes = [*([Change(safety_stops.PAUSED)] if paused else []), *changes]
    ctx.then(lambda: log_events.call(ctx.log, job, ending.outcome, state))
    ctx.then(lambda: log_events.changes(ctx.log, account.name, changes, ending.outcome.detail))


def settle(ctx: Context, tx: Session, account: Account, job: Job, ending: Ending) -> tuple[str | None, bool]:
    """Record how an attempt ended, and what follows from it, step by step.

    Return the present state of the call (None: another process settled it), and whether the 404 safety stop paused the account.

    1. If a redirect has already parked one call in this outage, further orders are not parked: for them it means "try later".
    2. Decide the next state of the call: its kind decides, or `_after_fault` after an internal error.
    3. Store the attempt and the call, if the claim is still ours: another process cannot have the same attempt number.
    4. Store the facts of the order, even if another process settled the call, because we have the answer.
    5. Store the reads that the call made.
    6. After a 404, check whether so many in a row mean that the address is wrong.
    """
    now, call = ctx.clock.now(), ctx.calls[job.kind]
    if ending.redirected_to is not None and call.ONCE and _redirect_parked_one(ctx, tx, account, call.LANE):
        ending = replace(ending, outcome=replace(ending.outcome, kind=outbox.LATER))
    outcome = ending.outcome
    after = _after_fault(ctx, job, ending) if ending.fault else call.after(job, ending, ctx.settings, now, ctx.chance())
    state = after.state if outbox.settle(tx, job.call_id, job.number, outcome, after, now) else None
    ctx.touch_orders([job.order_id])
    _add_facts(tx, job, outcome.facts)
    if call.keep(tx, job, ending, ctx.settings, now):
        ctx.facts_changed(job.supplier)
    for read in ending.reads:
        if (error := read_log.write(tx, job.supplier, read, None)) is not None:
            _entries_not_kept(ctx, job.supplier, error)
    paused = False
    if outcome.http_status == NOT_FOUND:
        kinds = [kind for kind, each in ctx.calls.at(account.kind).items() if each.BRAKES_ON_404]
        limit = ctx.settings.brakes.not_found_in_a_row
        paused = safety_stops.mind_the_address(tx, account.name, account.supplier, kinds, limit, now)
    return state, paused


def _add_facts(tx: Session, job: Job, facts: Mapping[str, object]) -> None:
    """Store new facts of the order. Its calls are planned in the same turn, with those of all others that changed."""
    if facts:
        values = {"row": job.order_id, **{f"new_{name}": facts[name] for name in facts}}
        tx.connection().execute(_facts_of(tuple(facts)), values)


@cache
def _facts_of(names: Sequence[str]) -> Update:
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return update(Order).where(col(Order.id) == bindparam("row")).values(planned_at=None, **new)


def _after_fault(ctx: Context, job: Job, ending: Ending) -> Next:
    """Return the next state of a call after an internal error: if it may have been sent, it is unknown whether it arrived."""
    retry, why = ctx.settings.retry, ending.outcome.detail
    if ctx.calls[job.kind].ONCE:
        return Next("parked" if ending.outcome.kind == NOT_SENT else "unknown", strike=True, why=why)
    if job.strikes + 1 >= retry.park_after_attempts:
        return Next("parked", strike=True, why=why)
    wait = backoff(retry.first_seconds, retry.max_seconds, job.strikes + 1, ctx.chance())
    return Next("owed", ctx.clock.now() + wait, strike=True, why=why)


def _redirect_parked_one(ctx: Context, tx: Session, account: Account, lane_name: str) -> bool:
    """Tell whether a redirect has parked a call in this outage: one is enough to alert a person."""
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
    """Store a page of the list, and what it says about the account."""
    if account.run is None:  # its run was ended meanwhile, and will be read again from the beginning
        return Ending(Outcome(UNKNOWN))
    now, name, account.snapshot, changes = ctx.clock.now(), account.name, None, list[Change]()
    if isinstance(answer, Listing) and answer.rows:
        ctx.contained.pop(f"{ENTRIES} of {name}", None)
    with ctx.store.write() as tx:
        step = pull.store_page(
            tx, name, account.run, answer, flight.started_at, ctx.settings, now, partial(_entries_not_kept, ctx, name)
        )
        ending = read_ending(answer, failed=isinstance(step, pull.Failed))
        if isinstance(answer, Listing) or not isinstance(
            step, pull.OpenRun
        ):  # a refusal after which the run continues proves nothing
            changes = note_ending(ctx, tx, account, READS, ending)
        works = tokens.worked(ctx, tx, account, flight.token) if isinstance(answer, Listing) else None
    account.run = step if isinstance(step, pull.OpenRun) else None
    account.reads_failing = isinstance(step, pull.Failed)
    account.facts_changed, account.next_read = True, None
    if isinstance(answer, Listing):
        account.longest_page = max(account.longest_page, len(answer.rows))
        tokens.proved(ctx, account, flight.token, works)
    if isinstance(step, pull.Finished):
        ctx.then(lambda: ctx.read_since_ping.add(name))
        ctx.then(lambda: ctx.read_lately.add(name))
    ctx.then(lambda: log_events.page(ctx.log, name, step))
    ctx.then(lambda: log_events.changes(ctx.log, name, changes, answer.detail if isinstance(answer, Verdict) else None))
    return ending


ENTRIES = "the listed entries"
"""What a contained error is about."""


def _entries_not_kept(ctx: Context, supplier: str, error: Exception) -> None:
    """Report that the last answer is stored without its entries: no order is affected."""
    about = f"{ENTRIES} of {supplier}"
    ctx.contained[about] = f"{about} cannot be kept ({type(error).__name__}); no order is affected"
    ctx.log.fault("internal.error", about, error, supplier=supplier)
