"""The tables of the support API: sale checks, products, after-sales cases. Next to each nullable column: what null means.

No table has a column for a customer: the parser drops what is said about one (integrations/support).
"""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on


class SaleCheck(SQLModel, table=True):
    """What the support API last said about the sale of an order. Written by the agent; `accepted_*` by a person's release."""

    __tablename__ = "sale_checks"
    __table_args__ = (Index("sale_checks_by_tracking", "tracking", sqlite_where=text("tracking IS NOT NULL")),)

    order_id: int = Field(primary_key=True, foreign_key="orders.id")
    status: str | None = (
        None  # the status word, in lower case; null: no usable one, the sale was not found, or no answer yet
    )
    found: int | None = None  # 1: the sale exists, 0: it does not; null: no answer yet
    checked_at: datetime | None = None  # how old the answer is: when it was asked for, or older; null: no answer yet
    failed_at: datetime | None = None  # the last try, if it brought no answer; null: it did, or there was none
    failure: str | None = None  # why, in our words; null: as above
    tracking: str | None = None  # the tracking number of its article; null: none, or not a usable one
    carrier: str | None = None  # the carrier of that number; null: as above
    skipped_at: datetime | None = None  # when it was reported as shipped without a fresh answer; null: it was not
    accepted_status: str | None = None  # the stop word that a person released the order with; null: none
    accepted_by: str | None = None  # null: as above


class Product(SQLModel, table=True):
    """What the support API says about one product of a supplier."""

    __tablename__ = "products"

    supplier: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    asked_at: datetime
    name: str | None = None  # null: not found, or no usable name
    picture: str | None = None  # relative to state_dir; null: none, or removed to keep the folder small
    picture_bytes: int | None = None  # null: as above


class AfterSale(SQLModel, table=True):
    """A case of the after-sales service (SAV) about an order. Its text and its customer are not stored."""

    __tablename__ = "after_sales"
    __table_args__ = (UniqueConstraint("order_id", "sav_id"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    sav_id: str
    complaint: str | None = None  # its type, as the API writes it; null: not given, or not usable
    status: str | None = None  # null: as above
    opened_on: str | None = None  # the day, as the API writes it; null: as above
    seen_at: datetime  # first seen
    changed_at: datetime  # first seen with this status


class SavRequest(SQLModel, table=True):
    """A case that a lead had opened after a preview: exactly what is sent. The newest of an order is the one that counts."""

    __tablename__ = "sav_requests"
    __table_args__ = (Index("sav_requests_by_order", "order_id"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    order_id: int = Field(foreign_key="orders.id")
    asked_at: datetime
    asked_by: str
    body: str  # JSON, word for word; empty once `[keep] journal_days` have passed
    sav_id: str | None = None  # the id in the answer; null: not sent, or the answer names none
