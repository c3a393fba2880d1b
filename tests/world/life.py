"""A simulated life: one installation whose agents come and go, the people around it, and the books of both sides.

Everything in it comes from one seed. simulation/ adds weather, deaths, clocks and tokens; semantics/ what a list may mean.
"""

import random
from collections.abc import Callable
from typing import Any

from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.tick.context import Account
from tests.world.books import Attempt, Books, in_doubt
from tests.world.harness import pass_time
from tests.world.mortal import Death, MortalSite, SetClock, Spell
from tests.world.staff import Staff

MOST_IDLE_SECONDS = 6 * 3600.0


class Life:
    """One installation of one supplier, from its first day on."""

    def __init__(
        self,
        settings: Settings,
        world: World,
        clock: SetClock,
        semantics: Semantics,
        seed: object,
        sky: Callable[[str], Spell] = lambda _: Spell(),
    ) -> None:
        (self.supplier,) = settings.suppliers
        self.dice = random.Random(str(seed))
        self.clock, self.world = clock, world
        self.site = MortalSite(settings, world, clock, semantics, self.dice.randrange(1 << 32), sky=sky)
        self.staff = Staff(self.site)
        self.doubtful: set[Attempt] = set()
        self.jumps: list[float] = []
        self.labels: dict[str, list[bytes]] = {}
        """What the marketplace served behind each order's links, the newest last, where it changed them."""

    # -- the process -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start an agent, again and again if it dies in that."""
        while not self.site.running:
            try:
                self.site.start()
            except Death:
                self._bury()

    def _bury(self) -> None:
        self.doubtful |= in_doubt(self.site.settings.state_dir)
        self.site.crash()
        self.clock.sleep(self.dice.uniform(5, 60))

    def or_die(self, act: Callable[[], float | None]) -> float | None:
        """Let the agent do something; if it dies of it, start the next one."""
        try:
            return act()
        except Death:
            self._bury()
            self.start()
            return None

    def restart(self) -> None:
        """Stop the agent in peace, and start the next one."""
        self.site.stop()
        self.start()

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let the agent work for so long, or until something holds; time goes straight to what it has to do next."""
        idle = lambda: self.site.nothing_before(MOST_IDLE_SECONDS)  # noqa: E731 - as short as it is
        pass_time(self.clock, seconds, lambda: self.or_die(self.site.turn), idle, until)

    def close(self) -> None:
        """Stop the agent, and send the people home."""
        if self.site.running:
            self.site.stop()
        self.staff.go_home()

    # -- what can be seen of it ------------------------------------------------------------------------------------

    @property
    def account(self) -> Account:
        """What the agent knows of the supplier."""
        return self.site.agent.accounts[self.supplier]

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database as staff do."""
        return self.site.ask(sql, *values)

    def books(self) -> Books:
        """Return the books of both sides."""
        settings = self.site.settings
        return Books(
            settings.state_dir,
            self.world,
            self.staff.said,
            self.site.wire.ships,
            self.supplier,
            self.doubtful,
            settings.ship.undo_seconds,
            self.jumps,
            settings.requests_per_second,
            self.labels,
        )
