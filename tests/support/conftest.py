"""An installation whose supplier uses the support API, and a marketplace that plays it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.calls import CALLS
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.world.harness import LABEL, ManualClock, Site

SUPPLIER = "notio"
SELDOM = {"poll_seconds": 3600, "off_hours_poll_seconds": 3600, "sweep_seconds": 43200}
RARE = {"poll_seconds": 20 * 86_400, "off_hours_poll_seconds": 20 * 86_400, "sweep_seconds": 40 * 86_400}
"""For tests that last for weeks: the list is read once."""
TOKEN = "sandbox-support"
Raise = Callable[..., Site]


def settings_of(state_dir: Path, support: dict[str, Any] | None, **sections: Any) -> Settings:  # noqa: ANN401 - sections are of many shapes
    own = (
        {} if support is None else {"support": {"token": TOKEN, "products": False, "after_sales_per_day": 0} | support}
    )
    sections = {"schedule": SELDOM, "ship": {"undo_seconds": 120}} | sections
    return Settings(state_dir=state_dir, suppliers={SUPPLIER: {"token": f"sandbox-{SUPPLIER}"} | own}, **sections)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Raise]:
    """Return what makes an installation. support: keys of the section; None: it has none. Orders arrive as separate sales."""
    sites: list[Site] = []

    def make(support: dict[str, Any] | None = {}, orders: int = 1, **sections: Any) -> Site:  # noqa: ANN401, B006 - as above; read only
        clock = ManualClock()
        world = World(clock, (SUPPLIER,))
        for _ in range(orders):
            world.arrive(SUPPLIER).label = LABEL
        site = Site(settings_of(tmp_path / "state", support, **sections), world, clock, calls=CALLS)
        sites.append(site)
        site.start()
        site.run_for(60)
        return site

    yield make
    for site in sites:
        if site.running:
            site.stop()


def ids(site: Site) -> list[str]:
    return [this for (this,) in site.ask("SELECT menzzo_order_id FROM orders ORDER BY id")]


def state(site: Site, kind: str) -> tuple[str, int]:
    """Return the state of the first call of that kind, and how often it was tried."""
    found = site.ask("SELECT state, attempts FROM calls WHERE kind = ? ORDER BY id LIMIT 1", kind)
    return found[0] if found else ("never owed", 0)


def first(site: Site) -> str:
    """Return the increment id of the first order."""
    return ids(site)[0].rpartition("_")[0]


def events(site: Site) -> list[str]:
    return [what for (what,) in site.ask("SELECT what FROM events ORDER BY id")]
