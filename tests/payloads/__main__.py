"""The long set: `python -m tests.payloads --count 1000000 --structures 20000 [--seed 1]`, and `--memory`. One JSON line per row."""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

from tests.payloads import memory
from tests.payloads.mutation import many
from tests.payloads.structures import Depot, bodies
from tests.payloads.truths import judge
from tests.proof.figure import tell

BATCH = 5000
MEMORY = Path("/dev/shm")  # noqa: S108 - thousands of commits, and nobody pulls the plug


def batch(number: int) -> int:
    """Judge one batch of mutated answers; the number is its seed."""
    return judge(many(number, BATCH))


def structures(number: int, count: int) -> int:
    """Let Hypothesis invent so many answers, each stored twice in a real database."""
    stored = [0]
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        depot = Depot(Path(folder))

        @seed(number)
        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(bodies)
        def take_in(body: bytes) -> None:
            depot.take_in(body)
            stored[0] += 1

        take_in()
        depot.close()
    return stored[0]


def main() -> int:
    """Run what was asked for; an AssertionError ends it with the answer that broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--structures", type=int, default=0)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    if asked.memory:  # first: it forks, and a process with threads should not
        began = time.monotonic()
        grown = memory.measure()
        broken = [shape for shape, mb in grown.items() if not 0 <= mb <= memory.MOST_GROWTH_MB]
        worst = max(grown, key=lambda shape: grown[shape])
        tell(
            "Memory for the worst answers",
            f"{len(grown)} answers, each in a process of its own; the worst, {worst}: {grown[worst]} MB",
            target=f"at most {memory.MOST_GROWTH_MB} MB for any answer",
            would_have_caught="an answer that ends the agent for want of memory",
            count=len(grown),
            began=began,
            seed=asked.seed,
            grown=grown,
            broken=broken,
        )
        if broken:
            return 1
    workers = asked.workers
    with ProcessPoolExecutor(workers) as pool:
        if asked.count:
            began, batches = time.monotonic(), -(-asked.count // BATCH)
            rows = sum(pool.map(batch, range(asked.seed, asked.seed + batches)))
            figure = f"{batches * BATCH} mutated answers with {rows} rows read, 0 exceptions, 0 wrong rows"
            tell(
                "Mutated list answers",
                figure,
                target="1,000,000 mutated answers",
                would_have_caught="a list answer that ends the loop, or a row misread",
                count=batches * BATCH,
                began=began,
                seed=asked.seed,
            )
        if asked.structures:
            began, share = time.monotonic(), -(-asked.structures // workers)
            seeds = range(asked.seed, asked.seed + workers)
            stored = sum(pool.map(structures, seeds, [share] * workers))
            figure = f"{stored} structures stored twice each, 0 exceptions, 0 rows lost or doubled"
            tell(
                "Invented list answers, stored in a real database",
                figure,
                target="20,000 structures",
                would_have_caught="a row that is lost or doubled on its way to the disk",
                count=stored,
                began=began,
                seed=asked.seed,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
