"""The ship ledger in `state_dir/private`: a line is flushed to disk before each ship call, and one after it.

A database that was restored or replaced does not know what was shipped or undone since, but the ledger does. Lines are JSON, and
an incomplete last line is ignored:
    {"at", "supplier", "order", "attempt", "outcome"}            a ship call; outcome null is the intent
    {"at", "supplier", "order", "what", "who", "detail", "event"}  a person's decision; event is its id in the database
    {"at", "ledger", "epoch", "inode"}                           a mark that ledger and database share (rollback.py)
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from supplier_agent.base.errors import StateError
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import SAFELY, Private

NAMELESS = ""
"""The identity of a ledger from an older version."""
NOT_OPEN = -1


@dataclass(frozen=True)
class Entry:
    """The ledger's latest entry about one order: the attempt and its outcome (None: it may have been sent)."""

    attempt: int
    outcome: str | None
    at: str


@dataclass(frozen=True)
class Decision:
    """A person's decision about an order. `at` is ISO 8601; `event` is its row in the database from which it was copied."""

    at: str
    supplier: str
    order: str
    what: str
    who: str
    detail: str | None
    event: int


class Ledger:
    """The ship ledger, if it exists and can be trusted. Otherwise `fault` is the reason, and nothing is written.

    Opening does not create the file; `begin` does. Only the instance that holds the lock writes to it.
    """

    def __init__(self, path: Path, *, moved: bool = False) -> None:
        """Open the file. `moved`: it is known to be a copy (dry run)."""
        self.path = path
        self.identity, self.epoch = NAMELESS, 0
        self.last_call: tuple[str, str, int] | None = None  # supplier, order, attempt; None: none since the last mark
        self.last_decision: Decision | None = None  # None: none since the last mark
        self._entries: dict[tuple[str, str], Entry] = {}
        self.copied = False  # the file was replaced by a copy since the last mark
        self._inode = self._marked_inode = 0  # of the file; in the last mark (0: none)
        self._fd = NOT_OPEN
        self._torn = False
        with state_folder.open_private(path.parent) as folder:
            self.fault = folder.look(path.name)
            if self.fault:
                return
            content = self._open(folder)
        for line in content.split(b"\n"):
            self._learn(line)
        self.copied = not moved and self._marked_inode not in {0, self._inode}
        self._torn = bool(content) and not content.endswith(b"\n")

    def _open(self, folder: Private) -> bytes:
        try:
            self._fd = os.open(self.path.name, os.O_RDWR | os.O_APPEND | SAFELY, dir_fd=folder.descriptor)
            found = os.fstat(self._fd)
            self.fault, self._inode = folder.fault(found), found.st_ino
            return b"" if self.fault else _content(self._fd)
        except OSError as error:
            raise StateError(
                f"the ship ledger {self.path} cannot be opened: {error.strerror}. Nothing is shipped without it.",
                "give the agent's user the right to read and write it (mode 0600)",
            ) from error

    def begin(self, identity: str, at: datetime) -> None:
        """Start a ledger. An existing one continues under that identity. A file that cannot be trusted is renamed."""
        try:
            if self.fault or self._fd == NOT_OPEN:
                self.close()
                with state_folder.open_private(self.path.parent) as folder:
                    self._fd = folder.create(self.path.name)
                self._inode = os.fstat(self._fd).st_ino
                self.fault, self._torn = "", False
        except OSError as error:
            raise StateError(
                f"the ship ledger {self.path} cannot be started: {error.strerror}. Nothing is shipped without it.",
                "free some disk space, or give the folder to the agent's user",
            ) from error
        self.identity = identity
        self.mark(0, at)

    def _learn(self, line: bytes) -> None:
        try:
            fact = json.loads(line)
            if "epoch" in fact:
                mark = str(fact["ledger"]), int(fact["epoch"]), int(fact["inode"])  # read whole, or not at all
                self.identity, self.epoch, self._marked_inode = mark
                if self.epoch:  # epoch 0 only sets the identity: the database may not have it yet, or may be older
                    self.last_call = self.last_decision = None
            elif "what" in fact:
                self.last_decision = Decision(**fact)
            else:
                entry = Entry(int(fact["attempt"]), fact["outcome"], str(fact["at"]))
                self._entries[(fact["supplier"], fact["order"])] = entry
                self.last_call = (fact["supplier"], fact["order"], entry.attempt)
        except (ValueError, KeyError, TypeError):
            return  # cut off by a crash or a full disk: the line before it still records the intent

    def last(self, supplier: str, menzzo_order_id: str) -> Entry | None:
        """Return the latest entry of an order, or None if it never had a ship call."""
        return self._entries.get((supplier, menzzo_order_id))

    def write(self, supplier: str, menzzo_order_id: str, attempt: int, outcome: str | None, at: datetime) -> None:
        """Append one line and flush it to disk. Raises StateError if that fails."""
        if outcome is None and not self._is_in_its_place():
            self.fault = "it was moved away while the agent ran"
        call = {"supplier": supplier, "order": menzzo_order_id, "attempt": attempt, "outcome": outcome}
        self._append([{"at": at.isoformat(), **call}])

    def _is_in_its_place(self) -> bool:
        try:
            return self._fd == NOT_OPEN or self.path.lstat().st_ino == self._inode
        except OSError:
            return False

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Append decisions, with one flush to disk. Raises StateError if that fails."""
        self._append([asdict(each) for each in decisions])

    def mark(self, epoch: int, at: datetime) -> None:
        """Append a mark: ledger and database match up to here. Raises StateError if that fails."""
        self._append([{"at": at.isoformat(), "ledger": self.identity, "epoch": epoch, "inode": self._inode}])
        self.copied = False

    def _append(self, facts: "list[dict[str, object]]") -> None:
        if self._fd == NOT_OPEN or self.fault:
            raise StateError(
                f"the ship ledger {self.path} cannot be trusted: {self.fault}. Ship calls wait.",
                "supplier-agent status",
            )
        lines = b"".join(json.dumps(fact, separators=(",", ":")).encode() + b"\n" for fact in facts)
        try:
            data = b"\n" + lines if self._torn else lines
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
        for line in lines.splitlines():
            self._learn(line)

    def decisions(self) -> Iterator[Decision]:
        """Yield every decision, newest first."""
        for line in reversed((self.content() or b"").split(b"\n")):
            try:
                fact = json.loads(line)
                if "what" in fact:
                    yield Decision(**fact)
            except (ValueError, TypeError):
                continue  # torn

    def content(self) -> bytes | None:
        """Return the whole content, or None if there is no trusted ledger."""
        return None if self._fd == NOT_OPEN or self.fault else _content(self._fd)

    def learn(self, content: bytes) -> int:
        """Add ship calls that only another copy of the ledger knows; return the number of orders. Nothing is removed."""
        learned: set[tuple[str, str]] = set()
        for line in content.split(b"\n"):
            try:
                fact = json.loads(line)
                supplier, order, outcome = fact["supplier"], fact["order"], fact["outcome"]
                attempt, at = int(fact["attempt"]), datetime.fromisoformat(fact["at"])
            except (ValueError, KeyError, TypeError):
                continue  # another kind of line, or an incomplete last line
            mine = self.last(supplier, order)
            if (
                mine is None
                or attempt > mine.attempt
                or (attempt == mine.attempt and mine.outcome is None and outcome is not None)
            ):
                self.write(supplier, order, attempt, outcome, at)
                learned.add((supplier, order))
        return len(learned)

    def close(self) -> None:
        """Close the file."""
        if self._fd != NOT_OPEN:
            os.close(self._fd)
            self._fd = NOT_OPEN


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
