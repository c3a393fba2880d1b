"""All measurements: python -m tests.bench [--only a,b,…] [--rounds N] [--quick] [--to FILE].

Prints one line of JSON for each figure as it comes, and writes docs/performance.md. It needs a quiet machine: nothing else may run.
A part, or a quick run, is written only where --to says. Exits 1 if something could not be measured, not if a goal is missed.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from tests.bench import commands, drain, history, many, memory
from tests.bench.figure import Figure, Sizes, tell
from tests.bench.measure import ROOT
from tests.bench.page import PAGE, page
from tests.proof.page import Setting

Measure = Callable[[Sizes], Iterator[Figure]]
ROWS: Mapping[str, Measure] = {
    "a": drain.full_speed,
    "b": drain.paced,
    "c": drain.requests,
    "d": drain.latency,
    "e": commands.imports,
    "f": history.growth,
    "g": memory.memory,
    "h": many.many,
    "i": commands.large,
}


QUICK = 0.02
"""The scale of a run that only shows that each figure can be made."""


def measured(sizes: Sizes, rows: Mapping[str, Measure]) -> tuple[list[Figure], dict[str, str]]:
    """Measure row by row; what fails harms only its own row. Return the figures, and why a row has none."""
    figures, failed = list[Figure](), dict[str, str]()
    for letter, row in rows.items():
        began = time.monotonic()
        try:
            for figure in row(sizes):
                figures.append(figure)
                sys.stdout.write(figure.line() + "\n")
                sys.stdout.flush()
        except Exception as error:  # noqa: BLE001 - the other rows are still worth measuring
            failed[letter] = f"{type(error).__name__}: {error}"
            traceback.print_exc()
        tell(f"row {letter}: {time.monotonic() - began:.0f} s")
    return figures, failed


def main(arguments: list[str]) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--only", default=",".join(ROWS), help="the letters of rows, like a,f")
    parser.add_argument("--rounds", type=int, help="how often each contestant is measured")
    parser.add_argument("--quick", action="store_true", help="small sizes, once: shows that each figure can be made")
    parser.add_argument("--to", type=Path, help="where the page is written")
    wanted = parser.parse_args(arguments)
    sizes = Sizes().scaled(QUICK) if wanted.quick else Sizes()
    if wanted.rounds:
        sizes = replace(sizes, rounds=wanted.rounds, few_rounds=wanted.rounds, starts=3 * wanted.rounds)
    rows = {letter: ROWS[letter] for letter in wanted.only.split(",") if letter in ROWS}
    began = time.monotonic()
    figures, failed = measured(sizes, rows)
    minutes = (time.monotonic() - began) / 60
    about = f"Measured in {minutes:.0f} minutes, {sizes.rounds} rounds."
    about += " With small sizes: these figures only show that they can be made." if wanted.quick else ""
    whole = not wanted.quick and len(rows) == len(ROWS)
    target = wanted.to or (ROOT / PAGE if whole else None)
    if target is not None:
        target.write_text(page(Setting.here(ROOT, 1.0, sizes.seed), ROWS, figures, failed, about))
        tell(f"written: {target}")
    missed = [figure.name for figure in figures if figure.reached is False]
    tell(
        f"{len(figures)} figures in {minutes:.1f} minutes; goals missed: {len(missed)}; not measured: {failed or 'none'}"
    )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
