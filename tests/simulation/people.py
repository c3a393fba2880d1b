"""What people do in a day, as the dice choose: flag, undo, flag the wrong order, hold, close, look at the truth and decide."""

import random
from collections.abc import Callable

from supplier_agent.base.errors import AgentError
from tests.world.harness import Site
from tests.world.staff import Staff

OPEN = "ship_confirmed_at IS NULL"
FLAGGABLE = "shipped = 0 AND closed_reason IS NULL"
READY = "label_path IS NOT NULL AND acknowledged_at IS NOT NULL"


class People(Staff):
    """The staff of one supplier's warehouse, and what they do by chance."""

    def __init__(self, site: Site, dice: random.Random) -> None:
        super().__init__(site)
        self._dice = dice
        self.too_late = 0
        self.wrong: list[str] = []  # flagged by mistake a moment ago, and to be taken back

    def do_something(self) -> None:
        """Do what comes up at this moment."""
        act: Callable[[], None] = self._dice.choices(
            (
                self.flag_some,
                self.flag_the_wrong_one,
                lambda: self._one(f"{OPEN} AND held_reason IS NULL", self.hold),
                lambda: self._one(f"{OPEN} AND closed_reason IS NULL", self.close),
                self.let_go,
                self.decide_all,
                self.retry_all,
            ),
            (8, 3, 1.5, 0.7, 2, 2, 1),
        )[0]
        act()

    def _one(self, condition: str, act: Callable[[str], None]) -> None:
        found = self.having(condition)
        if found:
            act(self._dice.choice(found))

    def flag_some(self) -> None:
        """Say of some orders that they have left: most of them are ready, a few are not."""
        ready = set(self.having(READY))
        for each in self.having(FLAGGABLE):
            if self._dice.random() < (0.6 if each in ready else 0.1):
                self.flag(each)

    def flag_the_wrong_one(self) -> None:
        """Flag an order that is still here; it is noticed within the undo time."""

        def flag(each: str) -> None:
            self.flag(each)
            self.wrong.append(each)

        self._one(FLAGGABLE, flag)

    def take_wrong_back(self) -> None:
        """Take back what was flagged by mistake."""
        wrong, self.wrong = self.wrong, []
        for each in wrong:
            try:
                self.take_back(each)
            except AgentError:
                self.too_late += 1

    def let_go(self, *, all_of_them: bool = False) -> None:
        """Release what is held, and reopen some of what was closed."""
        for each in self.having("held_reason IS NOT NULL"):
            if all_of_them or self._dice.random() < 0.5:
                self.release(each)
        for each in self.having("closed_reason IS NOT NULL"):
            if self._dice.random() < 0.3:
                self.reopen(each)

    def decide_all(self) -> None:
        """Answer for every ship call whose outcome is unknown."""
        for each in self.with_a_call("kind = 'ship' AND state = 'unknown'"):
            self.decide(each)

    def retry_all(self) -> None:
        """Try again all that is parked."""
        for each in self.with_a_call("state = 'parked'"):
            self.retry(each)
