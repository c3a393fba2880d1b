"""What the tests of the commands share: an installation without a marketplace, and the real program as a process of its own."""

import contextlib
import io
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import cli
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Order
from tests.unit.conftest import keep, ready

__all__ = ["keep"]

PROGRAM = [sys.executable, "-m", "supplier_agent"]
ROOT = Path(__file__).parents[2]
CONFIG = '[suppliers.notio]\ntoken = "t"\n[suppliers.asir-group]\ntoken = "t"\n'


class Installation:
    """A configuration and a state database, and the program as a person starts it."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.store, self.folder = store, folder
        self.config = folder / "supplier-agent.toml"
        self.config.write_text(f'state_dir = "{folder}"\n{CONFIG}')

    def words(self, *words: str | bytes) -> list[str | bytes]:
        """Return the command with its configuration."""
        return [*PROGRAM, "--config", str(self.config), *words]

    def start(self, *words: str | bytes, env: Mapping[str, Any] | None = None, **how: Any) -> "subprocess.Popen[bytes]":  # noqa: ANN401 - as Popen takes it
        """Start a command."""
        around: dict[str, Any] = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        process: subprocess.Popen[bytes] = subprocess.Popen(self.words(*words), env=around, **how)
        return process

    def run(
        self, *words: str | bytes, stdin: bytes = b"", env: Mapping[str, Any] | None = None
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command to its end. No command may end with a traceback."""
        pipe = subprocess.PIPE
        with self.start(*words, env=env, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            out, err = process.communicate(stdin, timeout=60)
        assert b"Traceback" not in err, err.decode(errors="replace")
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def told(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in this process, which takes a tenth of the time."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(["--config", str(self.config), *words])
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def said(self, *words: str) -> str:
        """Run a command in this process, which succeeds, and return its results."""
        done = self.told(*words)
        assert done.returncode == 0
        return done.stdout

    def ask(self, statement: str) -> list[Any]:
        """Return the rows of a statement, as staff type it."""
        with closing(sqlite3.connect(self.folder / "agent.db", timeout=30)) as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def keep(self, orders: Sequence[Order]) -> None:
        """Store orders."""
        with self.store.write() as tx:
            tx.add_all(orders)


@pytest.fixture
def here(tmp_path: Path, store: Store) -> Installation:
    return Installation(tmp_path, store)


IDS = tuple(f"15000003000_{number}" for number in range(4000, 4008))


@pytest.fixture
def eight(here: Installation) -> Installation:
    """Return an installation with eight orders that are ready to leave."""
    here.keep([ready(each) for each in IDS])
    return here
