"""What kept an order from being worked on, on what evidence it counts as shipped, and what an override covers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns and tables: what is there stays as it is."""
    _evidence()
    _decisions()
    op.add_column("orders", sa.Column("fault", sa.String(), nullable=True))
    op.add_column("lanes", sa.Column("redirected_to", sa.String(), nullable=True))
    op.add_column("rejected_entries", sa.Column("raw_bytes", sa.LargeBinary(), nullable=True))


def _evidence() -> None:
    """Add on what evidence calls count as done, and derive it for older orders where their journal shows it."""
    op.add_column("orders", sa.Column("acknowledge_evidence", sa.String(), nullable=True))
    op.add_column("orders", sa.Column("ship_evidence", sa.String(), nullable=True))
    for kind, done_at in (("acknowledge", "acknowledged_at"), ("ship", "ship_confirmed_at")):
        op.execute(
            # The last attempt, if an answer settled it. Its words are the only trace of it that schema 0002 kept.
            f"UPDATE orders SET {kind}_evidence = ("  # noqa: S608 - names of this file
            "SELECT CASE WHEN attempts.detail LIKE 'unverified, the answer was: %' THEN 'unverified' ELSE 'confirmed' END"
            " FROM calls JOIN attempts ON attempts.call_id = calls.id AND attempts.number = calls.attempts"
            f" WHERE calls.order_id = orders.id AND calls.kind = '{kind}' AND attempts.outcome = 'done'"
            f") WHERE {done_at} IS NOT NULL"
        )
    op.execute(
        "UPDATE orders SET ship_evidence = 'person' WHERE ship_confirmed_at IS NOT NULL AND ship_evidence IS NULL"
        " AND EXISTS (SELECT 1 FROM events WHERE order_id = orders.id AND what = 'resolved: shipped')"
    )
    without_a_yes = sa.text("ship_confirmed_at IS NOT NULL AND coalesce(ship_evidence, '') <> 'confirmed'")
    op.create_index(
        "orders_without_a_yes",
        "orders",
        ["supplier", "ship_evidence"],
        unique=False,
        sqlite_where=without_a_yes,
        postgresql_where=without_a_yes,
    )


def _decisions() -> None:
    """Add undo windows, overrides and holds; and the ship ledger that goes with this database."""
    op.add_column("orders", sa.Column("undo_opened_at", sa.DateTime(), nullable=True))
    op.add_column("orders", sa.Column("override_covers", sa.String(), nullable=True))
    op.add_column("orders", sa.Column("held_code", sa.String(), nullable=True))
    op.execute("UPDATE orders SET override_covers = 'not_acknowledged,no_label' WHERE override_by IS NOT NULL")
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ledger_id", sa.String(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("last_decision", sa.Integer(), nullable=False),
        sa.Column("ledger_lost_at", sa.DateTime(), nullable=True),
        sa.Column("ledger_lost_why", sa.String(), nullable=True),
        sa.Column("new_ledger_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("people", sa.Column("sessions_ended", sa.Integer(), server_default="0", nullable=False))
