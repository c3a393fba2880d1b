"""The long set: `python -m tests.together --starts 50` for 2, 4 and 8 processes, with the lock, with it deleted, without it."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.proof.figure import tell
from tests.together.crowd import LOCKS, gathered

WORDS = {"held": "is held as in life", "deleted": "is deleted before each start", "none": "does not exist"}


def main() -> int:
    """Print one JSON line for each way to lock; return 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=50)
    starts, broken = parser.parse_args().starts, 0
    for lock in LOCKS:
        began, wrong, owed, sent, codes = time.monotonic(), [], 0, 0, {}
        for processes in (2, 4, 8):
            with tempfile.TemporaryDirectory() as folder, gathered(Path(folder), starts) as crowd:
                for _ in range(starts):
                    crowd.rush(processes, lock)
                wrong += crowd.wrong()
                owed += len(crowd.flagged)
                sent += len(crowd.world.requests("ship-sale"))
                codes[processes] = dict(crowd.codes)
        ended = "; ".join(
            f"of {n} at once " + ", ".join(f"{count} with {code}" for code, count in ends.items())
            for n, ends in codes.items()
        )
        figure = f"2, 4, 8 processes × {starts} starts: {sent} ship calls sent, {owed} owed; "
        figure += f"they ended {ended}; {len(wrong)} broke a promise"
        sys.stderr.write("\n".join(wrong))
        tell(
            f"Agents started at the same instant; the lock {WORDS[lock]}",
            figure,
            target="2, 4, 8 processes × 50 starts: sent = owed, each once",
            would_have_caught="a claim without its condition: the same call sent by two",
            count=starts,
            began=began,
        )
        broken += bool(wrong)
    return min(broken, 1)


if __name__ == "__main__":
    raise SystemExit(main())
