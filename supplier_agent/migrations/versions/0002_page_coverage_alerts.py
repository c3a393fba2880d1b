"""The warehouse page (barcodes, people, stations), what a reading proved, alerts and brakes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns, all of them nullable, and tables: what is there stays as it is."""
    op.add_column("orders", sa.Column("label_read_sha256", sa.String(), nullable=True))
    op.add_column("orders", sa.Column("last_listed_at", sa.DateTime(), nullable=True))
    op.add_column("orders", sa.Column("vanished_at", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("paused_at", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("paused_by", sa.String(), nullable=True))
    op.add_column("suppliers", sa.Column("paused_reason", sa.String(), nullable=True))
    op.add_column("suppliers", sa.Column("flags_asked_at", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("flags_agreed_at", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("token_mark", sa.String(), nullable=True))
    op.add_column("suppliers", sa.Column("token_since", sa.DateTime(), nullable=True))
    op.add_column("reads", sa.Column("age_seconds", sa.Integer(), nullable=True))
    op.add_column("events", sa.Column("station", sa.String(), nullable=True))
    op.create_table(
        "barcodes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label_sha256", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "code"),
    )
    op.create_index("barcodes_by_code", "barcodes", ["code"], unique=False)
    op.create_table(
        "people",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("pin_scrypt", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("left_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "submissions",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=True),
        sa.Column("solved_at", sa.DateTime(), nullable=True),
        sa.Column("solved_told_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "alerts_open",
        "alerts",
        ["cause", "supplier"],
        unique=False,
        sqlite_where=sa.text("solved_at IS NULL"),
        postgresql_where=sa.text("solved_at IS NULL"),
    )
