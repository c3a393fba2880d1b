"""A world on a clock that only the test moves, and its sandbox on a real port."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.world.clocks import HandClock


@pytest.fixture
def world() -> World:
    """Return six orders of asir-group, on three days, and one of notio."""
    world = World(HandClock(start=datetime(2026, 1, 20, 12, tzinfo=UTC)))
    for place, menzzo_order_id in enumerate(("8_1", "9_1", "9_2", "10_1", "10_20", "10_3")):
        day = date(2026, 1, 15 + place // 2)
        world.add(Order("asir-group", menzzo_order_id, f"SKU-{place}", 1, 25000, "CHRONOPOST", day))
    world.add(Order("notio", "9_7", "NOTIO-PROD-123", 2, 18000, "GEODIS", date(2026, 1, 15)))
    return world


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    """Return the world's sandbox, listening."""
    with Sandbox(world) as sandbox:
        yield sandbox
