"""Whether a lock holds all that its own packages ask for, extras and markers included, and nothing else. Pure."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

Environment = dict[str, str]
"""The values of PEP 508's markers for one Python on one platform."""

ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)$"
)


@dataclass(frozen=True)
class Entry:
    """One line of a lock. `marker` None: it is installed everywhere."""

    version: str
    marker: Marker | None


def entries(lock: Path) -> dict[str, Entry]:
    """Return what a lock holds, by name; anything that is not `name==version` with hashes is an error."""
    found = {}
    for line in re.sub(r"\s*\\\n\s*", " ", lock.read_text()).splitlines():
        entry = ENTRY.match(line)
        assert entry, f"{lock.name}: {line[:80]}"
        found[entry["name"]] = Entry(entry["version"], Marker(entry["marker"]) if entry["marker"] else None)
    return found


def roots(root: Path) -> dict[str, list[str]]:
    """Return what each lock is made for: the requirements that pyproject.toml states."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    shipped, groups = project["project"]["dependencies"], project["dependency-groups"]
    return {
        "requirements.lock": shipped,
        "requirements-build.lock": project["build-system"]["requires"],
        "requirements-dev.lock": shipped + groups["dev"],
        "requirements-audit.lock": groups["audit"],
    }


def faults(
    wanted: Iterable[str], lock: Mapping[str, Entry], requires: Mapping[str, Iterable[str]], environment: Environment
) -> list[str]:
    """Return what is wrong with a lock in one environment: what is missing, does not fit, or is asked for by nothing.

    wanted: the requirements that the lock is made for. requires: what each locked package asks for, by name, as its own
    metadata says it. Both are walked with their extras, as pip does.
    """
    found: list[str] = []
    reached: set[tuple[str, str]] = set()  # a package, and one of its extras ("": the package itself)
    waiting = [("the project", "", each) for each in wanted]
    while waiting:
        asks, extra, text = waiting.pop()
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({**environment, "extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        entry = lock.get(name)
        if entry is None or (entry.marker is not None and not entry.marker.evaluate({**environment, "extra": ""})):
            found.append(f"{asks} asks for {text}, which is not in the lock")
            continue
        if not requirement.specifier.contains(entry.version, prereleases=True):
            found.append(f"{asks} asks for {text}; the lock has {entry.version}")
        new = {(name, each) for each in ("", *requirement.extras)} - reached
        reached |= new
        waiting += [(name, each_extra, each) for _, each_extra in new for each in requires[name]]
    installed = {
        name
        for name, entry in lock.items()
        if entry.marker is None or entry.marker.evaluate({**environment, "extra": ""})
    }
    return found + [f"nothing asks for {name}" for name in sorted(installed - {name for name, _ in reached})]
