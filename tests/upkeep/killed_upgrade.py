"""Upgrades of one database, each killed before another statement: `python -m tests.upkeep.killed_upgrade DATABASE EVERY`.

Prints one JSON line for each: how many statements it got to, and the schema that the next look found.
"""

import itertools
import json
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, event

from supplier_agent.db.migrations import known
from supplier_agent.db.store import open_store


def upgrade(database: Path, most: int) -> None:
    """Open the database as the agent does; die before the statement after so many."""
    statements = itertools.count()

    @event.listens_for(Engine, "before_cursor_execute")
    def count(*_what: object) -> None:
        if next(statements) == most:
            os.kill(os.getpid(), signal.SIGKILL)

    open_store(database, agent=True).close()


def main(original: Path, every: int) -> None:
    """Kill it earlier and later, until it comes to its end."""
    known()  # what is loaded once need not be loaded by each child
    for most in itertools.count(0, every):
        database = original.with_name(f"killed-{most}") / original.name
        database.parent.mkdir()
        shutil.copy(original, database)
        child = os.fork()
        if child == 0:
            upgrade(database, most)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        with closing(sqlite3.connect(database)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
            (schema,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        told = {"statements": most, "killed": os.WIFSIGNALED(status), "verdict": verdict, "schema": schema}
        print(json.dumps(told))  # noqa: T201 - what this is for
        if not os.WIFSIGNALED(status):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
