"""What was printed, so that a change since then can be seen; and that an order was missed, apart from what that means."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a table and a column: what is there stays as it is.

    Until now `vanished_at` said that an order was missed, whatever that means. What is kept of it is taken back, or not, by the
    next complete reading; until then less is sent, never more. Where acknowledged orders were not seen to stay on the list,
    their absence means nothing (missing_orders).
    """
    op.create_table(
        "prints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("printed_at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=True),
        sa.Column("printer", sa.String(), nullable=False),
        sa.Column("label_sha256", sa.String(), nullable=True),
        sa.Column("sku", sa.String(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("prints_by_order", "prints", ["order_id"], unique=False)
    op.add_column("orders", sa.Column("missed_at", sa.DateTime(), nullable=True))
    op.execute("UPDATE orders SET missed_at = vanished_at WHERE vanished_at IS NOT NULL")
    op.execute(
        "UPDATE orders SET vanished_at = NULL WHERE vanished_at IS NOT NULL AND acknowledged_at IS NOT NULL AND supplier NOT IN ("
        "SELECT supplier FROM orders WHERE acknowledged_at IS NOT NULL GROUP BY supplier"
        " HAVING sum(last_listed_at > acknowledged_at) >= 5"
        " AND 4 * sum(missed_at IS NOT NULL) <= sum(last_listed_at > acknowledged_at))"
    )
