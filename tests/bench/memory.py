"""Row g: memory when idle, while reading a long answer, and after a simulated month (`python -m tests.bench.memory DAYS SEED`)."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

from supplier_agent.sandbox.world import World
from tests.bench.commands import UNAVOIDABLE
from tests.bench.figure import Figure, Sizes, contest, ratios
from tests.bench.measure import ROOT, Started, family, resident
from tests.bench.site import CONFIRMED, LABELLED, SUPPLIER, Site, folder, python, serving
from tests.world.harness import ManualClock, arrive, settings_for
from tests.world.harness import Site as InThread

IMPORTS = ", ".join((*UNAVOIDABLE["run --once"], "apscheduler.schedulers.background"))
ORDERS_A_DAY = 20
DAY = 86_400


def memory(sizes: Sizes) -> Iterator[Figure]:
    """Memory.

    Resident memory. The simulated days are lived in one thread, with the stand-in of the marketplace, which keeps its orders, in
    the same process; growth is what comes after the first quarter of the days.

    What an idle daemon needs beyond its libraries is its own modules, tables and prepared statements.
    """
    contestants = {"daemon": partial(_idle, sizes), "imports": partial(_imports, sizes)}
    found = contest(sizes.seed, sizes.rounds, contestants)
    yield Figure("g", "idle daemon", ratios(found["daemon"], found["imports"], lambda mb: mb[0]), "x imports", 1.2)
    yield Figure("g", "idle daemon", [own for own, _ in found["daemon"]], "MB")
    yield Figure("g", "the same imports, idle", [own for own, _ in found["imports"]], "MB")
    yield Figure("g", "the daemon's other processes, which check PDFs", [others for _, others in found["daemon"]], "MB")
    reading = {f"{rows:,} rows": partial(_reading, sizes, rows) for rows in (0, sizes.listed)}
    for name, peaks in contest(sizes.seed, sizes.rounds, reading).items():
        yield Figure("g", f"peak while reading {name} in one answer, run --once", peaks, "MB")
    words = python("-m", "tests.bench.memory", str(sizes.days), str(sizes.seed))
    said = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, timeout=sizes.limit, check=True).stdout
    yield Figure("g", f"growth within {sizes.days} simulated days", [json.loads(said)], "MB", 2.0)


def _idle(sizes: Sizes) -> tuple[float, float]:
    """Return the memory of a daemon that has done some work and waits, and of its other processes."""
    with folder() as here, serving(sizes.limit, orders=5) as server:
        site = Site(here, server.url, sizes)
        with site.daemon() as running:
            site.wait_for(LABELLED, 5)
            site.mark_all()
            site.wait_for(CONFIRMED, 5)
            time.sleep(sizes.settle)
            own, *others = [resident(pid) for pid in family(running.pid)]
            running.stop()
            return own, sum(others)


def _imports(sizes: Sizes) -> tuple[float, float]:
    with Started(python("-c", f"import {IMPORTS}, time; time.sleep(60)"), sizes.limit) as running:
        time.sleep(max(sizes.settle, 1.5))
        return resident(running.pid), 0.0


def _reading(sizes: Sizes, rows: int) -> float:
    with folder() as here, serving(sizes.limit, orders=rows, page_size=max(1, rows)) as server:
        return Site(here, server.url, sizes).run("run", "--once", "--read-only").rss


def month(days: int, seed: int) -> float:
    """Live for so many days in one thread; return by how many MB the process grew after the first quarter of them."""
    with folder() as here:
        clock = ManualClock()
        world = World.with_orders(0, today=clock.now().date(), clock=clock, suppliers=[SUPPLIER])
        settings = settings_for(here / "state", SUPPLIER, ship={"undo_seconds": 0})
        site, found = InThread(settings, world, clock, seed=seed), list[float]()
        site.start()
        for _ in range(days):
            arrive(world, SUPPLIER, ORDERS_A_DAY)
            site.run_for(DAY / 2, stride_seconds=900)
            site.flag(each for (each,) in site.ask("SELECT menzzo_order_id FROM orders WHERE shipped = 0"))
            site.run_for(DAY / 2, stride_seconds=900)
            world.log.clear()
            site.said.clear()
            found.append(resident(os.getpid()))
        site.stop()
        return found[-1] - found[days // 4]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(month(int(sys.argv[1]), int(sys.argv[2]))))
