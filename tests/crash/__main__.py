"""The long set: python -m tests.crash [--singles] [--pairs N] [--kills N] [--seed S] [--seconds T] [--workers W] [--connected].

--pairs -1 is all of them. --seconds: pairs and kills stop there, and say how many they were. --connected: singles and kills with
all integrations on, on each platform of shops in turn. One JSON line per row; exits 1 if a promise broke.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.crash.connected import LONGER, with_all
from tests.crash.soak import Lap, live
from tests.crash.stage import History, Stage, in_parallel, report, steps_in_peace
from tests.proof.figure import tell
from tests.world.connections import SHOPS
from tests.world.forks import Forks

MEMORY = Path("/dev/shm")  # noqa: S108 - what a disk does is tested elsewhere; here thousands of commits are waited for
WITH_ALL = " with all integrations on"
KILLS_OF_A_LAP = 50
PAIRS_OF_A_BATCH = 20


def singles(folder: Path, workers: int, *, connected: bool = False) -> bool:
    """Die at every step; return whether all promises held. connected: with all integrations on, and one order."""
    orders, make = (1, with_all(SHOPS[0])) if connected else (3, Stage)
    began, steps = time.monotonic(), steps_in_peace(folder, orders, make)
    histories = in_parallel(folder, [(number,) for number in range(1, len(steps) + 1)], workers, orders, make)
    sys.stderr.write(report(histories))
    endings = Counter(" ".join(history.endings) for history in histories)
    broken = sum(bool(history.wrong) for history in histories)
    tell(
        f"Every crash point{WITH_ALL * connected}: SIGKILL at each durable step and at each phase of each request",
        f"{len(histories)} of {len(steps)} points, {broken} broke a promise; "
        f"the {'one flagged order' if connected else 'two flagged orders'} ended "
        + ", ".join(f"{how.replace(' ', ' and ')} ({n})" for how, n in endings.most_common()),
        target="all of them, 0 broken",
        would_have_caught="a request before its intent, a fact that is reported before it is on the disk, a call that is repeated "
        "because its answer was not noted",
        count=len(histories) / len(steps),
        began=began,
    )
    return not broken


def pairs(folder: Path, most: int, seed: int, seconds: float, workers: int) -> bool:
    """Die at a step, and in the next process at a step again; as many pairs as there is time for."""
    began, steps = time.monotonic(), steps_in_peace(folder)
    numbers = range(1, len(steps) + 1)
    tasks: list[tuple[int, ...]] = [(first, second) for first in numbers for second in numbers]
    random.Random(seed).shuffle(tasks)
    chosen = tasks if most < 0 else tasks[:most]
    tried = deaths = broken = 0
    for start in range(0, len(chosen), PAIRS_OF_A_BATCH):
        if tried and time.monotonic() - began > seconds:
            break
        with tempfile.TemporaryDirectory(dir=folder) as batch:
            histories: list[History] = in_parallel(Path(batch), chosen[start : start + PAIRS_OF_A_BATCH], workers)
        sys.stderr.write(report(histories))
        tried, deaths = tried + len(histories), deaths + sum(len(history.died_at) for history in histories)
        broken += sum(bool(history.wrong) for history in histories)
    tell(
        "Pairs of crash points: a death at one step, and the next process dies at another",
        f"{tried} of {len(tasks)} pairs, {deaths} deaths, {broken} broke a promise",
        target="as many as fit, 0 broken",
        would_have_caught="a recovery that is itself not safe: what it had half done is done again, or never",
        count=tried,
        began=began,
        seed=seed,
    )
    return not broken


def laps(folder: Path, most: int, seed: int, until: float, workers: int, *, connected: bool) -> Iterator[Lap]:
    """Live through one installation after the other, each of a seed of its own."""

    def lap(forks: Forks, here: Path, number: int) -> Lap:
        if not connected:
            return live(forks, here, number, min(KILLS_OF_A_LAP, most))
        make = with_all(SHOPS[number % len(SHOPS)])
        return live(forks, here, number, min(KILLS_OF_A_LAP, most), make, LONGER)

    count = -(-most // KILLS_OF_A_LAP)

    def work(number: int) -> list[Lap]:
        lived = []
        with Forks() as forks:
            for turn in range(number, count, workers):
                if time.monotonic() > until:
                    break
                with tempfile.TemporaryDirectory(dir=folder) as here:
                    lived.append(lap(forks, Path(here) / "lap", seed + turn))
        return lived

    with ThreadPoolExecutor(workers) as pool:
        for part in pool.map(work, range(workers)):
            yield from part


def kills(folder: Path, most: int, seed: int, seconds: float, workers: int, *, connected: bool = False) -> bool:
    """Kill at random, thousands of times."""
    began = time.monotonic()
    lived = list(laps(folder, most, seed, began + seconds, workers, connected=connected))
    there = sum((lap.others for lap in lived), Counter[str]())
    at_others = "".join(f"{number} {what}, " for what, number in there.items())
    for fault in (fault for lap in lived for fault in lap.wrong):
        sys.stderr.write(
            f"{fault}; repeat: python -m tests.crash --kills {KILLS_OF_A_LAP} --seed SEED{' --connected' * connected}\n"
        )
    broken = sum(bool(lap.wrong) for lap in lived)

    def total(of: Callable[[Lap], int]) -> int:
        return sum(of(lap) for lap in lived)

    at_steps, at_instants = total(lambda lap: lap.at_steps), total(lambda lap: lap.at_instants)
    tell(
        f"Random deaths by SIGKILL{WITH_ALL * connected}, while orders come in and people flag and take back",
        f"{at_steps + at_instants} deaths, {at_steps} at a random step and {at_instants} at a random instant; "
        f"{len(lived)} installations, {total(lambda lap: lap.orders)} orders, {total(lambda lap: lap.flagged)} flagged, "
        f"{total(lambda lap: lap.undone)} taken back, {total(lambda lap: lap.shipped)} shipped once, {at_others}"
        f"{total(lambda lap: lap.unknown)} unknown, each explained by a death; {broken} broke a promise",
        target="all of them, 0 broken" if connected else "≥ 10,000 deaths, 0 broken",
        would_have_caught="what no harness knows as a step: a death within SQLite, within a rename, within a socket",
        count=at_steps + at_instants,
        began=began,
        seed=f"{seed}..{seed + max(0, len(lived) - 1)}",
    )
    return not broken


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--singles", action="store_true")
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=86400)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connected", action="store_true", help="singles and kills with all integrations on")
    asked, held = parser.parse_args(), True
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        if asked.singles:
            (Path(name) / "singles").mkdir()
            held &= singles(Path(name) / "singles", asked.workers, connected=asked.connected)
        if asked.pairs:
            (Path(name) / "pairs").mkdir()
            held &= pairs(Path(name) / "pairs", asked.pairs, asked.seed, asked.seconds, asked.workers)
        if asked.kills:
            held &= kills(Path(name), asked.kills, asked.seed, asked.seconds, asked.workers, connected=asked.connected)
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
