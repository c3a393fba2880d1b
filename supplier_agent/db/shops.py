"""The tables of the suppliers' own shops. Next to each nullable column: what null means."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on


class ShopRead(SQLModel, table=True):
    """How far the orders of a supplier's shop have been read. Instants but `read_at` are by the shop's clock."""

    __tablename__ = "shop_reads"

    supplier: str = Field(primary_key=True)
    url: str  # another address is another shop, which starts from the beginning
    connected_at: datetime  # what was fulfilled before marks nothing
    cursor: datetime  # everything that was modified up to then has been read
    read_at: datetime | None = None  # when all was read last, by our clock; null: not yet


class ShopOrder(SQLModel, table=True):
    """An order of ours in the supplier's shop, as it was read last."""

    __tablename__ = "shop_orders"

    order_id: int = Field(primary_key=True, foreign_key="orders.id")
    supplier: str
    shop_id: str  # the shop's own id
    number: str  # what the shop's staff call it
    status: str  # in the shop's words
    fulfilled: int  # 1: it counts as fulfilled there
    counted: int = 0  # 1: it became fulfilled after the shop was connected
    seen_at: datetime  # when it was read last
    marked_at: datetime | None = None  # when its mark was recorded for it; null: it was not, or no longer counts
    refused: str | None = None  # why not: codes of blockers, or `unmarked`, with blanks; null: it was, or was not tried
    undone_at: datetime | None = None  # when it was found no longer fulfilled after its mark; null: it was not
