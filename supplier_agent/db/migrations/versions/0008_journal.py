"""What the marketplace lists, entry by entry, and what is learned from it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add tables and columns: what is there stays as it is."""
    _journal()
    _evidence()
    _letters()


def _letters() -> None:
    op.add_column("suppliers", sa.Column("first_asked_at", sa.DateTime(), nullable=True))
    op.add_column("suppliers", sa.Column("first_agreed_at", sa.DateTime(), nullable=True))
    op.add_column("runs", sa.Column("order_number", sa.String(), nullable=True))
    op.create_table(
        "letter_questions",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("first_asked_at", sa.DateTime(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("supplier", "subject", "code", "about"),
    )
    op.create_table(
        "letter_answers",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("order_id", "answer", "note"),
    )


def _journal() -> None:
    op.create_table(
        "raw_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("menzzo_order_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("first_listed_at", sa.DateTime(), nullable=False),
        sa.Column("last_listed_at", sa.DateTime(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("supplier", "menzzo_order_id", "sha256"),
    )
    op.create_index("raw_entries_by_time", "raw_entries", ["first_listed_at"], unique=False)
    op.create_table(
        "listed_pages",
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"]),
        sa.PrimaryKeyConstraint("read_id"),
    )
    op.create_table(
        "listed_fields",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first_listed_at", sa.DateTime(), nullable=False),
        sa.Column("last_listed_at", sa.DateTime(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("supplier", "name"),
    )
    op.create_table(
        "learned",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("agreeing", sa.Integer(), nullable=False),
        sa.Column("against", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=True),
        sa.Column("last_at", sa.DateTime(), nullable=True),
        sa.Column("changed_at", sa.DateTime(), nullable=True),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("accepted", sa.String(), nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("memory", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("supplier", "question"),
    )


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=True),
        sa.Column("lines_sha256", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "evidence_breaks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.DateTime(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(), nullable=True),
        sa.Column("accepted_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
