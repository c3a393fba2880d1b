"""One order as JSON: its facts, its whole history, what happens next and why. Read-only."""

from datetime import datetime
from functools import cached_property
from typing import Any

from sqlmodel import Session, col, select

from supplier_agent.base.cells import Unreadable, known
from supplier_agent.calls import CALLS, Calls
from supplier_agent.db.plain_sql import Look, within
from supplier_agent.db.tables import Event, Order
from supplier_agent.reports import facts
from supplier_agent.reports.facts import OrderFacts
from supplier_agent.settings import Settings
from supplier_agent.verdict import Blocker, Role, SupplierState, SupplierVerdict, Verdict, judge_order, judge_supplier
from supplier_agent.words import Words
from supplier_agent.words.formats import iso, money


class Judge:
    """Judges orders and suppliers in one transaction; the suppliers are loaded, and judged, once."""

    def __init__(self, look: Look, settings: Settings, now: datetime, kinds: Calls = CALLS) -> None:
        self.suppliers = facts.suppliers(look, settings)
        self._settings, self._now, self._kinds = settings, now, kinds

    @cached_property
    def of_suppliers(self) -> dict[str, SupplierVerdict]:
        """The verdict on each supplier and account, by name."""
        return {
            name: judge_supplier(each, self._settings, self._now, lane_of=self._kinds.lane_of)
            for name, each in self.suppliers.items()
        }

    def of(self, each: OrderFacts) -> Verdict:
        """Return the verdict on one order."""
        supplier = self.suppliers.get(each.order.supplier) or SupplierState(each.order.supplier)
        return judge_order(
            each.order,
            each.calls,
            each.prints,
            supplier,
            self._settings,
            self._now,
            kinds=self._kinds,
            attempts=each.attempts,
        )


def instant(at: datetime | None) -> str | None:
    """Return an instant for JSON: ISO 8601, UTC; None if it is not known."""
    return None if at is None or isinstance(at, Unreadable) else iso(at)


def price(cents: int | None) -> str | None:
    """Return money as a string with two decimals; None if it is not known."""
    return None if cents is None or isinstance(cents, Unreadable) else money(cents)


def summary(order: Order, verdict: Verdict, words: Words) -> dict[str, object]:
    """Return the object of `orders --json` (public contract, "JSON")."""
    facts = {
        "supplier": order.supplier,
        "menzzo_order_id": order.menzzo_order_id,
        "increment_id": order.increment_id,
        "sale_product_id": order.sale_product_id,
        "sku": order.sku,
        "quantity": order.quantity,
        "price": price(order.price_cents),
        "carrier": order.carrier,
        "order_date": order.order_date.isoformat() if order.order_date and known(order.order_date) else None,
        "link_to_label": order.link_to_label,
        "stage": verdict.stage.value,
        "first_seen_at": instant(order.first_seen_at),
        "acknowledged_at": instant(order.acknowledged_at),
        "acknowledge_evidence": order.acknowledge_evidence,
        "label_path": order.label_path,
        "label_sha256": order.label_sha256,
        "shipped": order.shipped == 1,
        "shipped_at": instant(order.shipped_at),
        "ship_confirmed_at": instant(order.ship_confirmed_at),
        "ship_evidence": order.ship_evidence,
        "override_by": order.override_by,
        "override_covers": order.override_covers,
        "held_reason": order.held_reason,
        "held_code": order.held_code,
        "closed_reason": order.closed_reason,
        "vanished_at": instant(order.vanished_at),
        "blockers": [each.value for each in verdict.blockers if each is not Blocker.CLOSED],
        "problem": "; ".join(words.problem(each) for each in verdict.problems) or None,
        "problem_codes": [each.code.value for each in verdict.problems],
    }
    return {name: known(value) for name, value in facts.items()} | {"menzzo_order_id": order.menzzo_order_id}


def whole(
    tx: Session, order: Order, settings: Settings, now: datetime, words: Words | None = None, kinds: Calls = CALLS
) -> dict[str, object]:
    """Return the object of `order ID --json`: the summary, every call and attempt, the history, what happens next.

    words: the time zone of its sentences; None: UTC. The instants are always UTC.
    """
    words, look = words or Words(), within(tx)
    (found,) = facts.orders_of(look, [order.id or 0], attempts=True)
    verdict = Judge(look, settings, now, kinds).of(found)
    return summary(found.order, verdict, words) | {
        "calls": [_call(call, found) for call in found.calls],
        "history": [
            {"at": instant(event.at), "who": event.who, "what": event.what, "detail": event.detail}
            for event in tx.exec(select(Event).where(Event.order_id == order.id).order_by(col(Event.id)))
        ],
        "may": sorted(act.value for act in verdict.may[Role.IT]),
        "next": words.next(verdict.next, order.menzzo_order_id, order.supplier),
        "next_code": verdict.next.step.value,
    }


def _call(call: Any, found: OrderFacts) -> dict[str, object]:  # noqa: ANN401 - a row
    return {
        "kind": call.kind,
        "state": call.state,
        "due_at": instant(call.due_at),
        "detail": call.detail,
        "attempts": [
            {
                "number": attempt.number,
                "started_at": instant(attempt.started_at),
                "ended_at": instant(attempt.ended_at),
                "outcome": attempt.outcome,
                "http_status": attempt.http_status,
                "detail": attempt.detail,
            }
            for attempt in found.attempts or ()
            if attempt.call_id == call.id
        ],
    }
