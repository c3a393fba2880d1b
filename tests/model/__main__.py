"""The long set: python -m tests.model [--sequences N] [--steps M] [--seed S] [--workers W] [--shrink].

Prints the steps that break a promise, and one JSON line. Exits 1 if anything did. With --shrink only the steps that matter are
printed; finding them may take longer than all the rest.
"""

import argparse
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor

from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import IN_PEACE, TwoAgents
from tests.proof.figure import tell

SHARE = 50
"""Sequences of one seed."""


def share(number: int, sequences: int, steps: int, shrink: bool) -> str:  # noqa: FBT001 - a pool hands on no keywords
    """Go through the sequences of one seed; return what broke, or ""."""
    long = settings(
        max_examples=sequences,
        stateful_step_count=steps,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        print_blob=True,
        **IN_PEACE,
    )
    try:
        run_state_machine_as_test(seed(number)(TwoAgents), settings=long)
    except Exception:  # noqa: BLE001 - whatever it is, it is the finding
        again = f"python -m tests.model --sequences {sequences} --steps {steps} --seed {number} --shrink"
        return f"seed {number}; repeat: {again}\n{traceback.format_exc()}"
    return ""


def main() -> int:
    """Go through all, print and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.model")
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shrink", action="store_true")
    asked, began = parser.parse_args(), time.monotonic()
    shares = [min(SHARE, asked.sequences - start) for start in range(0, asked.sequences, SHARE)]
    seeds = range(asked.seed, asked.seed + len(shares))
    with ProcessPoolExecutor(asked.workers) as pool:
        each = pool.map(share, seeds, shares, [asked.steps] * len(shares), [asked.shrink] * len(shares))
        broken = [found for found in each if found]
    sys.stderr.write("\n".join(broken))
    tell(
        "A stateful model: two agents on one folder without the lock, people, deaths, lost answers in any order",
        f"{sum(shares)} sequences × {asked.steps} steps, {len(shares)} seeds, {len(broken)} of them broke a promise",
        target="≥ 2,000 × 50, 0 broken",
        would_have_caught="a claim or an undo that races, a second agent that repeats what the first is sending",
        count=sum(shares),
        began=began,
        seed=f"{seeds[0]}..{seeds[-1]}",
    )
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
