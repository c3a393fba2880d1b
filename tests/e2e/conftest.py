"""One installation for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.e2e.installation import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    clock = SystemClock()
    world = World.with_orders(8, today=clock.now().date(), days=3, clock=clock)
    with Sandbox(world, Semantics(page_size=3, cache_seconds={})) as sandbox:
        site = Site(tmp_path, sandbox)
        site.configure("[ship]\nundo_seconds = 0\n")
        yield site
        for process in site.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
