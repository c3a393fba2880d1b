"""An installation with one order, whose calls a test chooses."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.calls import Calls
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.tick.context import Account
from supplier_agent.verdict.supplier import MARKETPLACE, SUPPORT
from tests.world.harness import ManualClock, Site, settings_for

SUPPLIER = "notio"
PDF = b"%PDF-1.4 a label\n%%EOF\n"
SELDOM = {"poll_seconds": 20 * 86_400, "off_hours_poll_seconds": 20 * 86_400, "sweep_seconds": 40 * 86_400}
"""The tests are about calls: the list is read once, which saves most of their time."""
Raise = Callable[..., Site]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Raise]:
    sites: list[Site] = []

    def make(kinds: Calls, orders: int = 1, **sections: Any) -> Site:  # noqa: ANN401 - sections are of many shapes
        clock = ManualClock()
        world = World(clock, (SUPPLIER,))
        for _ in range(orders):
            world.arrive(SUPPLIER).label = PDF
        on = {kind: {"enabled": True} for kind, call in kinds.items() if "enabled" in call.Section.model_fields}
        sections = {"calls": on, "ship": {"undo_seconds": 0}, "schedule": SELDOM} | sections
        shop = sections.pop("shop", None)
        settings = settings_for(tmp_path / "state", SUPPLIER, **sections)
        if shop is not None:
            settings = Settings(
                **{**dict(settings), "suppliers": {SUPPLIER: {"token": f"sandbox-{SUPPLIER}", "shop": shop}}}
            )
        site = Site(settings, world, clock, calls=kinds)
        elsewhere = {call.ACCOUNT for call in kinds.values()} - {MARKETPLACE, SUPPORT}
        site.others = lambda one: [nowhere(one, kind) for kind in elsewhere]
        sites.append(site)
        site.start()
        return site

    yield make
    for site in sites:
        if site.running:
            site.stop()


def nowhere(site: Site, kind: str) -> Account:
    """Return an account that has no tools: its calls are scripted."""
    return Account(f"{SUPPLIER}/{kind}", SUPPLIER, lambda _heard: None, Pace(site.clock, 1), kind=kind, token="")


def state(site: Site, kind: str) -> tuple[str, int]:
    """Return the state of the first call of that kind, and how often it was tried."""
    found = site.ask("SELECT state, attempts FROM calls WHERE kind = ? ORDER BY id LIMIT 1", kind)
    return found[0] if found else ("never owed", 0)


def ids(site: Site) -> list[str]:
    return [this for (this,) in site.ask("SELECT menzzo_order_id FROM orders ORDER BY id")]
