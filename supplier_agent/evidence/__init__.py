"""Evidence: everything that was sent, received and decided, in a hash chain that a stranger can check.

A block is what one turn of the agent did, as lines of JSON. Its hash includes the hash of the block before, so nothing in the past
can be changed without changing every later hash. The ship ledger records some of these hashes: the heads.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from supplier_agent.db.ship_ledger import Head

BEGINNING = "0" * 64
"""What takes the place of the hash before the first block."""
STARTED, SETTINGS, STOPPED, FORK, BROKEN, LOST = "started", "settings", "stopped", "fork", "broken", "lost"
CLAIMED, ENDED, READ, RUN = "claimed", "ended", "read", "run"
EVENT, SUPPLIER, ACCEPTED = "event", "supplier", "accepted"
"""What a line is about."""
CONTRADICTS, DAMAGED, NOT_WRITTEN = "contradicts_ledger", "damaged", "not_written"
"""Why the chain is broken."""


class Row(NamedTuple):
    """A block as it is stored. `lines`: None: removed by the retention."""

    number: int
    at: str
    lines: Sequence[str] | None
    lines_sha256: str
    sha256: str


def sha256(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def as_line(what: str, **facts: object) -> str:
    """Return a line: one JSON object in ASCII. Times become text."""
    return _ENCODER.encode({"what": what, **facts})


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_text, check_circular=False)


def hash_of_lines(hashes: Iterable[str]) -> str:
    """Return the hash of the lines of a block, by the hash of each: so single lines can be shown without the others."""
    return sha256("".join(hashes))


def hash_of_block(previous: str, number: int, at: str, lines_sha256: str) -> str:
    """Return the hash of a block. `at` as in the database."""
    return sha256(f"{previous} {number} {at} {lines_sha256}")


def faults(blocks: Iterable[Row], heads: Iterable[Head], previous: str = BEGINNING) -> Iterator[tuple[int, str]]:
    """Yield where the chain is broken, and why: a block's number and a code.

    `blocks` and `heads` rise by number. A head that no block has is explained if a later block names it, or a higher one, in a
    line about a restore (`fork`).
    """
    waiting, head = iter(heads), None
    lost: list[int] = []  # the first and the last head that no block has
    number, head = 0, next(waiting, None)
    for block in blocks:
        number = block.number
        while head is not None and head.chain < number:
            lost, head = [*lost[:1], head.chain], next(waiting, None)
        if block.lines is not None and (above := restored(block.lines)) and lost and lost[-1] <= above:
            lost = []
        if not _fits(block, previous):
            yield number, DAMAGED
        while head is not None and head.chain == number:
            if head.sha256 != block.sha256:
                lost = [*lost[:1], head.chain]
            head = next(waiting, None)
        previous = block.sha256
    if lost or head is not None:
        yield lost[0] if lost else number + 1, CONTRADICTS


def _fits(block: Row, previous: str) -> bool:
    if block.lines is not None and hash_of_lines(map(sha256, block.lines)) != block.lines_sha256:
        return False
    return hash_of_block(previous, block.number, block.at, block.lines_sha256) == block.sha256


def restored(lines: Sequence[str]) -> int:
    """Return the number of the head that was lost by a restore; 0: the block is not about one."""
    if not lines[0].startswith(f'{{"what":"{FORK}"'):
        return 0
    return int(json.loads(lines[0])["head"])
