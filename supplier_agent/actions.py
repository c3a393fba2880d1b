"""What a person may do with an order: ship, unship, hold, close, resolve, retry. The same rules for command line, page and SQL.

An action records a fact and a line in the order's history. It makes no request: the agent sees the fact and acts on it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select, update

from supplier_agent import outbox
from supplier_agent.base.cells import known
from supplier_agent.base.errors import AgentError, TwoSuppliersError, UsageError
from supplier_agent.calls.protocol import PERSON
from supplier_agent.db.carriers import OrderScan
from supplier_agent.db.support import SaleCheck, SavRequest
from supplier_agent.db.tables import Call, Event, Installation, Order, Print
from supplier_agent.order import LEDGER_LOST, RESTORED, SALE_STOPPED, blockers, covered
from supplier_agent.reports.facts import SETTLED
from supplier_agent.settings import Settings
from supplier_agent.words import say

PRINTED, NOT_PRINTED = "label printed", "label not printed"
PRINTED_FACTS = ("label_sha256", "sku", "quantity", "carrier")
"""What is stored of an order when its label is printed: the facts by which the parcel is packed."""
NOTE, LONGEST_NOTE = "note", 500
"""What the history of an order says of a free note, and how many characters a note has at most."""
FLAGGED, UNDONE = "flagged as shipped", "flag taken back"
"""Texts in an order's history; the last two are written by a database trigger."""


def find(tx: Session, menzzo_order_id: str, supplier: str | None = None) -> Order:
    """Return the order with that id. Raises UsageError if there is none, TwoSuppliersError if two have one."""
    query = select(Order).where(Order.menzzo_order_id == menzzo_order_id)
    found = [order for order in tx.exec(query).all() if supplier in {None, order.supplier}]
    if not found:
        where = f" of supplier {supplier}" if supplier else ""
        raise UsageError(
            f"there is no order {menzzo_order_id!r}{where} in the database",
            "see what there is: supplier-agent orders; read older days: supplier-agent resync --from DATE --to DATE",
        )
    if len(found) > 1:
        names = " and ".join(order.supplier for order in found)
        fix = f"say which: --supplier {found[0].supplier}"
        raise TwoSuppliersError(f"{names} both have an order {menzzo_order_id}", fix)
    return found[0]


def _note(
    tx: Session, order: Order, now: datetime, who: str, what: str, detail: str | None = None, station: str | None = None
) -> None:
    assert order.id is not None  # noqa: S101 - a stored order has one
    tx.add(Event(order_id=order.id, at=now, who=who, what=what, detail=detail, station=station))


def _flag(tx: Session, order: Order, value: int, now: datetime, who: str, station: str | None) -> None:
    """Change `shipped` with the same SQL that staff may type; database triggers check it and write the history."""
    mine = update(Order).where(col(Order.id) == order.id)
    tx.exec(mine.values(shipped=value))
    if value:
        tx.exec(mine.values(shipped_at=now))  # from our clock, which tests may set
    newest = (
        select(Event.id).where(Event.order_id == order.id).order_by(col(Event.id).desc()).limit(1).scalar_subquery()
    )
    tx.exec(update(Event).where(col(Event.id) == newest).values(who=who, at=now, station=station))
    tx.refresh(order)


def ship(
    tx: Session, order: Order, now: datetime, who: str, override_by: str | None = None, *, station: str | None = None
) -> str:
    """Mark an order as shipped; return what happens next, in one sentence. Idempotent."""
    if order.ship_confirmed_at is not None:
        return f"{_shipped_on(order)}, at {order.ship_confirmed_at:%Y-%m-%d %H:%M} UTC; there is nothing left to do"
    if order.closed_reason is not None:
        raise AgentError(
            f"it is closed: {order.closed_reason}",
            f"supplier-agent reopen {order.menzzo_order_id}",
        )
    said = ""
    if override_by is not None:
        said = _override(tx, order, now, override_by)
    if order.shipped == 1:
        return f"it is already marked as shipped{said}{_waits(order)}"
    _flag(tx, order, 1, now, who, station)
    return f"marked as shipped{said}{_waits(order)}"


def _override(tx: Session, order: Order, now: datetime, by: str) -> str:
    """Override the blockers that exist now, and no later ones; return what is overridden, in words."""
    codes = blockers(order)
    if not codes:
        return "; there is nothing to override"
    order.override_by, order.override_covers, order.planned_at = by, ",".join(sorted(covered(order) | set(codes))), None
    tx.add(order)
    without = _waits_for(codes)
    _note(tx, order, now, by, "override", f"ships it without {without}")
    tx.flush()
    return f"; {by} ships it without {without}; nothing else is overridden"


def settle(tx: Session, order: Order, now: datetime, who: str, *, station: str | None = None) -> str:
    """Settle what a packer reported about an order, and that its carrier has never scanned it."""
    assert order.id is not None  # noqa: S101 - a stored order has one
    tx.add(Event(order_id=order.id, at=now, who=who, what=SETTLED, station=station))
    scan = tx.get(OrderScan, order.id)
    if scan is not None and scan.unscanned > 0 and scan.settled_at is None:
        scan.settled_at, scan.settled_by = now, who
        tx.add(scan)
    return "settled"


def _shipped_on(order: Order) -> str:
    """Return by what evidence an order counts as shipped, without a full stop."""
    return say(f"evidence.{known(order.ship_evidence) or 'not_recorded'}")


def _waits_for(codes: Sequence[str]) -> str:
    """Return blockers as one phrase: "its acknowledgement and its label"."""
    return say("waits_for.all", {"missing": " ".join(codes)})


def _waits(order: Order) -> str:
    """Return everything that an order marked as shipped waits for."""
    waits = []
    if order.held_reason is not None:
        waits.append(f"it is on hold ({order.held_reason}) and is reported once it is released")
    if missing := blockers(order):
        waits.append(f"it waits for {_waits_for(missing)}")
    return "".join(f"; {each}" for each in waits)


def _reopen_window(tx: Session, order: Order, now: datetime) -> str:
    """Start the undo window of a marked order again, because the mark may be old; return a sentence about it, or ""."""
    if order.shipped == 0 or order.ship_confirmed_at is not None:
        return ""
    order.undo_opened_at, order.planned_at = now, None
    tx.add(order)
    stop = f"to undo it before then: supplier-agent unship {order.menzzo_order_id} --supplier {order.supplier}"
    return f"; it is marked as shipped, and is reported after a new undo window ({stop})"


def not_reported(order: Order, configured: Collection[str]) -> str:
    """Return a warning if the order's supplier is not configured: the mark is kept, and no call is made. Else ""."""
    if order.supplier in configured or order.ship_confirmed_at is not None:
        return ""
    return f"it will not be reported, because {order.supplier} is not in the configuration"


def unship(tx: Session, order: Order, now: datetime, who: str, *, station: str | None = None) -> str:
    """Undo the mark. Raises StateError, from a database trigger, once the call has begun."""
    if order.shipped == 0:
        return "it is not marked as shipped"
    _flag(tx, order, 0, now, who, station)
    return "no longer marked as shipped; nothing is reported"


def resolve(tx: Session, order: Order, now: datetime, who: str, *, shipped: bool, station: str | None = None) -> str:
    """Resolve a call whose outcome is unknown, the ship call first: it arrived, or it is to be sent again."""
    calls = sorted(outbox.of_order(tx, order.id or 0), key=lambda each: each.kind != "ship")
    unknown = next((each for each in calls if each.state == "unknown"), None)
    if unknown is not None and unknown.kind != "ship":
        return _resolve_other(tx, order, unknown, now, who, arrived=shipped, station=station)
    call = unknown or next((each for each in calls if each.kind == "ship"), None)
    if call is None or unknown is None:
        state = "there is no ship call yet" if call is None else f"its ship call is {call.state}"
        raise AgentError(f"there is nothing to resolve: {state}", f"supplier-agent order {order.menzzo_order_id}")
    if shipped:
        order.ship_confirmed_at, order.ship_evidence, order.planned_at = now, PERSON, None
        outbox.conclude(tx, call, "done", f"{who} says that the marketplace has it as shipped")
        _note(tx, order, now, who, "resolved: shipped", station=station)
        said = "recorded as shipped; nothing is sent"
    else:
        outbox.owe_again(tx, call, now)
        order.planned_at = None
        _note(tx, order, now, who, "resolved: send again", station=station)
        said = "it is sent again; if the marketplace did receive the first call, the customer may be notified twice"
        said += _reopen_window(tx, order, now) + _waits(order)
    tx.add(order)
    return said


def _resolve_other(
    tx: Session, order: Order, call: Call, now: datetime, who: str, *, arrived: bool, station: str | None
) -> str:
    """Resolve an unknown call that is not the ship call. It changes nothing about the order."""
    if arrived:
        outbox.conclude(tx, call, "done", f"{who} says that it has arrived")
    else:
        outbox.owe_again(tx, call, now)
    order.planned_at = None
    tx.add(order)
    _note(tx, order, now, who, f"resolved: {call.kind} {'has arrived' if arrived else 'send again'}", station=station)
    return f"its {call.kind} call is recorded as done" if arrived else f"its {call.kind} call is sent again"


def retry(tx: Session, order: Order, now: datetime, who: str, *, station: str | None = None) -> str:
    """Try parked calls again."""
    parked = [call for call in outbox.of_order(tx, order.id or 0) if call.state == "parked"]
    if not parked and order.fault is None:
        return "it has no parked call"
    order.fault = order.planned_at = None
    tx.add(order)
    for call in parked:
        outbox.owe_again(tx, call, now)
    kinds = " and ".join(call.kind for call in parked) or "everything, after an internal error"
    _note(tx, order, now, who, "retry", kinds, station)
    return f"tried again: {kinds}" + _reopen_window(tx, order, now) + (_waits(order) if order.shipped else "")


def parked_orders(tx: Session, supplier: str | None) -> Sequence[Order]:
    """Return the orders that have a parked call or an internal error."""
    parked = select(Call.order_id).where(Call.state == "parked")
    query = select(Order).where(col(Order.id).in_(parked) | col(Order.fault).is_not(None))
    if supplier is not None:
        query = query.where(Order.supplier == supplier)
    return tx.exec(query.order_by(col(Order.id))).all()


def hold(tx: Session, order: Order, now: datetime, who: str, reason: str, *, station: str | None = None) -> str:
    """Put an order on hold: it is neither acknowledged nor reported as shipped until it is released."""
    if order.ship_confirmed_at is not None:
        raise AgentError(f"{_shipped_on(order)}: there is nothing left to hold")
    if order.held_reason is None:  # else the release must still settle why the agent had put it on hold
        order.held_code = None
    _set(tx, order, now, who, "held_reason", reason, "held", station)
    return "held" + _in_flight(tx, order)


def release(tx: Session, order: Order, now: datetime, who: str, *, station: str | None = None) -> str:
    """Release an order from hold.

    If it was held because the ship ledger was lost, this lets the agent begin a new ledger. If it was held because of the status of
    its sale, it is not held again for the same status.
    """
    if order.held_reason is None:
        return "it is not held"
    if order.held_code == LEDGER_LOST:
        accept_new_ledger(tx, who)
    if order.held_code == SALE_STOPPED:
        _accept_sale(tx, order, who)
    order.held_code = None
    _set(tx, order, now, who, "held_reason", None, "released", station)
    return "released" + _reopen_window(tx, order, now)


def ask_about_sale(tx: Session, order: Order, now: datetime) -> None:
    """Have the agent ask the support API about the sale of an order, before its label is printed."""
    order.sale_asked_at, order.planned_at = now, None
    tx.add(order)


def open_case(
    tx: Session,
    order: Order,
    now: datetime,
    who: str,
    body: str,
    settings: Settings,
    *,
    station: str | None = None,
) -> str:
    """Have the agent open an after-sales case at Menzzo, once, with exactly this body (calls/sav.py, body_of)."""
    support = settings.support_of(order.supplier)
    if support is None or not support.open_sav:
        raise UsageError(
            f"cases are not opened for {order.supplier}", f"open_sav = true in [suppliers.{order.supplier}.support]"
        )
    if order.closed_reason is not None:
        raise AgentError(f"it is closed: {order.closed_reason}", f"supplier-agent reopen {order.menzzo_order_id}")
    call = outbox.find(tx, order.id or 0, "sav")
    if call is not None and call.state in {"owed", "sending", "unknown"}:
        raise AgentError(
            f"a case is being opened already: its call is {call.state}", f"supplier-agent order {order.menzzo_order_id}"
        )
    assert order.id is not None  # noqa: S101 - a stored order has one
    tx.add(SavRequest(order_id=order.id, asked_at=now, asked_by=who, body=body))
    order.sav_asked_at, order.planned_at = now, None
    tx.add(order)
    _note(tx, order, now, who, "case opened", station=station)
    return "the case is opened; it is sent once"


def _accept_sale(tx: Session, order: Order, who: str) -> None:
    check = tx.get(SaleCheck, order.id)
    if check is not None:
        check.accepted_status, check.accepted_by = check.status, who
        tx.add(check)


def accept_new_ledger(tx: Session, who: str) -> bool:
    """Let the agent begin a new ship ledger in place of a lost one; False if none is lost."""
    row = tx.get(Installation, 1)
    if row is None or row.ledger_lost_at is None:
        return False
    row.new_ledger_by = who
    tx.add(row)
    return True


def held_by_agent(tx: Session, supplier: str | None) -> Sequence[Order]:
    """Return the orders that the agent put on hold after a restore, or because its ship ledger was lost."""
    query = select(Order).where(col(Order.held_code).in_((RESTORED, LEDGER_LOST)), col(Order.held_reason).is_not(None))
    query = query.where(col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None))
    if supplier is not None:
        query = query.where(Order.supplier == supplier)
    return tx.exec(query.order_by(col(Order.id))).all()


def close(tx: Session, order: Order, now: datetime, who: str, reason: str, *, station: str | None = None) -> str:
    """Close an order that was handled elsewhere: no further call is made for it."""
    if order.ship_confirmed_at is not None:
        return f"{_shipped_on(order)}: there is nothing left to close"
    _set(tx, order, now, who, "closed_reason", reason, "closed", station)
    return "closed; no further call is made for it" + _in_flight(tx, order)


def reopen(
    tx: Session, order: Order, now: datetime, who: str, reason: str | None = None, *, station: str | None = None
) -> str:
    """Reopen a closed order. reason: for its history; None: none is given."""
    if order.closed_reason is None:
        return "it is not closed"
    order.closed_reason, order.planned_at = None, None
    tx.add(order)
    _note(tx, order, now, who, "reopened", reason, station)
    return "reopened" + _reopen_window(tx, order, now)


def note(tx: Session, order: Order, now: datetime, who: str, text: str, *, station: str | None = None) -> str:
    """Store a free note in the history of an order. It changes nothing else."""
    _note(tx, order, now, who, NOTE, text, station)
    return "noted"


def printed(tx: Session, order: Order, now: datetime, who: str, where: str, *, station: str | None = None) -> int:
    """Record that the label of an order was printed, and what was known then; return how often it has been printed.

    `where`: on which printer, or "browser".
    """
    _note(tx, order, now, who, PRINTED, where, station)
    assert order.id is not None  # noqa: S101 - a stored order has one
    facts: dict[str, Any] = {name: known(getattr(order, name)) for name in PRINTED_FACTS}
    tx.add(Print(order_id=order.id, printed_at=now, who=who, station=station, printer=where, **facts))
    tx.flush()
    return times_printed(tx, order)


def not_printed(tx: Session, order: Order, now: datetime, who: str, why: str, *, station: str | None = None) -> None:
    """Record that the label of an order did not come out. `why`: the printer, and the code of its failure."""
    _note(tx, order, now, who, NOT_PRINTED, why, station)


def times_printed(tx: Session, order: Order) -> int:
    """Return how often the label of an order has been printed from the page."""
    return tx.exec(select(func.count()).where(Event.order_id == order.id, Event.what == PRINTED)).one()


def _set(
    tx: Session,
    order: Order,
    now: datetime,
    who: str,
    column: str,
    value: str | None,
    what: str,
    station: str | None = None,
) -> None:
    setattr(order, column, value)
    order.planned_at = None
    tx.add(order)
    _note(tx, order, now, who, what, value, station)


def _in_flight(tx: Session, order: Order) -> str:
    sending = [call.kind for call in outbox.of_order(tx, order.id or 0) if call.state == "sending"]
    return f" (its {' and '.join(sending)} call is being sent at this moment and cannot be stopped)" if sending else ""
