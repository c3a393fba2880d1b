"""The tables of the warehouse: articles, parcels, what labels say, vehicles. Next to each nullable column: what null means."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on

ON_IT = text("left_at IS NULL AND removed_at IS NULL")


class Article(SQLModel, table=True):
    """What a supplier's articles file says about one product. Written by `articles import`."""

    __tablename__ = "articles"

    supplier: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    name: str | None = None  # null: not given
    bin: str | None = None  # where it is stored; null: not given
    cartons: int | None = None  # how many parcels one piece has; null: not given
    imported_at: datetime


class Parcel(SQLModel, table=True):
    """A code of an order's label that was scanned as one of its parcels. Append-only, but for the undo."""

    __tablename__ = "parcels"
    __table_args__ = (
        Index("parcels_scanned", "order_id", "code", unique=True, sqlite_where=text("undone_at IS NULL")),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    code: str  # as in barcodes
    scanned_at: datetime
    who: str
    station: str | None = None  # null: not at a station of the page
    undone_at: datetime | None = None  # when the mark of its order was undone: it is scanned again; null: it counts


class LabelFacts(SQLModel, table=True):
    """What an order's label says about its order. Its text names the customer, so it is not stored."""

    __tablename__ = "label_facts"
    __table_args__ = (
        # How many of the last labels meet each criterion. With the criteria, the table itself is not read.
        Index(
            "label_facts_by_carrier",
            *("supplier", "carrier", "order_id"),
            *("names_order", "names_increment", "names_part", "names_carrier", "fits_quantity"),
        ),
        Index("label_facts_by_file", "supplier", "label_sha256"),
    )

    order_id: int = Field(primary_key=True, foreign_key="orders.id")
    supplier: str
    carrier: str | None = None  # the order's carrier when the label was read; null: not named, or unreadable
    label_sha256: str  # the label that was read
    names_order: int  # 1: the menzzo_order_id is in its text, in any spelling
    names_increment: int  # 1: so is the increment_id
    names_part: int  # 1: so is the sale_product_id
    names_carrier: int | None = None  # 1: so is the carrier; null: the order names none
    fits_quantity: int | None = (
        None  # 1: the pages are a multiple of the quantity; null: of less than two, or not known
    )
    seen_order: str | None = None  # another order of the supplier in its text; null: none, or it names its own
    seen_carrier: str | None = None  # another carrier of the supplier in its text; null: none, or it names its own


class Load(SQLModel, table=True):
    """A vehicle onto which orders are loaded, until it departs."""

    __tablename__ = "loads"

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    vehicle: str
    opened_at: datetime
    opened_by: str
    station: str
    departed_at: datetime | None = None  # null: it is still being loaded
    departed_by: str | None = None  # null: as above


class Loaded(SQLModel, table=True):
    """An order on a vehicle: on one at most, until it has left with it."""

    __tablename__ = "loaded"
    __table_args__ = (
        Index("loaded_by_load", "load_id"),
        Index("loaded_once", "order_id", unique=True, sqlite_where=ON_IT),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    load_id: int = Field(foreign_key="loads.id")
    order_id: int = Field(foreign_key="orders.id")
    at: datetime
    who: str
    left_at: datetime | None = None  # when it left with the vehicle; null: it has not
    removed_at: datetime | None = None  # when it was taken off, recalled, or its mark undone after it left; null: none
    removed_by: str | None = None  # null: as above, or its mark was undone after it left
    stayed_because: str | None = (
        None  # why it had to stay at the departure: codes with blanks; null: it did not have to
    )
    label_sha256: str | None = None  # its label when it was scanned last; null: it had none


class LoadedParcel(SQLModel, table=True):
    """A parcel of an order that was scanned onto a vehicle. Of an order with one parcel, or without codes, there is none."""

    __tablename__ = "loaded_parcels"
    __table_args__ = (UniqueConstraint("loaded_id", "label_sha256", "page"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    loaded_id: int = Field(foreign_key="loaded.id")
    page: int  # of its label, as in barcodes
    at: datetime
    who: str
    label_sha256: str | None = None  # that label; null: not recorded, and it does not count
