"""The blocks in the database: read in batches, and appended."""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from supplier_agent.db.plain_sql import text
from supplier_agent.db.ship_ledger import Head, Ledger
from supplier_agent.evidence import BEGINNING, FORK, Row, as_line, hash_of_block, hash_of_lines, restored, sha256

MOST = 200
"""How many blocks are in memory at a time."""
_BLOCKS = (
    f"""SELECT number, at, lines, lines_sha256, sha256 FROM evidence WHERE number > ? ORDER BY number LIMIT {MOST}"""  # noqa: S608 - a constant
)
_INSERT = "INSERT INTO evidence (number, at, lines, lines_sha256, sha256, last_event) VALUES (?, ?, ?, ?, ?, ?)"
_TIP = "SELECT number, at, sha256, last_event FROM evidence ORDER BY number DESC LIMIT 1"
_BEFORE = "SELECT sha256 FROM evidence WHERE number < ? ORDER BY number DESC LIMIT 1"


class Tip(NamedTuple):
    """The newest block. `last_event`: events up to this id are in the chain."""

    number: int
    at: str
    sha256: str
    last_event: int

    @property
    def head(self) -> Head:
        """As the ship ledger records it."""
        return Head(self.at, self.number, self.sha256)


def plain(tx: Session) -> sqlite3.Connection:
    """Return the underlying connection, because one statement of the ORM would take longer than a whole block.

    It does not see what the session has not flushed yet.
    """
    connection = tx.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - store.py opens no other
    return connection


def tip_of(connection: sqlite3.Connection) -> Tip:
    """Return the newest block. Before the first, what happened until now is not in the chain."""
    found = connection.execute(_TIP).fetchone()
    if found is not None:
        return Tip(*found)
    (newest,) = connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()
    return Tip(0, "", BEGINNING, newest)


def append(connection: sqlite3.Connection, tip: Tip, lines: Sequence[str], now: datetime, last_event: int) -> Tip:
    """Write a block after that one; return it. `lines`: at least one."""
    number, at, hash_ = tip.number + 1, text(now), hash_of_lines(map(sha256, lines))
    made = Tip(number, at, hash_of_block(tip.sha256, number, at, hash_), last_event)
    content = zlib.compress("\n".join(lines).encode(), 1)
    connection.execute(_INSERT, (number, at, content, hash_, made.sha256, last_event))
    return made


def blocks(connection: sqlite3.Connection, after: int = 0) -> Iterator[Row]:
    """Yield the blocks after that number. Lines that cannot be unpacked are empty, and so do not fit their hash."""
    while rows := connection.execute(_BLOCKS, (after,)).fetchall():
        for number, at, content, lines_sha256, hash_ in rows:
            yield Row(number, at, None if content is None else _unpacked(content), lines_sha256, hash_)
        after = rows[-1][0]


def _unpacked(content: Any) -> Sequence[str]:  # noqa: ANN401 - any cell
    try:
        return zlib.decompress(content).decode().split("\n")
    except (zlib.error, TypeError, ValueError):
        return [""]


def before(connection: sqlite3.Connection, number: int) -> str:
    """Return the hash of the block before that number."""
    found = connection.execute(_BEFORE, (number,)).fetchone()
    return BEGINNING if found is None else str(found[0])


def knows(connection: sqlite3.Connection, head: Head) -> bool:
    """Tell whether a head of the ship ledger is a block of this database."""
    found = connection.execute("SELECT sha256 FROM evidence WHERE number = ?", (head.chain,)).fetchone()
    return found is not None and str(found[0]) == head.sha256


def is_needed(tx: Session, number: int) -> bool:
    """Tell whether the lines of a block must stay: they explain a restore."""
    (content,) = plain(tx).execute("SELECT lines FROM evidence WHERE number = ?", (number,)).fetchone()
    return restored(_unpacked(content)) > 0


def link(tx: Session, ledger: Ledger, now: datetime) -> None:
    """After a restore, go on from the present database: a new block names the head that only the ledger has."""
    connection, lost = plain(tx), ledger.last_head
    if lost is None or knows(connection, lost):
        return
    tip = tip_of(connection)
    line = as_line(FORK, at=now.isoformat(), head=lost.chain, sha256=lost.sha256, since=tip.number)
    above = tip._replace(number=max(tip.number, lost.chain))
    ledger.head = append(connection, above, [line], now, tip.last_event).head
