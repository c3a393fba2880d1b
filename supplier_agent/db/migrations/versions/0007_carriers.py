"""More connections: carriers, and BusinessOnBot."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add tables and columns: what is there stays as it is."""
    _carriers()
    _businessonbot()


def _carriers() -> None:
    for name in ("scan_asked_at", "scanned_at"):
        op.add_column("orders", sa.Column(name, sa.DateTime(), nullable=True))
    op.create_table(
        "parcel_scans",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(), nullable=True),
        sa.Column("event", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("order_id", "code"),
    )
    op.create_index("parcel_scans_asked", "parcel_scans", ["supplier", "carrier", "asked_at"], unique=False)
    op.create_table(
        "order_scans",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=False),
        sa.Column("parcels", sa.Integer(), nullable=False),
        sa.Column("unscanned", sa.Integer(), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("order_id"),
    )
    missing = sa.text("unscanned > 0 AND settled_at IS NULL")
    op.create_index("order_scans_missing", "order_scans", ["order_id"], unique=False, sqlite_where=missing)


def _businessonbot() -> None:
    op.create_table(
        "bot_feeds",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("shop_url", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("supplier"),
    )
    op.create_table(
        "bot_orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("shop_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("supplier", "shop_id"),
    )
