"""Parcels: what an articles file says, how many pages a label has and which page a code is on, and which parcels were scanned."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add tables and columns: what is there stays as it is. The labels of open orders are read once more, for their pages."""
    op.create_table(
        "articles",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("bin", sa.String(), nullable=True),
        sa.Column("cartons", sa.Integer(), nullable=True),
        sa.Column("imported_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("supplier", "sku"),
    )
    op.create_table(
        "parcels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=True),
        sa.Column("undone_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    scanned = sa.text("undone_at IS NULL")
    op.create_index("parcels_scanned", "parcels", ["order_id", "code"], unique=True, sqlite_where=scanned)
    op.add_column("barcodes", sa.Column("page", sa.Integer(), nullable=True))
    op.add_column("orders", sa.Column("label_pages", sa.Integer(), nullable=True))
    op.add_column("orders", sa.Column("parcels_confirmed", sa.Integer(), nullable=True))
    op.drop_index("orders_label_unread", "orders")
    op.create_index(
        "orders_label_unread",
        "orders",
        ["label_sha256"],
        sqlite_where=sa.text(
            "label_sha256 IS NOT NULL AND (coalesce(label_read_sha256, '') <> label_sha256 OR label_pages IS NULL)"
            " AND ship_confirmed_at IS NULL AND closed_reason IS NULL"
        ),
    )
