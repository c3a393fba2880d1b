"""After-sales: ask the support API once a week, for 60 days after shipping, whether the customer has complained about an order.

A read. No more than `after_sales_per_day` orders of a supplier are asked about in a day (UTC); the others wait for the next day.
"""

from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session, col, func, select

from supplier_agent.calls.protocol import Ending, Job, OutwardCall, Wait, ending_of
from supplier_agent.db.support import AfterSale
from supplier_agent.db.tables import Event, Order
from supplier_agent.marketplace.support import Case, CasesFound, SupportTools
from supplier_agent.outbox import DONE, REFUSED, Next, Outcome
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.verdict.supplier import SUPPORT

EVERY = timedelta(days=7)
COMPLAINT = "after-sales case"


class AfterSales(OutwardCall[SupportTools]):
    """The question; see the module."""

    ACCOUNT, LANE, PRIORITY, BRAKES_ON_404 = SUPPORT, OTHERS, 8, False
    DRY: Literal["print", "make", "skip"] = "skip"
    ENDPOINT, REHEARSED = "sav-status", "ask about after-sales of"
    SENDS = ("sale_product_id",)

    def is_for(self, settings: Settings, supplier: str) -> bool:
        """Tell whether the supplier uses the support API for after-sales."""
        support = settings.support_of(supplier)
        return support is not None and support.after_sales_per_day > 0

    def due_at(self, order: Order, settings: Settings) -> datetime:  # noqa: ARG002 - as in OutwardCall
        """Return when to ask: a week after shipping, or after the last question."""
        return (order.after_sales_at or order.ship_confirmed_at or order.first_seen_at) + EVERY

    def delay(self, settings: Settings) -> timedelta:  # noqa: ARG002 - as in OutwardCall
        """Return the time between two questions."""
        return EVERY

    def longest_wait(self, settings: Settings, cache_seconds: float) -> timedelta:
        """Return the time between two questions, which is longer than any back-off."""
        return max(EVERY, self.longest_backoff(settings, cache_seconds))

    def wait(self, tx: Session, order: Order, settings: Settings, now: datetime) -> Wait | None:
        """Return that the questions of this day are used up, if they are."""
        support = settings.support_of(order.supplier)
        begin = now.replace(hour=0, minute=0, second=0, microsecond=0)
        asked = select(func.count()).where(Order.supplier == order.supplier, col(Order.after_sales_at) >= begin)
        if support is None or tx.exec(asked).one() < support.after_sales_per_day:
            return None
        return Wait(begin + timedelta(days=1), "after_sales_per_day is used up")

    def perform(self, job: Job, tools: SupportTools) -> Ending:
        """Ask about this line of the sale."""
        found = tools.support.cases(job.increment_id, str(job.facts["sale_product_id"]))
        if not isinstance(found, CasesFound):
            return ending_of(found)
        return Ending(Outcome(DONE, f"cases: {len(found.cases)}", 200), found=found)

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state. A refusal is no matter for a person: it is asked again in a week."""
        if ending.outcome.kind == REFUSED and ending.redirected_to is None:
            return Next("done", why=ending.outcome.detail)
        return super().after(job, ending, settings, now, chance)

    def keep(self, tx: Session, job: Job, ending: Ending, settings: Settings, now: datetime) -> bool:  # noqa: ARG002 - as in OutwardCall
        """Store the cases, and that the order was asked about. A case that is new, or has a new status, is in its history."""
        order = tx.get(Order, job.order_id)
        if order is None or order.id is None or ending.outcome.kind not in {DONE, REFUSED}:
            return False
        order.after_sales_at, order.planned_at = now, None
        tx.add(order)
        for case in ending.found.cases if isinstance(ending.found, CasesFound) else ():
            _store(tx, order.id, case, now)
        return True


def _store(tx: Session, order_id: int, case: Case, now: datetime) -> None:
    query = select(AfterSale).where(AfterSale.order_id == order_id, AfterSale.sav_id == case.sav_id)
    row = tx.exec(query).first()
    if row is not None and (row.status, row.complaint) == (case.status, case.complaint):
        return
    if row is None:
        row = AfterSale(order_id=order_id, sav_id=case.sav_id, seen_at=now, changed_at=now)
    row.complaint, row.status, row.changed_at = case.complaint, case.status, now
    row.opened_on = case.opened_on or row.opened_on
    tx.add(row)
    said = f"{case.sav_id}: {case.complaint or '?'}, {case.status or '?'}"
    tx.add(Event(order_id=order_id, at=now, who="marketplace", what=COMPLAINT, detail=said))


CALL = AfterSales()
