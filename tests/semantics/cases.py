"""What the document leaves open, as cases: one marketplace, and some days in the life of an agent that reads it.

Orders come in one by one and in bursts; some are listed hours or days late, below numbers that are known by then. The agent
is stopped and started again, in the middle of a reading too. People flag what is ready.
"""

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from tests.world.harness import LABEL, MONDAY, settings_for
from tests.world.life import Life
from tests.world.mortal import SetClock

CACHE_SECONDS = {"asir-group": 1800, "notio": 0}
HOURS = 38
QUIET_HOURS = 13
"""At the end nothing comes in any more, and two sweeps are due."""
AMOUNTS = {1: (4, 4), 3: (7, 4), 20: (21, 4)}
"""By page size: orders before the start, and single orders after it. Small pages cost many requests."""

CHOICES: dict[str, tuple[Any, ...]] = {
    "cursor": ("exclusive", "inclusive", "ignored", "refused_when_unknown", "always_refused"),
    "order": ("oldest", "newest", "shuffled"),
    "page": ("honoured", "ignored_beside_cursor", "ignored"),
    "past_end": ("empty", "repeat_last", "not_found"),
    "acknowledged": ("stay", "vanish"),
    "cursor_in_cache_key": (True, False),
    "supplier": ("asir-group", "notio"),
    "page_size": (1, 3, 20),
}


@dataclass(frozen=True)
class Case:
    """One way in which the marketplace may behave."""

    cursor: str = "exclusive"
    order: str = "oldest"
    page: str = "honoured"
    past_end: str = "empty"
    acknowledged: str = "stay"
    cursor_in_cache_key: bool = False
    supplier: str = "asir-group"
    page_size: int = 20

    def __str__(self) -> str:
        """Return what differs from the plainest reading, as a test's id."""
        told = [getattr(self, each.name) for each in fields(self) if getattr(self, each.name) != each.default]
        words = {True: "cursor-cached", False: ""}
        return "-".join(words.get(each, str(each)) if isinstance(each, bool) else str(each) for each in told) or "plain"

    @property
    def semantics(self) -> Semantics:
        """Return the sandbox's switches."""
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "supplier"}
        return Semantics(**told, cache_seconds=CACHE_SECONDS)

    @property
    def can_be_read(self) -> bool:
        """Tell whether there is a way to every row: by page, or by a cursor that goes through the list in its order."""
        if self.page != "ignored":
            return True
        return self.order == "oldest" and (
            self.cursor in {"exclusive", "refused_when_unknown"} or (self.cursor == "inclusive" and self.page_size > 1)
        )


def every_case() -> Iterator[Case]:
    """Return the whole matrix."""
    for values in itertools.product(*CHOICES.values()):
        yield Case(**dict(zip(CHOICES, values, strict=True)))


def some_cases(number: int, seed: int) -> list[Case]:
    """Return that many cases of the matrix, the same for the same seed."""
    return random.Random(seed).sample(list(every_case()), number)


class ReadLife(Life):
    """A life with a marketplace of that case."""

    def __init__(self, case: Case, folder: Path, seed: int = 1, orders: Iterable[Order] = (), **sections: Any) -> None:  # noqa: ANN401 - sections of the settings
        clock = SetClock(MONDAY)
        world = World(clock.true, (case.supplier,))
        for order in orders:
            world.add(order)
        settings = settings_for(folder, case.supplier, **sections)
        super().__init__(settings, world, clock, case.semantics, f"{case} {seed}")
        self.case = case

    def run_into_a_read(self) -> None:
        """Go on until a read has begun, and some pages further."""
        self.run(3 * 3600, until=lambda: self.account.run is not None)
        self.run(self.dice.uniform(0, 4))

    def flag_some(self) -> None:
        """Flag one order in five."""
        self.staff.flag_by_sql(*(each for each in self.staff.having("shipped = 0") if self.dice.random() < 0.2))


def live(case: Case, folder: Path, seed: int = 1, hours: int = HOURS) -> ReadLife:
    """Let agents live with this marketplace for so many hours, from a Monday morning on; the last one has stopped."""
    orders = _orders(case, random.Random(f"{case} {seed}"), MONDAY, hours - QUIET_HOURS)
    life = ReadLife(case, folder, seed, orders, ship={"undo_seconds": 0})
    clock, dice = life.clock, life.dice
    end = clock.monotonic() + hours * 3600
    life.start()
    life.run_into_a_read()
    life.restart()
    while clock.monotonic() < end - 2 * 3600:
        life.run(min(dice.uniform(3, 11) * 3600, end - 3600 - clock.monotonic()))
        life.flag_some()
        if dice.random() < 0.5:
            life.run_into_a_read()
        life.restart()
    life.run(end - clock.monotonic())
    life.run(1800, until=lambda: life.account.run is None)
    life.close()
    return life


def _orders(case: Case, dice: random.Random, start: datetime, hours: int) -> Iterator[Order]:
    """Return the orders by the moment at which customers made them: their numbers rise with it."""
    before, after = AMOUNTS[case.page_size]
    made = [start - timedelta(hours=dice.uniform(1, 24 * 11)) for _ in range(before)]
    made += [start + timedelta(hours=dice.uniform(0, hours)) for _ in range(after)]
    # Some at once, and more than a page right before a sweep is due.
    for burst, size in ((dice.uniform(0, hours), 4), (5.95, case.page_size + 2)):
        made += [start + timedelta(hours=burst)] * size
    latest = start + timedelta(hours=hours)
    increment, sale_product = 15_000_012_345, 700
    for at in sorted(made):
        increment += dice.choice((0, 1, 1, 4))
        sale_product += dice.randint(1, 3)
        late = dice.random() < 0.2
        listed = min(latest, max(at, start) + timedelta(hours=dice.uniform(1, hours))) if late else at
        yield Order(
            case.supplier,
            f"{increment}_{sale_product}",
            "SOFA-OSLO-3P-GREY",
            1,
            25000,
            "CHRONOPOST",
            at.date(),
            visible_from=max(at, listed),
            label=LABEL,
        )
