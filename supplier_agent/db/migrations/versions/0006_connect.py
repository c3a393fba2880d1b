"""Connections to other systems; and indexes of the orders that need someone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add tables, columns and indexes: what is there stays as it is."""
    _orders()
    _support()
    _shops()
    _api()


def _orders() -> None:
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


def _shops() -> None:
    op.create_table(
        "shop_reads",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("connected_at", sa.DateTime(), nullable=False),
        sa.Column("cursor", sa.DateTime(), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("supplier"),
    )
    op.create_table(
        "shop_orders",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("fulfilled", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("marked_at", sa.DateTime(), nullable=True),
        sa.Column("refused", sa.String(), nullable=True),
        sa.Column("undone_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("order_id"),
    )


def _api() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key_sha256", sa.String(), nullable=False),
        sa.Column("may", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("suppliers", sa.String(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    valid = sa.text("revoked_at IS NULL")
    op.create_index("api_keys_valid", "api_keys", ["name"], unique=True, sqlite_where=valid)
    op.create_index("api_keys_by_hash", "api_keys", ["key_sha256"], unique=True)
    op.create_table(
        "api_requests",
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("program", "answer"),
    )
