"""For whom a person works, and the badge that signs a person in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns. Everyone sees the orders of all suppliers, and has no badge, as before."""
    op.add_column("people", sa.Column("suppliers", sa.String(), nullable=True))
    op.add_column("people", sa.Column("badge_sha256", sa.String(), nullable=True))
