"""Triggers that apply to every writer: they set the time of a flag, and refuse a late undo and the deletion of an order.

They also apply to a statement typed by hand. They are created and verified at every start, because tools that copy a table drop
its triggers silently. They cannot distinguish staff from the agent, so they only protect `shipped`, identity and existence of an
order. Other changes are accepted, and an index finds the rows that they damaged.
"""

from supplier_agent.db.columns import INSTANT, is_damaged
from supplier_agent.db.tables import Call, Order

NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"
"""The database's clock in the format of all instants: milliseconds, padded to six digits."""

NO_INSTANT = f"""NEW.shipped_at IS NOT NULL AND (typeof(NEW.shipped_at) <> 'text' OR NEW.shipped_at NOT GLOB '{INSTANT}'
  OR datetime(substr(NEW.shipped_at, 1, 19), '+0 days') IS NOT substr(NEW.shipped_at, 1, 19))"""
"""Not a valid time in that format. '+0 days' makes SQLite turn 30 February into 2 March. It would round fractions up."""

TRIGGERS = {
    "orders_flagged": f"""
CREATE TRIGGER orders_flagged AFTER UPDATE OF shipped ON orders WHEN NEW.shipped = 1 AND OLD.shipped = 0
BEGIN
  UPDATE orders SET shipped_at = {NOW}, planned_at = NULL WHERE id = NEW.id;
END""",  # noqa: S608 - a constant of this file
    "orders_undo_too_late": """
CREATE TRIGGER orders_undo_too_late BEFORE UPDATE OF shipped ON orders WHEN NEW.shipped = 0 AND OLD.shipped = 1
BEGIN
  SELECT RAISE(ABORT, 'too late to undo: this order is reported as shipped')
   WHERE OLD.ship_confirmed_at IS NOT NULL;
  SELECT RAISE(ABORT, 'too late to undo: the ship call is being sent, or its outcome is unknown (see: supplier-agent order ID)')
   WHERE EXISTS (SELECT 1 FROM calls WHERE order_id = OLD.id AND kind = 'ship' AND state IN ('sending', 'unknown', 'done'));
END""",
    "orders_undone": f"""
CREATE TRIGGER orders_undone AFTER UPDATE OF shipped ON orders WHEN NEW.shipped = 0 AND OLD.shipped = 1
BEGIN
  UPDATE calls SET state = 'dropped', due_at = NULL WHERE order_id = NEW.id AND kind = 'ship' AND state IN ('owed', 'parked');
  UPDATE parcels SET undone_at = {NOW} WHERE order_id = NEW.id AND undone_at IS NULL;
  UPDATE loaded SET removed_at = {NOW} WHERE order_id = NEW.id AND left_at IS NOT NULL AND removed_at IS NULL;
  UPDATE orders SET shipped_at = NULL, planned_at = NULL, undo_opened_at = NULL, override_by = NULL, override_covers = NULL,
   parcels_confirmed = NULL WHERE id = NEW.id;
END""",  # noqa: S608 - a constant of this file
    # SQLite's 'now' stays the same within one statement. Two suppliers may have the same id. A statement that names only the id is
    # meant for one order, and would ship the other supplier's order unasked.
    "orders_flag_means_one": f"""
CREATE TRIGGER orders_flag_means_one BEFORE UPDATE OF shipped ON orders WHEN NEW.shipped = 1 AND OLD.shipped = 0
BEGIN
  SELECT RAISE(ABORT, 'two suppliers have an order of this id: say which (… AND supplier = ''NAME''), one statement for each')
   WHERE EXISTS (SELECT 1 FROM orders WHERE menzzo_order_id = NEW.menzzo_order_id AND supplier <> NEW.supplier
                    AND shipped = 1 AND shipped_at = {NOW});
END""",  # noqa: S608 - a constant of this file
    "orders_flag_has_an_instant": f"""
CREATE TRIGGER orders_flag_has_an_instant BEFORE UPDATE OF shipped_at ON orders
WHEN {NO_INSTANT}
BEGIN
  SELECT RAISE(ABORT, 'shipped_at is recorded by the database itself: UPDATE orders SET shipped = 1 WHERE menzzo_order_id = …');
END""",  # noqa: S608 - a constant of this file
    "orders_begin_with_an_instant": f"""
CREATE TRIGGER orders_begin_with_an_instant BEFORE INSERT ON orders
WHEN {NO_INSTANT}
BEGIN
  SELECT RAISE(ABORT, 'shipped_at is recorded by the database itself: UPDATE orders SET shipped = 1 WHERE menzzo_order_id = …');
END""",  # noqa: S608 - a constant of this file
    "orders_keep_their_id": """
CREATE TRIGGER orders_keep_their_id BEFORE UPDATE ON orders  -- not OF id: that would let SET rowid pass
WHEN NEW.id IS NOT OLD.id OR NEW.supplier IS NOT OLD.supplier OR NEW.menzzo_order_id IS NOT OLD.menzzo_order_id
BEGIN
  SELECT RAISE(ABORT, 'an order keeps its id and its supplier, and is never deleted nor replaced by another row');
END""",
    "orders_are_not_replaced": """
CREATE TRIGGER orders_are_not_replaced BEFORE INSERT ON orders
WHEN EXISTS (SELECT 1 FROM orders WHERE id = NEW.id OR (supplier = NEW.supplier AND menzzo_order_id = NEW.menzzo_order_id))
BEGIN
  SELECT RAISE(ABORT, 'an order is never deleted, nor replaced by another row');
END""",
    "orders_stay": """
CREATE TRIGGER orders_stay BEFORE DELETE ON orders
BEGIN
  SELECT RAISE(ABORT, 'an order is never deleted (to have it left alone: supplier-agent close ID --reason TEXT)');
END""",
    "orders_flag_history": f"""
CREATE TRIGGER orders_flag_history AFTER UPDATE OF shipped ON orders WHEN NEW.shipped <> OLD.shipped
BEGIN
  INSERT INTO events (order_id, at, who, what)
  VALUES (NEW.id, {NOW}, 'database', CASE NEW.shipped WHEN 1 THEN 'flagged as shipped' ELSE 'flag taken back' END);
END""",  # noqa: S608 - a constant of this file
    "reads_belong_to_their_supplier": """
CREATE TRIGGER reads_belong_to_their_supplier BEFORE INSERT ON reads
WHEN NEW.run_id IS NOT NULL AND (SELECT supplier FROM runs WHERE id = NEW.run_id) IS NOT NEW.supplier
BEGIN
  SELECT RAISE(ABORT, 'a read proves nothing for another supplier than its own');
END""",
}

IS_OPEN = "ship_confirmed_at IS NULL AND closed_reason IS NULL"
ORDERS_DAMAGED = f"fault IS NOT NULL OR {is_damaged(Order.metadata.tables['orders'], IS_OPEN, always='closed_reason')}"
CALLS_DAMAGED = is_damaged(Call.metadata.tables["calls"], "state NOT IN ('done', 'dropped')")
DAMAGE = {
    "orders_unreadable": f"CREATE INDEX orders_unreadable ON orders (id) WHERE {ORDERS_DAMAGED}",
    "calls_unreadable": f"CREATE INDEX calls_unreadable ON calls (order_id) WHERE {CALLS_DAMAGED}",
    "damaged_orders": f"CREATE VIEW damaged_orders AS SELECT * FROM orders WHERE {ORDERS_DAMAGED}",  # noqa: S608 - constants
    "damaged_calls": f"CREATE VIEW damaged_calls AS SELECT * FROM calls WHERE {CALLS_DAMAGED}",  # noqa: S608 - constants
}
"""Rows with a cell that may be unreadable (cells.py decides), or that an internal error stopped. The views use the indexes."""
