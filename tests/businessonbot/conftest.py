"""An agent, a marketplace, a shop and a bot, without sockets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.reports import health
from supplier_agent.sandbox.shops import Shop, open_shop
from supplier_agent.sandbox.shops.store import CHECKOUT, Placed
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.shops.conftest import SELDOM, SUPPLIER, URL, shop_section
from tests.world.harness import LABEL, ManualClock, Site

ACCOUNT = f"{SUPPLIER}/businessonbot"
KEY = "sandbox-guest"


@dataclass
class Town:
    """What a test looks at."""

    site: Site
    shop: Shop
    folder: Path

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.site.world.bot.messages

    def place(self, **given: object) -> Placed:
        """Let a customer of the shop place an order there, or a program, with `created_via`."""
        return self.shop.store.place("processing", {**CHECKOUT, **given})

    def live(self, seconds: float = 1800) -> None:
        """Let time pass: the shop is read every quarter of an hour, because each read takes time in the tests, too."""
        self.site.run_for(seconds, 900)

    def calls(self) -> list[tuple[Any, ...]]:
        return self.site.ask("SELECT state, attempts FROM calls WHERE kind = 'dispatched' ORDER BY id")

    def asked(self) -> int:
        """Return how many requests the bot got."""
        return len([each for each in self.site.world.log if each.endpoint == "businessonbot"])

    def problems(self) -> list[tuple[str, str, str]]:
        with self.site.agent.ctx.store.read() as tx:
            found = health.problems(tx, self.site.settings, now=self.site.clock.now())
        return [(each.supplier or "", each.code, each.what) for each in found]

    def again(self, settings: Settings) -> None:
        """Stop, and start with another configuration."""
        self.site.stop()
        self.site.settings = settings
        self.site.start()


Raise = Callable[..., Town]


def settings_of(folder: Path, shop: Shop, **bot: object) -> Settings:
    key = folder / "guest"
    if not key.exists():
        key.write_text(KEY)
    section = {"url": f"{URL}/businessonbot", "key_file": key, "send_dispatched": True} | bot
    own = shop_section(folder, "woocommerce", shop.credentials, read_back_seconds=900)
    return Settings(
        state_dir=folder / "state",
        schedule=SELDOM,
        ship={"undo_seconds": 0},
        suppliers={SUPPLIER: {"token": f"sandbox-{SUPPLIER}", "shop": own, "businessonbot": section}},
    )


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Raise]:
    sites: list[Site] = []

    def make(orders: int = 0, **bot: object) -> Town:
        clock = ManualClock()
        world = World(clock, (SUPPLIER,))
        shop = world.shops["woocommerce"] = open_shop("woocommerce", clock)
        for _ in range(orders):
            order = world.arrive(SUPPLIER)
            order.label = LABEL
            shop.store.sells(order.sku)
        site = Site(settings_of(tmp_path, shop, **bot), world, clock)
        sites.append(site)
        site.start()
        made = Town(site, shop, tmp_path)
        made.live(60)
        return made

    yield make
    for site in sites:
        if site.running:
            site.stop()
