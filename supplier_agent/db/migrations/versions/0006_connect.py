"""Connections: the suppliers' own shops."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add tables and columns: what is there stays as it is."""
    _shops()


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
