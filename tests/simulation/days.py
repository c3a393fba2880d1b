"""Live through days of many seeds and judge each: what the quick test and the long set have in common."""

import gc
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation import checks
from tests.simulation.life import Life

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it; what a disk does is tested elsewhere


@dataclass
class Judged:
    """What came of one seed."""

    seed: int
    days: int
    faults: list[str] = field(default_factory=list)
    history: str = ""
    requests: int = 0
    orders: int = 0
    shipped: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    jumps: int = 0
    too_late: int = 0


def live(seed: int, days: int, schedule: dict[str, Any]) -> Judged:
    """Live through these days, judge each, and the end."""
    judged = Judged(seed, days)
    gc.disable()  # a run is short and is measured in days per second; gc.collect() follows
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        life = Life(seed, Path(folder), schedule)
        try:
            for day in range(1, days + 1):
                life.live_a_day()
                judged.faults += [f"seed {seed}, day {day}: {fault}" for fault in checks.each_day(life)]
                if judged.faults:
                    break
            if not judged.faults:
                life.put_all_right()
                judged.faults += [f"seed {seed}, the end: {fault}" for fault in checks.at_the_end(life)]
        except Exception as error:  # noqa: BLE001 - a life that breaks down is a finding like others
            judged.faults.append(f"seed {seed}, day {life.days}: broke down: {type(error).__name__}: {error}")
        finally:
            life.close()
        judged.history = life.history()
        judged.requests, judged.orders = len(life.world.log), len(life.world.orders(life.supplier))
        judged.shipped = sum(bool(order.shipped_at) for order in life.world.orders(life.supplier))
        judged.deaths.update(life.site.doom.deaths)
        judged.met.update(life.weather.met)
        judged.jumps, judged.too_late = len(life.jumps), life.people.too_late
    gc.enable()
    gc.collect()
    return judged


def live_all(
    seeds: list[int], days: int, schedule: Callable[[int], dict[str, Any]], workers: int = 2
) -> Iterator[Judged]:
    """Live through all of them, each by the schedule of its seed, on that many cores."""
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(live, seeds, [days] * len(seeds), map(schedule, seeds))
