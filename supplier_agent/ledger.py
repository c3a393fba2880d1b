"""The ship ledger: one line before each ship call and one after, fsynced, beside the database.

A database that was restored from a backup, or replaced, has forgotten what was shipped since; the ledger has not.
Lines are JSON: {"at", "supplier", "order", "attempt", "outcome"}; outcome null is the intent. A torn last line is ignored.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from supplier_agent.errors import StateError


@dataclass(frozen=True)
class Entry:
    """The latest that the ledger knows of one order: which attempt, and its outcome (None: it may have been sent)."""

    attempt: int
    outcome: str | None
    at: str


class Ledger:
    """An open ship ledger. Only the instance that holds the lock writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[tuple[str, str], Entry] = {}
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            content = path.read_bytes()
        except OSError as error:
            raise StateError(
                f"the ship ledger {path} cannot be opened: {error.strerror}. Nothing is shipped without it.",
                "give the agent's user the right to read and write it (mode 0600)",
            ) from error
        for line in content.split(b"\n"):
            self._learn(line)
        self._torn = bool(content) and not content.endswith(b"\n")

    def _learn(self, line: bytes) -> None:
        try:
            fact = json.loads(line)
            entry = Entry(int(fact["attempt"]), fact["outcome"], str(fact["at"]))
            self._entries[(fact["supplier"], fact["order"])] = entry
        except (ValueError, KeyError, TypeError):
            return  # torn by a crash or a full disk: the line before it still says that it may have been sent

    def last(self, supplier: str, menzzo_order_id: str) -> Entry | None:
        """Return the latest entry of an order, or None if no ship call was ever begun for it."""
        return self._entries.get((supplier, menzzo_order_id))

    def write(self, supplier: str, menzzo_order_id: str, attempt: int, outcome: str | None, at: datetime) -> None:
        """Append one line and wait until it is on the disk. Raises StateError if it cannot be."""
        fact = {
            "at": at.isoformat(),
            "supplier": supplier,
            "order": menzzo_order_id,
            "attempt": attempt,
            "outcome": outcome,
        }
        line = json.dumps(fact, separators=(",", ":")).encode() + b"\n"
        try:
            data = b"\n" + line if self._torn else line
            self._torn = os.write(self._fd, data) < len(data)
            os.fdatasync(self._fd)
        except OSError as error:
            self._torn = True
            raise StateError(
                f"the ship ledger {self.path} cannot be written: {error.strerror}. Ship calls wait until it can.",
                "free some disk space, or repair the disk",
            ) from error
        if self._torn:
            raise StateError(
                f"the ship ledger {self.path} was written in part: the disk is full", "free some disk space"
            )
        self._learn(line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
