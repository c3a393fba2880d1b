"""Label PDFs that take ten seconds each delay neither reads nor ship calls of anyone, nor the labels of others."""

import time
from collections.abc import Callable, Sequence

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.tick.context import MOST_LABELS
from tests.barcodes.drawing import assemble
from tests.bulkheads.conftest import Plant
from tests.world.clocks import until

pytestmark = pytest.mark.slow

SLOW, HEALTHY = "asir-group", "notio"
ORDERS = 20
HOSTILE = assemble(
    [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /A <" + b"41" * 5_000_000 + b"> /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R >>",
    ]
)
"""10 MB of hexadecimal digits, which pypdf reads one by one: some seconds on a machine with nothing else to do."""


def test_slow_pdfs_of_one_supplier_delay_nobody_and_a_stop_waits_for_none(
    build: Callable[[Sequence[str], int], Plant],
) -> None:
    plant = build([SLOW, HEALTHY], ORDERS)
    plant.world.faults.arm("label", faults.status(200, body=HOSTILE, applied=True), supplier=SLOW, seconds=3600)
    plant.configure(
        {name: {"cache_seconds": 0} for name in (SLOW, HEALTHY)},
        requests_per_second=20,
        schedule={"poll_seconds": 1, "off_hours_poll_seconds": 1},
        ship={"undo_seconds": 0},
        retry={"label_first_seconds": 1},
    )
    plant.start()
    labelled = "SELECT count(*) FROM orders WHERE supplier = ? AND label_path IS NOT NULL"
    until((plant.state_dir / "agent.db").exists, "a database")
    until(lambda: plant.world.requests("label", SLOW), "the first slow label")
    until(lambda: plant.sql(labelled, HEALTHY) == [(ORDERS,)], "all labels of the healthy supplier", 30)
    assert len(plant.world.requests("label", SLOW)) < 3 * MOST_LABELS, "no more is fetched than can be checked"
    plant.heard()
    fed: list[float] = []
    for order in [line.menzzo_order_id for line in plant.world.orders(HEALTHY)][:10]:
        began = time.monotonic()
        plant.sql("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", order)
        until(lambda order=order: plant.world.requests("ship-sale", HEALTHY, order), "a ship call", 10)  # type: ignore[misc]
        assert time.monotonic() - began < 5, "flag to ship-sale"
        time.sleep(2)
        fed += [time.monotonic() for message in plant.heard() if "WATCHDOG=1" in message]
    assert len(fed) >= 1, "the watchdog is fed meanwhile"
    for supplier in (SLOW, HEALTHY):
        reads = [line.monotonic for line in plant.world.requests("get-sales", supplier)]
        assert max(reads) > time.monotonic() - 10, "reads go on"
    assert plant.stop() < 15
    assert plant.process is not None
    assert plant.process.returncode == 0
    states = {state for (state,) in plant.sql("SELECT state FROM calls WHERE kind = 'label' AND supplier = ?", SLOW)}
    assert "owed" in states, "what was being checked is owed again"
    assert states <= {"owed", "done"}
    assert not plant.sql("SELECT 1 FROM calls WHERE state = 'unknown'")
