"""The real program reads the codes on the labels that it has downloaded, where a page is served."""

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


def test_the_page_reads_them_soon_after_the_label_has_come(site: Site) -> None:
    site.configure('[web]\nlisten = "127.0.0.1:0"\n')
    process = site.start()
    until(lambda: all(order.acknowledged_at for name in site.world.tokens for order in site.world.orders(name)))
    until(lambda: set(site.sql(CODES)) == {(each, each) for each in ids(site)}, seconds=15)
    site.stop(process)


def test_without_a_page_nobody_scans_and_nothing_is_read(site: Site) -> None:
    site.run("run", "--once")
    assert len(site.sql("SELECT 1 FROM orders WHERE label_path IS NOT NULL")) == len(ids(site))
    assert site.sql("SELECT 1 FROM orders WHERE label_read_sha256 IS NOT NULL") == []
