"""Results of rows, kept in results.json: a proof that was interrupted goes on where it was (`./run proof --go-on`).

A result counts only for the program that it was made with: the files of supplier_agent/ as git has them.
"""

import json
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = "tests/proof/results.json"
PROGRAM = "supplier_agent"


@dataclass(frozen=True)
class Kept:
    """What a row at full scale came to. program: git's hash of the program's files. where: day, commit, machine and seed."""

    program: str
    where: str
    arguments: list[str]
    figures: list[dict[str, Any]]


class Results:
    """The file of results. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()

    def of(self, program: str) -> Mapping[str, Kept]:
        """Return the results that were made with this program, by the name of the row."""
        return {name: each for name, each in self._read().items() if program and each.program == program}

    def keep(self, name: str, result: Kept) -> None:
        """Keep the result of a row that held, instead of an earlier one."""
        with self._lock:
            rows = {key: asdict(each) for key, each in self._read().items()} | {name: asdict(result)}
            self._path.write_text(
                json.dumps(rows, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
            )

    def _read(self) -> dict[str, Kept]:
        if not self._path.exists():
            return {}
        return {name: Kept(**each) for name, each in json.loads(self._path.read_text(encoding="utf-8")).items()}


def program_of(root: Path) -> str:
    """Return git's hash of the program's files; "" if they have changes that are not committed, or git does not know them."""

    def git(*arguments: str) -> str | None:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    return (git("rev-parse", f"HEAD:{PROGRAM}") or "") if git("status", "--porcelain", "--", PROGRAM) == "" else ""
