"""The long set: `python -m tests.disk [--most N]` lets every write, sync and rename of a cycle fail, once and from there on."""

import argparse
import json
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.disk.injection import Injection, all_of, configure, counted, live_through, why_not
from tests.disk.place import place

WORKERS = 2
SEED = 1


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
        print(json.dumps({"row": "T3 disk errors", "figure": f"skipped: {reason}"}))  # noqa: T201 - the result
        return 0
    with tempfile.TemporaryDirectory() as folder, place(Path(folder) / "state") as here:
        counts = counted(here, configure(here))
    injections = list(all_of(counts))
    random.Random(SEED).shuffle(injections)
    injections = injections[:most]
    with ThreadPoolExecutor(WORKERS) as pool:
        wrong = [each for part in pool.map(share, (injections[n::WORKERS] for n in range(WORKERS))) for each in part]
    line = {
        "row": "T3 disk errors",
        "figure": f"{len(injections)} injected runs, each with a recovery; calls of a cycle: {dict(counts)}; wrong: {wrong}",
        "target": "≥ 300 injected runs, nothing lost, nothing doubled",
        "seconds": round(time.monotonic() - began, 1),
        "seed": SEED,
        "would_have_caught": "a request that leaves although its intent could not be written, an ending that is lost",
    }
    print(json.dumps(line), flush=True)  # noqa: T201 - the result
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
