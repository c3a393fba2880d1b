"""The ship ledger in `state_dir/private`: a line is flushed to disk before each ship call, and one after it.

A database that was restored or replaced does not know what was shipped or undone since, but the ledger does. It grows for ever, so
a start reads only the lines since the last mark; the whole file is read when an order is looked up for the first time. Lines are
JSON, and an incomplete last line is ignored:
    {"at", "supplier", "order", "attempt", "outcome"}            a ship call; outcome null is the intent
    {"at", "supplier", "order", "what", "who", "detail", "event"}  a person's decision; event is its id in the database
    {"at", "ledger", "epoch", "inode"}                           a mark that ledger and database share (rollback.py)
    {"at", "chain", "sha256"}                                    a head of the hash chain: number and hash of a block (evidence/)
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from supplier_agent.base.errors import StateError
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import SAFELY, Private

NAMELESS = ""
"""The identity of a ledger from an older version."""
NOT_OPEN = -1
MARK = b'"ledger"'
"""What only a mark contains."""
HEAD = b'"chain":'
"""What every head of the chain contains."""
BLOCK_BYTES = 64 * 1024
"""How much of the file is in memory at a time."""
LONGEST_LINE = 64 * 1024


@dataclass(frozen=True)
class Entry:
    """The ledger's latest entry about one order: the attempt and its outcome (None: it may have been sent)."""

    attempt: int
    outcome: str | None
    at: str


@dataclass(frozen=True)
class ShipCall:
    """A line about a ship call. outcome: None for the intent, which is on disk before the request is sent."""

    supplier: str
    order: str
    attempt: int
    outcome: str | None
    at: datetime


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


@dataclass(frozen=True)
class Head:
    """A line about the hash chain: the number and the hash of a block that is in the database. `at`: ISO 8601, of the block."""

    at: str
    chain: int
    sha256: str


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
        self.last_head: Head | None = None  # the last in the file; None: there is none since the last mark
        self.head: Head | None = (
            None  # the present head of the chain, for the next intents and the next mark; None: not known
        )
        self._begins: dict[tuple[str, str], int] | None = {}  # where each order's last line begins; None: not read yet
        self.copied = False  # the file was replaced by a copy since the last mark
        self._inode = self._marked_inode = 0  # of the file; in the last mark (0: none)
        self._fd = NOT_OPEN
        self._torn = False
        with state_folder.open_private(path.parent) as folder:
            self.fault = folder.look(path.name)
            if self.fault:
                return
            self._open(folder)
        self.copied = not moved and self._marked_inode not in {0, self._inode}

    def _open(self, folder: Private) -> None:
        try:
            self._fd = os.open(self.path.name, os.O_RDWR | os.O_APPEND | SAFELY, dir_fd=folder.descriptor)
            found = os.fstat(self._fd)
            self.fault, self._inode = folder.fault(found), found.st_ino
            if self.fault:
                return
            self._begins = None
            for line in _lines(self._fd, _last_mark(self._fd)):
                self._learn(_fact(line))
                self._torn = not line.endswith(b"\n")
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
                self.fault, self._torn, self._begins = "", False, {}
        except OSError as error:
            raise StateError(
                f"the ship ledger {self.path} cannot be started: {error.strerror}. Nothing is shipped without it.",
                "free some disk space, or give the folder to the agent's user",
            ) from error
        self.identity = identity
        self.head = self.last_head = None  # of another chain
        self.mark(0, at)

    def _learn(self, fact: dict[str, Any]) -> None:
        """Remember the last mark, and the last call and decision after it. A line that cannot be understood changes nothing."""
        if (mark := _mark(fact)) is not None:
            if mark[0] != self.identity:
                self.last_head = None  # of another chain
            self.identity, self.epoch, self._marked_inode = mark
            if self.epoch:  # epoch 0 only sets the identity: the database may not have it yet, or may be older
                self.last_call = self.last_decision = None
        elif "what" in fact:
            with suppress(TypeError):
                self.last_decision = Decision(**fact)
        elif (head := _head(fact)) is not None:
            self.last_head = head
        elif (call := _call(fact)) is not None:
            (supplier, order), entry = call
            self.last_call = (supplier, order, entry.attempt)

    def last(self, supplier: str, menzzo_order_id: str) -> Entry | None:
        """Return the latest entry of an order, or None if it never had a ship call.

        If the file cannot be read, or was changed by another program, it is not trusted any more.
        """
        key = supplier, menzzo_order_id
        try:
            if self._begins is None:
                self._begins = _last_lines(self._fd)
            if (begins := self._begins.get(key)) is None:
                return None
            found = _call(_fact(os.pread(self._fd, LONGEST_LINE, begins).partition(b"\n")[0]))
        except OSError as error:
            self.fault = f"it cannot be read: {error.strerror}"
            return None
        if found is None or found[0] != key:
            self.fault = "it was changed while the agent ran"
            return None
        return found[1]

    def write(self, calls: Sequence[ShipCall]) -> None:
        """Append lines about ship calls, with one flush to disk. Raises StateError if that fails."""
        intended = any(call.outcome is None for call in calls)
        if intended and not self._is_in_its_place():
            self.fault = "it was moved away while the agent ran"
        self._append(
            [
                *(self._new_head() if intended else ()),
                *(
                    {
                        "at": call.at.isoformat(),
                        "supplier": call.supplier,
                        "order": call.order,
                        "attempt": call.attempt,
                        "outcome": call.outcome,
                    }
                    for call in calls
                ),
            ]
        )

    def _new_head(self) -> list[dict[str, Any]]:
        return [asdict(self.head)] if self.head is not None and self.head != self.last_head else []

    def seal(self) -> None:
        """Append the present head of the chain, if it is new. Raises StateError if that fails."""
        if head := self._new_head():
            self._append(head)

    def _is_in_its_place(self) -> bool:
        try:
            return self._fd == NOT_OPEN or self.path.lstat().st_ino == self._inode
        except OSError:
            return False

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Append decisions, with one flush to disk. Raises StateError if that fails."""
        self._append([asdict(each) for each in decisions])

    def mark(self, epoch: int, at: datetime) -> None:
        """Append a mark: ledger and database match up to here. Raises StateError if that fails.

        The head of the chain is repeated after it, because a start reads only from the last mark on.
        """
        mark = {"at": at.isoformat(), "ledger": self.identity, "epoch": epoch, "inode": self._inode}
        head = self.head or self.last_head
        self._append([mark, *([asdict(head)] if head is not None else [])])
        self.copied = False

    def _append(self, facts: Sequence[dict[str, Any]]) -> None:
        if self._fd == NOT_OPEN or self.fault:
            raise StateError(
                f"the ship ledger {self.path} cannot be trusted: {self.fault}. Ship calls wait.",
                "supplier-agent status",
            )
        lines = [json.dumps(fact, separators=(",", ":")).encode() + b"\n" for fact in facts]
        try:
            data = b"".join([b"\n", *lines] if self._torn else lines)
            self._torn = os.write(self._fd, data) < len(data)
            ends = os.lseek(self._fd, 0, os.SEEK_CUR)
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
        begins = ends - sum(len(line) for line in lines)
        for fact, line in zip(facts, lines, strict=True):
            self._learn(fact)
            if self._begins is not None and (found := _call(fact)) is not None:
                self._begins[found[0]] = begins
            begins += len(line)

    def decisions(self) -> Iterator[Decision]:
        """Yield every decision, newest first."""
        for line in reversed([*(self.content() or ())]):
            fact = _fact(line)
            with suppress(TypeError):
                if "what" in fact:
                    yield Decision(**fact)

    def heads(self) -> Iterator[Head]:
        """Yield every head of the present chain, oldest first: those since the ledger belongs to this database."""
        since, identity = 0, NAMELESS
        for number, line in enumerate(self.content() or ()):
            if MARK in line and (mark := _mark(_fact(line))) is not None and mark[0] != identity:
                since, identity = number, mark[0]
        for line in islice(self.content() or (), since, None):
            if HEAD in line and (head := _head(_fact(line))) is not None:
                yield head

    def content(self) -> Iterator[bytes] | None:
        """Return the whole content, line by line, or None if there is no trusted ledger."""
        return None if self._fd == NOT_OPEN or self.fault else _lines(self._fd, 0)

    def learn(self, content: bytes) -> int:
        """Add ship calls that only another copy of the ledger knows; return the number of orders. Nothing is removed."""
        learned: list[ShipCall] = []
        known: dict[tuple[str, str], Entry | None] = {}
        for line in content.split(b"\n"):
            if (found := _call(_fact(line))) is None:
                continue  # another kind of line, or an incomplete last line
            key, entry = found
            mine = known.setdefault(key, self.last(*key))
            try:
                at = datetime.fromisoformat(entry.at)
            except ValueError:
                continue
            if (
                mine is None
                or entry.attempt > mine.attempt
                or (entry.attempt == mine.attempt and mine.outcome is None and entry.outcome is not None)
            ):
                known[key] = entry
                learned.append(ShipCall(*key, entry.attempt, entry.outcome, at))
        if learned:
            self.write(learned)
        return len({(call.supplier, call.order) for call in learned})

    def close(self) -> None:
        """Close the file."""
        if self._fd != NOT_OPEN:
            os.close(self._fd)
            self._fd = NOT_OPEN


def _last_mark(descriptor: int) -> int:
    """Return where the last mark with an epoch begins; 0 if there is none. It reads backwards, block by block."""
    ends, rest = os.fstat(descriptor).st_size, b""  # rest: of a line that begins in an earlier block
    while ends:
        begins = max(0, ends - BLOCK_BYTES)
        block = os.pread(descriptor, ends - begins, begins) + rest
        whole = (block.find(b"\n") + 1 or len(block)) if begins else 0
        until = len(block)
        while (found := block.rfind(MARK, whole, until)) >= 0:
            until = block.rfind(b"\n", 0, found) + 1
            mark = _mark(_fact(block[until:].partition(b"\n")[0]))
            if mark is not None and mark[1]:
                return begins + until
        ends, rest = begins, block[:whole]
    return 0


def _lines(descriptor: int, begins: int) -> Iterator[bytes]:
    """Yield each line from there on, with its end; an incomplete last line has none."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(begins)
        yield from file


def _last_lines(descriptor: int) -> dict[tuple[str, str], int]:
    """Return where the last line of each order begins."""
    found: dict[tuple[str, str], int] = {}
    begins = 0
    for line in _lines(descriptor, 0):
        if (key := _key(line)) is not None:
            supplier, order = key
            found[sys.intern(supplier), order] = begins
        begins += len(line)
    return found


_TEXT = rb'"([ !#-\[\]-~]*)"'  # ASCII without quotation marks, escapes and control characters
_WRITTEN = re.compile(
    rb'\{"at":%b,"supplier":%b,"order":%b,"attempt":(?:0|[1-9][0-9]{0,8}),"outcome":(?:null|%b)\}\n' % ((_TEXT,) * 4)
)
"""A line as `write` writes it. To recognise it is several times faster than to parse JSON, and there may be millions."""


def _key(line: bytes) -> tuple[str, str] | None:
    """Return supplier and order of a line about a ship call; None for another line."""
    written = _WRITTEN.fullmatch(line)
    if written is not None:
        return written[2].decode(), written[3].decode()
    if HEAD in line:
        return None
    call = _call(_fact(line))
    return None if call is None else call[0]


def _fact(line: bytes) -> dict[str, Any]:
    """Return what a line says; {} if it was cut off by a crash or a full disk: the line before it still records the intent."""
    try:
        fact = json.loads(line)
    except ValueError:
        return {}
    return fact if isinstance(fact, dict) else {}


def _mark(fact: dict[str, Any]) -> tuple[str, int, int] | None:
    """Return identity, epoch and inode; None if the line is not a whole mark."""
    with suppress(ValueError, KeyError, TypeError):
        return str(fact["ledger"]), int(fact["epoch"]), int(fact["inode"])
    return None


def _head(fact: dict[str, Any]) -> Head | None:
    """Return the head of the chain that a line names; None if it is another line."""
    with suppress(ValueError, KeyError, TypeError):
        return Head(str(fact["at"]), int(fact["chain"]), str(fact["sha256"]))
    return None


def _call(fact: dict[str, Any]) -> tuple[tuple[str, str], Entry] | None:
    """Return supplier and order, and what the line says of them; None if it is not about a ship call."""
    with suppress(ValueError, KeyError, TypeError):
        return (str(fact["supplier"]), str(fact["order"])), Entry(
            int(fact["attempt"]), fact["outcome"], str(fact["at"])
        )
    return None
