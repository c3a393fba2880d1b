"""An index for questions about days, which otherwise read every order of a supplier."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the index: what is there stays as it is."""
    op.create_index("orders_by_day", "orders", ["order_date", "supplier", "first_seen_at"], unique=False)
