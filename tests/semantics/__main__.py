"""Live through the whole matrix, or a sample of it: python -m tests.semantics [--cases N] [--seed S] [--hours H].

Prints each case that breaks a promise, with --costs what each class of marketplaces costs in requests a day, and one row of JSON.
Exits 1 if any broke one. The whole of it takes some hours.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.proof.figure import tell
from tests.semantics.cases import HOURS, Case, every_case, live, some_cases
from tests.semantics.checks import all_faults, numbers

Result = tuple[Case, list[str], dict[str, float]]


def one(case: Case, seed: int, hours: int) -> Result:
    """Live through one case in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            life = live(case, Path(folder) / "state", seed, hours)
            return case, all_faults(life), numbers(life)
        except Exception as error:  # noqa: BLE001 - a case that breaks down is a finding like others
            return case, [f"broke down: {type(error).__name__}: {error}"], {}


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.semantics")
    parser.add_argument("--cases", type=int, default=0, help="so many, chosen by the seed; 0 is all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=int, default=HOURS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--costs", action="store_true")
    wanted, began = parser.parse_args(), time.monotonic()
    cases = some_cases(wanted.cases, wanted.seed) if wanted.cases else list(every_case())
    results: list[Result] = []
    with ProcessPoolExecutor(wanted.workers) as pool:
        count = len(cases)
        for result in pool.map(one, cases, [wanted.seed] * count, [wanted.hours] * count):
            results.append(result)
            case, faults, _ = result
            for fault in faults:
                sys.stderr.write(f"seed {wanted.seed}, {case}: {fault}\n")
    if wanted.costs:
        summary(results)
    broken = sum(bool(faults) for _, faults, _ in results)
    tell(
        "What the documents leave open: what cursor, page, end and acknowledged orders mean to the server",
        f"{count} of {sum(1 for _ in every_case())} combinations, {wanted.hours} hours each, {broken} lost an order "
        "or repeated a call",
        target="≥ 60 combinations, 0 broken",
        would_have_caught="orders lost between two pages, below a cursor, or behind a cache",
        count=count,
        began=began,
        seed=wanted.seed,
    )
    return int(broken > 0)


def summary(results: Iterable[Result]) -> None:
    """Print the cost of each class: get-sales a day (median, most), requests of the longest run, answers from the cache."""
    classes: dict[str, list[dict[str, float]]] = defaultdict(list)
    for case, _, cost in results:
        if cost:
            classes[
                f"{case.supplier} cursor {case.cursor}, {case.order} first, page {case.page}, {case.page_size} a page"
            ].append(cost)
    rows = []
    for name, costs in classes.items():
        reads = [cost["get-sales"] for cost in costs]
        longest = max(cost.get("most pages of a sweep", 0) for cost in costs)
        cached = sum(cost["cached"] for cost in costs)
        rows.append((statistics.median(reads), max(reads), longest, cached, name))
    sys.stdout.write("reads a day: median, most; longest sweep; answers from the cache\n")
    for median, most, longest, cached, name in sorted(rows, reverse=True):
        sys.stdout.write(f"{median:7.0f} {most:7.0f} {longest:5.0f} {cached:5.0f}  {name}\n")


if __name__ == "__main__":
    sys.exit(main())
