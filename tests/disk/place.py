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
from supplier_agent.db import state_folder
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.world.books import SUPPLIER, Attempt, Books, arrived, flagged_from_the_start, in_doubt
from tests.world.forks import cycle
from tests.world.invariants import BY_DEATHS_ALONE, broken

HASTE = 40.0
QUICK: Mapping[str, Any] = {
    "requests_per_second": 1000,
    "retry": {"first_seconds": 0.02, "max_seconds": 0.1, "label_first_seconds": 0.02, "once_patience_seconds": 0},
    "ship": {"undo_seconds": 0},
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


class Place:
    """One installation. `cycle` is one `run --once`; `wrong` compares what is on the disk with what really happened."""

    def __init__(self, state_dir: Path, sandbox: Sandbox) -> None:
        self.state_dir, self.sandbox, self.world = state_dir, sandbox, sandbox.world
        self.flagged: list[str] = []
        self.doubtful: set[Attempt] = set()
        self.said = ""
        supplier = {"token": self.world.tokens[SUPPLIER], "cache_seconds": 0}
        self.settings = Settings(base_url=sandbox.url, state_dir=state_dir, suppliers={SUPPLIER: supplier}, **QUICK)

    @property
    def database(self) -> Path:
        """Where the state is."""
        return self.state_dir / state_folder.DATABASE

    @property
    def ledger(self) -> Path:
        """Where the ship ledger is."""
        return self.state_dir / state_folder.LEDGER

    def cycle(self) -> int:
        """Run one cycle; return its exit code, and keep what it said to a person."""
        self.said = ""
        try:
            return cycle(self.settings, Hasty())
        except AgentError as error:
            self.said = str(error)
            return error.exit_code

    def note_doubts(self) -> None:
        """Note which ship calls the last cycle left in doubt: to be asked before the next one begins."""
        self.doubtful |= in_doubt(self.state_dir)

    def flag(self, *ids: str) -> None:
        """Flag orders as staff do."""
        self.flagged += ids
        for each in ids:
            self.sql("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", each)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Type a statement."""
        with closing(sqlite3.connect(self.database, isolation_level=None, timeout=5)) as connection:
            return connection.execute(statement, values).fetchall()

    def unflagged(self) -> list[str]:
        """Return the orders that nobody has flagged yet."""
        return [o.menzzo_order_id for o in self.world.orders(SUPPLIER) if o.menzzo_order_id not in self.flagged]

    def ships(self, menzzo_order_id: str | None = None) -> int:
        """Return how many ship calls have arrived."""
        return len(self.world.requests("ship-sale", SUPPLIER, menzzo_order_id))

    def wrong(self) -> list[str]:
        """Return every promise that is broken."""
        said = flagged_from_the_start(self.flagged)
        books = Books(self.state_dir, self.world, said, arrived(self.world), doubtful=self.doubtful)
        return broken(BY_DEATHS_ALONE, books)

    def is_told_plainly(self) -> bool:
        """Tell whether what was said is a sentence, and a cure on a line of its own."""
        return re.search(r"\A\S.{20,}\n {2}\S.{10,}\Z", self.said) is not None


@contextmanager
def place(state_dir: Path, orders: int = 2) -> Iterator[Place]:
    """Open a place whose orders are collected, acknowledged and labelled."""
    clock = SystemClock()
    world = World.with_orders(orders, today=clock.now().date(), clock=clock, suppliers=[SUPPLIER])
    with Sandbox(world) as sandbox:
        new = Place(state_dir, sandbox)
        assert new.cycle() == 0, new.said
        yield new
