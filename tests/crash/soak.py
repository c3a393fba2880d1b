"""An installation that dies again and again, at a step or an instant that the dice choose, while orders come in and people work."""

import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.stage import Make, Stage, stage
from tests.world.books import SUPPLIER, ask
from tests.world.forks import Forks

MOST_ORDERS = 40
MOST_STEPS = (12, 30, 60)
"""A cycle has some twenty steps in which nothing is new, and some ten more for each order."""
MOST_SECONDS = 0.25
"""A whole cycle takes about so long."""


@dataclass
class Lap:
    """What came of one installation. `wrong` is in words, each with the seed."""

    seed: int
    at_steps: int = 0
    at_instants: int = 0
    survived: int = 0  # cycles that ended before their death came
    orders: int = 0
    flagged: int = 0
    shipped: int = 0
    unknown: int = 0
    undone: int = 0
    others: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def live(forks: Forks, folder: Path, seed: int, kills: int, make: Make = Stage, longer: int = 1) -> Lap:
    """Die so many times, then work once in peace, and compare the books. The seed chooses all but the instants' exact step.

    longer: so many times as long a cycle lasts in the installation that `make` makes.
    """
    dice, lap = random.Random(seed), Lap(seed)
    with stage(forks, folder, dice.randint(1, 4), make) as here:
        here.people.clear()
        people = People(here, dice)
        while lap.at_steps + lap.at_instants < kills:
            people.work()
            here.work(dice)
            at_step = dice.random() < 0.5
            kill_at = dice.randint(1, longer * dice.choice(MOST_STEPS))
            kill_after = dice.uniform(0, longer * MOST_SECONDS)
            code, _ = here.cycle(kill_at) if at_step else here.cycle(kill_after=kill_after)
            lap.at_steps += code is None and at_step
            lap.at_instants += code is None and not at_step
            lap.survived += code is not None
            here.note_doubt()
            if code not in {None, 0, 1}:
                lap.wrong.append(f"seed {seed}: a cycle ended with {code}")
        people.come_to_an_end()
        lap.wrong += [f"seed {seed}: {fault}" for fault in here.rest()[0]]
        lap.orders, lap.flagged = len(here.world.orders(SUPPLIER)), len(here.flagged)
        lap.shipped = sum(bool(order.shipped_at) for order in here.world.orders(SUPPLIER))
        lap.unknown, lap.undone, lap.others = len(here.doubtful), people.undone, here.others()
    return lap


class People:
    """The marketplace's customers, and staff who flag and take back, between two deaths."""

    def __init__(self, here: Stage, dice: random.Random) -> None:
        self._here, self._dice = here, dice
        self.undone = 0

    def work(self) -> None:
        """Let an order come in now and then, flag some, and take a flag back."""
        dice, here = self._dice, self._here
        if dice.random() < 0.25 and len(here.world.orders(SUPPLIER)) < MOST_ORDERS:
            here.world.arrive(SUPPLIER)
        if not here.there_is_a_state():
            return
        for row in ask(here.state_dir, "SELECT menzzo_order_id FROM orders WHERE shipped = 0 ORDER BY id"):
            if dice.random() < 0.3:
                here.flag(row["menzzo_order_id"])
        if here.flagged and dice.random() < 0.15:
            self._take_back(dice.choice(here.flagged))

    def come_to_an_end(self) -> None:
        """Flag all that was taken back, so that everything has an end to come to."""
        for this in self._here.people.keys() - set(self._here.flagged):
            self._here.flag(this)

    def _take_back(self, this: str) -> None:
        with closing(sqlite3.connect(self._here.database, isolation_level=None)) as connection:
            try:
                connection.execute("UPDATE orders SET shipped = 0 WHERE menzzo_order_id = ?", [this])
            except sqlite3.IntegrityError:
                return  # too late, and said so
        self.undone += 1
        self._here.note(this, flagged=False)
