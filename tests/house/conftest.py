"""The rules of the house, held by tests: what a review would otherwise have to repeat."""

import ast
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "supplier_agent"
ROOMY = 250  # lines; more is reported, 400 fails


@cache
def tree(path: Path) -> ast.Module:
    """Return a module as Python reads it; several rules look at each."""
    return ast.parse(path.read_text())


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Return what is, or is about to be, in the repository; in a copy without git, all but what git would ignore."""
    if (ROOT / ".git").exists() and (git := shutil.which("git")):
        listing = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        answer = subprocess.run(listing, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return [path for name in answer.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    ignored = {".venv", "__pycache__", "build", "dist", "state", "tokens"}
    kept = {".ci", ".dockerignore", ".gitignore", ".pre-commit-config.yaml"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not any(part in ignored or (part[0] == "." and part not in kept) for part in path.relative_to(ROOT).parts)
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the modules that grow, before they have to be divided."""
    lines = {path: path.read_text().count("\n") for path in PACKAGE.rglob("*.py")}
    for path, count in sorted(lines.items(), key=lambda entry: -entry[1]):
        if count > ROOMY:
            terminalreporter.write_line(f"growing: {path.relative_to(ROOT)} has {count} lines (400 is the end)")
