"""The chain as the agent writes it: one block for each turn that sent, received or decided something, in that turn's transaction.

Events are copied from the table `events`: people, programs and SQL statements write them there. An error here is logged and is a
problem; it stops no call.

After a restore, the database lacks blocks whose head the ship ledger has. The next block then takes a number above that head, and
its first line (`fork`) names it. A head that neither a block nor such a line explains means that the chain was changed.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import StateError
from supplier_agent.base.log import Log
from supplier_agent.db.plain_sql import text
from supplier_agent.db.ship_ledger import Head, Ledger
from supplier_agent.db.store import FullError, LockedError, Store
from supplier_agent.evidence import (
    ACCEPTED,
    BROKEN,
    EVENT,
    LOST,
    NOT_WRITTEN,
    STARTED,
    STOPPED,
    SUPPLIER,
    as_line,
    faults,
    sha256,
)
from supplier_agent.evidence.stored import append, before, blocks, plain, tip_of

OURS = ("agent", "database")
"""Whose events are copied with their detail. Other details are typed by people, or contain links: their hash is copied."""
MOST_EVENTS, MOST_WAITING = 500, 10_000
"""How many events are copied in one block; how many lines wait while they cannot be written."""

_EVENTS = f"""SELECT e.id, e.at, o.supplier, o.menzzo_order_id, e.who, e.what, e.detail FROM events e
 JOIN orders o ON o.id = e.order_id WHERE e.id > ? ORDER BY e.id LIMIT {MOST_EVENTS}"""  # noqa: S608 - a constant
_COLUMNS = ("paused_at", "paused_by", "resumed_at", "flags_asked_at", "flags_agreed_at")
_SUPPLIERS = f"SELECT name, {', '.join(_COLUMNS)} FROM suppliers"  # noqa: S608 - constants
_ACCEPTED = "SELECT id, number, accepted_at, accepted_by FROM evidence_breaks WHERE accepted_at IS NOT NULL"
_BREAK = "INSERT INTO evidence_breaks (found_at, number, why) VALUES (?, ?, ?)"
_IS_KNOWN = "SELECT 1 FROM evidence_breaks WHERE why = ? AND accepted_at IS NULL"


class Chain:
    """Collects the lines of a turn and writes them as a block, in the same transaction."""

    def __init__(self, ledger: Ledger, log: Log) -> None:
        self._ledger, self._log = ledger, log
        self._lines: list[str] = []
        self._head: Head | None = None  # the newest block of this process; None: it has written none
        self._looks = False  # suppliers may have been paused or resumed
        self._known: dict[tuple[str, object], tuple[object, ...]] = {}  # what was last seen of each of them
        self._missed = False  # a line could not be made since the last block
        self._fails = False  # the last block could not be written
        self._is_ours = False  # whether the ship ledger belongs to this database

    def note(self, what: str, at: datetime, **facts: object) -> None:
        """Add a line to the next block. If its turn is undone, so is the line."""
        self._lines.append(as_line(what, at=at.isoformat(), **facts))

    def missed(self, error: Exception, about: str) -> None:
        """Log that a line could not be made. That is a problem, like a block that could not be written."""
        self._log.fault("internal.error", f"evidence {about}", error)
        self._missed = True

    def look(self) -> None:
        """Note in the next block which suppliers were paused, resumed or approved since the last look."""
        self._looks = True

    def start(self, store: Store, now: datetime, **facts: object) -> None:
        """Compare the chain with the last head in the ship ledger, and note that the agent starts."""
        try:
            with store.write() as tx:
                connection = plain(tx)
                (mine,) = connection.execute("SELECT max(ledger_id) FROM installation").fetchone()
                self._is_ours = not self._ledger.fault and mine == self._ledger.identity
                if self._is_ours and self._ledger.last_head is not None:
                    self._compare(connection, self._ledger.last_head, now)
                self.look()
                self.note(STARTED, now, **facts)
                self._append(connection, now)
        except Exception as error:
            if isinstance(error, LockedError) and not isinstance(error, FullError):
                raise
            self.missed(error, "start")  # the lines wait
            return
        self._committed()
        self._seal()

    def _compare(self, connection: sqlite3.Connection, head: Head, now: datetime) -> None:
        """Check the blocks from the last head on. What is before it was checked when it was the newest."""
        since = blocks(connection, head.chain - 1)
        for number, why in faults(since, [head], before(connection, head.chain)):
            connection.execute(_BREAK, (text(now), number, why))
            self.note(BROKEN, now, number=number, why=why, head=head.chain, sha256=head.sha256)
            self._log.warning("evidence.changed", number=number, why=why)
            return

    def stop(self, store: Store, now: datetime) -> None:
        """Note that the agent stops. The mark at its end then records the head in the ship ledger."""
        self.note(STOPPED, now)
        with store.write() as tx:
            written = self._contained(plain(tx), now)
        if written:
            self._committed()

    @contextmanager
    def turn(self, store: Store, clock: Clock) -> Iterator[None]:
        """Run a turn of the store, and write its block at the end of its transaction."""
        kept, head, known, looks = len(self._lines), self._head, dict(self._known), self._looks
        written = False
        try:
            with store.turn():
                yield
                if store.joined is None and (self._lines or self._missed) and not self._fails:
                    with store.write():
                        pass  # there is something to write from before this turn
                if store.joined is not None:
                    written = self._contained(plain(store.joined), clock.now())
        except BaseException:
            del self._lines[kept:]
            self._head, self._known, self._looks = head, known, looks
            raise
        if written:
            self._committed()
            last, head = self._ledger.last_head, self._ledger.head
            if last is not None and head is not None and last.at[:10] != head.at[:10]:
                self._seal()

    def _contained(self, connection: sqlite3.Connection, now: datetime) -> bool:
        """Append a block; return whether the lines are in the database. An error is a problem, and the turn goes on."""
        try:
            self._append(connection, now)
        except Exception as error:
            if not connection.in_transaction:  # the disk is full, or fails: nothing of this turn was written
                raise
            self._fails, self._looks, self._known = True, True, {}
            self._log.fault("internal.error", "evidence", error)
            self._not_written(connection, now)
            return False
        self._fails = False
        if self._missed:
            self._missed = False
            self._not_written(connection, now)
        return True

    def _not_written(self, connection: sqlite3.Connection, now: datetime) -> None:
        if (many := len(self._lines) - MOST_WAITING) > 0:
            self._lines[: many + 1] = [as_line(LOST, at=now.isoformat(), lines=many + 1)]
        number = 0
        with suppress(sqlite3.Error):
            number = tip_of(connection).number + 1
        with suppress(sqlite3.Error):
            if connection.execute(_IS_KNOWN, (NOT_WRITTEN,)).fetchone() is None:
                connection.execute(_BREAK, (text(now), number, NOT_WRITTEN))

    def _append(self, connection: sqlite3.Connection, now: datetime) -> None:
        """Write the waiting lines and the new events as one block; nothing if there are none."""
        tip = tip_of(connection)
        events = connection.execute(_EVENTS, (tip.last_event,)).fetchall()
        lines = [*self._lines, *(_line_of(*event) for event in events)]
        if self._looks:
            lines += self._of_suppliers(connection, now)
            self._looks = False
        if lines:
            self._head = append(connection, tip, lines, now, events[-1][0] if events else tip.last_event).head

    def _of_suppliers(self, connection: sqlite3.Connection, now: datetime) -> Iterator[str]:
        for name, *cells in connection.execute(_SUPPLIERS).fetchall():
            if self._is_new((SUPPLIER, name), cells):
                facts = dict(zip(_COLUMNS, cells, strict=True))
                yield as_line(SUPPLIER, at=now.isoformat(), supplier=name, **facts)
        for row, number, at, who in connection.execute(_ACCEPTED).fetchall():
            if self._is_new((ACCEPTED, row), (at,)):
                yield as_line(ACCEPTED, at=_iso(at), number=number, who=who)

    def _is_new(self, key: tuple[str, object], cells: Sequence[object]) -> bool:
        before = self._known.get(key, (None,) * len(cells))
        self._known[key] = tuple(cells)
        return before != tuple(cells)

    def _committed(self) -> None:
        self._lines.clear()
        if self._head is not None:
            self._ledger.head = self._head

    def _seal(self) -> None:
        """Record the head in the ship ledger. A fault of the ledger is a problem of its own."""
        if self._is_ours:
            try:
                self._ledger.seal()
            except StateError as error:
                self._log.problem("ledger", error.what)


def _line_of(row: int, at: str, supplier: str, order: str, who: str, what: str, detail: object) -> str:
    """Return an event as a line."""
    told = {"detail": detail} if detail is None or who in OURS else {"detail_sha256": sha256(str(detail))}
    return as_line(EVENT, at=_iso(at), supplier=supplier, order=order, event=row, who=who, did=what, **told)


def _iso(stored: object) -> str:
    """Return an instant of the database in the form of all lines."""
    return f"{stored}+00:00".replace(" ", "T")
