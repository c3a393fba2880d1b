"""The real program reads the codes on the labels that it has downloaded: as a daemon, and with --once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Site, installed
from tests.world.clocks import until

pytestmark = pytest.mark.slow

CODES = "SELECT o.menzzo_order_id, b.code FROM orders o JOIN barcodes b ON b.order_id = o.id"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return an installation beside a marketplace with a few orders."""
    with installed(tmp_path, 4, days=2) as site:
        site.configure()
        yield site


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
