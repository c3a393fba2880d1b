"""What kept an order from being worked on, on what evidence it counts as shipped, and what an override covers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns and tables: what is there stays as it is."""
    op.add_column("orders", sa.Column("fault", sa.String(), nullable=True))
