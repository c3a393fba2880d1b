"""A state folder, its marketplace, and cycles of the agent on it whose clock is forty times as fast."""

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from supplier_agent.base.clock import SystemClock
from supplier_agent.base.errors import AgentError
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.settings import Settings
from tests.world.forks import cycle
from tests.world.installation import Installation, marketplace

HASTE = 40.0
QUICK: Mapping[str, Any] = {
    "requests_per_second": 1000,
    "retry": {"first_seconds": 0.02, "max_seconds": 0.1, "label_first_seconds": 0.02, "once_patience_seconds": 0},
    "http": {"timeout_seconds": 600},
}


class Hasty(SystemClock):
    """A clock that runs forty times as fast: what waits a minute for a lock gives up after one second and a half."""

    def monotonic(self) -> float:
        """Return hasty seconds."""
        return time.monotonic() * HASTE

    def sleep(self, seconds: float) -> None:
        """Wait a fortieth of that."""
        time.sleep(max(0.0, seconds / HASTE))


class Place(Installation):
    """One installation. `cycle` is one `run --once` in this process."""

    def __init__(self, state_dir: Path, sandbox: Sandbox) -> None:
        super().__init__(state_dir, sandbox, **QUICK)
        self.said = ""

    def cycle(self) -> int:
        """Run one cycle; return its exit code, and keep what it said to a person."""
        self.said = ""
        try:
            return cycle(Settings(**self.settings), Hasty())
        except AgentError as error:
            self.said = str(error)
            return error.exit_code

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Type a statement."""
        with closing(sqlite3.connect(self.database, isolation_level=None, timeout=5)) as connection:
            return connection.execute(statement, values).fetchall()

    def is_told_plainly(self) -> bool:
        """Tell whether what was said is a sentence, and a fix on a line of its own."""
        return re.search(r"\A\S.{20,}\n {2}\S.{10,}\Z", self.said) is not None


@contextmanager
def place(state_dir: Path, orders: int = 2) -> Iterator[Place]:
    """Open a place whose orders are collected, acknowledged and labelled."""
    with marketplace(orders) as sandbox:
        new = Place(state_dir, sandbox)
        assert new.cycle() == 0, new.said
        yield new
