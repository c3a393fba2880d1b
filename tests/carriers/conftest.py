"""An installation whose supplier asks carriers about its parcels, without sockets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.reports import health, orders
from supplier_agent.sandbox.carriers import DESKS, Scans, StandIn, open_carrier
from supplier_agent.sandbox.faults import LogLine
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.world.harness import LABEL, ManualClock, Site

SUPPLIER = "notio"
HOUR, DAY = 3600, 86_400
RARE = {"poll_seconds": 20 * DAY, "off_hours_poll_seconds": 20 * DAY, "sweep_seconds": 40 * DAY}
"""For tests that last for weeks: the list is read once."""
URL = "https://api.menzzo.fr"
CODES = {
    "laposte": ("6A12345678901", "6A12345678902", "6A12345678903"),
    "dhl": ("JJD000390007882823457", "JJD000390007882823458", "JJD000390007882823459"),
    "ups": ("1Z12345E0205271688", "1Z12345E0205271689", "1Z12345E0205271690"),
    "fedex": ("986578788855", "477179081230", "799531274483"),
}
NAMES = {"laposte": "Chronopost", "dhl": "DHL", "ups": "UPS", "fedex": "FedEx"}


@dataclass
class Shipped:
    """An agent, a marketplace and a carrier; its first order is reported as shipped."""

    site: Site
    desk: StandIn
    carrier: str

    @property
    def kind(self) -> str:
        return f"scan_{self.carrier}"

    def days(self, number: float, until: Callable[[], bool] = lambda: False) -> None:
        self.site.run_for(number * DAY, DAY, until=until)

    def asked(self) -> list[LogLine]:
        """Return the requests that the carrier got, without those for an access token."""
        return [each for each in self.site.world.log if each.endpoint == self.carrier and "token" not in each.target]

    def call(self) -> tuple[Any, ...]:
        found = self.site.ask("SELECT state, attempts, detail FROM calls WHERE kind = ?", self.kind)
        return found[0] if found else ("never owed", 0, None)

    def order(self, columns: str = "scan_asked_at, scanned_at") -> tuple[Any, ...]:
        return self.site.ask(f"SELECT {columns} FROM orders ORDER BY id")[0]

    def problems(self) -> list[tuple[str, str]]:
        with self.site.agent.ctx.store.read() as tx:
            found = health.problems(tx, self.site.settings, now=self.site.clock.now())
        return [(each.code, each.what) for each in found]

    def told(self) -> dict[str, Any]:
        from supplier_agent import actions  # noqa: PLC0415 - for a few tests alone

        with self.site.agent.ctx.store.read() as tx:
            (this,) = self.site.ask("SELECT menzzo_order_id FROM orders ORDER BY id LIMIT 1")
            return orders.whole(tx, actions.find(tx, this[0]), self.site.settings, self.site.clock.now())


Ship = Callable[..., Shipped]


ONE_CARRIER = pytest.mark.parametrize("carrier", ["laposte"], indirect=True)
"""For what no file of a carrier takes part in: with one carrier it is seen as well as with all."""


@pytest.fixture(
    params=["laposte", *(pytest.param(each, marks=pytest.mark.slow) for each in DESKS if each != "laposte")]
)
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ship(tmp_path: Path, carrier: str) -> Iterator[Ship]:
    """Return what makes an installation, and reports its order with so many parcels as shipped."""
    sites: list[Site] = []

    def make(
        parcels: int = 1,
        *,
        semantics: Scans | None = None,
        sections: dict[str, Any] | None = None,
        on: bool = True,
        **keys: object,
    ) -> Shipped:
        clock = ManualClock()
        world = World(clock, (SUPPLIER,))
        desk = world.carriers[carrier] = open_carrier(carrier, clock, semantics)
        order = world.arrive(SUPPLIER)
        order.label, order.carrier = LABEL, NAMES[carrier]
        own = {carrier: section(tmp_path, carrier, desk.credentials, f"{URL}/{carrier}", **keys)} if on else {}
        settings = Settings(
            state_dir=tmp_path / "state",
            suppliers={SUPPLIER: {"token": f"sandbox-{SUPPLIER}", **own}},
            **({"schedule": RARE, "ship": {"undo_seconds": 120}} | (sections or {})),
        )
        site = Site(settings, world, clock)
        sites.append(site)
        site.start()
        site.run_for(60)
        shipped = Shipped(site, desk, carrier)
        put_codes(site, CODES[carrier][:parcels])
        site.flag()
        site.run_for(HOUR, 60, until=lambda: shipped.order("ship_confirmed_at") != (None,))
        return shipped

    yield make
    for site in sites:
        if site.running:
            site.stop()


def put_codes(site: Site, codes: tuple[str, ...]) -> None:
    """Store these codes as those of the label's pages, as the page's process does."""
    from supplier_agent.db.tables import Barcode, Order  # noqa: PLC0415 - as above

    with site.agent.ctx.store.write() as tx:
        order = tx.get_one(Order, 1)
        for page, code in enumerate(codes, 1):
            tx.add(Barcode(order_id=1, code=code, label_sha256=order.label_sha256 or "", page=page))
            tx.add(Barcode(order_id=1, code=f"ROUTE-{page}", label_sha256=order.label_sha256 or "", page=page))


def section(folder: Path, carrier: str, credentials: str, url: str, **keys: object) -> dict[str, object]:
    """Return the section of a carrier, with the credentials in files."""
    made: dict[str, object] = {"url": url, "requests_per_second": 100}
    for key, secret in zip(("key_file", "secret_file"), credentials.split("\n"), strict=False):
        file = folder / f"{carrier}-{key}"
        file.write_text(secret)
        file.chmod(0o600)
        made[key] = file
    return made | keys
