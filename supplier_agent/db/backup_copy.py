"""Whole copies of the database: made while it is in use, checked, and there in full or not at all."""

import os
import shlex
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from supplier_agent.base import files
from supplier_agent.base.errors import StateError

FOLDER = "backups"
"""Below the state folder: the copies that are made before each upgrade."""
KEPT = 3
"""So many of them stay."""


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Write a consistent copy of an open database. Raises StateError if it cannot be written or is not sound.

    Root writes as the owner of the folder, so that the copy is that user's.
    """
    try:
        source.execute("PRAGMA schema_version").fetchone()  # opens its files while this is the user who may read them
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
        _onto_the_disk(target.parent)
    except (OSError, sqlite3.Error, StateError):
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)  # after SQLite's own: to close one drops every lock of this process on the file


def _must_be(descriptor: int, path: Path) -> None:
    """Raise StateError if a path leads to another file than the one that was made under it."""
    if not os.path.samestat(os.fstat(descriptor), path.lstat()):
        raise StateError(f"{path} was exchanged while it was written")


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
        f"{path} is no sound database of supplier-agent: {verdict}", "name a file that `supplier-agent backup` wrote"
    )


def opened(path: Path) -> sqlite3.Connection:
    """Open a copy for reading, and leave nothing beside it. What lies in a WAL beside it belongs to it."""
    wal = path.with_name(path.name + "-wal")
    mode = "rw" if wal.exists() and wal.stat().st_size else "ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)


def before_upgrade(source: sqlite3.Connection, database: Path, schema: str) -> Path:
    """Copy the database as it is before an upgrade into the folder beside it, and let the oldest of these copies go."""
    folder = database.parent / FOLDER
    try:
        files.folder(folder, 0o700)
    except OSError as error:
        raise StateError(
            f"the folder {folder} for the backup before the upgrade cannot be made: {error.strerror}",
            "give the agent's user the right to write there; nothing was upgraded",
        ) from error
    # The moment is the database's to say, as it is for flags (triggers.py).
    at = source.execute("SELECT strftime('%Y%m%dT%H%M%SZ', 'now')").fetchone()[0]
    target = folder / f"{database.stem}-{schema}-{at}{database.suffix}"
    copy(source, target)
    of_upgrades = sorted(folder.glob(f"{database.stem}-*Z{database.suffix}"), key=lambda path: path.stem[-len(at) :])
    for old in of_upgrades[:-KEPT]:
        old.unlink(missing_ok=True)
    return target


def _onto_the_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
