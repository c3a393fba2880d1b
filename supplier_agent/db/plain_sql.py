"""Plain rows of the state database, by SQL and without the ORM, which is fast. Never writes.

A row has its table's columns by name, instants and dates as such, so order.py and schedule.py read it like one of tables.py.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from supplier_agent.base import cells

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlmodel import Session

BUSY_SECONDS = 2.0
"""Writers do not block readers; a program that does has locked the whole database, and a health check must not wait for it."""
INSTANTS = ("_at", "_since", "_until")
DAYS = ("order_date", "date_from", "date_to")
OF_SUPPLIER = (
    *("cursor", "cursor_refused", "cursor_distrusted_at", "token_refused_at", "quiet_until", "last_success_at"),
    *("paused_at", "paused_by", "paused_reason", "flags_asked_at", "token_since", "token_key"),
)
"""The columns of a supplier; all null before the first read."""
READS = "reads"
"""The lane that is always in use."""
NUMBERS = {
    *("quantity", "price_cents", "label_bytes", "order_id", "attempts", "strikes", "call_id", "number", "http_status"),
    *(
        "failures",
        "last_order_id",
        "pages",
        "listed",
        "added",
        "run_id",
        "tries",
        "age_seconds",
        "ahead_seconds",
        "told_count",
    ),
}
"""Columns with whole numbers, by name."""

GOOD = ("complete", "partial")
"""The proofs of a run that was read to its end."""


class Look:
    """One consistent view of the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Return the rows of a SELECT."""
        cursor = self._connection.cursor()
        cursor.row_factory = _row
        return cursor.execute(sql, values).fetchall()

    def first(self, sql: str, *values: object) -> Any:  # noqa: ANN401 - a row of any table
        """Return the first row of a SELECT, or None."""
        return next(iter(self.rows(sql, *values)), None)


def text(at: datetime) -> str:
    """Return an instant in the database's format."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _row(cursor: sqlite3.Cursor, values: tuple[object, ...]) -> SimpleNamespace:
    names = (column[0] for column in cursor.description)
    return SimpleNamespace(**{name: _value(name, value) for name, value in zip(names, values, strict=True)})


def _value(column: str, value: object) -> object:
    if column.endswith(INSTANTS):
        return cells.instant(value)
    if column in DAYS:
        return cells.day(value)
    if column in NUMBERS:
        return cells.number(value, *cells.BOUNDS.get(column, ()))
    if isinstance(value, (str, bytes)):
        return cells.some_text(value) if column in cells.NEVER_EMPTY else cells.text(value)
    return value


@contextmanager
def look_at(database: Path) -> Iterator[Look]:
    """Open the database for reading only. Raises sqlite3.Error; store.open_store has the messages."""
    # Not mode=ro: that would leave -wal and -shm files if no other process has the database open.
    uri = f"{database.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.text_factory = cells.DECODE
        connection.execute("PRAGMA query_only = 1")
        connection.execute("BEGIN")
        yield Look(connection)


def within(tx: Session | Look) -> Look:
    """Return a reader that shares the view of a transaction."""
    if isinstance(tx, Look):
        return tx
    tx.flush()
    connection = tx.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - store.py opens no other
    return Look(connection)


def supplier_of(look: Look, name: str) -> Any:  # noqa: ANN401 - a row
    """Return the supplier's row; an empty one if it was never read."""
    found = look.first("SELECT * FROM suppliers WHERE name = ?", name)
    return found or SimpleNamespace(name=name, **dict.fromkeys(OF_SUPPLIER))


def last_good(look: Look, name: str, *purposes: str) -> Any:  # noqa: ANN401 - a row
    """Return the last run for one of these purposes that was read to its end, or None."""
    marks = ", ".join("?" * len(purposes))
    return look.first(
        f"SELECT * FROM runs WHERE supplier = ? AND purpose IN ({marks}) AND proof IN (?, ?) ORDER BY id DESC LIMIT 1",  # noqa: S608 - question marks alone
        name, *purposes, *GOOD,
    )  # fmt: skip
