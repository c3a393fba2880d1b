"""Claim: write the intent of a call, and once it is on disk, hand its request to a worker. Reads are handed over here too."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from supplier_agent import outbox
from supplier_agent.base.cells import unreadable
from supplier_agent.base.errors import StateError
from supplier_agent.calls import AnyCall, Ending, Job, Need, Wait
from supplier_agent.db.ship_ledger import ShipCall
from supplier_agent.db.store import is_ours
from supplier_agent.db.tables import Call, Order
from supplier_agent.outbox import NOT_SENT, Outcome
from supplier_agent.reading.schedule import Due
from supplier_agent.suppliers import read_log
from supplier_agent.suppliers.circuit_breakers import READS
from supplier_agent.suppliers.snapshot import Snapshot
from supplier_agent.tick import evidence, plan, pull, sale_gate, settle
from supplier_agent.tick.context import INTERNAL, READ, Account, Context, Flight, fault

NOT_FOUND = 404
NONE_FAILED = (0, 0)
MOST_FAILED_CLAIMS = 10
"""More failed claims of one call in a row than this are an endless loop."""

_WITH_ORDER = select(Call, Order).join(Order).where(col(Call.id) == bindparam("call_id")).with_for_update()


def claim(ctx: Context, tx: Session, account: Account, seen: Snapshot, call_id: int) -> Job | None:
    """Move a call from owed to sending, if its order still asks for it now; None if it may not go.

    1. A damaged call row is not sent: planning repairs it first, if it can.
    2. If the order no longer asks for the call, drop it.
    3. If the order has changed since it was planned (perhaps marked again), plan it first.
    4. If the call needs a whole label and the file is not what was stored, fetch the label again. Raises OSError, before anything
       is changed, if the file cannot be read now.
    5. A call may be pointless now, or have to wait for other reasons of its own (`wait`). A missing sale check was noticed before
       (sale_gate.py).
    6. The claim itself, conditional on state, attempt number and time: if another process was faster, the call is not ours.
    """
    now = ctx.clock.now()
    call, order = tx.exec(_WITH_ORDER, params={"call_id": call_id}).one()
    if unreadable(call) or order.supplier != account.supplier:
        outbox.drop(tx, call)
        order.planned_at = None
        return None
    if not ctx.asks_for(order, call):
        outbox.drop(tx, call)
        return None
    if order.planned_at is None:
        return None
    kind = ctx.calls[call.kind]
    if _label_is_lost(ctx, tx, kind, order, now):
        return None
    if (waits := kind.wait(tx, order, ctx.settings, now)) is not None:
        account.failed_claims = NONE_FAILED  # that it waits is no failure
        _leave(tx, call, waits)
        return None
    attempts = outbox.attempts_of(tx, call) if call.attempts else ()
    number = outbox.claim(tx, call, now)
    if number is None:
        return None
    not_found_since = None
    for attempt in reversed(attempts):
        if attempt.http_status == NOT_FOUND:
            not_found_since = attempt.started_at
        elif attempt.outcome == outbox.REFUSED:
            break
    maybe_sent_at = max((each.started_at for each in attempts if each.outcome in {outbox.UNKNOWN, None}), default=None)
    cache_seconds = ctx.settings.suppliers[account.supplier].cache_seconds
    job = Job(
        kind=call.kind,
        call_id=call_id,
        number=number,
        order_id=call.order_id,
        supplier=account.supplier,
        menzzo_order_id=order.menzzo_order_id,
        increment_id=order.increment_id,
        order_date=order.order_date,
        link_to_label=order.link_to_label,
        owed_at=call.owed_at,
        strikes=call.strikes,
        lane_was_failing=seen.lanes[kind.LANE].failing_since is not None,
        not_found_since=not_found_since if call.strikes else None,
        maybe_sent_at=maybe_sent_at,
        asked=read_log.asked(tx, account.supplier, now, cache_seconds),
        facts={name: getattr(order, name) for name in kind.SENDS} | dict(kind.load(tx, order)),
        always_success=kind.ENDPOINT in seen.careful.always_success,
    )
    evidence.claimed(ctx, account, job, call, order, now)
    return job


def _of_event(ctx: Context, tx: Session, account: Account, call_id: int) -> Job | None:
    """Move a call about an event from owed to sending; None if it may not go, or if the event is gone."""
    now, call = ctx.clock.now(), tx.get_one(Call, call_id)
    facts = None if unreadable(call) else ctx.calls[call.kind].of_event(tx, call)
    if facts is None:
        outbox.drop(tx, call)
        return None
    number = outbox.claim(tx, call, now)
    if number is None:
        return None
    job = Job(
        kind=call.kind,
        call_id=call_id,
        number=number,
        order_id=None,
        supplier=call.supplier,
        menzzo_order_id=call.subject,
        increment_id="",
        order_date=None,
        link_to_label=None,
        owed_at=call.owed_at,
        strikes=call.strikes,
        lane_was_failing=False,
        not_found_since=None,
        asked=frozenset(),
        facts=facts,
    )
    evidence.claimed(ctx, account, job, call, None, now)
    return job


def _leave(tx: Session, call: Call, waits: Wait) -> None:
    """Put a call off, or end it, because it need not be sent now."""
    if waits.until is None:
        outbox.conclude(tx, call, "done", waits.why)
    else:
        outbox.put_off(tx, call.id or 0, waits.until, waits.why)


def _label_is_lost(ctx: Context, tx: Session, kind: AnyCall, order: Order, now: datetime) -> bool:
    """Tell whether the call needs a whole label, and the file is not what was stored: then it is forgotten, and fetched again."""
    needs_it = Need.WHOLE_LABEL in kind.NEEDS and order.label_path is not None
    if not needs_it or ctx.labels.is_whole(order.label_path or "", order.label_sha256 or ""):
        return False
    why = "its file is not what was stored; it is fetched again before the order is reported as shipped"
    plan.forget_label(tx, order, why, now)
    return True


def send(ctx: Context, account: Account, call: outbox.Due) -> None:
    """Claim a call and hand it to a worker, which can start now. The intent is on disk before the request is sent."""
    now, call_id, seen = ctx.clock.now(), call.id, account.snapshot
    assert seen is not None  # noqa: S101 - choose.py has just loaded it
    if Need.SALE_CHECK in ctx.calls[call.kind].NEEDS and not sale_gate.may_go(ctx, account, call):
        return
    heard: list[float] = []
    tools = account.tools(heard.append)  # if this fails, the call stays owed
    try:
        with ctx.store.write() as tx:
            job = (
                claim(ctx, tx, account, seen, call_id)
                if call.order_id is not None
                else _of_event(ctx, tx, account, call_id)
            )
    except OSError as error:
        _put_off(ctx, account, call_id, f"its label cannot be read now: {error.strerror}", now)
        return
    except Exception as error:
        if not is_ours(error):
            raise
        with ctx.store.write() as tx:
            outbox.park_call(tx, call_id, fault(error))
        plan.log_fault(ctx, account.name, call.order_id or 0, error)
        return
    if job is None:
        _count_failed_claim(ctx, account, call_id)
        account.facts_changed = True
        plan.plan(ctx, account)
        return
    kind = ctx.calls[job.kind]
    if Need.WHOLE_LABEL in kind.NEEDS:
        ctx.log.solved(f"label {account.name}", account.name)
    account.slots_since_read += 1
    place = ctx.workers.take(kind.LANE, account.name)
    flight = Flight(job.kind, place, now, ctx.clock.monotonic(), job, account.token or "", heard)
    _fly(ctx, account, flight, kind.perform, job, tools)


def _count_failed_claim(ctx: Context, account: Account, call_id: int) -> None:
    """Count failed claims, so that a call that planning cannot fix is not tried for ever."""
    account.failed_claims = (call_id, account.failed_claims[1] + 1 if account.failed_claims[0] == call_id else 1)
    if account.failed_claims[1] > MOST_FAILED_CLAIMS:
        with ctx.store.write() as tx:
            outbox.park_call(tx, call_id, f"{INTERNAL}: it can never be claimed")


def _put_off(ctx: Context, account: Account, call_id: int, why: str, now: datetime) -> None:
    """Postpone a call whose label cannot be read now. The label is kept: there is no evidence that it is damaged."""
    with ctx.store.write() as tx:
        outbox.put_off(tx, call_id, now + timedelta(seconds=ctx.settings.retry.first_seconds), why)
    ctx.log.problem(f"label {account.name}", f"a ship call waits: {why}", account.name)


def read(ctx: Context, account: Account, due: Due) -> bool:
    """Request the next page of the open run, or begin a run; False if that has to wait.

    Not while a call is in flight that would change the list between two pages.
    """
    shifting = {kind for kind, call in ctx.calls.items() if Need.STILL_LIST in call.NEEDS}
    if any(flight.kind in shifting for flight in account.in_flight):
        return False
    if not ctx.workers.may_start(READS, account.name):
        return False
    now = ctx.clock.now()
    if account.run is None:
        with ctx.store.write() as tx:
            run = pull.begin(tx, account.name, due, ctx.settings, now, account.longest_page)
        account.next_read = None
        if run is None:
            about = f"resync of {account.name}"
            ctx.log.problem(about, "a request to read impossible days was cancelled", account.name)
            return True
        account.run = run  # only now: if the commit failed, there is no row for it
    account.slots_since_read = 0
    place = ctx.workers.take(READS, account.name)
    flight = Flight(READ, place, now, ctx.clock.monotonic(), token=account.token or "")
    get_sales = account.tools(flight.heard.append).marketplace.get_sales
    _fly(ctx, account, flight, get_sales, account.run.plan.query)
    return True


def _fly(ctx: Context, account: Account, flight: Flight, request: Callable[..., Any], *arguments: object) -> None:
    """Count a request as in flight, and send it once its intent is on disk: in the database, and a ship call's in the ledger."""

    def finished(done: "Future[Any]") -> None:
        settle.finished(ctx, account, flight, done)

    def start(refused: StateError | None = None) -> None:
        if refused is not None:
            unsent: Future[Any] = Future()
            unsent.set_result(Ending(Outcome(NOT_SENT, refused.what), outage=True))
            ctx.workers.leave(flight.place)
            ctx.inbox.put(lambda: finished(unsent))
            ctx.is_compared = False
            return
        ctx.workers.start(
            flight.place, finished, request, *arguments, at_once=lambda done: settle.note_answer(ctx, flight, done)
        )

    account.pace.book()
    account.in_flight.append(flight)
    job = flight.job
    if job is not None and ctx.calls[job.kind].LEDGERED:
        intent = ShipCall(job.supplier, job.menzzo_order_id, job.number, None, flight.started_at)
        ctx.depart(intent, start)
    else:
        ctx.then(start)
