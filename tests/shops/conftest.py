"""An installation whose supplier has a shop of its own, without sockets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.sandbox.faults import LogLine
from supplier_agent.sandbox.shops import PLATFORMS, Shop, ShopSemantics, open_shop
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.settings.shop import CREDENTIALS
from tests.world.harness import LABEL, ManualClock, Site

SUPPLIER = "notio"
ACCOUNT = f"{SUPPLIER}/shop"
HOUR, DAY = 3600, 86_400
SELDOM = {"poll_seconds": 3600, "off_hours_poll_seconds": 3600, "sweep_seconds": 43200}
URL = "https://api.menzzo.fr"


@dataclass
class Connected:
    """An agent, a marketplace and a shop."""

    site: Site
    shop: Shop
    platform: str

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.site.ask(sql, *values)

    @property
    def calls(self) -> list[tuple[Any, ...]]:
        return self.site.ask("SELECT state, attempts, detail FROM calls WHERE kind = 'shop_order' ORDER BY id")

    @property
    def placed(self) -> list[int]:
        return [*self.shop.store.orders]

    def asked(self, method: str = "") -> list[LogLine]:
        """Return the requests that the shop got."""
        return [each for each in self.site.world.log if each.endpoint == self.platform and method in {"", does(each)}]

    def events(self) -> list[tuple[Any, ...]]:
        return self.site.ask("SELECT who, what, detail FROM events ORDER BY id")

    def shipped(self) -> list[tuple[Any, ...]]:
        return self.site.ask("SELECT shipped, ship_confirmed_at IS NOT NULL FROM orders ORDER BY id")

    def problems(self) -> list[tuple[str, str, str]]:
        from supplier_agent.reports import health  # noqa: PLC0415 - for a few tests alone

        with self.site.agent.ctx.store.read() as tx:
            found = health.problems(tx, self.site.settings, now=self.site.clock.now())
        return [(each.supplier or "", each.code, each.what) for each in found]


CREATES = {"woocommerce": "POST", "magento": "PUT", "shopify": "POST", "bigcommerce": "POST"}
NEW = {"woocommerce": "processing", "magento": "processing", "shopify": "processing", "bigcommerce": "11"}
"""The status of an order that is paid and not sent."""


def does(line: LogLine) -> str:
    """Return the method with which a request would be made elsewhere: with GraphQL and for a token, each is a POST."""
    reads = line.operation not in {None, "createOrder"} or line.target.endswith("/oauth/access_token")
    return "GET" if reads else line.method


def shape(platform: str, reference: str | None, supplier: str) -> dict[str, Any]:
    """Return what an order of the shop has if it was made for ours. supplier: "" if it does not say."""
    pairs = {"menzzo_order_id": reference, "menzzo_supplier": supplier}
    attributes = [{"key": key, "value": value} for key, value in pairs.items() if value]
    source = f"menzzo:{supplier}" if supplier else None
    match platform:
        case "woocommerce":
            return {"billing": {"last_name": reference}, "meta_data": attributes}
        case "shopify":
            return {"sourceIdentifier": reference, "customAttributes": attributes}
        case "bigcommerce":
            return {"external_order_id": reference, "external_source": source}
    return {"ext_order_id": reference, "ext_customer_id": source, "items": [{"sku": "X", "qty_ordered": 1}]}


Connect = Callable[..., Connected]


ONE_PLATFORM = pytest.mark.parametrize("platform", ["woocommerce"], indirect=True)
"""For what no file of a platform takes part in: with one platform it is seen as well as with all."""


@pytest.fixture(
    params=["woocommerce", *(pytest.param(each, marks=pytest.mark.slow) for each in PLATFORMS if each != "woocommerce")]
)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(tmp_path: Path, platform: str) -> Iterator[Connect]:
    sites: list[Site] = []

    def make(
        orders: int = 1,
        *,
        semantics: ShopSemantics | None = None,
        sells: bool = True,
        start: bool = True,
        sections: dict[str, Any] | None = None,
        **keys: object,
    ) -> Connected:
        clock = ManualClock()
        world = World(clock, (SUPPLIER,))
        shop = world.shops[platform] = open_shop(platform, clock, semantics)
        for _ in range(orders):
            order = world.arrive(SUPPLIER)
            order.label = LABEL
            if sells and order.sku not in {each.sku for each in shop.store.products.values()}:
                shop.store.sells(order.sku)
        section = shop_section(tmp_path, platform, shop.credentials, **keys)
        settings = Settings(
            state_dir=tmp_path / "state",
            suppliers={SUPPLIER: {"token": f"sandbox-{SUPPLIER}", "shop": section}},
            **({"schedule": SELDOM, "ship": {"undo_seconds": 120}} | (sections or {})),
        )
        site = Site(settings, world, clock)
        sites.append(site)
        if start:
            site.start()
        return Connected(site, shop, platform)

    yield make
    for site in sites:
        if site.running:
            site.stop()


def shop_section(folder: Path, platform: str, credentials: str, **keys: object) -> dict[str, object]:
    """Return a section, with the credentials in files."""
    section: dict[str, object] = {"platform": platform, "url": f"{URL}/{platform}", "name": "Atelier"}
    section["read_back_seconds"] = 4 * HOUR  # seldom: each read takes time in the tests, too
    for key, secret in zip(CREDENTIALS[platform], credentials.split("\n"), strict=True):
        file = folder / key
        file.write_text(secret)
        section[key] = file
    return section | keys
