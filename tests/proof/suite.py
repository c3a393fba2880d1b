"""Some tests of the quick set as one row: python -m tests.proof.suite --row NAME --target TEXT --caught TEXT TESTS."""

import argparse
import contextlib
import json
import sys
import time

import pytest


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
    for name in ("--row", "--target", "--caught"):
        parser.add_argument(name, required=True)
    parser.add_argument("tests", nargs="+")
    asked, counted, began = parser.parse_args(), Counted(), time.monotonic()
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main(["-q", "-p", "no:cacheprovider", *asked.tests], plugins=[counted])
    reasons = "; ".join(sorted(set(counted.skipped)))
    figure = f"{counted.passed} tests passed, {len(counted.failed)} failed"
    figure += f", {len(counted.skipped)} skipped ({reasons})" if reasons else ""
    row = {
        "row": asked.row,
        "figure": figure,
        "target": asked.target,
        "count": counted.passed,
        "seconds": round(time.monotonic() - began),
        "seed": None,
        "would_have_caught": asked.caught,
    }
    sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
