"""Opens the database, upgrades it, creates its triggers, and runs short transactions. Knows nothing about orders.

Reads never block writers. A writer starts with BEGIN IMMEDIATE, so it never fails half-way because of a lock.
"""

import os
import shutil
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError
from sqlmodel import Session

from supplier_agent.base import files
from supplier_agent.base.errors import AgentError, ConfigError, StateError
from supplier_agent.db import SCHEMA, backup_copy
from supplier_agent.db.connections import engine_of, hide_others
from supplier_agent.db.triggers import DAMAGE, TRIGGERS


class LockedError(StateError):
    """Another program holds the database's lock, or the disk is full: the same step may be tried again later."""


class FullError(LockedError):
    """The disk is full."""


class RefusedError(StateError):
    """The database refused these values, by a rule of its tables. Other rows are not affected."""


def is_ours(error: Exception) -> bool:
    """Tell whether an error comes from this program or one row, not from the database or disk as a whole."""
    return not isinstance(error, StateError) or isinstance(error, RefusedError)


class Store:
    """An open state database, used only through `write` and `read`."""

    def __init__(self, path: Path, engine: Engine, upgraded_from: Path | None = None) -> None:
        self.path = path
        self.upgraded_from = upgraded_from  # the copy made before the upgrade; None: it was up to date
        self._engine = engine
        self._limited: list[Store] = []
        self.in_turn = False
        self.joined: Session | None = None  # the transaction of the present turn; None: nothing was written in it yet
        self._inode = path.stat().st_ino
        self._data_version = self._pragma("data_version")
        self._changed = False  # outside of the turns

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Run one short write transaction: on disk completely when the block ends, or not at all. No network inside.

        Within a `turn` it is a savepoint of the turn's transaction: on disk when the turn ends.
        """
        if self.in_turn:
            with self._savepoint() as session:
                yield session
            return
        with self._transaction("IMMEDIATE") as session:
            yield session
        self._changed = True

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Run reads on one consistent view of the database. Within a `turn`, they see what it has written."""
        if self.joined is None:
            with self._transaction("DEFERRED") as session:
                yield session
        else:
            yield self.joined
            self.joined.expunge_all()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Join all writes of this block in one transaction: one flush to disk for all of them. It starts with the first write.

        If the block or the commit fails, nothing of it is written.
        """
        self.in_turn = True
        try:
            yield
            if self.joined is not None:
                self._commit(self.joined)
        except (DatabaseError, sqlite3.Error) as error:
            raise _explained(error, self.path) from error
        finally:
            session, self.joined, self.in_turn = self.joined, None, False
            if session is not None:
                session.close()

    @contextmanager
    def _savepoint(self) -> Iterator[Session]:
        session = self.joined or self._begin("IMMEDIATE")
        self.joined = session
        nested = session.begin_nested()
        try:
            yield session
            nested.commit()
        except (DatabaseError, sqlite3.Error) as error:
            with suppress(DatabaseError):  # a full disk: SQLite has rolled back the whole transaction
                nested.rollback()
            raise _explained(error, self.path) from error
        except BaseException:
            nested.rollback()
            raise
        finally:
            session.expunge_all()  # each block reads its rows again: statements may have changed them

    def _begin(self, begin: str) -> Session:
        session = Session(self._engine, expire_on_commit=False)
        try:
            session.connection(execution_options={"begin": begin})
        except (DatabaseError, sqlite3.Error) as error:
            session.close()
            raise _explained(error, self.path) from error
        return session

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Session]:
        try:
            with self._begin(begin) as session:
                yield session
                self._commit(session)
        except (DatabaseError, sqlite3.Error) as error:
            raise _explained(error, self.path) from error

    def _commit(self, session: Session) -> None:
        session.commit()

    def _pragma(self, name: str) -> object:
        try:
            with closing(self._engine.raw_connection()) as connection:
                (value, *_) = connection.cursor().execute(f"PRAGMA {name}").fetchone()
                return value
        except (DatabaseError, sqlite3.Error) as error:
            raise _explained(error, self.path) from error

    def only(self, suppliers: Collection[str]) -> "Store":
        """Return the same database, in which only the orders of these suppliers can be read and changed. `close` closes both."""
        hide_others(engine := engine_of(self.path, agent=False), suppliers)
        self._limited.append(limited := Store(self.path, engine))
        return limited

    def changed_elsewhere(self) -> bool:
        """Tell whether anything was written outside of the turns since the last call. Takes microseconds, writes nothing."""
        version = self._pragma("data_version")
        changed = self._changed or version != self._data_version
        self._changed, self._data_version = False, version
        return changed

    def must_still_be_there(self) -> None:
        """Raise StateError if the file was moved or replaced: SQLite would continue to write to the old one."""
        try:
            same = self.path.stat().st_ino == self._inode
        except FileNotFoundError:
            same = False
        if not same:
            raise StateError(
                f"the database {self.path} was moved or replaced while the agent runs; "
                "the agent stops, so that it does not write to the old file",
                "stop the agent before a restore, then start it again",
            )

    def checkpoint(self) -> None:
        """Move the WAL into the database file. Only the agent does this."""
        self._pragma("wal_checkpoint(PASSIVE)")

    def backup(self, target: Path) -> None:
        """Write a consistent copy while the agent runs; the file is complete or missing."""
        with self._engine.connect() as connection:
            backup_copy.copy(_plain(connection), target)

    def close(self) -> None:
        """Close every connection."""
        for limited in self._limited:
            limited.close()
        self._engine.dispose()


def _explained(error: Exception, path: Path) -> AgentError:
    """Turn a database error into one for people: a LockedError if trying again may help."""
    text = str(error.orig if isinstance(error, DatabaseError) else error)  # SQLAlchemy's text contains the values
    if "locked" in text or "busy" in text:
        return LockedError(
            f"the database {path} is locked by another program",
            "close the program that edits it (for example a database browser with unsaved changes)",
        )
    if "full" in text or ("disk I/O error" in text and _is_nearly_full(path)):
        return FullError(
            f"the disk of {path} is full; nothing is sent until space is available", "free some disk space"
        )
    if any(
        words in text for words in ("too late to undo", "never deleted", "recorded by the database", "two suppliers")
    ):
        return AgentError(text)  # one of our triggers refused an action; nothing is wrong with the database
    if "readonly" in text or "unable to open" in text:
        return StateError(
            f"the database {path} cannot be written: {text}",
            "run it as a member of the group that owns the folder (see: supplier-agent check --offline)",
        )
    kind = (
        RefusedError if isinstance(error, (IntegrityError, DataError, InterfaceError, ProgrammingError)) else StateError
    )
    return kind(f"the database {path} answered: {text}", "supplier-agent check --offline, or restore a backup")


def _is_nearly_full(path: Path) -> bool:
    """Tell whether a disk error may mean a full disk: SQLite cannot create its shared memory then, and reports an I/O error."""
    try:
        return shutil.disk_usage(path.parent).free < 1 << 20
    except OSError:
        return False


def is_there(path: Path) -> bool:
    """Tell whether there is a database. Raises StateError if this user may not see the folder."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unusable(path, error) from error
    return True


def _unusable(path: Path, error: OSError) -> StateError:
    return StateError(
        f"the database {path} cannot be opened: {error.strerror}",
        "run it as a member of the group that owns the folder (see: supplier-agent check --offline)",
    )


def open_store(path: Path, *, agent: bool = False) -> Store:
    """Open the state database; only the agent creates and upgrades it.

    Raises StateError if it is missing (staff's commands) or damaged, ConfigError if it is newer than this program.
    """
    if agent:
        # SQLite would create the file without write access for staff. Its -wal and -shm files get the same mode.
        _touch(path)
    elif not is_there(path):
        raise _missing(path)
    engine, copy = engine_of(path, agent=agent), None
    try:
        if _is_empty(engine):  # at the first start, or after a crash during it
            if not agent:
                raise _missing(path)
            from supplier_agent.db.schema import create  # noqa: PLC0415 - no other start defines every table

            create(engine)
        else:
            copy = _upgrade(engine, path, allowed=agent)
        if agent:
            _guard(engine)
        return Store(path, engine, copy)
    except (DatabaseError, sqlite3.Error) as error:
        engine.dispose()
        raise _explained(error, path) from error
    except OSError as error:  # moved away at this moment
        engine.dispose()
        raise _unusable(path, error) from error
    except AgentError:
        engine.dispose()
        raise


def _touch(path: Path) -> None:
    try:
        os.close(files.opened(path, os.O_CREAT | os.O_RDWR, 0o660))
    except OSError as error:
        raise _unusable(path, error) from error


def _missing(path: Path) -> StateError:
    cure = "supplier-agent run --once --dry-run, then: supplier-agent run --once (or correct state_dir in the configuration)"
    return StateError(f"there is no database at {path} yet", cure)


def _is_empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0


def _upgrade(engine: Engine, path: Path, *, allowed: bool) -> Path | None:
    """Upgrade an older database, after a backup copy was made; return the copy. None: it is up to date."""
    with engine.connect() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").all()
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() if tables else None
    if found == SCHEMA:
        return None
    if found is None:
        raise StateError(f"{path} is a database, but not one of supplier-agent", "check state_dir in the configuration")
    from supplier_agent.db.migrations import known, upgrade  # noqa: PLC0415 - importing alembic takes longer than the rest of a start

    if found not in known():
        raise ConfigError(
            f"{path} was written by a newer supplier-agent (schema {found}; this one knows {SCHEMA})",
            "install that version again, or go back to the copy that it made before its upgrade: "
            f"supplier-agent restore {path.parent / backup_copy.FOLDER}/…",
        )
    if not allowed:
        raise StateError(
            f"{path} waits for an upgrade to schema {SCHEMA}", "start the agent once: supplier-agent run --once"
        )
    with engine.connect() as connection:
        copy = backup_copy.before_upgrade(_plain(connection), path, str(found))
    with engine.connect() as connection, connection.execution_options(begin="IMMEDIATE").begin():
        for view in ("damaged_orders", "damaged_calls"):  # otherwise SQLite would refuse to rebuild their tables
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view}")
    upgrade(engine)
    return copy


def _plain(connection: Connection) -> sqlite3.Connection:
    """Return the underlying SQLite connection."""
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)  # noqa: S101 - the engine makes no other
    return found


def _guard(engine: Engine) -> None:
    """Re-create triggers that differ from triggers.py; a start that changes nothing writes nothing."""
    with engine.connect() as connection, connection.execution_options(begin="IMMEDIATE").begin():
        rows = connection.exec_driver_sql("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
        found = {str(name): (str(kind), str(sql)) for name, kind, sql in rows}
        for name, sql in (TRIGGERS | DAMAGE).items():
            kind, present = found.get(name, ("", ""))
            if present != sql.strip():
                if present:
                    connection.exec_driver_sql(f"DROP {kind} {name}")
                connection.exec_driver_sql(sql.strip())
