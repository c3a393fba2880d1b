"""Safety stops: what pauses a supplier, or only its ship calls, until a person resumes or approves.

Paused: nothing is sent, not even a read. Asked: so many orders were marked within a minute that ship calls wait for approval.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from supplier_agent.base.errors import AgentError
from supplier_agent.db.tables import Attempt, Call, Order, Supplier
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
    """Approve all marks up to now. Raises AgentError if no ship call waits for approval."""
    supplier = known_supplier(tx, name)
    if not ships_wait(supplier):
        raise AgentError("there is nothing to approve: no ship call waits for approval", "supplier-agent status")
    flags = len(waiting_flags(tx, supplier))
    supplier.flags_agreed_at, supplier.flags_asked_at = now, None
    tx.add(supplier)
    return f"approved: {flags} orders marked until now will be reported"
