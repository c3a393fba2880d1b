"""Connections to other systems; and indexes of the orders that need someone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add indexes, tables and columns: what is there stays as it is."""
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
    _support()


# -- The support API.


def _support() -> None:
    for name in ("sale_asked_at", "after_sales_at", "sav_asked_at"):
        op.add_column("orders", sa.Column(name, sa.DateTime(), nullable=True))
    polled = sa.text("after_sales_at IS NOT NULL")
    op.create_index("orders_after_sales", "orders", ["supplier", "after_sales_at"], unique=False, sqlite_where=polled)
    op.create_table(
        "sale_checks",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.Column("checked_at", sa.DateTime(), nullable=True),
        sa.Column("failed_at", sa.DateTime(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("tracking", sa.String(), nullable=True),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("skipped_at", sa.DateTime(), nullable=True),
        sa.Column("accepted_status", sa.String(), nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("order_id"),
    )
    tracked = sa.text("tracking IS NOT NULL")
    op.create_index("sale_checks_by_tracking", "sale_checks", ["tracking"], unique=False, sqlite_where=tracked)
    op.create_table(
        "products",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("picture", sa.String(), nullable=True),
        sa.Column("picture_bytes", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("supplier", "sku"),
    )
    op.create_table(
        "after_sales",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("sav_id", sa.String(), nullable=False),
        sa.Column("complaint", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("opened_on", sa.String(), nullable=True),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "sav_id"),
    )
    op.create_table(
        "sav_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("sav_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sav_requests_by_order", "sav_requests", ["order_id"], unique=False)
