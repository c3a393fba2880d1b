"""One marketplace, one state, and agents that are started on it all at once, again and again; then the books are compared."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.state_folder import DATABASE
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.world.books import SUPPLIER, Books, arrived, flagged_from_the_start
from tests.world.forks import Forks, flag
from tests.world.invariants import BY_DEATHS_ALONE, broken

FLAGGED_AT_ONCE = 5
ARRIVING_AT_ONCE = 1
DONE, BUSY = 0, 75
LOCKS = ("held", "deleted", "none")


class Crowd:
    """A fork server, a marketplace that answers after some milliseconds, and a state folder of its own."""

    def __init__(self, folder: Path, starts: int) -> None:
        clock = SystemClock()
        orders = FLAGGED_AT_ONCE * (starts + 1)
        self.world = World.with_orders(orders, today=clock.now().date(), clock=clock, suppliers=[SUPPLIER])
        self.state_dir, self.sandbox = folder / "state", Sandbox(self.world)
        self._forks = Forks()
        self.flagged: list[str] = []
        self.codes: Counter[int | None] = Counter()

    def __enter__(self) -> Self:
        """Start the marketplace and the fork server, and let one agent collect all orders in peace."""
        self.sandbox.start()
        self._forks.__enter__()
        assert self.start(1, "held") == [DONE]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End both."""
        self._forks.__exit__(kind, error, at)
        self.sandbox.stop()

    def start(self, processes: int, lock: str) -> Sequence[int | None]:
        """Start so many agents at the same instant; return their exit codes."""
        settings = {
            "base_url": self.sandbox.url,
            "state_dir": str(self.state_dir),
            "requests_per_second": 2000,
            "retry": {"first_seconds": 0.02, "max_seconds": 0.1, "label_first_seconds": 0.02},
            "ship": {"undo_seconds": 0},
            "suppliers": {SUPPLIER: {"token": self.world.tokens[SUPPLIER]}},
        }
        return self._forks.run(settings, processes=processes, lock=lock)

    def rush(self, processes: int, lock: str) -> Sequence[int | None]:
        """Flag some orders, let some arrive, and start the agents on them."""
        waiting = [o.menzzo_order_id for o in self.world.orders(SUPPLIER) if o.menzzo_order_id not in self.flagged]
        chosen = waiting[:FLAGGED_AT_ONCE]
        self.flagged += chosen
        flag(self.state_dir / DATABASE, *chosen)
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
        books = Books(self.state_dir, self.world, flagged_from_the_start(self.flagged), arrived(self.world))
        return found + broken(BY_DEATHS_ALONE, books)
