"""Branch coverage of the modules that decide what is sent: python -m tests.proof.coverage. 100 %, in one process."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.proof.figure import tell

ROOT = Path(__file__).parents[2]
MODULES = ("order.py", "agent.py", "tick/", "outbox.py", "reading/strategy.py", "calls/")
TESTS = (
    "tests/branches",
    "tests/calls",
    "tests/bulkheads/test_bulkhead.py",
    "tests/coverage/test_ledger.py",
    "tests/unit/test_acts.py",
    "tests/unit/test_order.py",
    "tests/unit/test_outbox.py",
    "tests/unit/test_calls.py",
    "tests/unit/test_inbox.py",
    "tests/unit/test_ledger.py",
    "tests/unit/test_observe.py",
    "tests/unit/test_reading.py",
    "tests/simulation/test_steps.py",
    "tests/tokens/test_rotation.py",
)
"""The tests that go through all of it; they run in one process, so that it can be measured."""
WITHOUT = (
    "tests/branches/test_damaged_rows.py",
    "tests/branches/test_cursor.py::test_two_series_of_numbers_in_one_account_never_hide_one_another_for_longer_than_a_sweep",
)
"""Tests of TESTS that take long to go where the others go as well: every cell of two tables, many days of polls."""


def main() -> int:
    """Run, print what is missing, and the row."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "slow or not slow", *TESTS),
            *(f"--deselect={each}" for each in WITHOUT if "::" in each),
            *(f"--ignore={each}" for each in WITHOUT if "::" not in each),
            *("--cov=supplier_agent", "--cov-branch", f"--cov-report=json:{report}", "--cov-report="),
        ]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"COVERAGE_FILE": f"{folder}/data"},
            stdout=sys.stderr,
            check=False,
        )
        files = json.loads(report.read_text())["files"] if report.exists() else {}
    chosen = {
        name.removeprefix("supplier_agent/"): file
        for name, file in files.items()
        if name.removeprefix("supplier_agent/").startswith(MODULES)
    }
    branches = sum(file["summary"]["num_branches"] for file in chosen.values())
    lines = sum(file["summary"]["num_statements"] for file in chosen.values())
    missing = {
        name: {"lines": file["missing_lines"], "branches": file["missing_branches"]}
        for name, file in chosen.items()
        if file["missing_lines"] or file["missing_branches"]
    }
    gone = sum(len(each["lines"]) + len(each["branches"]) for each in missing.values())
    percent = 100 * (1 - gone / (branches + lines)) if chosen else 0
    tell(
        "Branch coverage of order.py, agent.py, tick/, outbox.py, reading/strategy.py and calls/",
        f"{percent:.4g} % of {lines} lines and {branches} branches in {len(chosen)} modules",
        target="100 %",
        would_have_caught="a way through the core that no test has ever gone",
        count=100 if chosen and not missing else percent,
        began=began,
        missing=missing,
    )
    return int(done.returncode != 0 or bool(missing) or not chosen)


if __name__ == "__main__":
    sys.exit(main())
