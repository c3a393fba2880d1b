"""The tables of the webhooks: what was published of each order, the events, who gets them.

Next to each nullable column: what null means. Only written while webhooks are configured. The calls that deliver the events are in
`calls`: their order_id is null, and their subject is the event.
"""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on

FINISHED = "stage IN ('shipped', 'closed')"


class WebhookBaseline(SQLModel, table=True):
    """From where events are told. One row; it is gone while no webhook is configured."""

    __tablename__ = "webhook_baseline"

    id: int = Field(default=1, primary_key=True)
    at: datetime
    last_order_id: int  # orders up to this row were there before: what they are is stored, and no event tells of it
    is_complete: int = 0  # 1: all orders that were open then are stored


class WebhookState(SQLModel, table=True):
    """What was last published: of one order, or of a supplier as a whole."""

    __tablename__ = "webhook_states"
    __table_args__ = (
        Index("webhook_states_of_suppliers", "supplier", unique=True, sqlite_where=text("order_id IS NULL")),
        Index("webhook_states_open", "order_id", sqlite_where=text(f"NOT ({FINISHED})")),
        Index("webhook_states_with_problems", "order_id", sqlite_where=text("problems <> ''")),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    order_id: int | None = Field(default=None, foreign_key="orders.id", unique=True)  # null: the supplier as a whole
    stage: str  # of an order; of a supplier `paused` or `resumed`
    problems: str = ""  # codes with blanks in between, each perhaps with the kind of its call: call_parked:ship


class WebhookEvent(SQLModel, table=True):
    """One event, as it leaves. Never changed; removed after `[keep] webhooks_days`."""

    __tablename__ = "webhook_events"
    __table_args__ = (Index("webhook_events_of", "supplier", "order_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    event_id: str = Field(unique=True)  # the receiver knows it by this, however often it is sent
    at: datetime
    supplier: str
    order_id: int | None = Field(default=None, foreign_key="orders.id")  # null: about the supplier as a whole
    type: str
    body: str  # JSON, frozen


class WebhookEndpoint(SQLModel, table=True):
    """A configured webhook."""

    __tablename__ = "webhook_endpoints"

    name: str = Field(primary_key=True)
    since: datetime  # when it was first configured
    delivered_at: datetime | None = None  # the last delivery; null: none yet
    lost: int = 0  # events that were removed before they could be delivered
    lost_at: datetime | None = None  # when the last of them was removed; null: none was
