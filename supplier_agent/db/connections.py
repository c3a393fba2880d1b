"""The connections to the database: SQLite's options, which connections are kept, and which orders they show.

SQLite runs in WAL mode with synchronous=FULL, so a committed intent is on disk before the request is sent. Only the agent makes
checkpoints.
"""

import re
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, event
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool, StaticPool
from sqlmodel import create_engine

from supplier_agent.base import cells

BUSY_SECONDS = 5.0
"""How long a transaction waits for another program's lock before it fails."""
KEPT: Mapping[str, Any] = {"poolclass": QueuePool, "pool_size": 5, "max_overflow": -1, "pool_use_lifo": True}
"""No transaction waits for another one's connection. Five are kept, because a new one has to parse the schema."""
ONE: Mapping[str, Any] = {"poolclass": StaticPool}
"""The agent has one connection for its thread: data_version counts changes relative to it."""


def engine_of(path: Path, *, agent: bool) -> Engine:
    """Return the engine of a database file. It opens the file with the first statement, and never creates it."""

    def connect() -> sqlite3.Connection:
        # Never create the file: if the old one was moved away, a new one would take over its WAL and delete it.
        file = f"file:{quote(str(path))}?mode=rw"
        return sqlite3.connect(file, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect, **(ONE if agent else KEPT))
    _connect(engine, checkpoints=agent)
    if not agent:
        _open_again_if_moved(engine, path)
    return engine


def _connect(engine: Engine, *, checkpoints: bool) -> None:
    """Set SQLite's options on each connection and read them back, because SQLite does not report a refused pragma."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we start transactions ourselves: the driver starts none for a SELECT
        connection.text_factory = cells.DECODE  # one damaged text must not make a whole query fail
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
        if not checkpoints:
            wanted["wal_autocheckpoint"] = 0
        for name, value in wanted.items():
            connection.execute(f"PRAGMA {name}={value}").fetchall()
            answer = connection.execute(f"PRAGMA {name}").fetchone()[0]
            if answer != value:
                raise sqlite3.OperationalError(f"unable to open safely: {name} is {answer}, not {value}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")


def _open_again_if_moved(engine: Engine, path: Path) -> None:
    """Replace a kept connection whose file was moved or replaced: SQLite would continue with the old file."""

    def file_number() -> int | None:
        with suppress(FileNotFoundError):
            return path.stat().st_ino
        return None

    @event.listens_for(engine, "connect")
    def on_connect(_connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info["file"] = file_number()

    @event.listens_for(engine, "checkout")
    def on_checkout(_connection: sqlite3.Connection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if record.info["file"] != file_number():
            raise DisconnectionError  # then the pool connects again


_WRITES = re.compile(r"\A\s*(UPDATE|INSERT INTO|DELETE FROM) (?=\w)")


def hide_others(engine: Engine, suppliers: Collection[str]) -> None:
    """Hide the orders of other suppliers from each connection. Only writes name the tables behind the views."""
    from supplier_agent.db.schema import views_of  # noqa: PLC0415 - only the page has such people

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA temp_store = MEMORY")
        for view in views_of(suppliers):
            connection.execute(view)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def on_execute(*given: Any) -> tuple[str, Any]:  # noqa: ANN401 - as SQLAlchemy has it
        return _WRITES.sub(r"\1 main.", given[2]), given[3]
