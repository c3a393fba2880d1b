"""python -m tests.bulkheads [RATE [SECONDS]]: 300 suppliers on real sockets, 100 of them answering in 15 s, then SIGTERM.

Prints the requests of each kind of supplier beside what the rate allows. It needs a machine that has a core to spare.
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Endpoint
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.bulkheads.conftest import Plant
from tests.world.clocks import until

SLOW, QUICK = [f"slow-{number}" for number in range(100)], [f"quick-{number}" for number in range(200)]
ENDPOINTS: tuple[Endpoint, ...] = ("get-sales", "acknowledge-sale", "label")


def main(per_second: float = 1.0, seconds: float = 60.0) -> None:
    """Measure, and print."""
    clock, orders = SystemClock(), round(per_second * seconds / 2) * (len(SLOW) + len(QUICK))
    world = World.with_orders(orders, today=clock.now().date(), clock=clock, suppliers=[*SLOW, *QUICK])
    with tempfile.TemporaryDirectory() as folder, Sandbox(world) as sandbox:
        slow = set(SLOW)
        for endpoint in ENDPOINTS:
            world.faults.arm(endpoint, faults.late(15), when=lambda line: line.supplier in slow, seconds=3600)
        plant = Plant(Path(folder), sandbox)
        plant.configure({name: {"cache_seconds": 0} for name in world.tokens}, requests_per_second=per_second)
        plant.start()
        until(lambda: world.log, "the first request")
        began = time.monotonic()
        time.sleep(seconds)
        by_the_rate = (time.monotonic() - began) * per_second / 1.005
        done = Counter(line.supplier for line in list(world.log))
        stopped = plant.stop()
        plant.close()
    for name, suppliers in (("quick", QUICK), ("slow", SLOW)):
        counts = sorted(done[each] for each in suppliers)
        middle = counts[len(counts) // 2]
        sys.stdout.write(f"{name}: {counts[0]} to {counts[-1]}, median {middle}, by the rate {by_the_rate:.1f}\n")
    sys.stdout.write(f"stopped after {stopped:.1f} s\n")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
