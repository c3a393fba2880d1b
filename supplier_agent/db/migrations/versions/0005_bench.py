"""For whom a person works, the badge that signs a person in, and the index of the ship-by clock."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns and an index. Everyone sees the orders of all suppliers, and has no badge, as before."""
    op.add_column("people", sa.Column("suppliers", sa.String(), nullable=True))
    op.create_index(
        "orders_clocked",
        "orders",
        [
            *("supplier", "first_seen_at", "held_reason", "vanished_at", "override_by", "override_covers"),
            *("shipped", "ship_confirmed_at", "closed_reason"),
        ],
        unique=False,
        sqlite_where=sa.text("ship_confirmed_at IS NULL AND closed_reason IS NULL AND shipped = 0"),
    )
    op.add_column("people", sa.Column("badge_sha256", sa.String(), nullable=True))
