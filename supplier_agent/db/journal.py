"""The tables of what the marketplace listed, entry by entry, and of what was learned from it.

Next to each nullable column: what null means.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, SQLModel

from supplier_agent.base import cells
from supplier_agent.db.columns import tolerate  # noqa: F401 - of each table that is defined from here on


class RawEntry(SQLModel, table=True):
    """A listed entry with all of its fields: one row for each different content. Append-only."""

    __tablename__ = "raw_entries"
    __table_args__ = (
        UniqueConstraint("supplier", "menzzo_order_id", "sha256"),
        Index("raw_entries_by_time", "first_listed_at"),
    )

    id: int | None = Field(default=None, primary_key=True)  # null only before the row is written
    supplier: str
    menzzo_order_id: str  # "": an entry without a usable id (rejected_entries)
    sha256: str  # of the entry as JSON with sorted keys and without spaces, masked
    first_listed_at: datetime
    last_listed_at: datetime
    body: bytes | None = None  # that JSON, compressed by zlib; null: removed by the retention


class ListedPage(SQLModel, table=True):
    """What one get-sales request listed: its entries in their order. Append-only."""

    __tablename__ = "listed_pages"

    read_id: int = Field(primary_key=True, foreign_key="reads.id")
    supplier: str
    entries: bytes  # the ids of raw_entries as a JSON array, compressed by zlib


class ListedField(SQLModel, table=True):
    """A field that entries of this supplier have, or had."""

    __tablename__ = "listed_fields"

    supplier: str = Field(primary_key=True)
    name: str = Field(primary_key=True)  # the key in the entry; within an object, with a dot
    first_listed_at: datetime
    last_listed_at: datetime
    seen: int = 0  # in how many pages


class Learned(SQLModel, table=True):
    """What the agent has learned about one open question of a supplier's marketplace (learning/)."""

    __tablename__ = "learned"

    supplier: str = Field(primary_key=True)
    question: str = Field(primary_key=True)  # its code
    answer: str | None = None  # the code or number that most observations show; null: none can be named
    state: str  # unknown, holds, contradicted, changed
    agreeing: int = 0  # independent observations for the answer, since it last changed
    against: int = 0  # the same, against it
    days: int = 0  # on how many days
    since: datetime | None = None  # the first observation for this answer; null: none yet
    last_at: datetime | None = None  # the last observation; null: none yet
    changed_at: datetime | None = None  # when the answer changed last; null: never
    before: str | None = None  # the answer before that; null: none
    evidence: str = "[]"  # JSON: the newest observations, each with its time and the row of the journal
    memory: str = "{}"  # JSON: what the estimator must remember between two observations


@dataclass(frozen=True)
class Content:
    """A row of raw_entries. menzzo_order_id: "": an entry without a usable id. text: its JSON; None: removed or damaged."""

    row: int
    menzzo_order_id: str
    sha256: str
    first_listed_at: datetime
    last_listed_at: datetime
    text: str | None


def pages_of(tx: Session, read_ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """Return what these requests listed, by their id: menzzo_order_id ("": it has none) and sha256 of each entry, in list order.

    A request that failed, or whose entries are not kept, is left out.
    """
    pages = rows_of(tx, read_ids)
    wanted = sorted({each for page in pages.values() for each in page})
    known = {row: (menzzo_order_id, sha256) for row, menzzo_order_id, sha256 in _some(tx, _ENTRIES, wanted)}
    return {read_id: [known[each] for each in page if each in known] for read_id, page in pages.items()}


def rows_of(tx: Session, read_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the same as row ids of raw_entries."""
    return {read_id: json.loads(zlib.decompress(entries)) for read_id, entries in _some(tx, _PAGES, read_ids)}


def contents(tx: Session, rows: Sequence[int]) -> dict[int, Content]:
    """Return these rows of raw_entries, by their ids."""
    return {row[0]: _content(row) for row in _some(tx, f"{_CONTENTS} id IN ({{}})", rows)}


def contents_of(tx: Session, supplier: str, menzzo_order_ids: Sequence[str]) -> dict[str, list[Content]]:
    """Return what was listed of these orders, oldest first, by their ids; an order of which nothing is kept is left out."""
    found: dict[str, list[Content]] = {}
    sql = f"{_CONTENTS} supplier = ? AND menzzo_order_id IN ({{}}) ORDER BY first_listed_at, id"
    for row in _some(tx, sql, menzzo_order_ids, supplier):
        found.setdefault(row[1], []).append(_content(row))
    return found


_BATCH = 500
_PAGES = "SELECT read_id, entries FROM listed_pages WHERE read_id IN ({})"
_ENTRIES = "SELECT id, menzzo_order_id, sha256 FROM raw_entries WHERE id IN ({})"
_CONTENTS = "SELECT id, menzzo_order_id, sha256, first_listed_at, last_listed_at, body FROM raw_entries WHERE"


def _content(cell: tuple[Any, ...]) -> Content:
    row, menzzo_order_id, sha256, first, last, body = cell
    try:
        text = zlib.decompress(body).decode()
    except (TypeError, ValueError, zlib.error):  # null, or damaged
        text = None
    first_at, last_at = cells.instant(first) or cells.NO_INSTANT, cells.instant(last) or cells.NO_INSTANT
    return Content(row, menzzo_order_id, sha256, first_at, last_at, text)


def _some(tx: Session, sql: str, some: Sequence[int] | Sequence[str], *before: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query for these. Plain SQL: through the ORM, an empty menzzo_order_id would look damaged."""
    for start in range(0, len(some), _BATCH):
        batch = some[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        rows = tx.connection().exec_driver_sql(sql.format(marks), (*before, *batch))
        yield from (tuple(row) for row in rows)
