"""Plan: facts -> calls owed. Applies the rule of order.py to the orders that changed, and to all that are open now and then."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from supplier_agent import outbox
from supplier_agent.base.cells import Unreadable, unreadable
from supplier_agent.calls import CALLS
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.tables import Call, Event, Order, Supplier
from supplier_agent.labels import LabelFolder
from supplier_agent.order import NO_LABEL, UNREADABLE, damage, uncover, wanted
from supplier_agent.settings import Settings
from supplier_agent.suppliers import circuit_breakers

BATCH = 500


def changed(tx: Session, supplier: str) -> dict[int, bool]:
    """Return some of the orders whose facts changed since their calls were last derived, and whether each is flagged."""
    query = select(Order.id, Order.shipped).where(Order.supplier == supplier, col(Order.planned_at).is_(None))
    return {
        row: shipped == 1 for row, shipped in tx.exec(query.order_by(col(Order.id)).limit(BATCH)) if row is not None
    }


def open_after(tx: Session, supplier: str, last: int) -> list[int]:
    """Return some open orders after that row id. Those that an internal error parked wait for a person."""
    query = select(Order.id).where(Order.supplier == supplier, col(Order.id) > last, col(Order.fault).is_(None))
    query = query.where(col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None))
    return [row for row in tx.exec(query.order_by(col(Order.id)).limit(BATCH)) if row is not None]


def those(tx: Session, ids: Collection[int]) -> list[Order]:
    """Return the orders of these row ids."""
    return list(tx.exec(select(Order).where(col(Order.id).in_(ids)).order_by(col(Order.id))).all())


def plan(tx: Session, orders: Collection[Order], settings: Settings, ledger: Ledger, now: datetime) -> None:
    """Owe what the facts of these orders ask for, and stop owing what they no longer do. Again is a no-op."""
    calls = _calls_of(tx, orders)
    for order in orders:
        of_order = calls[order.id or 0]
        if isinstance(order.planned_at, Unreadable):
            order.planned_at = None
        for call in of_order.values():
            if unreadable(call) or call.supplier != order.supplier:
                outbox.rebuild(tx, order, call, now)
        _believe_ledger(tx, order, of_order, ledger, now)
        if (
            of_order.keys() - CALLS.keys()
        ):  # the row of a ship call, perhaps: without it nothing is known of what was sent
            order.fault = f"{UNREADABLE}: calls.kind"
        wants = {} if damage(order, of_order.values()) else {want.kind: want for want in wanted(order)}
        for kind, call in of_order.items():
            if kind not in wants:
                outbox.drop(tx, call)
        for kind, want in wants.items():
            present = of_order.get(kind)
            outbox.owe(tx, order, present, want, _due_at(order, present, kind, settings, now), now)
        if order.planned_at is None:
            order.planned_at = now
            tx.add(order)


def _due_at(order: Order, call: Call | None, kind: str, settings: Settings, now: datetime) -> datetime:
    """Return when a call may go. What was noted under a clock that has been set back since waits no longer than from now."""
    due, latest = CALLS[kind].due_at(order, settings), now + CALLS[kind].undo_window(settings)
    if due <= latest:
        return due
    return call.due_at if call is not None and call.due_at is not None and call.due_at < latest else latest


_OF_ORDERS = select(Call).where(col(Call.order_id).in_(bindparam("order_ids", expanding=True)))


def _calls_of(tx: Session, orders: Iterable[Order]) -> dict[int, dict[str, Call]]:
    found: dict[int, dict[str, Call]] = defaultdict(dict)
    for call in tx.exec(_OF_ORDERS, params={"order_ids": [order.id for order in orders]}):
        found[call.order_id][call.kind] = call
    return found


def _believe_ledger(tx: Session, order: Order, calls: dict[str, Call], ledger: Ledger, now: datetime) -> None:
    """Believe the ship ledger where it knows of attempts that this database does not: that was restored or replaced."""
    entry, call = ledger.last(order.supplier, order.menzzo_order_id), calls.get("ship")
    if entry is None or order.ship_confirmed_at is not None:
        return
    if entry.attempt <= (call.attempts if call else 0) and entry.outcome != outbox.DONE:
        return
    assert order.id is not None  # noqa: S101 - a stored order has one
    call = call or Call(order_id=order.id, supplier=order.supplier, kind="ship", owed_at=now, state="dropped")
    call.attempts = entry.attempt
    calls["ship"] = call
    what = (
        f"the ship ledger knows of attempt {entry.attempt}, which this database does not: it was restored or replaced"
    )
    tx.add(call)
    tx.add(Event(order_id=order.id, at=now, who="agent", what="ship ledger believed", detail=what))
    if entry.outcome == outbox.DONE:
        order.ship_confirmed_at = datetime.fromisoformat(entry.at)
        outbox.conclude(tx, call, "done", what)
    elif entry.outcome == outbox.REFUSED:
        outbox.conclude(tx, call, "parked", f"{what}; the marketplace refused it")
    elif entry.outcome in {outbox.UNKNOWN, None}:
        outbox.conclude(tx, call, "unknown", f"{what}; whether the marketplace heard that call is not known")


def recover(tx: Session, ledger: Ledger, once: Collection[str], now: datetime) -> list[Call]:
    """After a crash, decide about every call that was being sent; return those that are unknown now.

    A ship call whose answer reached the ledger, but not the database, is settled by the ledger.
    """
    unknown = []
    for call in outbox.recover(tx, now, once):
        order = tx.get(Order, call.order_id)
        if order is None:  # somebody typed it: nothing can be sent for it, and `status` names it
            continue
        order.planned_at = None
        entry = ledger.last(order.supplier, order.menzzo_order_id) if call.state == "unknown" else None
        if entry is not None and entry.attempt == call.attempts and entry.outcome not in {None, outbox.UNKNOWN}:
            _settle_by_ledger(tx, order, call, entry.outcome, entry.at, now)
        elif call.state == "unknown":
            unknown.append(call)
        tx.add(order)
    return unknown


def _settle_by_ledger(tx: Session, order: Order, call: Call, outcome: str | None, at: str, now: datetime) -> None:
    why = f"the agent stopped before it could note the answer; the ship ledger has it: {outcome}"
    if outcome == outbox.DONE:
        order.ship_confirmed_at = datetime.fromisoformat(at)
        outbox.conclude(tx, call, "done", why)
    elif outcome == outbox.REFUSED:
        outbox.conclude(tx, call, "parked", why)
    else:
        outbox.owe_again(tx, call, now)


def heal(
    tx: Session, ids: Collection[int], settings: Settings, ledger: Ledger, labels: LabelFolder, now: datetime
) -> None:
    """Go over these open orders: owe what a lost row or a hand-made change left out, fetch again a label that is gone."""
    orders = those(tx, ids)
    for order in orders:
        if order.label_path is not None and not labels.is_there(order.label_path, order.label_bytes):
            forget_label(tx, order, "the label file is gone or was changed; it is fetched again", now)
    plan(tx, orders, settings, ledger, now)


def after_clock_change(tx: Session, supplier: str, settings: Settings, now: datetime) -> None:
    """Bring forward what a clock that was set back would delay: nothing waits longer than its longest wait from now."""
    retry, cache_seconds = settings.retry, settings.suppliers[supplier].cache_seconds
    longest = timedelta(seconds=1.25 * max(retry.max_seconds, retry.label_first_seconds, cache_seconds, 3600))
    waits = dict.fromkeys(CALLS, longest) | {"ship": CALLS["ship"].undo_window(settings)}
    for kind, wait in waits.items():
        outbox.not_later_than(tx, kind, now + wait)
    for lane in circuit_breakers.ALL:
        circuit_breakers.not_later_than(tx, circuit_breakers.of(tx, supplier, lane), now + longest)
    row = tx.get(Supplier, supplier)
    if row is not None and row.quiet_until is not None and row.quiet_until > now + timedelta(hours=1):
        row.quiet_until = now
        tx.add(row)


def forget_label(tx: Session, order: Order, why: str, now: datetime) -> None:
    """Note that the file is not what was stored: the order has no label any more, and waits for one."""
    assert order.id is not None  # noqa: S101 - a stored order has one
    order.label_link, order.label_path, order.label_sha256, order.label_bytes = None, None, None, None
    uncover(order, NO_LABEL)
    order.planned_at = None
    tx.add(order)
    tx.add(Event(order_id=order.id, at=now, who="agent", what="label lost", detail=why))


def repeat_by_itself(tx: Session, supplier: str, settings: Settings, now: datetime) -> datetime | None:
    """Owe again the unknown calls that the user's `resend` lets go; return when the next one will be."""
    soonest: datetime | None = None
    for call in tx.exec(select(Call).where(Call.supplier == supplier, Call.state == "unknown")).all():
        order = tx.get(Order, call.order_id)
        if order is None or call.kind not in {want.kind for want in wanted(order)}:
            continue
        at = CALLS[call.kind].by_itself(call, list(outbox.attempts_of(tx, call)), settings, now)
        if at is not None and at <= now:
            outbox.owe_again(tx, call, now)
            what = f"{call.kind} is sent once more"
            tx.add(Event(order_id=call.order_id, at=now, who="agent", what=what, detail='after_lost_answer = "resend"'))
        elif at is not None:
            soonest = at if soonest is None else min(soonest, at)
    return soonest
