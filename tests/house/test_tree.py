"""What the repository may hold: nothing of the machine it was made on, and locks that bind every byte to a hash."""

import re
from pathlib import Path

import pytest

from tests.locks.closure import entries

# Written with classes, so that this file does not hold what it looks for.
ELSEWHERE = re.compile(
    r"p[y]pi\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|deb[i]an\.org|(?<![\w.$}])/(?:w[o]rk|r[o]ot|f[a]rm|h[o]me|t[m]p)/\w"
)
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock", "requirements-audit.lock")


def test_nothing_names_a_package_registry_or_a_path_of_one_machine(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # not text
        found += [f"{path.name}:{n}: {line}" for n, line in enumerate(text.splitlines(), 1) if ELSEWHERE.search(line)]
    assert not found


def test_the_lock_that_names_a_registry_is_not_tracked(tracked: list[Path]) -> None:
    assert "uv.lock" not in {path.name for path in tracked}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_versions_and_hashes_and_no_address(root: Path, lock: str) -> None:
    assert entries(root / lock)
    assert "://" not in (root / lock).read_text()


def test_what_is_tested_is_what_is_shipped(root: Path) -> None:
    assert entries(root / "requirements.lock").items() <= entries(root / "requirements-dev.lock").items()


def test_the_readme_of_the_tests_names_each_of_their_folders(root: Path, tracked: list[Path]) -> None:
    folders = {path.relative_to(root / "tests").parts[0] for path in tracked if path.is_relative_to(root / "tests")}
    text = (root / "tests" / "README.md").read_text()
    assert not [name for name in folders if (root / "tests" / name).is_dir() and f"`{name}`" not in text]
