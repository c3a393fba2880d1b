"""What the text of a label says about its order."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add tables: what is there stays as it is."""
    _labels()


def _labels() -> None:
    """Add what is on labels. Labels that were searched for barcodes already are not read again."""
    op.create_table(
        "label_facts",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("label_sha256", sa.String(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("names_order", sa.Integer(), nullable=False),
        sa.Column("names_increment", sa.Integer(), nullable=False),
        sa.Column("names_part", sa.Integer(), nullable=False),
        sa.Column("names_carrier", sa.Integer(), nullable=True),
        sa.Column("fits_quantity", sa.Integer(), nullable=True),
        sa.Column("seen_order", sa.String(), nullable=True),
        sa.Column("seen_carrier", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("order_id"),
    )
    criteria = ["names_order", "names_increment", "names_part", "names_carrier", "fits_quantity"]
    op.create_index(
        "label_facts_by_carrier", "label_facts", ["supplier", "carrier", "order_id", *criteria], unique=False
    )
    op.create_index("label_facts_by_file", "label_facts", ["supplier", "label_sha256"], unique=False)
