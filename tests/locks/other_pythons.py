"""Each lock on each Python that the project supports: `python -m tests.locks.other_pythons`. Needs a package registry.

The metadata of every locked package is asked of the index, without a resolver and without installing anything.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.markers import default_environment
from packaging.utils import canonicalize_name

from tests.locks.closure import Entry, Environment, entries, faults, roots

ROOT = Path(__file__).parents[2]
CLASSIFIER = "Programming Language :: Python :: 3."


def supported() -> list[str]:
    """Return the minor versions that pyproject.toml names, such as "3.12"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [each.rpartition(" ")[2] for each in project["classifiers"] if each.startswith(CLASSIFIER)]


def _with_pip() -> str:
    """Return this interpreter, or the machine's own where this one has no pip (an environment that uv made)."""
    return sys.executable if importlib.util.find_spec("pip") else "python3"


def asked_of_the_index(lock: dict[str, Entry], python: str) -> dict[str, list[str]]:
    """Return what every package of a lock asks for, as the wheel for that Python says it."""
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder) / "names.txt"
        names.write_text("".join(f"{name}=={entry.version}\n" for name, entry in lock.items()))
        pip = [_with_pip(), "-m", "pip", "--disable-pip-version-check", "-q", "install", "--dry-run", "--no-deps"]
        of = ["--only-binary=:all:", "--python-version", python, "--target", folder, "--report", "-", "-r", str(names)]
        answer = subprocess.run([*pip, *of], capture_output=True, text=True, check=False, timeout=600)
    if answer.returncode != 0:
        sys.exit(
            f"locks: pip could not read what {len(lock)} packages ask for on Python {python}: {answer.stderr[-500:]}"
        )
    told = [each["metadata"] for each in json.loads(answer.stdout)["install"]]
    return {canonicalize_name(each["name"]): each.get("requires_dist", []) for each in told}


def main() -> int:
    """Print one line for each lock and Python; return 1 if one of them is not closed."""
    worst = 0
    for name, wanted in roots(ROOT).items():
        lock = entries(ROOT / name)
        for python in supported():
            here: Environment = {key: str(value) for key, value in default_environment().items()}
            here |= {
                "python_version": python,
                "python_full_version": f"{python}.0",
                "implementation_version": f"{python}.0",
            }
            found = faults(wanted, lock, asked_of_the_index(lock, python), here)
            print(f"locks: {name} on Python {python}: {len(lock)} packages, {'; '.join(found) or 'closed'}")  # noqa: T201 - a report
            worst |= bool(found)
    return worst


if __name__ == "__main__":
    sys.exit(main())
