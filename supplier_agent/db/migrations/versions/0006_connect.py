"""Connections to other programs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add tables, and calls that are about no order: what is there stays as it is."""
    _webhooks()


# -- Webhooks.

CALL = "id, order_id, supplier, kind, subject, state, owed_at, due_at, attempts, strikes, detail"
ATTEMPT = "id, call_id, number, started_at, ended_at, outcome, http_status, detail"


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
