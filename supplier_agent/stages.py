"""The stage of an order in SQL, so that a list of a million orders need not be read to find the few. order.sound_stage is the rule.

Which orders are damaged, census.damaged knows. A test holds both equal over every combination of facts. The texts are written for
the partial indexes of tables.py.
"""

from supplier_agent.order import STAGES

OPEN = "ship_confirmed_at IS NULL AND closed_reason IS NULL"
"""Something may still be done for it."""
STUCK = (
    "EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id"
    " AND state IN ('sending', 'parked', 'unknown') AND state <> 'sending')"  # as the index calls_stuck has it
)
STAGE = f"""CASE WHEN ship_confirmed_at IS NOT NULL THEN 'shipped' WHEN closed_reason IS NOT NULL THEN 'closed'
 WHEN {STUCK} THEN 'attention' WHEN held_reason IS NOT NULL THEN 'held' WHEN shipped = 1 THEN 'flagged'
 WHEN acknowledged_at IS NULL THEN 'new' WHEN label_path IS NULL THEN 'acknowledged' ELSE 'ready' END"""
"""The stage of a row of `orders`."""


def is_of(stage: str) -> str:
    """Return the condition that a row of `orders` is of this stage, one of STAGES."""
    if stage not in STAGES:
        raise ValueError(stage)
    over = {
        "shipped": "ship_confirmed_at IS NOT NULL",
        "closed": "ship_confirmed_at IS NULL AND closed_reason IS NOT NULL",
    }
    return over.get(stage) or f"{OPEN} AND {STAGE} = '{stage}'"
