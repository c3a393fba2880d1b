"""What an event says: the JSON of `order ID --json` in codes, numbers and instants, and what has happened.

Only what is named here leaves. Texts that people or the marketplace wrote (reasons, notes, answers), names of people, the history
and the link to the label stay: any of them may name a customer.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from supplier_agent.integrations.webhooks.changes import Change, state_of
from supplier_agent.reports.facts import OrderFacts
from supplier_agent.reports.orders import summary
from supplier_agent.verdict import SupplierVerdict, Verdict
from supplier_agent.words import Words
from supplier_agent.words.formats import iso, iso_or_null

SCHEMA = 1
OF_ORDER = (
    *(
        "supplier",
        "menzzo_order_id",
        "increment_id",
        "sale_product_id",
        "sku",
        "quantity",
        "price",
        "carrier",
        "order_date",
    ),
    *("stage", "first_seen_at", "acknowledged_at", "acknowledge_evidence", "label_path", "label_sha256"),
    *("shipped", "shipped_at", "ship_confirmed_at", "ship_evidence", "override_covers", "held_code", "vanished_at"),
    *("blockers", "ship_by", "ship_by_at", "problem_codes", "label_codes", "tracking_number"),
)
"""The keys of `order ID --json` that are sent."""
BITS = 2**52


def new_id(chance: Callable[[], float]) -> str:
    """Return the id of a new event. chance: a random number in [0, 1)."""
    return "evt_" + "".join(f"{int(chance() * BITS):013x}" for _ in range(2))


def of_order(change: Change, event_id: str, at: datetime, found: OrderFacts, verdict: Verdict) -> str:
    """Return the body of an event about an order."""
    whole = summary(found, verdict, Words())
    order = {key: whole[key] for key in OF_ORDER}
    calls = [_call(call, found) for call in found.calls]
    return _written(change, event_id, at, {**order, "calls": calls, "next_code": verdict.next.step.value})


def of_supplier(change: Change, event_id: str, at: datetime, name: str, verdict: SupplierVerdict) -> str:
    """Return the body of an event about a supplier."""
    because = [each.code.value for each in verdict.because]
    data = {"supplier": name, "paused": state_of(verdict) == "paused", "state": verdict.state, "because": because}
    return _written(change, event_id, at, data)


def of_test(type_: str, event_id: str, at: datetime) -> str:
    """Return the body of the event that `webhooks test` sends."""
    return _written(Change(type_), event_id, at, {})


def _written(change: Change, event_id: str, at: datetime, data: dict[str, object]) -> str:
    head = {"schema": SCHEMA, "id": event_id, "type": change.type, "timestamp": iso(at)}
    return json.dumps({**head, **change.facts, "data": data}, separators=(",", ":"))


def _call(call: Any, found: OrderFacts) -> dict[str, object]:  # noqa: ANN401 - a row
    return {
        "kind": call.kind,
        "state": call.state,
        "due_at": iso_or_null(call.due_at),
        "attempts": [
            {
                "number": attempt.number,
                "started_at": iso_or_null(attempt.started_at),
                "ended_at": iso_or_null(attempt.ended_at),
                "outcome": attempt.outcome,
                "http_status": attempt.http_status,
            }
            for attempt in found.attempts or ()
            if attempt.call_id == call.id
        ],
    }
