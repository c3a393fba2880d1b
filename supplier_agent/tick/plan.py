"""Plan: facts -> calls owed. Applies the rule of order.py to changed orders, and once an hour to all open orders.

Also limits an internal error to one order.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from supplier_agent import outbox
from supplier_agent.base.cells import Unreadable, unreadable
from supplier_agent.calls import AnyCall, OutwardCall
from supplier_agent.db.store import is_ours
from supplier_agent.db.tables import Call, Event, Order, Supplier
from supplier_agent.order import NO_LABEL, UNREADABLE, damage, uncover, wanted
from supplier_agent.suppliers import circuit_breakers, safety_stops, snapshot
from supplier_agent.tick.context import Account, Context, fault

BATCH = 500
HEAL = timedelta(hours=1)


# Each turn: what has changed


def plan(ctx: Context, account: Account) -> None:
    """Derive the calls of up to BATCH orders whose facts have changed; `facts_changed` stays True if there may be more."""
    if not account.facts_changed:
        return
    with ctx.store.read() as tx:
        changed = _changed(tx, account.supplier)
    if changed:
        account.flags_changed |= any(changed.values()) or account.ships_wait
        one_by_one(ctx, account.name, [*changed], lambda tx, ids: derive(ctx, tx, those(tx, ids)))
        ctx.wake(account.supplier)
    if account.flags_changed:
        _check_flag_rate(ctx, account)
    if account.pulls and ctx.settings.brakes.first_acknowledgements:
        _check_first_start(ctx, account)
    account.facts_changed = len(changed) == BATCH


def heal(ctx: Context, account: Account) -> None:
    """Plan every open order, whether or not it is known to have changed: for example, a label file may be gone."""
    last = 0
    while True:
        with ctx.store.read() as tx:
            ids = _open_after(tx, account.supplier, last)
        if not ids:
            break
        one_by_one(ctx, account.name, ids, lambda tx, some: heal_these(ctx, tx, some))
        last = ids[-1]
    ctx.wake(account.supplier)
    _check_flag_rate(ctx, account)
    if account.pulls:
        _check_first_start(ctx, account)
    account.proven = None  # what was `token_next` may be the present token by now


def _check_flag_rate(ctx: Context, account: Account) -> None:
    """Hold ship calls for approval if unusually many orders were marked as shipped, and end that once they are not."""
    with ctx.store.write() as tx:
        limit = ctx.settings.brakes.flags_per_minute
        said = safety_stops.mind_the_flags(tx, account.supplier, limit, ctx.clock.now())
        account.ships_wait = safety_stops.ships_wait(snapshot.known_supplier(tx, account.supplier))
    account.flags_changed = False
    if said is None:
        return
    ctx.evidence.look()
    account.snapshot = None
    if said == safety_stops.ASKED:
        cure = f"supplier-agent approve {account.supplier}"
        ctx.log.warning("ships.paused", supplier=account.supplier, what=said, cure=cure)
    else:
        ctx.log.info("ships.resumed", supplier=account.supplier, what=said)


def _check_first_start(ctx: Context, account: Account) -> None:
    """Hold acknowledgements at the first start of a supplier for approval, if its orders are many (safety_stops)."""
    name, limit = account.supplier, ctx.settings.brakes.first_acknowledgements
    with ctx.store.read() as tx:
        row = account.snapshot.supplier if account.snapshot is not None else snapshot.known_supplier(tx, name)
        if not safety_stops.acknowledges_wait(row, limit) and row.first_asked_at is None:
            return
    with ctx.store.write() as tx:
        said = safety_stops.mind_the_first_start(
            tx, name, limit, ctx.settings.suppliers[name].start_date, ctx.clock.now()
        )
    account.snapshot = None
    if said == safety_stops.FIRST_ASKED:
        ctx.log.warning("acknowledges.paused", supplier=name, what=said, cure=f"supplier-agent approve {name}")
    elif said is not None:
        ctx.log.info("acknowledges.resumed", supplier=name, what=said)


_CHANGED = (
    select(Order.id, Order.shipped, Order.ship_confirmed_at)
    .where(col(Order.supplier) == bindparam("supplier"), col(Order.planned_at).is_(None))
    .order_by(col(Order.id))
    .limit(BATCH)
)


def _changed(tx: Session, supplier: str) -> dict[int, bool]:
    """Return up to BATCH orders that changed since they were planned, each with whether it is marked and not confirmed."""
    rows = tx.exec(_CHANGED, params={"supplier": supplier})
    return {row: shipped == 1 and confirmed is None for row, shipped, confirmed in rows if row is not None}


def _open_after(tx: Session, supplier: str, last: int) -> list[int]:
    """Return up to BATCH open orders after that row id, without those that met an internal error: they wait for a person."""
    query = select(Order.id).where(Order.supplier == supplier, col(Order.id) > last, col(Order.fault).is_(None))
    query = query.where(col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None))
    return [row for row in tx.exec(query.order_by(col(Order.id)).limit(BATCH)) if row is not None]


# The rule, applied


def those(tx: Session, ids: Collection[int]) -> list[Order]:
    """Return the orders with these row ids."""
    return list(tx.exec(select(Order).where(col(Order.id).in_(ids)).order_by(col(Order.id))).all())


def derive(ctx: Context, tx: Session, orders: Collection[Order]) -> None:
    """Owe the calls that the facts of these orders ask for, and drop the others. Idempotent."""
    calls, now = _calls_of(tx, orders), ctx.clock.now()
    rules = {name: ctx.rules(name) for name in {order.supplier for order in orders}}
    ctx.touch_orders(order.id for order in orders)
    for order in orders:
        of_order = calls[order.id or 0]
        if isinstance(order.planned_at, Unreadable):
            order.planned_at = None
        for call in of_order.values():
            if unreadable(call) or call.supplier != order.supplier:
                outbox.rebuild(tx, order, call, now)
        _believe_ledger(ctx, tx, order, of_order, now)
        if of_order.keys() - ctx.calls.keys():  # it may be a ship call: we do not know what was sent for this order
            order.fault = f"{UNREADABLE}: calls.kind"
        is_damaged = damage(order, of_order.values())
        wants = (
            {} if is_damaged else {want.kind: want for want in wanted(order, of_order.values(), rules[order.supplier])}
        )
        for kind, call in of_order.items():
            if kind not in wants:
                outbox.drop(tx, call)
        for kind, want in wants.items():
            present = of_order.get(kind)
            outbox.owe(tx, order, present, want, _due_at(ctx, order, present, ctx.calls[kind], now), now)
        if order.planned_at is None:
            order.planned_at = now
            tx.add(order)


def _due_at(ctx: Context, order: Order, present: Call | None, call: AnyCall, now: datetime) -> datetime:
    """Return when a call may be sent. If the clock was set back since, it waits at most its usual delay from now."""
    due, latest = call.due_at(order, ctx.settings), now + call.delay(ctx.settings)
    if due <= latest:
        return due
    return present.due_at if present is not None and present.due_at is not None and present.due_at < latest else latest


_OF_ORDERS = select(Call).where(col(Call.order_id).in_(bindparam("order_ids", expanding=True)))


def _calls_of(tx: Session, orders: Iterable[Order]) -> dict[int, dict[str, Call]]:
    found: dict[int, dict[str, Call]] = defaultdict(dict)
    for call in tx.exec(_OF_ORDERS, params={"order_ids": [order.id for order in orders]}):
        found[call.order_id or 0][call.kind] = call
    return found


def heal_these(ctx: Context, tx: Session, ids: Sequence[int]) -> None:
    """Plan these open orders: owe calls that a lost row or a manual change left out, and fetch missing labels again."""
    orders = those(tx, ids)
    for order in orders:
        if order.label_path is not None and not ctx.labels.is_there(order.label_path, order.label_bytes):
            forget_label(tx, order, "the label file is gone or was changed; it is fetched again", ctx.clock.now())
    derive(ctx, tx, orders)


def forget_label(tx: Session, order: Order, why: str, now: datetime) -> None:
    """Record that the label file is not what was stored: the order has no label now and waits for a new one."""
    assert order.id is not None  # noqa: S101 - a stored order has one
    order.label_link, order.label_path, order.label_sha256, order.label_bytes = None, None, None, None
    uncover(order, NO_LABEL)
    order.planned_at = None
    tx.add(order)
    tx.add(Event(order_id=order.id, at=now, who="agent", what="label lost", detail=why))


# After a crash, a restore, a lost answer, a clock that was set


def _believe_ledger(ctx: Context, tx: Session, order: Order, calls: dict[str, Call], now: datetime) -> None:
    """Trust the ship ledger if it has attempts that this database lacks: the database was restored or replaced."""
    kind = ctx.calls.ledgered
    entry, call = ctx.ledger.last(order.supplier, order.menzzo_order_id), calls.get(kind)
    if entry is None or order.ship_confirmed_at is not None:
        return
    if entry.attempt <= (call.attempts if call else 0) and entry.outcome != outbox.DONE:
        return
    assert order.id is not None  # noqa: S101 - a stored order has one
    call = call or Call(order_id=order.id, supplier=order.supplier, kind=kind, owed_at=now, state="dropped")
    call.attempts = entry.attempt
    calls[kind] = call
    what = f"the ship ledger has attempt {entry.attempt}, which this database lacks: it was restored or replaced"
    tx.add(call)
    tx.add(Event(order_id=order.id, at=now, who="agent", what="ship ledger believed", detail=what))
    if entry.outcome == outbox.DONE:
        order.ship_confirmed_at = datetime.fromisoformat(entry.at)
        outbox.conclude(tx, call, "done", what)
    elif entry.outcome == outbox.REFUSED:
        outbox.conclude(tx, call, "parked", f"{what}; the marketplace refused it")
    elif entry.outcome in {outbox.UNKNOWN, None}:
        outbox.conclude(tx, call, "unknown", f"{what}; it is unknown whether the marketplace received that call")


def recover(ctx: Context, tx: Session) -> list[Call]:
    """After a crash, decide about every call that was being sent; return those that are unknown now.

    A ship call whose answer is in the ledger, but not in the database, is settled from the ledger.
    """
    unknown, now = [], ctx.clock.now()
    for call in outbox.recover(tx, now, ctx.calls.once):
        if call.order_id is None:  # of an event
            unknown += [call] if call.state == "unknown" else []
            continue
        order = tx.get(Order, call.order_id)
        if order is None:  # the row was inserted by hand: nothing can be sent for it, and `status` reports it
            continue
        order.planned_at = None
        is_in_ledger = call.state == "unknown" and call.kind == ctx.calls.ledgered
        entry = ctx.ledger.last(order.supplier, order.menzzo_order_id) if is_in_ledger else None
        if entry is not None and entry.attempt == call.attempts and entry.outcome not in {None, outbox.UNKNOWN}:
            _settle_by_ledger(tx, order, call, entry.outcome, entry.at, now)
        elif call.state == "unknown":
            unknown.append(call)
        tx.add(order)
    return unknown


def _settle_by_ledger(tx: Session, order: Order, call: Call, outcome: str | None, at: str, now: datetime) -> None:
    why = f"the agent stopped before it could store the answer; the ship ledger has it: {outcome}"
    if outcome == outbox.DONE:
        order.ship_confirmed_at = datetime.fromisoformat(at)
        outbox.conclude(tx, call, "done", why)
    elif outcome == outbox.REFUSED:
        outbox.conclude(tx, call, "parked", why)
    else:
        outbox.owe_again(tx, call, now)


def repeat_lost(ctx: Context, account: Account) -> datetime | None:
    """Owe lost calls again where the user allows it (`resend`); return when the next one will be owed."""
    soonest: datetime | None = None
    mine = {kind: call for kind, call in ctx.calls.at(account.kind).items() if call.repeats_lost(ctx.settings)}
    if not mine:
        return None
    with ctx.store.write() as tx:
        now = ctx.clock.now()
        lost = select(Call).where(Call.supplier == account.supplier, Call.state == "unknown")
        for call in tx.exec(lost.where(col(Call.kind).in_(mine))).all():
            order = tx.get(Order, call.order_id)
            if order is None or not ctx.asks_for(order, call):
                continue
            at = mine[call.kind].repeat_at(call, list(outbox.attempts_of(tx, call)), ctx.settings, now)
            if at is not None and at <= now:
                outbox.owe_again(tx, call, now)
                what, detail = f"{call.kind} is sent once more", 'after_lost_answer = "resend"'
                tx.add(Event(order_id=order.id or 0, at=now, who="agent", what=what, detail=detail))
            elif at is not None:
                soonest = at if soonest is None else min(soonest, at)
    return soonest


def clock_changed(ctx: Context) -> None:
    """Check everything again. If the clock was set back, bring forward times that are now too far in the future."""
    for account in ctx.accounts.values():
        with ctx.store.write() as tx:
            _not_too_late(ctx, tx, account)
    ctx.heal_at = ctx.clock.now()
    ctx.look_again()


def _not_too_late(ctx: Context, tx: Session, account: Account) -> None:
    """Bring forward what would be delayed: nothing waits longer than its longest wait from now."""
    now, supplier = ctx.clock.now(), ctx.settings.suppliers.get(account.supplier)
    cache_seconds = supplier.cache_seconds if supplier is not None else 0.0
    longest = OutwardCall.longest_backoff(ctx.settings, cache_seconds)
    for kind, call in ctx.calls.at(account.kind).items():
        outbox.not_later_than(tx, kind, now + call.longest_wait(ctx.settings, cache_seconds))
    for lane in circuit_breakers.ALL:
        circuit_breakers.not_later_than(tx, circuit_breakers.of(tx, account.name, lane), now + longest)
    row = tx.get(Supplier, account.name)
    if row is not None and row.quiet_until is not None and row.quiet_until > now + timedelta(hours=1):
        row.quiet_until = now
        tx.add(row)


# Errors of single orders


def one_by_one(ctx: Context, account: str, ids: Sequence[int], step: Callable[[Session, Sequence[int]], None]) -> None:
    """Run a step for these orders in one transaction. If it fails, run it order by order, and park the orders that fail.

    Errors of the database or the disk as a whole (see store.is_ours) are raised, because they concern every order.
    """
    try:
        with ctx.store.write() as tx:
            step(tx, ids)
    except Exception as error:
        if not is_ours(error):
            raise
        if len(ids) > 1:
            for each in ids:
                one_by_one(ctx, account, [each], step)
            return
        with ctx.store.write() as tx:
            outbox.park(tx, ids[0], fault(error), ctx.clock.now())
        log_fault(ctx, account, ids[0], error)


def log_fault(ctx: Context, account: str, order_id: int, error: Exception) -> None:
    """Log the internal error of an order: once, with its traceback and the command that fixes it."""
    with ctx.store.read() as tx:
        row = tx.get(Order, order_id)
    this = f"row {order_id}" if row is None else row.menzzo_order_id
    cure = f"supplier-agent order {this}; then: supplier-agent retry {this}"
    ctx.log.fault("internal.error", f"{account} {this}", error, supplier=account, order=this, cure=cure)
