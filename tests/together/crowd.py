"""One marketplace, one state, and agents that are started on it all at once, again and again; then the books are compared."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.crash.truth import SUPPLIER, violations

ROOT = Path(__file__).parents[2]
FLAGGED_AT_ONCE = 5
ARRIVING_AT_ONCE = 1
DONE, BUSY = 0, 75
OVERTAKEN = ("label is dropped", "acknowledge is dropped")
"""Without the lock two agents may fetch the same label; the slower one's claim has lapsed, and the order has what it needs."""
LOCKS = ("held", "deleted", "none")


class Crowd:
    """The driver, a marketplace that answers after some milliseconds, and a state folder of its own."""

    def __init__(self, folder: Path, starts: int) -> None:
        clock = SystemClock()
        orders = FLAGGED_AT_ONCE * (starts + 1)
        self.world = World.with_orders(orders, today=clock.now().date(), clock=clock, suppliers=[SUPPLIER])
        self.state_dir, self.sandbox = folder / "state", Sandbox(self.world)
        self.flagged: list[str] = []
        self.codes: Counter[int] = Counter()

    def __enter__(self) -> Self:
        """Start the marketplace and the driver, and let one agent collect all orders in peace."""
        self.sandbox.start()
        self._driver = subprocess.Popen(
            [sys.executable, "-m", "tests.together.driver"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.start(1, "held") == [DONE]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End both."""
        self._driver.communicate()
        self.sandbox.stop()

    def start(self, processes: int, lock: str) -> list[int]:
        """Start so many agents at the same instant; return their exit codes."""
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        settings = {
            "base_url": self.sandbox.url,
            "state_dir": str(self.state_dir),
            "requests_per_second": 2000,
            "retry": {"first_seconds": 0.02, "max_seconds": 0.1, "label_first_seconds": 0.02},
            "ship": {"undo_seconds": 0},
            "suppliers": {SUPPLIER: {"token": self.world.tokens[SUPPLIER]}},
        }
        task = {"settings": settings, "processes": processes, "lock": lock}
        self._driver.stdin.write(json.dumps(task) + "\n")
        self._driver.stdin.flush()
        codes: list[int] = json.loads(self._driver.stdout.readline())["codes"]
        return codes

    def rush(self, processes: int, lock: str) -> list[int]:
        """Flag some orders, let some arrive, and start the agents on them."""
        waiting = [o.menzzo_order_id for o in self.world.orders(SUPPLIER) if o.menzzo_order_id not in self.flagged]
        chosen = waiting[:FLAGGED_AT_ONCE]
        self.flagged += chosen
        with closing(sqlite3.connect(self.state_dir / "agent.db", isolation_level=None)) as connection:
            for each in chosen:
                connection.execute("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", [each])
        for _ in range(ARRIVING_AT_ONCE):
            self.world.arrive(SUPPLIER)
        codes = self.start(processes, lock)
        self.codes.update(codes)
        return codes

    def sent(self) -> list[str | None]:
        """Return the order of every ship call that has arrived."""
        return [line.menzzo_order_id for line in self.world.requests("ship-sale", SUPPLIER)]

    def wrong(self) -> list[str]:
        """Let one agent finish what is left, and return every promise that is broken."""
        last = self.start(1, "held")
        sent: Counter[str | None] = Counter(self.sent())
        found = [] if sent == Counter(self.flagged) else [f"sent {sent}, owed {self.flagged}"]
        found += [] if last == [DONE] else [f"the last, alone, ended with {last}"]
        found += violations(self.state_dir, self.world, self.flagged, set())
        return [each for each in found if each not in OVERTAKEN]
