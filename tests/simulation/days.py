"""Live through days of many seeds and judge each: what the quick test and the long set have in common."""

import gc
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.simulation.life import Days
from tests.world.invariants import ALWAYS, AT_REST, asked_within, broken, no_read_is_disturbed, the_rate_is_kept
from tests.world.invariants import unknown_is_what_nobody_can_know as unknown

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it; what a disk does is tested elsewhere


EACH_DAY = (*ALWAYS, unknown, the_rate_is_kept, no_read_is_disturbed)


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
    others: Counter[str] = field(default_factory=Counter)  # how much there is at other sides
    jumps: int = 0
    too_late: int = 0


def live(seed: int, days: int, schedule: dict[str, Any], kind: type[Days] = Days) -> Judged:
    """Live through these days, judge each, and the end. kind: which life."""
    judged = Judged(seed, days)
    gc.disable()  # a run is short and is measured in days per second; gc.collect() follows
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        life = kind(seed, Path(folder), schedule)
        try:
            for day in range(1, days + 1):
                life.live_a_day()
                found = [*broken(EACH_DAY, life.books()), *life.faults()]
                judged.faults += [f"seed {seed}, day {day}: {fault}" for fault in found]
                if judged.faults:
                    break
            if not judged.faults:
                life.put_all_right()
                judged.faults += [f"seed {seed}, the end: {fault}" for fault in at_the_end(life)]
        except Exception as error:  # noqa: BLE001 - a life that breaks down is a finding like others
            judged.faults.append(f"seed {seed}, day {life.days}: broke down: {type(error).__name__}: {error}")
        finally:
            life.close()
        judged.history = life.history()
        judged.requests, judged.orders = len(life.world.log), len(life.world.orders(life.supplier))
        judged.shipped = sum(bool(order.shipped_at) for order in life.world.orders(life.supplier))
        judged.deaths.update(life.site.doom.deaths)
        judged.met.update(life.met())
        judged.others.update(life.at_others())
        judged.jumps, judged.too_late = len(life.jumps), life.staff.too_late
    gc.enable()
    gc.collect()
    return judged


def at_the_end(life: Days) -> list[str]:
    """Return every promise that is broken once all faults are over and the agent had time."""
    found = [*broken({*EACH_DAY, *AT_REST}, life.books()), *life.faults(at_rest=True)]
    return [*found, *asked_again(life), *still_reading(life), *restless(life)]


def asked_again(life: Days) -> list[str]:
    """Ask no URL again while the server would answer from its cache. Where clocks were set, nothing is asked."""
    if life.jumps[:-1]:
        return []
    seconds = life.site.settings.suppliers[life.supplier].cache_seconds
    return asked_within(
        seconds,
        [
            (url, _seconds(began), _seconds(ended) if outcome == "listed" else None)
            for url, began, ended, outcome in life.ask("SELECT url, started_at, ended_at, outcome FROM reads")
        ],
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def still_reading(life: Days) -> list[str]:
    """Read again soon after the faults are over, and go on."""
    assert life.tail_began is not None
    interval = life.site.settings.schedule.off_hours_poll_seconds
    cache = life.site.settings.suppliers[life.supplier].cache_seconds
    good = [
        line.monotonic
        for line in life.world.requests("get-sales")
        if line.status == 200 and line.monotonic >= life.tail_began
    ]
    longest = max(after - before for before, after in pairwise([life.tail_began, *good, life.clock.monotonic()]))
    return [f"no read for {longest:.0f} s"] if longest > max(interval, cache) + 60 else []


def restless(life: Days) -> list[str]:
    """Write nothing where nothing is new."""
    agent = life.site.agent
    if life.site.nothing_before(60) < 60:
        life.run(90)
    with closing(sqlite3.connect(life.site.database)) as connection:

        def version() -> tuple[int, int]:
            return int(connection.execute("PRAGMA data_version").fetchone()[0]), len(life.world.log)

        before = version()
        for _ in range(3):
            agent.ctx.look_again()
            agent.turn()
        return [] if version() == before else ["a tick with nothing new has written something"]


def live_all(
    seeds: list[int],
    days: int,
    schedule: Callable[[int], dict[str, Any]],
    workers: int = 2,
    kind: type[Days] = Days,
) -> Iterator[Judged]:
    """Live through all of them, each by the schedule of its seed, on that many cores."""
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(live, seeds, [days] * len(seeds), map(schedule, seeds), [kind] * len(seeds))
