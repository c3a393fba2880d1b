"""The tables of the hash chain: what the agent sent, received and decided (evidence/), and where the chain is broken.

Next to each nullable column: what null means.
"""

from datetime import datetime

from sqlmodel import Field, SQLModel

from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on


class Block(SQLModel, table=True):
    """A link of the chain: what one turn of the agent sent, received and decided. Append-only."""

    __tablename__ = "evidence"

    number: int = Field(primary_key=True)  # 1, 2, 3, …; after a restore, some are left out: a line names the lost block
    at: datetime
    lines: bytes | None = None  # JSON objects, one a line, compressed by zlib; null: removed by the retention
    lines_sha256: str  # of the SHA-256 of each line, one after the other, in hexadecimal
    sha256: str  # of the block before (64 zeros: none), number, at and lines_sha256, with spaces between them
    last_event: int  # events up to this id are in the chain


class Break(SQLModel, table=True):
    """A place where the chain does not fit together, or does not fit the ship ledger. Until it is accepted, it is a problem."""

    __tablename__ = "evidence_breaks"

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    found_at: datetime
    number: int  # the first block that does not fit
    why: str  # contradicts_ledger, damaged, not_written
    accepted_at: datetime | None = None  # null: not accepted
    accepted_by: str | None = None  # null: as above
