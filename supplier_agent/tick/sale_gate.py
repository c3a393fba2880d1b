"""The sale gate: a ship call of a supplier that uses the support API is claimed only after a fresh sale check.

verdict/sale.py decides. Here its decision is written, in the turn of the claim: a hold is on disk before the call could be sent.
"""

from datetime import datetime

from sqlmodel import Session

from supplier_agent import outbox
from supplier_agent.base.cells import known
from supplier_agent.calls.sale_check import stop
from supplier_agent.db.support import SaleCheck
from supplier_agent.db.tables import Call, Event, Order
from supplier_agent.order import damage
from supplier_agent.tick.context import Account, Context
from supplier_agent.verdict.sale import FRESH, gate

SENT_BEFORE = FRESH / 2
"""A call that was sent before looks again so early that an answer which came meanwhile is still fresh."""
WAITS = "it waits for the answer about its sale"
SKIPPED = "reported without a sale check"


def may_go(ctx: Context, account: Account, call: outbox.Due) -> bool:
    """Tell whether a due ship call may be claimed now. If not: ask about its sale and put the call off, or hold the order.

    A call that its order no longer asks for is left to the claim, which drops it. Else a call whose order was put on hold here
    would be due, and stopped, again and again.
    """
    support = ctx.settings.support_of(account.supplier)
    if support is None:
        return True
    now = ctx.clock.now()
    with ctx.store.write() as tx:
        order, check = tx.get(Order, call.order_id), tx.get(SaleCheck, call.order_id)
        owed = tx.get(Call, call.id)
        if order is None or owed is None or damage(order) or not ctx.asks_for(order, owed):
            return True  # the claim refuses it
        found = gate(order, check, support, now)
        if found.stops and check is not None:
            stop(tx, order, check, now)
        if found.ask:
            order.sale_asked_at, order.planned_at = now, None
            tx.add(order)
        if found.until is not None:
            # Planning again makes a call due that was never sent. One that was sent keeps its time.
            until = found.until if owed.attempts == 0 else min(found.until, now + SENT_BEFORE)
            outbox.put_off(tx, call.id, until, WAITS)
        if found.skips and not found.ask:
            _skip(tx, order, check, now)
    if found.ask or found.stops:
        account.facts_changed = True
    return not (found.ask or found.stops or found.until is not None)


def _skip(tx: Session, order: Order, check: SaleCheck | None, now: datetime) -> None:
    """Record that an order is reported without a fresh answer: once for each time that it was asked about."""
    assert order.id is not None  # noqa: S101 - a stored order has one
    check = check or SaleCheck(order_id=order.id)
    skipped_at, asked_at = known(check.skipped_at), known(order.sale_asked_at)
    since = asked_at if isinstance(asked_at, datetime) else known(order.shipped_at)
    if isinstance(skipped_at, datetime) and isinstance(since, datetime) and since <= skipped_at <= now:
        return
    check.skipped_at = now
    tx.add(check)
    tx.add(Event(order_id=order.id, at=now, who="agent", what=SKIPPED, detail=check.failure or "no answer in time"))
