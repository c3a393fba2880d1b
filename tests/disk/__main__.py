"""The long set: `python -m tests.disk [--most N]` lets every write, sync and rename of a cycle fail, once and from there on."""

import argparse
import json
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.disk.injection import MISSED, Injection, all_of, configure, counted, live_through, why_not
from tests.disk.place import place
from tests.proof.figure import tell

WORKERS = 16
"""A disk that stays full is waited for, a minute each time: most of them wait."""
SEED = 1
ROW = "I/O errors and full disks: each write, flush and rename of a cycle fails, once or from there on"


def share(injections: list[Injection]) -> list[str]:
    """Live through some injections on a place of their own; return what is wrong."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder, place(Path(folder) / "state") as here:
        config = configure(here)
        for each in injections:
            wrong += live_through(here, config, each)
    return wrong


def main() -> int:
    """Print one JSON line; return 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=320, help="so many of them, chosen by dice")
    most, began = parser.parse_args().most, time.monotonic()
    if (reason := why_not()) is not None:
        print(json.dumps({"row": ROW, "figure": f"skipped: {reason}"}))  # noqa: T201 - the result
        return 0
    with tempfile.TemporaryDirectory() as folder, place(Path(folder) / "state") as here:
        counts = counted(here, configure(here))
    injections = list(all_of(counts))
    random.Random(SEED).shuffle(injections)
    injections = injections[:most]
    with ThreadPoolExecutor(WORKERS) as pool:
        wrong = [each for part in pool.map(share, (injections[n::WORKERS] for n in range(WORKERS))) for each in part]
    missed = sum(each.endswith(MISSED) for each in wrong)
    wrong = [each for each in wrong if not each.endswith(MISSED)]
    tried = len(injections) - missed
    calls = ", ".join(f"{count} {name}" for name, count in counts.items())
    sys.stderr.write("\n".join(wrong))
    tell(
        ROW,
        f"{tried} injected runs, each with a recovery ({missed} more ended before their turn); "
        f"calls of a cycle: {calls}; {len(wrong)} broke a promise",
        target="≥ 300 injected runs, nothing lost, nothing doubled",
        would_have_caught="a request that leaves although its intent could not be written, an ending that is lost",
        count=tried,
        began=began,
        seed=SEED,
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
