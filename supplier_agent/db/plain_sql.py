"""Rows of the state database by plain SQL, which is faster than the ORM. Never writes.

A row has its table's columns as attributes, with instants and dates converted, so order.py and schedule.py can read it like a
row of tables.py.

The module also has SQL conditions that replace a verdict where counts and lists cannot judge each row. Each names the code that it
replaces, and a test with generated rows compares it with the pure function. A condition is about a row of `orders`. It repeats the
text of a partial index in tables.py, because SQLite uses the index only then. `?1` and similar marks are instants.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from supplier_agent.base import cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlmodel import Session

    Reader = Callable[[object], object]

BUSY_SECONDS = 2.0
"""In WAL mode, writers do not block readers. If a read waits, the whole database is locked: a health check must not wait long."""
INSTANTS, INSTANT = ("_at", "_since", "_until"), "at"
DAYS = ("order_date", "date_from", "date_to")
OF_SUPPLIER = (
    *("cursor", "cursor_refused", "cursor_distrusted_at", "token_refused_at", "quiet_until", "last_success_at"),
    *("paused_at", "paused_by", "paused_reason", "flags_asked_at", "token_since", "token_key"),
    *("first_asked_at", "first_agreed_at"),
)
"""The columns of a supplier; all null before the first read."""
READS = "reads"
"""The lane of reads, which every supplier uses."""
NUMBERS = {
    *("quantity", "price_cents", "label_bytes", "order_id", "attempts", "strikes", "call_id", "number", "http_status"),
    *("failures", "last_order_id", "pages", "listed", "added", "run_id", "tries", "age_seconds", "ahead_seconds"),
    *("told_count", "label_pages", "parcels_confirmed", "page", "cartons", "unscanned"),
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
        cursor = self._connection.execute(sql, values)
        columns = [(column[0], _reader(column[0])) for column in cursor.description]
        return [_row(columns, row) for row in cursor]

    def first(self, sql: str, *values: object) -> Any:  # noqa: ANN401 - a row of any table
        """Return the first row of a SELECT, or None."""
        return next(iter(self.rows(sql, *values)), None)


def text(at: datetime) -> str:
    """Return an instant in the database's format."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _row(columns: Sequence[tuple[str, Reader]], values: Sequence[object]) -> SimpleNamespace:
    cells_of = zip(columns, values, strict=True)
    return SimpleNamespace(**{name: None if value is None else read(value) for (name, read), value in cells_of})


@cache
def _reader(column: str) -> Reader:
    """Return what reads the cells of a column that are not null."""
    if column.endswith(INSTANTS) or column == INSTANT:
        return cells.instant
    if column in DAYS:
        return cells.day
    if column in NUMBERS:
        least, most = cells.BOUNDS.get(column, (-cells.MOST, cells.MOST))
        return partial(cells.number, least=least, most=most)
    return _some_text if column in cells.NEVER_EMPTY else _text


def _text(value: object) -> object:
    return cells.text(value) if isinstance(value, (str, bytes)) else value


def _some_text(value: object) -> object:
    return cells.some_text(value) if isinstance(value, (str, bytes)) else value


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


OPEN = "ship_confirmed_at IS NULL AND closed_reason IS NULL"
"""An open order: its stage is neither `shipped` nor `closed`."""
WAITS_FOR_A_PERSON = "state IN ('sending', 'parked', 'unknown') AND state <> 'sending'"
"""A call that is parked or unknown, in the text of the index calls_stuck."""
ASIDE = (
    "'after_sales', 'dispatched', 'product', 'sale_check', 'sav',"
    " 'scan_dhl', 'scan_fedex', 'scan_laposte', 'scan_ups', 'shop_order'"
)
"""The kinds of calls that no order waits for (order.KINDS_ASIDE)."""
STUCK = f"EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND {WAITS_FOR_A_PERSON})"  # noqa: S608 - a constant
"""ProblemCode.CALL_UNKNOWN or CALL_PARKED, of an open order."""


def stage_sql(quiet: Iterable[tuple[str, str]]) -> str:
    """Return the stage of any order that is not damaged (order.sound_stage), as an expression.

    quiet: kinds and states of stuck calls that do not move their order to the stage `attention` (order.Rule.attention).
    """
    but = "".join(f" AND NOT (kind = '{kind}' AND state = '{state}')" for kind, state in sorted(quiet))
    stuck = f"EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND {WAITS_FOR_A_PERSON}{but})"  # noqa: S608 - constants
    return f"""CASE WHEN ship_confirmed_at IS NOT NULL THEN 'shipped' WHEN closed_reason IS NOT NULL THEN 'closed'
 WHEN {stuck} THEN 'attention' WHEN held_reason IS NOT NULL THEN 'held' WHEN shipped = 1 THEN 'flagged'
 WHEN acknowledged_at IS NULL THEN 'new' WHEN label_path IS NULL THEN 'acknowledged' ELSE 'ready' END"""


UNACKNOWLEDGED = f"{OPEN} AND acknowledged_at IS NULL AND held_reason IS NULL"
"""An order that is to be acknowledged."""
HELD_THOUGH_MARKED = "shipped = 1 AND held_reason IS NOT NULL"
"""ProblemCode.HELD_THOUGH_MARKED, of an open order."""
VANISHED = (
    "vanished_at IS NOT NULL"
    " AND NOT (override_by IS NOT NULL AND instr(',' || coalesce(override_covers, '') || ',', ',vanished,') > 0)"
)
"""Blocker.VANISHED and ProblemCode.ORDER_VANISHED, of an open order."""
CHANGED_SINCE_PRINTED = """shipped = 0 AND EXISTS (SELECT 1 FROM prints
 WHERE prints.id = (SELECT max(id) FROM prints WHERE order_id = orders.id)
   AND (prints.label_sha256 <> orders.label_sha256 OR prints.sku <> orders.sku
        OR prints.quantity <> orders.quantity OR prints.carrier <> orders.carrier))"""
"""ProblemCode.CHANGED_SINCE_PRINTED, of an open order. Damaged orders have their own index (triggers.py)."""
WAITING = f"""held_reason IS NULL AND NOT ({VANISHED})
 AND (acknowledged_at IS NULL AND first_seen_at < ?1 OR shipped = 1 AND shipped_at < ?1)
 AND NOT EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND state IN ('sending', 'parked', 'unknown')
                  AND kind NOT IN ({ASIDE}))"""  # noqa: S608 - constants
"""ProblemCode.WAITING, of an open order. ?1: now less waiting_seconds."""
UNFLAGGED = f"""held_reason IS NULL AND NOT ({VANISHED}) AND shipped = 0 AND label_path IS NOT NULL AND acknowledged_at < ?2
 AND coalesce((SELECT max(ended_at) FROM attempts JOIN calls ON calls.id = call_id
                WHERE order_id = orders.id AND kind = 'label' AND outcome = 'done'), acknowledged_at) < ?2"""  # noqa: S608 - as above
"""ProblemCode.UNFLAGGED, of an open order. ?2: now less unflagged_seconds."""
SALE_STOPPED = "held_code = 'sale_stopped'"
"""ProblemCode.SALE_STOPPED, of an open order."""
SET_ASIDE = (
    "held_reason IS NOT NULL OR vanished_at IS NOT NULL OR fault IS NOT NULL"
    " OR acknowledged_at IS NULL OR label_path IS NULL"
)
"""Neither simply ready nor simply marked, of an open order: in the text of the index orders_set_aside."""
IS_SET_ASIDE = f"orders.id IN (SELECT id FROM orders WHERE {OPEN} AND ({SET_ASIDE}))"  # noqa: S608 - constants
"""The same, so that SQLite finds them in this index alone, instead of reading all open orders."""
TO_SHIP = f"shipped = 0 AND held_reason IS NULL AND NOT ({VANISHED})"
"""Act.SHIP, of an open order that is neither damaged nor changed since its label was printed."""
PRINTABLE = f"({TO_SHIP}) AND fault IS NULL AND label_path IS NOT NULL AND NOT ({CHANGED_SINCE_PRINTED})"
"""Judged.may_print (web/order_view.py), of an open order that can be read."""
CLOCKED = f"{OPEN} AND shipped = 0"
"""An order to which a ship-by clock may apply, in the text of the index orders_clocked."""
NOT_PRINTABLE = f"""SELECT id FROM orders WHERE {CLOCKED} AND {IS_SET_ASIDE} AND NOT ({PRINTABLE})
 UNION SELECT id FROM orders WHERE {OPEN} AND {CHANGED_SINCE_PRINTED}"""  # noqa: S608 - constants
"""The open orders that are not marked and not PRINTABLE. They are few, so this is faster than to look at all others."""
OVERDUE = f"held_reason IS NULL AND NOT ({VANISHED}) AND first_seen_at < ?"
"""Due.OVERDUE, of such an order that is not damaged. ?: settings.overdue_before."""
TOLD = "what IN ('problem reported', 'problem settled')"
"""An event that reports or settles a problem, in the text of the index events_reported."""
NOT_LEFT = f"""closed_reason IS NULL AND EXISTS (SELECT 1 FROM events WHERE order_id = orders.id AND {TOLD}
 AND what = 'problem reported' AND (detail = 'not_left' OR detail LIKE 'not_left:%')
 AND id > coalesce((SELECT max(id) FROM events WHERE order_id = orders.id AND {TOLD} AND what = 'problem settled'), 0))"""  # noqa: S608 - constants
"""Report.NOT_LEFT, which no lead has settled yet."""
HANDED_OVER = f"""shipped = 1 AND NOT ({NOT_LEFT}) AND (ship_confirmed_at IS NOT NULL
 OR closed_reason IS NULL AND held_reason IS NULL AND fault IS NULL AND NOT ({VANISHED}))"""
"""On the hand-over list: it left, and no Verdict.stops, unless it was reported already. Of an order that can be read."""
UNPRINTED = "NOT EXISTS (SELECT 1 FROM prints WHERE prints.order_id = orders.id)"
