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
    op.add_column("suppliers", sa.Column("resumed_at", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("flags_asked_at", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("flags_agreed_at", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("token_mark", sa.String(), nullable=True))
    op.add_column("suppliers", sa.Column("token_since", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("token_key", sa.String(), nullable=True))
    op.add_column("reads", sa.Column("age_seconds", sa.Integer(), nullable=True))
    op.add_column("reads", sa.Column("ahead_seconds", sa.Integer(), nullable=True))
    op.create_index("reads_by_run", "reads", ["run_id"], unique=False)
    op.create_index(
        "reads_with_age",
        "reads",
        ["run_id", "age_seconds"],
        unique=False,
        sqlite_where=sa.text("age_seconds IS NOT NULL"),
        postgresql_where=sa.text("age_seconds IS NOT NULL"),
    )
    op.create_index(
        "orders_closed",
        "orders",
        ["supplier"],
        unique=False,
        sqlite_where=sa.text("ship_confirmed_at IS NULL AND closed_reason IS NOT NULL"),
        postgresql_where=sa.text("ship_confirmed_at IS NULL AND closed_reason IS NOT NULL"),
    )
    op.add_column("events", sa.Column("station", sa.String(), nullable=True))
    op.create_index(
        "orders_listed",
        "orders",
        [
            "order_date",
            "supplier",
            "increment_id",
            "id",
            "shipped",
            "carrier",
            "ship_confirmed_at",
            "closed_reason",
        ],
        unique=False,
        sqlite_where=sa.text("ship_confirmed_at IS NULL AND closed_reason IS NULL"),
        postgresql_where=sa.text("ship_confirmed_at IS NULL AND closed_reason IS NULL"),
    )
    op.create_index("orders_by_increment_id", "orders", ["increment_id"], unique=False)
    op.create_index("orders_by_sale_product_id", "orders", ["sale_product_id"], unique=False)
    open_ones = sa.text("ship_confirmed_at IS NULL AND closed_reason IS NULL")
    op.create_index(
        "orders_by_sku", "orders", ["sku"], unique=False, sqlite_where=open_ones, postgresql_where=open_ones
    )
    unread = sa.text(
        "label_sha256 IS NOT NULL AND coalesce(label_read_sha256, '') <> label_sha256"
        " AND ship_confirmed_at IS NULL AND closed_reason IS NULL"
    )
    op.create_index(
        "orders_label_unread", "orders", ["label_sha256"], unique=False, sqlite_where=unread, postgresql_where=unread
    )
    flagged = sa.text("shipped_at IS NOT NULL")
    op.create_index(
        "orders_by_shipped_at", "orders", ["shipped_at"], unique=False, sqlite_where=flagged, postgresql_where=flagged
    )
    op.create_index(
        "events_reported",
        "events",
        ["order_id"],
        unique=False,
        sqlite_where=sa.text("what IN ('problem reported', 'problem settled')"),
        postgresql_where=sa.text("what IN ('problem reported', 'problem settled')"),
    )
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
        sa.Column("told_count", sa.Integer(), nullable=True),
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
    op.create_table(
        "chores",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
