"""What the ways through the core begin with: an installation on a clock of its own."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from supplier_agent.sandbox.faults import Fault
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.tick.choose import LOOK_SECONDS
from tests.model.later import Later
from tests.world.harness import MONDAY, arrive, settings_for
from tests.world.mortal import MortalSite, SetClock, Spell


class Raise(Protocol):
    """Raises an installation of one supplier with so many listed orders; it has not been started."""

    def __call__(
        self,
        orders: int,
        supplier: str = "notio",
        semantics: Semantics = ...,
        **sections: Any,  # noqa: ANN401 - sections of the settings
    ) -> MortalSite: ...


def meets(endpoint: str, fault: Fault, times: int = 10**9) -> Callable[[str], Spell]:
    """Return a sky under which so many requests to an endpoint meet a fault."""
    left = itertools.repeat(fault, times)

    def over(asked: str) -> Spell:
        return Spell(fault=next(left, None)) if asked == endpoint else Spell()

    return over


def work_for(
    site: MortalSite, seconds: float, later: Later | None = None, until: Callable[[], bool] = lambda: False
) -> None:
    """Let time pass as the daemon does, also while an answer waits for a database that is locked.

    `later` has an answer for each of its requests before the next turn.
    """
    end = site.clock.monotonic() + seconds
    while site.clock.monotonic() < end and not until():
        while later is not None and later.waiting:
            later.make(0)
        site.clock.sleep(min(max(site.agent.turn(), 0.01), LOOK_SECONDS))


def first_request(site: MortalSite, later: Later) -> None:
    """Let time pass until a worker has something to do."""
    work_for(site, 3600, until=lambda: bool(later.waiting))


@pytest.fixture
def installation(tmp_path: Path) -> Raise:
    def make(
        orders: int,
        supplier: str = "notio",
        semantics: Semantics = Semantics(),  # noqa: B008 - it is frozen
        **sections: Any,  # noqa: ANN401 - sections of the settings
    ) -> MortalSite:
        clock = SetClock(MONDAY)
        world = World(clock.true, (supplier,))
        arrive(world, supplier, orders)
        settings = settings_for(tmp_path / "state", supplier, **({"ship": {"undo_seconds": 0}} | sections))
        return MortalSite(settings, world, clock, semantics)

    return make
