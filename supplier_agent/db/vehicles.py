"""The tables of the vehicles, and of what is loaded onto them (loads.py). Next to each nullable column: what null means."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

ON_IT = text("left_at IS NULL AND removed_at IS NULL")


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
        Index("loaded_once", "order_id", unique=True, sqlite_where=ON_IT, postgresql_where=ON_IT),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    load_id: int = Field(foreign_key="loads.id")
    order_id: int = Field(foreign_key="orders.id")
    at: datetime
    who: str
    left_at: datetime | None = None  # when it left with the vehicle; null: it has not
    removed_at: datetime | None = None  # when it was taken off, or recalled after it left; null: neither
    removed_by: str | None = None  # null: as above
    stayed_because: str | None = (
        None  # why it had to stay at the departure: codes with blanks; null: it did not have to
    )


class LoadedParcel(SQLModel, table=True):
    """A parcel of an order that was scanned onto a vehicle. Of an order with one parcel, or without codes, there is none."""

    __tablename__ = "loaded_parcels"
    __table_args__ = (UniqueConstraint("loaded_id", "page"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    loaded_id: int = Field(foreign_key="loaded.id")
    page: int  # of its label, as in barcodes
    at: datetime
    who: str
