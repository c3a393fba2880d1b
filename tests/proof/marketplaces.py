"""A sample of the marketplaces that may be meant: python -m tests.proof.marketplaces [--cases N] [--seed S] [--workers W]."""

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.semantics.cases import HOURS, every_case, some_cases
from tests.semantics.matrix import one


def main() -> int:
    """Live through the sample and print the row."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.marketplaces")
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    asked, began = parser.parse_args(), time.monotonic()
    cases = some_cases(asked.cases, asked.seed)
    with ProcessPoolExecutor(asked.workers) as pool:
        results = list(pool.map(one, cases, [asked.seed] * len(cases), [HOURS] * len(cases)))
    broken = [(case, faults) for case, faults, _ in results if faults]
    for case, faults in broken:
        sys.stderr.write(f"seed {asked.seed}, {case}: {faults}\n")
    row = {
        "row": "What the documents leave open: what cursor, page, end and acknowledged orders mean to the server",
        "figure": f"{len(cases)} of {sum(1 for _ in every_case())} combinations, {HOURS} hours each, {len(broken)} lost an order "
        "or repeated a call",
        "target": "≥ 60 combinations, 0 broken",
        "count": len(cases),
        "seconds": round(time.monotonic() - began),
        "seed": asked.seed,
        "would_have_caught": "orders lost between two pages, below a cursor, or behind a cache",
    }
    sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
