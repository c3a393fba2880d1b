"""What the repository may hold: nothing of the machine it was made on, and locks that bind every byte to a hash."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

# Written with classes, so that this file does not hold what it looks for.
ELSEWHERE = re.compile(
    r"p[y]pi\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|deb[i]an\.org|(?<![\w.$}])/(?:w[o]rk|r[o]ot|f[a]rm|h[o]me|t[m]p)/\w"
)
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?P<marker> ; .+?)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)$"
)


def entries(lock: Path) -> dict[str, str]:
    """Return the version of every name in a lock; anything that is not `name==version` with hashes is an error."""
    versions = {}
    for line in re.sub(r"\s*\\\n\s*", " ", lock.read_text()).splitlines():
        entry = ENTRY.match(line)
        assert entry, f"{lock.name}: {line[:80]}"
        versions[entry["name"]] = entry["version"]
    return versions


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
    shipped, builds, tested = (entries(root / lock) for lock in LOCKS)
    assert shipped.items() <= tested.items()
    assert builds.items() <= tested.items()


def test_the_locks_satisfy_the_project(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    shipped, builds, tested = (entries(root / lock) for lock in LOCKS)
    for wanted, locked in (
        (project["project"]["dependencies"], shipped),
        (project["build-system"]["requires"], builds),
        (project["dependency-groups"]["dev"] + project["build-system"]["requires"], tested),
    ):
        for requirement in map(Requirement, wanted):
            assert locked.get(requirement.name, "absent") in requirement.specifier, requirement
