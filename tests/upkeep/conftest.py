"""Databases of earlier releases, with rows in every table."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DUMPS = sorted(HERE.glob("schema_*.sql"))

Rows = dict[str, list[dict[str, Any]]]


def made_from(dump: Path, database: Path) -> Path:
    """Write the database that a release left behind."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=wal")
        connection.executescript(dump.read_text())
    return database


def rows_of(database: Path) -> Rows:
    """Return every row of every table but alembic's own, by the table's name."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version'")
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY rowid")]
            for (name,) in tables.fetchall()
        }


def schema_of(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@pytest.fixture(params=DUMPS, ids=lambda dump: dump.stem)
def dump(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def old(dump: Path, tmp_path: Path) -> Path:
    """Return a database that waits for its upgrade."""
    return made_from(dump, tmp_path / "agent.db")
