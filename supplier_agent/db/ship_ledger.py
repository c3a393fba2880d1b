"""The ship ledger: one line before each ship call and one after, fsynced, in `state_dir/private`.

A database that was restored from a backup, or replaced, has forgotten what was shipped since, and what people took back; the
ledger has not. Lines are JSON, and a torn last line is ignored:
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
from supplier_agent.db import private
from supplier_agent.db.private import SAFELY, Private

NAMELESS = ""
"""The identity of a ledger that an older version wrote."""
NOT_OPEN = -1


@dataclass(frozen=True)
class Entry:
    """The latest that the ledger knows of one order: which attempt, and its outcome (None: it may have been sent)."""

    attempt: int
    outcome: str | None
    at: str


@dataclass(frozen=True)
class Decision:
    """What a person decided about an order. `at` as ISO 8601; `event` is its row in the database that it was copied from."""

    at: str
    supplier: str
    order: str
    what: str
    who: str
    detail: str | None
    event: int


class Ledger:
    """The ship ledger of this installation, if it is there and can be trusted: else `fault` says why not, and nothing is written.

    Opening it never makes one: that is `begin`. Only the instance that holds the lock writes it.
    """

    def __init__(self, path: Path, *, moved: bool = False) -> None:
        """Open what is there. `moved`: it is known to be a copy (dry run)."""
        self.path = path
        self.identity, self.epoch = NAMELESS, 0
        self.last_call: tuple[str, str, int] | None = None  # supplier, order, attempt; None: none since the last mark
        self.last_decision: Decision | None = None  # None: none since the last mark
        self._entries: dict[tuple[str, str], Entry] = {}
        self.copied = False  # somebody has put a copy in the place of the file that the last mark was written in
        self._inode = self._marked_inode = 0  # of the file; as the last mark has it (0: there is none)
        self._fd = NOT_OPEN
        self._torn = False
        with private.opened(path.parent) as folder:
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
        """Begin a ledger. One that is there already goes on under that identity; what cannot be trusted is put aside."""
        try:
            if self.fault or self._fd == NOT_OPEN:
                self.close()
                with private.opened(self.path.parent) as folder:
                    self._fd = folder.create(self.path.name)
                self._inode = os.fstat(self._fd).st_ino
                self.fault, self._torn = "", False
        except OSError as error:
            raise StateError(
                f"the ship ledger {self.path} cannot be begun: {error.strerror}. Nothing is shipped without it.",
                "free some disk space, or give the folder to the agent's user",
            ) from error
        self.identity = identity
        self.mark(0, at)

    def _learn(self, line: bytes) -> None:
        try:
            fact = json.loads(line)
            if "epoch" in fact:
                self.identity, self.epoch, self._marked_inode = (
                    str(fact["ledger"]),
                    int(fact["epoch"]),
                    int(fact["inode"]),
                )
                if self.epoch:  # 0 gives it a name alone: the database may not know yet, or may turn out to be older
                    self.last_call = self.last_decision = None
            elif "what" in fact:
                self.last_decision = Decision(**fact)
            else:
                entry = Entry(int(fact["attempt"]), fact["outcome"], str(fact["at"]))
                self._entries[(fact["supplier"], fact["order"])] = entry
                self.last_call = (fact["supplier"], fact["order"], entry.attempt)
        except (ValueError, KeyError, TypeError):
            return  # torn by a crash or a full disk: the line before it still says that it may have been sent

    def last(self, supplier: str, menzzo_order_id: str) -> Entry | None:
        """Return the latest entry of an order, or None if no ship call was ever begun for it."""
        return self._entries.get((supplier, menzzo_order_id))

    def write(self, supplier: str, menzzo_order_id: str, attempt: int, outcome: str | None, at: datetime) -> None:
        """Append one line and wait until it is on the disk. Raises StateError if it cannot be."""
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
        """Append what people decided, all with one wait for the disk. Raises StateError if it cannot be."""
        self._append([asdict(each) for each in decisions])

    def mark(self, epoch: int, at: datetime) -> None:
        """Append a mark: from here on, ledger and database agree about all that was before. Raises StateError if it cannot be."""
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
        """Yield every decision that it knows, the newest first."""
        for line in reversed((self.content() or b"").split(b"\n")):
            try:
                fact = json.loads(line)
                if "what" in fact:
                    yield Decision(**fact)
            except (ValueError, TypeError):
                continue  # torn

    def content(self) -> bytes | None:
        """Return the whole of it, or None if there is none that may be trusted."""
        return None if self._fd == NOT_OPEN or self.fault else _content(self._fd)

    def learn(self, content: bytes) -> int:
        """Add the ship calls that another copy of it knows beyond this one; return of how many orders. Never less than it knew."""
        learned: set[tuple[str, str]] = set()
        for line in content.split(b"\n"):
            try:
                fact = json.loads(line)
                supplier, order, attempt, outcome = (
                    fact["supplier"],
                    fact["order"],
                    int(fact["attempt"]),
                    fact["outcome"],
                )
                at = datetime.fromisoformat(fact["at"])
            except (ValueError, KeyError, TypeError):
                continue  # another kind of line, or the torn end of a copy
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
