"""The sale check: ask the support API whether the sale of an order is still valid. A read, so it may be repeated.

It is asked a minute before an order is reported as shipped, when an answer is too old, and when someone wants to know it, for
example before many labels are printed. One answer is about the whole sale, so it is stored for each open order of it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session, col, select

from supplier_agent import outbox
from supplier_agent.calls.protocol import Ending, Job, OutwardCall, ending_of
from supplier_agent.db.support import SaleCheck
from supplier_agent.db.tables import Call, Event, Order
from supplier_agent.marketplace.support import SaleFound, SupportTools
from supplier_agent.order import SALE_STOPPED, sale_asked_since
from supplier_agent.outbox import DONE, REFUSED, Next, Outcome
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.verdict.order import BEGUN, SHIP
from supplier_agent.verdict.sale import EARLY, Sale, last_word
from supplier_agent.verdict.supplier import SUPPORT

KIND = "sale_check"


class SaleCheckCall(OutwardCall[SupportTools]):
    """The sale check; see the module."""

    ACCOUNT, LANE, PRIORITY, BRAKES_ON_404 = SUPPORT, OTHERS, 0, False
    DRY: Literal["print", "make", "skip"] = "make"
    ENDPOINT, REHEARSED = "sale-details", "ask about the sale of"

    def is_for(self, settings: Settings, supplier: str) -> bool:
        """Tell whether the supplier uses the support API."""
        return settings.support_of(supplier) is not None

    def due_at(self, order: Order, settings: Settings) -> datetime:
        """Return when it is to be asked: at once, or a little before the order may be reported as shipped."""
        since = sale_asked_since(order) or order.first_seen_at
        if order.sale_asked_at is not None and order.sale_asked_at >= since:
            return since
        return since + max(timedelta(0), timedelta(seconds=settings.ship.undo_seconds) - EARLY)

    def delay(self, settings: Settings) -> timedelta:
        """Return the longest time between a mark and the question."""
        return max(timedelta(0), timedelta(seconds=settings.ship.undo_seconds) - EARLY)

    def perform(self, job: Job, tools: SupportTools) -> Ending:
        """Ask. An answer that the sale does not exist is an answer, too."""
        found = tools.support.sale(job.increment_id)
        if not isinstance(found, SaleFound):
            return ending_of(found)
        said = (
            f"status {found.status}" if found.status else "no usable status" if found.found else "there is no such sale"
        )
        return Ending(Outcome(DONE, said, 200 if found.found else 404), found=found)

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state. A refusal is no matter for a person: the order waits, or goes, as the setting says."""
        if ending.outcome.kind == REFUSED and ending.redirected_to is None:
            return Next("done", why=ending.outcome.detail)
        return super().after(job, ending, settings, now, chance)

    def keep(self, tx: Session, job: Job, ending: Ending, settings: Settings, now: datetime) -> bool:
        """Store the answer for each open order of the sale. A stop word puts them on hold, in the same transaction."""
        support = settings.support_of(job.supplier)
        if support is None:  # it was removed meanwhile
            return False
        if not isinstance(ending.found, SaleFound):
            assert job.order_id is not None  # noqa: S101 - it is about an order
            check = tx.get(SaleCheck, job.order_id) or SaleCheck(order_id=job.order_id)
            check.failed_at, check.failure = now, ending.outcome.detail[:200] or "no answer"
            tx.add(check)
            order = tx.get(Order, job.order_id)
            if order is not None:
                order.planned_at = None
                tx.add(order)
            return True
        for order in _of_sale(tx, job):
            assert order.id is not None  # noqa: S101 - a stored order has one
            check = tx.get(SaleCheck, order.id) or SaleCheck(order_id=order.id)
            _note(check, order, ending.found)
            tx.add(check)
            order.planned_at = None  # its ship call may be due now
            tx.add(order)
            _answered(tx, order, job, ending.found)
            if last_word(check, support) is Sale.STOPPED:
                stop(tx, order, check, now)
        return True


def _of_sale(tx: Session, job: Job) -> Sequence[Order]:
    """Return the order that was asked about, and the open orders of the same sale."""
    query = select(Order).where(Order.increment_id == job.increment_id, Order.supplier == job.supplier)
    is_open = col(Order.ship_confirmed_at).is_(None) & col(Order.closed_reason).is_(None)
    return tx.exec(query.where(is_open | (col(Order.id) == job.order_id)).order_by(col(Order.id))).all()


def _note(check: SaleCheck, order: Order, found: SaleFound) -> None:
    check.found, check.status, check.checked_at = int(found.found), found.status, found.as_of
    check.failed_at = check.failure = None
    line = found.line_of(order.sku)
    if line is not None and line.tracking is not None:
        check.tracking, check.carrier = line.tracking, line.carrier


def _answered(tx: Session, order: Order, job: Job, found: SaleFound) -> None:
    """End the question about another order of the same sale, if this answer is young enough for it."""
    asked_at = sale_asked_since(order)
    if order.id == job.order_id or (asked_at is not None and found.as_of < asked_at):
        return
    owed = select(Call).where(Call.order_id == order.id, Call.kind == KIND, Call.state == "owed")
    for call in tx.exec(owed):
        outbox.conclude(tx, call, "done", f"answered for {job.menzzo_order_id}")


def stop(tx: Session, order: Order, check: SaleCheck, now: datetime) -> None:
    """Put an order on hold because of its sale, unless it is held or finished, or its ship call has begun."""
    if order.held_reason is not None or order.ship_confirmed_at is not None or order.closed_reason is not None:
        return
    ship = outbox.find(tx, order.id or 0, SHIP)
    if ship is not None and ship.state in BEGUN:
        return
    order.held_reason = f"Menzzo says that its sale is {check.status}"
    order.held_code, order.planned_at = SALE_STOPPED, None
    tx.add(order)
    assert order.id is not None  # noqa: S101 - a stored order has one
    tx.add(Event(order_id=order.id, at=now, who="agent", what="held", detail=order.held_reason))


CALL = SaleCheckCall()
