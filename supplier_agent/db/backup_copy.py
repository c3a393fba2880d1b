"""Backup copies of the database: made while it is in use, checked, and complete or not there at all."""

import os
import shlex
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from supplier_agent.base import files
from supplier_agent.base.errors import StateError

FOLDER = "backups"
"""The folder in the state folder for the copies that are made before each upgrade."""
KEPT = 3
"""How many of them are kept."""


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Write a consistent copy of an open database. Raises StateError if it cannot be written or is damaged.

    Root writes as the owner of the folder, so that the copy belongs to that user.
    """
    try:
        source.execute("PRAGMA schema_version").fetchone()  # opens the files now, as the user who may read them
        with files.as_owner_of(target.parent):
            _write(source, target)
    except FileNotFoundError as error:
        raise StateError(
            f"the backup {target} could not be written: there is no folder {target.parent}",
            "make it first, for the agent's user: "
            f"sudo install -d -m 700 -o supplier-agent -g supplier-agent {shlex.quote(str(target.parent))}",
        ) from error
    except (OSError, sqlite3.Error, StateError) as error:
        raise StateError(
            f"the backup {target} could not be written: {error}", "choose another folder, or free some space"
        ) from error


def _write(source: sqlite3.Connection, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    descriptor = files.create(part)
    try:
        with closing(sqlite3.connect(part)) as written:
            source.backup(written, pages=1000)
        check(part)
        _must_be(descriptor, part)
        os.fsync(descriptor)
        part.replace(target)
        files.flush(target.parent)
    except (OSError, sqlite3.Error, StateError):
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)  # after SQLite's own: closing a descriptor drops every lock of this process on the file


def _must_be(descriptor: int, path: Path) -> None:
    """Raise StateError if a path no longer leads to the file that was created there."""
    if not os.path.samestat(os.fstat(descriptor), path.lstat()):
        raise StateError(f"{path} was replaced while it was written")


def check(path: Path) -> str:
    """Return the schema of a copy. Raises StateError if it is damaged, or not a database of supplier-agent."""
    try:
        with closing(opened(path)) as connection:
            verdict = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
            if verdict == "ok":
                return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        verdict = str(error)
    raise StateError(
        f"{path} is not a valid database of supplier-agent: {verdict}", "name a file that `supplier-agent backup` wrote"
    )


def opened(path: Path) -> sqlite3.Connection:
    """Open a copy for reading, without creating files next to it. A WAL file next to a copy is a part of it."""
    wal = path.with_name(path.name + "-wal")
    mode = "rw" if wal.exists() and wal.stat().st_size else "ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)


def before_upgrade(source: sqlite3.Connection, database: Path, schema: str) -> Path:
    """Copy the database before an upgrade into the folder next to it, and delete the oldest of these copies."""
    folder = database.parent / FOLDER
    try:
        files.folder(folder, 0o700)
    except OSError as error:
        raise StateError(
            f"the folder {folder} for the backup before the upgrade cannot be made: {error.strerror}",
            "give the agent's user the right to write there; nothing was upgraded",
        ) from error
    # The time comes from the database, as for flags (triggers.py).
    at = source.execute("SELECT strftime('%Y%m%dT%H%M%SZ', 'now')").fetchone()[0]
    target = folder / f"{database.stem}-{schema}-{at}{database.suffix}"
    copy(source, target)
    of_upgrades = sorted(folder.glob(f"{database.stem}-*Z{database.suffix}"), key=lambda path: path.stem[-len(at) :])
    for old in of_upgrades[:-KEPT]:
        old.unlink(missing_ok=True)
    return target
