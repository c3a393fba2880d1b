"""A state folder next to a marketplace on loopback, and the books of both: where crash, together and disk take place."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

from supplier_agent.base.clock import Clock, SystemClock
from supplier_agent.db import state_folder
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.world.books import SUPPLIER, Attempt, Books, Said, arrived, ask, in_doubt, since
from tests.world.forks import flag
from tests.world.invariants import BY_DEATHS_ALONE, broken


class Installation:
    """One installation. `wrong` compares what is on the disk with what really happened."""

    def __init__(self, state_dir: Path, sandbox: Sandbox, **settings: Any) -> None:  # noqa: ANN401 - sections of the settings
        self.state_dir, self.sandbox, self.world = state_dir, sandbox, sandbox.world
        self.people: dict[str, Said] = {}
        """What they said of each order."""
        self.doubtful: set[Attempt] = set()
        self.settings = {
            "base_url": sandbox.url,
            "state_dir": str(state_dir),
            "ship": {"undo_seconds": 0},
            "suppliers": {SUPPLIER: {"token": self.world.tokens[SUPPLIER], "cache_seconds": 0}},
            **settings,
        }

    @property
    def database(self) -> Path:
        """Where the state is."""
        return self.state_dir / state_folder.DATABASE

    @property
    def ledger(self) -> Path:
        """Where the ship ledger is."""
        return self.state_dir / state_folder.LEDGER

    def there_is_a_state(self) -> bool:
        """Tell whether staff could flag anything yet: the triggers are made last."""
        made = "SELECT 1 FROM sqlite_master WHERE name = 'orders_flag_history'"
        return self.database.exists() and bool(ask(self.state_dir, made))

    def note(self, this: str, *, flagged: bool, at: float | None = None) -> None:
        """Note what people said of an order, now or at that moment."""
        moment = self.world.clock.monotonic() if at is None else at
        self.people.setdefault(this, Said()).flags.append((moment, flagged))

    def will_be_flagged(self, *ids: str) -> None:
        """Note that orders are flagged at a moment that nobody notes."""
        for each in ids:
            self.note(each, flagged=True, at=-inf)

    def flag(self, *ids: str) -> None:
        """Flag orders as staff do."""
        for each in ids:
            self.note(each, flagged=True)
        flag(self.database, *ids)

    @property
    def flagged(self) -> list[str]:
        """The orders that are flagged at this moment."""
        now = self.world.clock.monotonic()
        return [this for this, said in self.people.items() if since(said.flags, now) is not None]

    def unflagged(self) -> list[str]:
        """Return the orders that nobody has flagged yet."""
        return [o.menzzo_order_id for o in self.world.orders(SUPPLIER) if o.menzzo_order_id not in self.people]

    def ships(self, menzzo_order_id: str | None = None) -> int:
        """Return how many ship calls have arrived."""
        return len(self.world.requests("ship-sale", SUPPLIER, menzzo_order_id))

    def note_doubt(self) -> None:
        """After a death, note which ship calls nobody on this side can know about: to be asked before the next cycle begins."""
        if self.there_is_a_state():
            self.doubtful |= in_doubt(self.state_dir)

    def wrong(self) -> list[str]:
        """Return every promise that is broken."""
        books = Books(self.state_dir, self.world, self.people, arrived(self.world), doubtful=self.doubtful)
        return broken(BY_DEATHS_ALONE, books)


@contextmanager
def marketplace(orders: int, clock: Clock | None = None) -> Iterator[Sandbox]:
    """Open a marketplace whose one supplier has so many orders."""
    clock = clock or SystemClock()
    with Sandbox(World.with_orders(orders, today=clock.now().date(), clock=clock, suppliers=[SUPPLIER])) as sandbox:
        yield sandbox
