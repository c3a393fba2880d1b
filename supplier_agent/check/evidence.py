"""Whether the evidence is whole: every block fits its hash, and the ship ledger recorded no other blocks."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from pathlib import Path

from supplier_agent.base.errors import StateError
from supplier_agent.check.report import Report
from supplier_agent.db.ship_ledger import Head, Ledger
from supplier_agent.evidence import faults
from supplier_agent.evidence.stored import blocks, tip_of

CURE = "keep a copy of state_dir, and find out who changed it. What the evidence says from there on proves nothing by itself"


def look(report: Report, database: Path, ledger: Path) -> None:
    """Check the whole chain, block by block. Raises sqlite3.Error.

    The heads come first: while the agent runs, each is written after its block.
    """
    with (
        closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection,
        _heads(ledger) as heads,
    ):
        newest = tip_of(connection).number
        found = next(faults(blocks(connection), heads), None)
    if found is None:
        report.good(
            f"evidence: {newest} blocks, each fits its hash and the ship ledger" if newest else "evidence: none yet"
        )
    else:
        report.doubt(f"the evidence is broken from block {found[0]} on ({found[1]})", CURE)


@contextmanager
def _heads(path: Path) -> Iterator[Iterable[Head]]:
    """Give the heads in the ship ledger until now; none if it cannot be read."""
    if not path.parent.is_dir():
        yield ()
        return
    try:
        ledger = Ledger(path)
    except StateError:
        yield ()
        return
    with closing(ledger):
        last = ledger.last_head.chain if ledger.last_head is not None else 0
        yield takewhile(lambda head: head.chain <= last, ledger.heads())
