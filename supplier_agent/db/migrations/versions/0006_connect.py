"""Connections to other systems; and indexes of the orders that need someone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


CALL = "id, order_id, supplier, kind, subject, state, owed_at, due_at, attempts, strikes, detail"
ATTEMPT = "id, call_id, number, started_at, ended_at, outcome, http_status, detail"


def upgrade() -> None:
    """Add tables, columns and indexes, and let a call be about no order: what is there stays as it is."""
    _orders()
    _support()
    _shops()
    _webhooks()
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


def _webhooks() -> None:
    _calls_without_an_order()
    op.create_table(
        "webhook_baseline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("last_order_id", sa.Integer(), nullable=False),
        sa.Column("is_complete", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(), nullable=True),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("lost_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("webhook_events_of", "webhook_events", ["supplier", "order_id", "id"], unique=False)
    op.create_table(
        "webhook_states",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("problems", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id"),
    )
    for name, columns, where, unique in (
        ("webhook_states_of_suppliers", ["supplier"], "order_id IS NULL", True),
        ("webhook_states_open", ["order_id"], "NOT (stage IN ('shipped', 'closed'))", False),
        ("webhook_states_with_problems", ["order_id"], "problems <> ''", False),
    ):
        op.create_index(name, "webhook_states", columns, unique=unique, sqlite_where=sa.text(where))


def _calls_without_an_order() -> None:
    """Let `calls.order_id` be null. SQLite can only do that by a new table, which its attempts follow.

    Both are copied aside and made again, and nothing is renamed: attempts refer to calls, and triggers name it.
    """
    op.execute("CREATE TABLE kept_attempts AS SELECT * FROM attempts")
    op.execute("CREATE TABLE kept_calls AS SELECT * FROM calls")
    op.drop_table("attempts")
    op.drop_table("calls")
    op.create_table(
        "calls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=True),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owed_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('owed', 'sending', 'done', 'parked', 'unknown', 'dropped')", name="state_is_known"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "kind"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("call_id", "number"),
    )
    op.execute(f"INSERT INTO calls ({CALL}) SELECT {CALL} FROM kept_calls")  # noqa: S608 - constants
    op.execute(f"INSERT INTO attempts ({ATTEMPT}) SELECT {ATTEMPT} FROM kept_attempts")  # noqa: S608 - as above
    op.drop_table("kept_attempts")
    op.drop_table("kept_calls")
    for name, columns, where, unique in (
        ("calls_owed", ["supplier", "kind", "due_at"], "state = 'owed'", False),
        ("calls_stuck", ["order_id"], "state IN ('sending', 'parked', 'unknown')", False),
        ("calls_of_events", ["kind", "subject"], "order_id IS NULL", True),
    ):
        op.create_index(name, "calls", columns, unique=unique, sqlite_where=sa.text(where))


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
