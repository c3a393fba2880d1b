"""The tables of programs that use the HTTP API. Next to each nullable column: what null means."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on


class Key(SQLModel, table=True):
    """The key of a program. A revoked key stays, because the history names it; its name may be given to a new key."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("api_keys_valid", "name", unique=True, sqlite_where=text("revoked_at IS NULL")),
        Index("api_keys_by_hash", "key_sha256", unique=True),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    name: str
    key_sha256: str  # hash of the key, which is stored nowhere
    may: str  # what it may do besides reading: ship,unship,hold,release,note; empty: nothing
    added_at: datetime
    added_by: str
    suppliers: str | None = None  # sees only their orders, with commas; null: those of all suppliers
    revoked_at: datetime | None = None  # null: it is valid


class Asked(SQLModel, table=True):
    """How often a program got an answer. Written once a minute at most."""

    __tablename__ = "api_requests"

    program: str = Field(primary_key=True)  # as in events.who; "unknown": without a valid key or signature
    answer: int = Field(primary_key=True)  # the HTTP status
    number: int
    last_at: datetime
