"""Connections to other systems; and indexes of the orders that need someone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add indexes: what is there stays as it is."""
    is_open = "ship_confirmed_at IS NULL AND closed_reason IS NULL"
    op.drop_index("orders_clocked", "orders")
    op.create_index(
        "orders_clocked",
        "orders",
        [
            *("supplier", "first_seen_at", "held_reason", "vanished_at", "override_by", "override_covers"),
            *("shipped", "ship_confirmed_at", "closed_reason", "acknowledged_at"),
        ],
        sqlite_where=sa.text(f"{is_open} AND shipped = 0"),
    )
    op.create_index(
        "orders_set_aside",
        "orders",
        [
            *("supplier", "held_reason", "vanished_at", "fault", "acknowledged_at", "label_path"),
            *("ship_confirmed_at", "closed_reason"),
        ],
        sqlite_where=sa.text(
            f"{is_open} AND (held_reason IS NOT NULL OR vanished_at IS NOT NULL"
            " OR fault IS NOT NULL OR acknowledged_at IS NULL OR label_path IS NULL)"
        ),
    )
