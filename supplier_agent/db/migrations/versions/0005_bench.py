"""The bench: articles, parcels, vehicles, what labels say, badges; and indexes for days and for the ship-by clock."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add tables, columns and indexes: what is there stays as it is. Labels of open orders are read again, to count their pages."""
    op.create_index("orders_by_day", "orders", ["order_date", "supplier", "first_seen_at"], unique=False)
    _parcels()
    _vehicles()
    _labels()
    _people()


def _parcels() -> None:
    op.create_table(
        "articles",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("bin", sa.String(), nullable=True),
        sa.Column("cartons", sa.Integer(), nullable=True),
        sa.Column("imported_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("supplier", "sku"),
    )
    op.create_table(
        "parcels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=True),
        sa.Column("undone_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    scanned = sa.text("undone_at IS NULL")
    op.create_index("parcels_scanned", "parcels", ["order_id", "code"], unique=True, sqlite_where=scanned)
    op.add_column("barcodes", sa.Column("page", sa.Integer(), nullable=True))
    op.add_column("orders", sa.Column("label_pages", sa.Integer(), nullable=True))
    op.add_column("orders", sa.Column("parcels_confirmed", sa.Integer(), nullable=True))
    op.drop_index("orders_label_unread", "orders")
    op.create_index(
        "orders_label_unread",
        "orders",
        ["label_sha256"],
        sqlite_where=sa.text(
            "label_sha256 IS NOT NULL AND (coalesce(label_read_sha256, '') <> label_sha256 OR label_pages IS NULL)"
            " AND ship_confirmed_at IS NULL AND closed_reason IS NULL"
        ),
    )


def _vehicles() -> None:
    op.create_table(
        "loads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("vehicle", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("departed_at", sa.DateTime(), nullable=True),
        sa.Column("departed_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "loaded",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("load_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("left_at", sa.DateTime(), nullable=True),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.Column("removed_by", sa.String(), nullable=True),
        sa.Column("stayed_because", sa.String(), nullable=True),
        sa.Column("label_sha256", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["load_id"], ["loads.id"]),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("loaded_by_load", "loaded", ["load_id"], unique=False)
    on_it = sa.text("left_at IS NULL AND removed_at IS NULL")
    op.create_index("loaded_once", "loaded", ["order_id"], unique=True, sqlite_where=on_it)
    op.create_table(
        "loaded_parcels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("loaded_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("label_sha256", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["loaded_id"], ["loaded.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("loaded_id", "label_sha256", "page"),
    )


def _labels() -> None:
    op.create_table(
        "label_facts",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("label_sha256", sa.String(), nullable=False),
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


def _people() -> None:
    op.add_column("people", sa.Column("suppliers", sa.String(), nullable=True))
    op.add_column("people", sa.Column("badge_sha256", sa.String(), nullable=True))
    op.create_index(
        "orders_clocked",
        "orders",
        [
            *("supplier", "first_seen_at", "held_reason", "vanished_at", "override_by", "override_covers"),
            *("shipped", "ship_confirmed_at", "closed_reason"),
        ],
        unique=False,
        sqlite_where=sa.text("ship_confirmed_at IS NULL AND closed_reason IS NULL AND shipped = 0"),
    )
