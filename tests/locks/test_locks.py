"""Locks are closed: nothing is left for an index to decide, neither today nor next month."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment

from tests.locks.closure import Entry, Environment, entries, faults, roots

HERE: Environment = {name: str(value) for name, value in default_environment().items()}
INSTALLED = ("requirements.lock", "requirements-dev.lock")
"""What this environment was made from. The others, and the other Pythons: tests/locks/other_pythons.py, in .ci/run."""


@pytest.fixture
def root() -> Path:
    return Path(__file__).parents[2]


@pytest.mark.parametrize("lock", INSTALLED)
def test_a_lock_holds_all_that_its_packages_ask_for_and_nothing_else(root: Path, lock: str) -> None:
    locked = entries(root / lock)
    here = {name: each for name, each in locked.items() if each.marker is None or each.marker.evaluate(HERE)}
    requires = {name: metadata.distribution(name).requires or [] for name in here}
    assert faults(roots(root)[lock], locked, requires, HERE) == []
    assert {name: metadata.version(name) for name in here} == {name: each.version for name, each in here.items()}


def test_each_lock_of_the_project_is_known_here(root: Path) -> None:
    assert {path.name for path in root.glob("*.lock")} - {"uv.lock"} == set(roots(root))


LOCK = {"a": Entry("1.0", None), "b": Entry("2.0", None)}


@pytest.mark.parametrize(
    ("lock", "requires", "fault"),
    [
        ({"a": LOCK["a"]}, {"a": ["b"]}, "a asks for b, which is not in the lock"),
        (LOCK, {"a": ["b<2"], "b": []}, "a asks for b<2; the lock has 2.0"),
        (LOCK, {"a": ["b[x]"], "b": ["c ; extra == 'x'"]}, "b asks for c ; extra == 'x', which is not in the lock"),
        (LOCK, {"a": ["b[x]"], "b": ["a>1 ; extra == 'x'"]}, "b asks for a>1 ; extra == 'x'; the lock has 1.0"),
        (LOCK, {"a": ["b ; sys_platform == 'win32'"], "b": []}, "nothing asks for b"),
        (LOCK, {"a": ["b ; extra == 'y'"], "b": []}, "nothing asks for b"),
    ],
)
def test_what_a_lock_lacks_is_found(lock: dict[str, Entry], requires: dict[str, list[str]], fault: str) -> None:
    assert faults(["a"], lock, requires, {**HERE, "sys_platform": "linux"}) == [fault]


def test_packages_that_ask_for_each_other_are_walked_once() -> None:
    assert faults(["a"], LOCK, {"a": ["b"], "b": ["a"]}, HERE) == []


@pytest.mark.parametrize("script", ["run", "Dockerfile", "systemd/install.sh", "tests/install/prepare.sh"])
def test_whatever_installs_from_a_lock_resolves_nothing(root: Path, script: str) -> None:
    text = re.sub(r"\\\n\s*", "", (root / script).read_text())
    lines = [line for line in text.splitlines() if re.search(r"\bpip\b.*\b(install|download)\b.* -r ", line)]
    assert lines
    assert [line for line in lines if "--no-deps" not in line or "--require-hashes" not in line] == []
