"""Do the tests notice? Run as python -m tests.mutants [--only NAME] [--promised] [--every N] [--workers N].

Plants each bug in a temporary copy of the whole tree, runs the tests that must notice it, and then the one that did once more,
without the bug: it must pass. Prints the table, then one row of JSON; exits 1 if a bug survives.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.connections import OF_CONNECTIONS
from tests.mutants.decided import DECIDED
from tests.mutants.planted import PACKAGE, PLANTED, Mutant
from tests.mutants.programs import OF_PROGRAMS
from tests.mutants.promised import WAYS

ROOT = Path(__file__).parents[2]
MUTANTS = (*PLANTED, *DECIDED, *OF_PROGRAMS, *OF_CONNECTIONS, *WAYS)
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
MOST_SECONDS = 600
EVERY = "slow or not slow"
"""What a planted bug is noticed by may be slow, and belong to .ci/run."""
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Noticed:
    """What came of one bug. `by` is the test that noticed it, None if none did; then `why` may say more."""

    by: str | None
    seconds: float
    why: str = ""


def plant(mutant: Mutant, root: Path) -> str:
    """Plant a bug in a tree; return why that is not possible, or ""."""
    path = root / PACKAGE / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        return f"its place stands {text.count(mutant.old)} times in {mutant.file}"
    path.write_text(text.replace(mutant.old, mutant.new))
    return ""


def ends(tests: Sequence[str], tree: Path) -> tuple[int, str]:
    """Run tests in a tree until one fails; return pytest's exit code and what it printed. A hang counts as a failure."""
    # The copy comes first wherever a process looks for modules; the installed one is the checkout itself.
    env = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", EVERY, *tests]
    try:
        done = subprocess.run(
            command, cwd=tree, env=env, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, f"FAILED {tests[0]}"
    return done.returncode, done.stdout


def notice(mutant: Mutant) -> Noticed:
    """Run a bug's tests in a copy of the tree that has it; then the one that failed in a copy that has not."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        sick, sound = Path(folder) / "sick", Path(folder) / "sound"
        for copy in (sick, sound):
            shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        why = plant(mutant, sick)
        code, printed = (0, "") if why else ends(mutant.tests, sick)
        found = FAILED.search(printed)
        if code not in {1, 2} or found is None:
            return Noticed(None, time.monotonic() - began, why or ("" if code == 0 else printed[-300:]))
        code, printed = ends([found[1]], sound)
        seconds = time.monotonic() - began
        return Noticed(found[1], seconds) if code == 0 else Noticed(None, seconds, f"{found[1]} fails without it, too")


def main() -> int:
    """Plant, run, print and judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--only", help="those whose name has this text in it")
    parser.add_argument(
        "--promised", action="store_true", help="the ways in which a promise of README can become false alone"
    )
    parser.add_argument("--every", type=int, default=1, help="each n-th of them alone")
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    mutants = [mutant for mutant in (WAYS if wanted.promised else MUTANTS) if (wanted.only or "") in mutant.name][
        :: wanted.every
    ]
    began, survivors = time.monotonic(), []
    table = [("planted bug", "noticed by")]
    with ThreadPoolExecutor(wanted.workers) as pool:
        for mutant, noticed in zip(mutants, pool.map(notice, mutants), strict=True):
            if noticed.by is None:
                survivors.append(mutant.name)
            table.append((mutant.name, noticed.by or f"SURVIVED {noticed.why}"))
            tell(f"{noticed.seconds:5.0f} s  {mutant.name:64}  {table[-1][1]}")
    row = {
        "row": "Planted bugs: each is noticed by a test of .ci/run",
        "figure": f"{len(mutants) - len(survivors)} of {len(mutants)} caught",
        "target": "≥ 25, all caught",
        "count": len(mutants) - len(survivors),
        "seed": None,
        "seconds": round(time.monotonic() - began),
        "table": table,
        "would_have_caught": "a test that has stopped to test",
    }
    tell(json.dumps(row))
    return int(bool(survivors))


def tell(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
