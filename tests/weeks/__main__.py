"""Live through weeks of every marketplace, or of some: python -m tests.weeks [--cases N] [--seed S] [--workers W].

Every pair of switches of the sandbox that is possible, and each change in mid-week. Prints each case that breaks a promise, and one
row of JSON. Exits 1 if any broke one. All of it takes about a quarter of an hour.
"""

import argparse
import random
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.proof.figure import tell
from tests.weeks.cases import CHANGES, Case, every_pair
from tests.weeks.judge import Judged, judge

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it; what a disk does is tested elsewhere


def one(case: Case, seed: int) -> Judged:
    """Live through one case in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        try:
            return judge(case, Path(folder) / "state", seed)
        except Exception as error:  # noqa: BLE001 - a case that breaks down is a finding like others
            return Judged(case, [f"broke down: {type(error).__name__}: {error}"])


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.weeks")
    parser.add_argument("--cases", type=int, default=0, help="so many, chosen by the seed; 0 is all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    wanted, began = parser.parse_args(), time.monotonic()
    every = [*CHANGES, *every_pair(wanted.seed)]
    cases = random.Random(wanted.seed).sample(every, wanted.cases) if 0 < wanted.cases < len(every) else every
    broken, known = 0, 0
    with ProcessPoolExecutor(wanted.workers) as pool:
        for judged in pool.map(one, cases, [wanted.seed] * len(cases)):
            broken, known = broken + bool(judged.faults), known + judged.known
            for fault in judged.faults:
                sys.stderr.write(f"{judged.case}: {fault}\n")
    tell(
        "What the agent learns of its marketplace in a week, whatever that means by its answers, and that it notices a change",
        f"{len(cases)} of {len(every)} marketplaces (every pair of 20 switches, and {len(CHANGES)} changes), {broken} with a wrong "
        f"answer, a lost order, or a change that was told otherwise than once; {known} answers hold",
        target="≥ 60 marketplaces, 0 broken",
        would_have_caught="an estimator that is wrong where orders leave, pages are cached, or a cursor means something else",
        count=len(cases),
        began=began,
        seed=wanted.seed,
    )
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
