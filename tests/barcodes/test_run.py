"""The real program reads the codes on the labels that it has downloaded: as a daemon, and with --once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.e2e.installation import Site, until

pytestmark = pytest.mark.slow

CODES = "SELECT o.menzzo_order_id, b.code FROM orders o JOIN barcodes b ON b.order_id = o.id"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return an installation beside a marketplace with a few orders."""
    clock = SystemClock()
    with Sandbox(
        World.with_orders(4, today=clock.now().date(), days=2, clock=clock), Semantics(cache_seconds={})
    ) as sandbox:
        site = Site(tmp_path, sandbox)
        site.configure()
        yield site
        for process in site.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


def ids(site: Site) -> set[str]:
    return {order.menzzo_order_id for name in site.world.tokens for order in site.world.orders(name)}


def test_once_ends_with_the_codes_of_every_label(site: Site) -> None:
    site.run("run", "--once")
    assert set(site.sql(CODES)) == {(each, each) for each in ids(site)}


def test_the_daemon_reads_them_soon_after_the_label_has_come(site: Site) -> None:
    process = site.start()
    until(lambda: all(order.acknowledged_at for name in site.world.tokens for order in site.world.orders(name)))
    until(lambda: set(site.sql(CODES)) == {(each, each) for each in ids(site)}, seconds=15)
    site.stop(process)
