"""The tables of BusinessOnBot. Next to each nullable column: what null means. Only written while `send_dispatched` is set."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on


class BotFeed(SQLModel, table=True):
    """Since when the orders of a shop's own customers are followed. It is gone while nothing is sent for the supplier."""

    __tablename__ = "bot_feeds"

    supplier: str = Field(primary_key=True)
    shop_url: str  # another address is another shop, which starts from the beginning
    since: datetime  # by the shop's clock: what was fulfilled before is told to nobody


class BotOrder(SQLModel, table=True):
    """An order that a customer placed in the shop itself, and that has become fulfilled. Nothing of the customer is stored."""

    __tablename__ = "bot_orders"
    __table_args__ = (UniqueConstraint("supplier", "shop_id"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    shop_id: str  # the shop's own id
    number: str  # what the shop's staff and the customer call it
    dispatched_at: datetime  # when it became fulfilled, by the shop's clock
    seen_at: datetime  # when that was read first, by ours
