"""The stage of the crash tests with all integrations on.

Here a process may die between the search for an order and its making in the shop, between an event and its delivery, and between an
answer about a sale and the call that relies on it.
"""

import random
from collections import Counter
from functools import partial
from pathlib import Path

from supplier_agent.calls.shop_order import SETTLE
from supplier_agent.sandbox.server import Sandbox
from tests.crash.stage import Make, Stage
from tests.world.books import SUPPLIER, Books, arrived
from tests.world.clocks import AheadClock
from tests.world.connected_rules import (
    OF_DEATHS,
    broken,
    every_event_arrives,
    every_order_is_in_the_shop,
    every_stage_is_told,
)
from tests.world.connections import connect, keys_of_supplier, webhooks
from tests.world.forks import Forks

LONGER = 3
"""A cycle has about so many times as many steps as without the integrations."""
AT_REST = (*OF_DEATHS, every_event_arrives, every_stage_is_told, every_order_is_in_the_shop)
LATER_SECONDS = SETTLE.total_seconds() + 60
"""After so long, a shop can no longer be at work on a request whose answer was lost."""
MORE_SECONDS, MOST_MORE = 60, 10
"""A shop that limits what requests cost needs some more of them for many orders."""


class ConnectedStage(Stage):
    """A marketplace, a receiver of webhooks, the support API and a shop; and one state folder."""

    def __init__(self, forks: Forks, folder: Path, sandbox: Sandbox, platform: str) -> None:
        super().__init__(forks, folder, sandbox)
        self._books_of_others = connect(self.world, sandbox.api.receiver, platform, is_strict=False)
        self._books_of_others.sells(self.world, SUPPLIER)
        own = keys_of_supplier(
            folder / "secrets", sandbox.url, self.world, platform, products=False, after_sales_per_day=0
        )
        for section in own.values():
            section["requests_per_second"] = 1000
        (webhook,) = webhooks(sandbox.url)
        self.settings["suppliers"][SUPPLIER] |= own
        self.settings["webhooks"] = [webhook | {"requests_per_second": 1000}]

    def work(self, dice: random.Random) -> None:
        """Let the shop's staff sell what is new, and fulfil some orders."""
        others = self._books_of_others
        with self.world.lock:
            others.sells(self.world, SUPPLIER)
            for number, this in others.references().items():
                if this not in others.fulfilled and dice.random() < 0.1:
                    others.shop.fulfil(number)
                    others.fulfilled[this].append((self.world.clock.monotonic(), True))

    def cycle(self, kill_at: int = 0, kill_after: float | None = None) -> tuple[int | None, list[str]]:
        """As on every stage; then note what was marked because of the shop."""
        ended = super().cycle(kill_at, kill_after)
        if self.there_is_a_state():
            self._note_marks()
        return ended

    def _note_marks(self) -> None:
        for at, this in self._books_of_others.new_marks(self._books().ask, self.world.clock):
            self.note(this, flagged=True, at=at)

    def _books(self) -> Books:
        return Books(self.state_dir, self.world, self.people, arrived(self.world), doubtful=self.doubtful)

    def rest(self) -> tuple[list[str], list[str], list[str]]:
        """Let one process work in peace, and another one when the shop can no longer be at work on anything."""
        wrong, endings, steps = super().rest()
        clock = self.world.clock
        assert isinstance(clock, AheadClock)
        for more in range(MOST_MORE):
            clock.ahead = self.ahead = LATER_SECONDS + more * MORE_SECONDS
            self.cycle()
            if all(call["state"] != "owed" for call in self._books().calls("shop_order").values()):
                break
        wrong += self.wrong() + broken(AT_REST, self._books(), self._books_of_others)
        return wrong, endings, steps

    def others(self) -> Counter[str]:
        """Return how much there is at the other sides."""
        return self._books_of_others.counted()


def with_all(platform: str) -> Make:
    """Return what makes such a stage, with a shop of that platform."""
    return partial(ConnectedStage, platform=platform)
