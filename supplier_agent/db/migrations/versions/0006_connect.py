"""What connects the agent with other systems: programs that use the HTTP API."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add tables: what is there stays as it is."""
    _programs()


# -- The HTTP API.


def _programs() -> None:
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
