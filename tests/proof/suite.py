"""Some tests as one row: python -m tests.proof.suite NAME."""

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.proof.figure import tell


@dataclass(frozen=True)
class Suite:
    """Tests that are one row together."""

    row: str
    target: str
    would_have_caught: str
    tests: Sequence[str]


SUITES = {
    "matrix": Suite(
        "The fault matrix over real sockets: what a server does × read, acknowledge, label, ship × effect or none",
        "≥ 40 behaviours × 4 × 2, each ends as the table says, within its deadline + 1 s",
        "a lost answer that is taken for a yes or a no, a call that never ends, an answer that belongs to another request",
        ("tests/faults",),
    ),
    "full disks": Suite(
        "Full disks in steps, locked and replaced databases, missing rights",
        "all pass",
        "a call that leaves although nothing could be noted, a traceback instead of a sentence",
        ("tests/disk",),
    ),
    "order of writes": Suite(
        "The order of writes: on the disk before it is reported, before it leaves, before it is renamed",
        "all pass",
        "a fact that a power cut takes away after a person has acted on it",
        ("tests/simulation/test_durability.py",),
    ),
    "liveness": Suite(
        "Life goes on: after each single fault the next good poll comes within an interval and 60 s; a hung worker is found",
        "all pass",
        "a loop that waits for ever, a scheduler that skips an hour because the clock was set, a hang that nobody notices",
        ("tests/liveness",),
    ),
    "security": Suite(
        "Hostile label links, a canary token searched for in everything written, terminals, the units' exposure",
        "≥ 40 links, no connection elsewhere, no token anywhere",
        "a token in a log, a traceback or a foreign server's books",
        ("tests/security", "tests/house/test_systemd.py", "tests/marketplace/test_links.py"),
    ),
    "promises": Suite(
        "README's promises, one test each, by name",
        "all pass",
        "a promise that is kept in the parts and broken by the whole",
        ("tests/promises",),
    ),
}


class Counted:
    """Counts how the tests ended."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a phase of a test ended."""
        if report.failed:
            self.failed.append(report.nodeid)
        elif report.skipped and isinstance(report.longrepr, tuple):
            self.skipped.append(str(report.longrepr[2]).removeprefix("Skipped: "))
        elif report.passed and report.when == "call":
            self.passed += 1


def main() -> int:
    """Run them and print the row."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.suite")
    parser.add_argument("name", choices=SUITES)
    suite, counted, began = SUITES[parser.parse_args().name], Counted(), time.monotonic()
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main(["-q", "-p", "no:cacheprovider", "-m", "slow or not slow", *suite.tests], plugins=[counted])
    reasons = "; ".join(sorted(set(counted.skipped)))
    figure = f"{counted.passed} tests passed, {len(counted.failed)} failed"
    figure += f", {len(counted.skipped)} skipped ({reasons})" if reasons else ""
    tell(
        suite.row,
        figure,
        target=suite.target,
        would_have_caught=suite.would_have_caught,
        count=counted.passed,
        began=began,
    )
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
