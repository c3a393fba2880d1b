"""The tables of carriers: what they last said about parcels. Next to each nullable column: what null means.

No table has a column for a person or a place: the parser drops what an answer says of them (integrations/carriers).
"""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on


class ParcelScan(SQLModel, table=True):
    """What a carrier last said about one code of an order."""

    __tablename__ = "parcel_scans"
    # How many codes of a supplier a carrier was asked about today.
    __table_args__ = (Index("parcel_scans_asked", "supplier", "carrier", "asked_at"),)

    order_id: int = Field(primary_key=True, foreign_key="orders.id")
    code: str = Field(primary_key=True)
    supplier: str
    carrier: str  # the kind of the account, like laposte
    page: int | None = None  # the page of the label with the code; null: of several, or it is not on the label
    asked_at: datetime  # when it answered last
    found: int  # 1: the carrier knows the code; 0: it does not
    scanned_at: datetime | None = None  # the last scan, by the carrier's clock; null: not scanned, or no usable time
    event: str | None = None  # the carrier's code for it; null: not scanned, or no usable code


class OrderScan(SQLModel, table=True):
    """What the carrier said about an order: the sum of its parcels, as of the last answer."""

    __tablename__ = "order_scans"
    # The few orders with a parcel that was not scanned yet.
    __table_args__ = (
        Index(
            "order_scans_missing",
            "order_id",
            sqlite_where=text("unscanned > 0 AND settled_at IS NULL"),
        ),
    )

    order_id: int = Field(primary_key=True, foreign_key="orders.id")
    carrier: str  # as in parcel_scans
    answered_at: datetime  # when the carrier last answered about all of its parcels that were not scanned before
    parcels: int  # how many parcels it has, as far as the codes tell
    unscanned: int  # how many of them no scan is known of
    settled_at: datetime | None = None  # when a person settled that they were never scanned; null: nobody did
    settled_by: str | None = None  # null: as above
