"""Safety stops: what pauses a supplier, or only some of its calls, until a person resumes or approves.

Paused: nothing is sent, not even a read. Asked: so many orders were marked within a minute that ship calls wait for approval, or
a first start has so many orders that acknowledging them does.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from supplier_agent.base.errors import AgentError
from supplier_agent.db.plain_sql import UNACKNOWLEDGED
from supplier_agent.db.tables import Attempt, Call, Event, Order, Supplier
from supplier_agent.suppliers.read_log import last_good
from supplier_agent.suppliers.snapshot import known_supplier
from supplier_agent.verdict.supplier import who_paused
from supplier_agent.words import say

MINUTE = timedelta(minutes=1)
NOT_FOUND = 404
WRONG_ADDRESS, WRONG_PLACE = "wrong slug or token?", "wrong address or credentials?"
"""What so many 404s mean: at the marketplace, and at any other account."""
AGENT = "agent"
PAUSED, ASKED, USUAL = (
    "paused by a safety stop",
    "unusually many marks need approval",
    "the number of marks is usual again",
)
FIRST_ASKED, FIRST_FEW = (
    "the orders of the first start need approval before they are acknowledged",
    "the orders of the first start are acknowledged",
)
"""Texts for the log."""
FEW = 2000
"""How many of the newest attempts of all suppliers are examined, so that one check stays cheap."""


# -- the rules ---------------------------------------------------------------------------------------------------------


def most_within(instants: Sequence[datetime], span: timedelta) -> int:
    """Return the largest number of these instants that lie within one span. They must be sorted."""
    most, first = 0, 0
    for last, instant in enumerate(instants):
        while instant - instants[first] >= span:
            first += 1
        most = max(most, last - first + 1)
    return most


def is_unusual(flags: Sequence[datetime], per_minute: int) -> bool:
    """Tell whether so many orders were marked within a minute that a person must approve. per_minute = 0: never."""
    return per_minute > 0 and most_within(sorted(flags), MINUTE) > per_minute


def not_found_in_a_row(answers: Iterable[tuple[int | None, int | None]]) -> int:
    """Return the number of different orders in the newest unbroken series of 404 answers.

    `answers`: order and HTTP status, newest first. None (no answer) neither counts nor ends the series.
    """
    orders: set[int | None] = set()
    for order, status in answers:
        if status == NOT_FOUND:
            orders.add(order)
        elif status is not None:
            break
    return len(orders)


def ships_wait(supplier: Supplier) -> bool:
    """Tell whether ship calls wait for a person's approval."""
    return supplier.flags_asked_at is not None


def acknowledges_wait(supplier: Supplier, limit: int) -> bool:
    """Tell whether acknowledgements wait: at the first start, until its orders are counted and, if they are many, approved.

    limit: `first_acknowledgements`; 0: they never wait.
    """
    return limit > 0 and supplier.first_agreed_at is None


# -- for the loop ------------------------------------------------------------------------------------------------------


def mind_the_flags(tx: Session, name: str, per_minute: int, now: datetime) -> str | None:
    """Ask for approval if unusually many orders are marked, and end that once they are not; return the change, for the log."""
    supplier = known_supplier(tx, name)
    if not per_minute and not ships_wait(supplier):
        return None
    unusual = is_unusual(waiting_flags(tx, supplier), per_minute)
    if unusual == ships_wait(supplier):
        return None
    supplier.flags_asked_at = now if unusual else None
    tx.add(supplier)
    return ASKED if unusual else USUAL


def waiting_flags(tx: Session, supplier: Supplier) -> list[datetime]:
    """Return the times of the marks that are neither confirmed nor approved yet."""
    query = select(Order.shipped_at).where(Order.supplier == supplier.name, Order.shipped == 1)
    query = query.where(col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None))
    since = supplier.flags_agreed_at
    return [at for at in tx.exec(query) if at is not None and (since is None or at > since)]


def mind_the_first_start(tx: Session, name: str, limit: int, start_date: date | None, now: datetime) -> str | None:
    """Ask for approval if the first start of a supplier would acknowledge more than `limit` orders; return the change, for the log.

    1. Off, or decided before: nothing. 2. A supplier with an acknowledged order has begun before. 3. Orders dated before
    `start_date`, which a person may have set since, are closed. 4. More than `limit` orders: ask. 5. Else they are acknowledged,
    once the list was read to its end.
    """
    supplier = known_supplier(tx, name)
    if not limit and supplier.first_asked_at is not None:
        supplier.first_asked_at = None
        tx.add(supplier)
        return FIRST_FEW
    if not acknowledges_wait(supplier, limit):
        return None
    before = select(Order.id).where(Order.supplier == name, col(Order.acknowledged_at).is_not(None)).limit(1)
    has_begun = tx.exec(before).first() is not None
    if not has_begun and start_date is not None and supplier.first_asked_at is not None:
        _close_before(tx, name, start_date, now)
    number = 0 if has_begun else _to_acknowledge(tx, name)
    if number > limit:
        if supplier.first_asked_at is not None:
            return None
        supplier.first_asked_at = now
        tx.add(supplier)
        return FIRST_ASKED
    if not has_begun and last_good(tx, name, "sweep") is None:
        return None
    was_asked = supplier.first_asked_at is not None
    supplier.first_asked_at, supplier.first_agreed_at = None, now
    tx.add(supplier)
    return FIRST_FEW if was_asked else None


def _to_acknowledge(tx: Session, name: str) -> int:
    """Count the orders that would be acknowledged."""
    query = select(func.count()).select_from(Order).where(Order.supplier == name, text(UNACKNOWLEDGED))
    return tx.exec(query).one()


def _close_before(tx: Session, name: str, start_date: date, now: datetime) -> None:
    """Close what was listed before a person set the day of the first order: as if it had been set then. Not what was reopened."""
    reopened = select(Event.order_id).where(Event.what == "reopened")
    query = select(Order).where(Order.supplier == name, col(Order.order_date) < start_date, Order.shipped == 0)
    query = query.where(col(Order.acknowledged_at).is_(None), col(Order.closed_reason).is_(None))
    query = query.where(col(Order.ship_confirmed_at).is_(None), col(Order.id).not_in(reopened))
    for order in tx.exec(query).all():
        order.closed_reason, order.planned_at = f"dated before start_date {start_date}", None
        tx.add(order)
        tx.add(Event(order_id=order.id or 0, at=now, who=AGENT, what="closed", detail=order.closed_reason))


def mind_the_address(
    tx: Session, account: str, supplier: str, kinds: Collection[str], limit: int, now: datetime
) -> bool:
    """Pause an account if its newest answers were all 404, for at least `limit` orders; tell whether it did.

    `kinds`: the calls to this account whose 404 may mean that the address is wrong.
    """
    row = known_supplier(tx, account)
    if not limit or row.paused_at is not None:
        return False
    newest = tx.exec(select(func.max(Attempt.id))).one() or 0
    query = select(Call.order_id, Attempt.http_status).join(Call).where(col(Attempt.id) > newest - FEW)
    query = query.where(Call.supplier == supplier, col(Call.kind).in_(kinds), col(Attempt.ended_at).is_not(None))
    if row.resumed_at is not None:
        query = query.where(col(Attempt.started_at) > row.resumed_at)
    if not_found_in_a_row(tx.exec(query.order_by(col(Attempt.id).desc()))) < limit:
        return False
    pause(
        tx,
        account,
        now,
        AGENT,
        f"{limit} orders in a row were answered 404: {WRONG_ADDRESS if account == supplier else WRONG_PLACE}",
    )
    return True


# -- for people --------------------------------------------------------------------------------------------------------


def pause(tx: Session, name: str, now: datetime, who: str, reason: str) -> str:
    """Pause a supplier: nothing more is sent for it."""
    supplier = known_supplier(tx, name)
    if supplier.paused_at is not None:
        return f"it is paused already, {say('reason.paused', who_paused(supplier))}"
    supplier.paused_at, supplier.paused_by, supplier.paused_reason = now, who, reason
    tx.add(supplier)
    return "paused; requests in flight are finished, and then nothing is sent"


def resume(tx: Session, name: str, now: datetime) -> str:
    """Resume a paused supplier."""
    supplier = known_supplier(tx, name)
    if supplier.paused_at is None:
        return "it is not paused"
    supplier.paused_at = supplier.paused_by = supplier.paused_reason = None
    supplier.resumed_at = now
    tx.add(supplier)
    return "resumed"


def agree(tx: Session, name: str, now: datetime) -> str:
    """Approve all marks up to now, and the orders of a first start. Raises AgentError if nothing waits for approval."""
    supplier = known_supplier(tx, name)
    if not ships_wait(supplier) and supplier.first_asked_at is None:
        raise AgentError("there is nothing to approve: no call waits for approval", "supplier-agent status")
    approved = []
    if ships_wait(supplier):
        approved.append(f"{len(waiting_flags(tx, supplier))} orders marked until now will be reported")
        supplier.flags_agreed_at, supplier.flags_asked_at = now, None
    if supplier.first_asked_at is not None:
        approved.append(f"{_to_acknowledge(tx, name)} orders will be acknowledged")
        supplier.first_agreed_at, supplier.first_asked_at = now, None
    tx.add(supplier)
    return f"approved: {', and '.join(approved)}"
