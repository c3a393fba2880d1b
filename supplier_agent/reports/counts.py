"""Counts of orders by stage and by evidence, and the damaged orders. Read-only.

In plain SQL (plain_sql.py), with partial indexes, so it stays fast however many finished orders there are.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import Look
from supplier_agent.order import STUCK, WANTED, Rules, damage, sound_stage

if TYPE_CHECKING:
    from sqlmodel import Session


def stage_by(rules: Rules) -> str:
    """Return the stage of an order that is not damaged, in SQL, by these rules."""
    return plain_sql.stage_sql(
        (kind, state) for kind, rule in rules.items() for state in STUCK if state not in rule.attention
    )


STAGE = stage_by(WANTED)
"""As order.sound_stage has it."""


@dataclass(frozen=True)
class Damaged:
    """An order for which nothing is sent: its data cannot be read, or an internal error stopped it."""

    order: Any  # a row
    why: str
    seems: str  # the stage that follows from its other facts


def counts(tx: "Session | Look", supplier: str) -> dict[str, int]:
    """Return how many orders are in each stage. SQL groups orders with the same facts; order.py gives the stage."""
    found: dict[str, int] = {}
    look = plain_sql.within(tx)
    for alike in look.rows(ALIKE, supplier):
        name = sound_stage(alike, calls_in(alike.states))
        found[name] = found.get(name, 0) + alike.number
    for each in damaged(look):
        if each.order.supplier == supplier:  # counted above by its other facts
            found[each.seems] = found.get(each.seems, 0) - 1
            found["attention"] = found.get("attention", 0) + 1
    return found


def calls_in(states: str | None) -> list[Any]:
    """Return the calls for `order.sound_stage`, from the text "KIND STATE,KIND STATE" that SQL returns."""
    pairs = (each.rpartition(" ") for each in (states or "").split(",") if each)
    return [SimpleNamespace(kind=kind, state=state) for kind, _, state in pairs]


def damaged(look: Look) -> list[Damaged]:
    """Return every damaged order. An index has the few candidates (triggers.py); order.py decides."""
    if look.first("SELECT name FROM sqlite_master WHERE name = 'damaged_orders'") is None:
        return []  # the index was dropped; the next start of the agent creates it
    calls: dict[int, list[Any]] = {}
    for call in look.rows(
        "SELECT * FROM calls WHERE order_id IN (SELECT order_id FROM damaged_calls) ORDER BY order_id"
    ):
        calls.setdefault(call.order_id, []).append(call)
    rows = look.rows(
        """
        SELECT orders.*, (SELECT group_concat(DISTINCT kind || ' ' || state) FROM calls WHERE order_id = orders.id) AS states
          FROM orders
         WHERE id IN (SELECT id FROM damaged_orders UNION SELECT order_id FROM damaged_calls) ORDER BY id
        """
    )
    found = []
    for row in rows:
        why = damage(row, calls.get(row.id, ()))
        if why:
            found.append(Damaged(row, why, sound_stage(row, calls_in(row.states))))
    return found


ALIKE = """
  WITH stuck AS (SELECT order_id, group_concat(DISTINCT kind || ' ' || state) AS states FROM calls
                  WHERE state IN ('sending', 'parked', 'unknown') GROUP BY order_id)
SELECT ship_confirmed_at, closed_reason, max(held_reason) AS held_reason, max(acknowledged_at) AS acknowledged_at,
       max(label_path) AS label_path, shipped, states, count(*) AS number
  FROM orders LEFT JOIN stuck ON order_id = orders.id
 WHERE supplier = ?1 AND ship_confirmed_at IS NULL AND closed_reason IS NULL
 GROUP BY held_reason IS NULL, acknowledged_at IS NULL, label_path IS NULL, shipped, states
 UNION ALL
SELECT max(ship_confirmed_at), max(closed_reason), NULL, NULL, NULL, 0, NULL, count(*)
  FROM orders
 WHERE supplier = ?1 AND NOT (ship_confirmed_at IS NULL AND closed_reason IS NULL)
 GROUP BY ship_confirmed_at IS NULL, closed_reason IS NULL
"""
"""Groups of orders with the same facts for order.stage, with an example of each fact. For finished orders, no other fact counts.

Indexes cover the open orders and the calls that matter, so this stays fast however many finished orders there are.
"""


def evidence(tx: "Session | Look", supplier: str, shipped: int) -> dict[str, int]:
    """Return the number of shipped orders by evidence. `shipped`: their total."""
    found = {row.evidence: int(row.number) for row in plain_sql.within(tx).rows(EVIDENCE, supplier)}
    others = {name: found.get(name, 0) for name in EVIDENCES if name != "confirmed"}
    return {"confirmed": shipped - sum(others.values()), **others}


EVIDENCES = ("confirmed", "unverified", "person", "not_recorded")
EVIDENCE = """
SELECT coalesce(ship_evidence, 'not_recorded') AS evidence, count(*) AS number FROM orders
 WHERE supplier = ? AND ship_confirmed_at IS NOT NULL AND coalesce(ship_evidence, '') <> 'confirmed' GROUP BY 1
"""
"""The condition of the index orders_without_a_yes, so that the many confirmed orders are not read."""


def rejected_entries(tx: "Session | Look", supplier: str) -> int:
    """Return how many rejected entries were ever stored."""
    row = plain_sql.within(tx).first("SELECT count(*) AS number FROM rejected_entries WHERE supplier = ?", supplier)
    return int(row.number)
