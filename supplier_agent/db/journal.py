"""The tables of what the marketplace listed, entry by entry, and of what was learned from it.

Next to each nullable column: what null means.
"""

import json
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, Session, SQLModel

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
    accepted_by: str | None = None  # the person who has taken note of an undocumented field; null: nobody yet


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
    # The answer that counts as usual: the first that held, or the last that a person accepted; null: none has held yet
    accepted: str | None = None
    accepted_by: str | None = None  # the person; null: the first that held
    evidence: str = "[]"  # JSON: the newest observations, each with its time and the row of the journal
    memory: str = "{}"  # JSON: what the estimator must remember between two observations


def pages_of(tx: Session, read_ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """Return what these requests listed, by their id: menzzo_order_id ("": it has none) and sha256 of each entry, in list order.

    A request that failed, or whose entries are not kept, is left out.
    """
    pages = {read_id: json.loads(zlib.decompress(entries)) for read_id, entries in _some(tx, _PAGES, read_ids)}
    wanted = sorted({each for page in pages.values() for each in page})
    known = {row: (menzzo_order_id, sha256) for row, menzzo_order_id, sha256 in _some(tx, _ENTRIES, wanted)}
    return {read_id: [known[each] for each in page if each in known] for read_id, page in pages.items()}


def versions_of(tx: Session, supplier: str, menzzo_order_ids: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Return the entries of these orders, by id: as they were listed first, and as they were listed last; both as JSON values.

    An order whose entries the retention has removed is left out.
    """
    found: dict[str, list[tuple[str, bytes]]] = {}
    for start in range(0, len(menzzo_order_ids), _BATCH):
        some = menzzo_order_ids[start : start + _BATCH]
        sql = _VERSIONS.format(",".join("?" * len(some)))
        for name, last_listed_at, body in tx.connection().exec_driver_sql(sql, (supplier, *some)):
            found.setdefault(name, []).append((last_listed_at, body))
    return {
        name: (_entry(versions[0][1]), _entry(max(versions, key=lambda each: each[0])[1]))
        for name, versions in found.items()
    }


def _entry(body: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(zlib.decompress(body))


_VERSIONS = """
SELECT menzzo_order_id, last_listed_at, body FROM raw_entries
 WHERE supplier = ? AND menzzo_order_id IN ({}) AND body IS NOT NULL ORDER BY id
"""
_BATCH = 500
_PAGES = "SELECT read_id, entries FROM listed_pages WHERE read_id IN ({})"
_ENTRIES = "SELECT id, menzzo_order_id, sha256 FROM raw_entries WHERE id IN ({})"


def _some(tx: Session, sql: str, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return the rows with these ids. Plain SQL: through the ORM, an empty menzzo_order_id would look damaged."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(ids), _BATCH):
        some = tuple(ids[start : start + _BATCH])
        marks = ",".join("?" * len(some))
        found += [tuple(row) for row in tx.connection().exec_driver_sql(sql.format(marks), some)]
    return found
