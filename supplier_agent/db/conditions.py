"""The verdict's conditions in SQL, for counts and lists that cannot judge each row. Each names the code that it stands for.

A test with invented rows holds each of them equal to the pure function. They are written for a row of `orders`, and in the
words of the partial indexes of tables.py: SQLite uses an index for no others. `?1` and the like stand for instants.
"""

OPEN = "ship_confirmed_at IS NULL AND closed_reason IS NULL"
"""Something may still be done for it: its stage is neither `shipped` nor `closed`."""
STUCK = (
    "EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id"
    " AND state IN ('sending', 'parked', 'unknown') AND state <> 'sending')"  # as the index calls_stuck has it
)
"""ProblemCode.CALL_UNKNOWN or CALL_PARKED, of an open order."""
STAGE = f"""CASE WHEN ship_confirmed_at IS NOT NULL THEN 'shipped' WHEN closed_reason IS NOT NULL THEN 'closed'
 WHEN {STUCK} THEN 'attention' WHEN held_reason IS NOT NULL THEN 'held' WHEN shipped = 1 THEN 'flagged'
 WHEN acknowledged_at IS NULL THEN 'new' WHEN label_path IS NULL THEN 'acknowledged' ELSE 'ready' END"""
"""Stage, of any order that is not damaged (order.sound_stage)."""
HELD_THOUGH_MARKED = "shipped = 1 AND held_reason IS NOT NULL"
"""ProblemCode.HELD_THOUGH_MARKED, of an open order."""
VANISHED = (
    "vanished_at IS NOT NULL"
    " AND NOT (override_by IS NOT NULL AND instr(',' || coalesce(override_covers, '') || ',', ',vanished,') > 0)"
)
"""Blocker.VANISHED and ProblemCode.ORDER_VANISHED, of an open order."""
CHANGED_SINCE_PRINTED = """shipped = 0 AND EXISTS (SELECT 1 FROM prints
 WHERE prints.id = (SELECT max(id) FROM prints WHERE order_id = orders.id)
   AND (prints.label_sha256 <> orders.label_sha256 OR prints.sku <> orders.sku
        OR prints.quantity <> orders.quantity OR prints.carrier <> orders.carrier))"""
"""ProblemCode.CHANGED_SINCE_PRINTED, of an open order."""
WAITING = f"""held_reason IS NULL AND NOT ({VANISHED})
 AND (acknowledged_at IS NULL AND first_seen_at < ?1 OR shipped = 1 AND shipped_at < ?1)
 AND NOT EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND state IN ('sending', 'parked', 'unknown'))"""  # noqa: S608 - constants
"""ProblemCode.WAITING, of an open order. ?1: now less waiting_seconds."""
UNFLAGGED = f"""held_reason IS NULL AND NOT ({VANISHED}) AND shipped = 0 AND label_path IS NOT NULL AND acknowledged_at < ?1
 AND coalesce((SELECT max(ended_at) FROM attempts JOIN calls ON calls.id = call_id
                WHERE order_id = orders.id AND kind = 'label' AND outcome = 'done'), acknowledged_at) < ?1"""  # noqa: S608 - as above
"""ProblemCode.UNFLAGGED, of an open order. ?1: now less unflagged_seconds."""
NEEDS_A_PERSON = f"({STUCK}) OR ({HELD_THOUGH_MARKED}) OR ({VANISHED}) OR ({CHANGED_SINCE_PRINTED})"
"""Any problem of an open order that has no age. Damaged orders are known by an index of their own (triggers)."""
TO_SHIP = f"shipped = 0 AND held_reason IS NULL AND NOT ({VANISHED})"
"""Act.SHIP, of an open order that is neither damaged nor changed since its label was printed."""
