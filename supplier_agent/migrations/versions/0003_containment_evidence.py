"""What kept an order from being worked on, on what evidence it counts as shipped, and what an override covers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns and tables: what is there stays as it is."""
    # Undo windows, overrides and holds; the ship ledger that goes with this database.
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
