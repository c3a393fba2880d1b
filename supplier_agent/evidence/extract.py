"""The file that `evidence` writes: the lines about one order or day, and the hashes by which a stranger can check them.

The first pass over the chain finds the blocks that matter. The second writes these, and of all between them the hashes alone, until
the next head of the ship ledger. docs/how-to/check-evidence.md describes the file, and has the script that checks it.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from supplier_agent import __version__
from supplier_agent.db.plain_sql import Look, text
from supplier_agent.db.ship_ledger import Head
from supplier_agent.evidence import ACCEPTED, BROKEN, FORK, LOST, READ, RUN, Row, sha256
from supplier_agent.evidence.stored import before, blocks, tip_of
from supplier_agent.reading import strategy
from supplier_agent.reading.coverage.days import starts_at
from supplier_agent.reading.missing_orders import last_day_of

ABOUT_THE_CHAIN = frozenset({FORK, BROKEN, LOST, ACCEPTED})
"""Lines that are always shown."""
HOW_TO_CHECK = "docs/how-to/check-evidence.md"
NOT_PROVED = (
    "An order may have been listed between two reads.",
    "The marketplace does not sign its answers: what they contained is shown as this program stored it.",
    "The operator of the machine can replace the whole chain, unless another party has noted one of its heads.",
)
BY_NUMBER = "The possible days are those between the orders with the next lower and the next higher number, unless a day was named."
"""What the header says of the limits of the proof."""


@dataclass(frozen=True)
class Asked:
    """What a file is about: an order, or everything of a supplier within some time.

    order: None: everything. days: on which an order that we do not know may be dated; None: we know it. since, until: the blocks
    of this time; None: no limit. zone: in which a day begins.
    """

    supplier: str
    order: str | None
    days: tuple[date, date] | None
    since: datetime | None
    until: datetime | None
    zone: tzinfo


@dataclass
class Found:
    """What the chain has about it."""

    numbers: list[int] = field(default_factory=list)
    lines: Counter[str] = field(default_factory=Counter)
    listed: list[str] = field(default_factory=list)  # the first and the last time that a read listed the order
    removed: int = 0  # blocks within the time whose lines the retention has removed
    complete: dict[date, list[str]] = field(
        default_factory=dict
    )  # by day: as of when it was read completely, after its end


def look(connection: sqlite3.Connection, asked: Asked) -> Found:
    """Find the blocks with lines about it."""
    found = Found()
    for block in _within(connection, asked):
        if block.lines is None:
            found.removed += 1
        elif asked.order is None or asked.days is not None or any(asked.order in line for line in block.lines):
            chosen = [fact for line in block.lines if (fact := _chosen(asked, line)) is not None]
            for fact in chosen:
                _count(asked, found, fact)
            if chosen:
                found.numbers.append(block.number)
    return found


def _within(connection: sqlite3.Connection, asked: Asked) -> Iterator[Row]:
    """Yield the blocks of that time. The clock may have been set back, so the numbers decide."""
    first: int | None = 0
    last: int | None = tip_of(connection).number
    if asked.since is not None:
        query = "SELECT min(number) FROM evidence WHERE at >= ?"
        (first,) = connection.execute(query, (text(asked.since),)).fetchone()
    if asked.until is not None:
        query = "SELECT max(number) FROM evidence WHERE at < ?"
        (last,) = connection.execute(query, (text(asked.until),)).fetchone()
    if first is None or last is None:
        return
    for block in blocks(connection, first - 1):
        if block.number > last:
            return
        yield block


def _chosen(asked: Asked, line: str) -> Mapping[str, Any] | None:
    """Return a line's facts if it belongs into the file."""
    fact: Mapping[str, Any] = json.loads(line)
    if fact["what"] in ABOUT_THE_CHAIN:
        return fact
    if "supplier" in fact and fact["supplier"] != asked.supplier:
        return None
    if asked.order is None:
        return fact
    if fact.get("order") == asked.order or asked.order in fact.get("ids", ()):
        return fact
    return fact if asked.days is not None and fact["what"] in {READ, RUN} else None


def _count(asked: Asked, found: Found, fact: Mapping[str, Any]) -> None:
    found.lines[fact["what"]] += 1
    if asked.order is not None and asked.order in fact.get("ids", ()):
        found.listed = [*found.listed[:1], fact["at"]]
    if asked.days is not None and fact["what"] == RUN and fact["as_of"] is not None:
        first, until = date.fromisoformat(fact["from"]), date.fromisoformat(fact["to"] or fact["from"])
        day, last = max(first, asked.days[0]), min(last_day_of(fact["purpose"], first, until), asked.days[1])
        while day <= last and datetime.fromisoformat(fact["as_of"]) >= starts_at(day + timedelta(days=1), asked.zone):
            found.complete.setdefault(day, []).append(fact["as_of"])
            day += timedelta(days=1)


def header(connection: sqlite3.Connection, asked: Asked, found: Found, now: datetime) -> dict[str, object]:
    """Return the first line of the file. It is a summary: only the lines of the blocks are proof."""
    said: dict[str, object] = {
        "evidence": 1,
        "supplier": asked.supplier,
        "order": asked.order,
        "written_at": now.isoformat(),
        "version": __version__,
        "how_to_check": HOW_TO_CHECK,
        "shown": dict(found.lines),
        "blocks_removed_by_retention": found.removed,
        "does_not_prove": [*NOT_PROVED, *([BY_NUMBER] if asked.days is not None else [])],
        "previous": before(connection, found.numbers[0]),
    }
    if asked.order is not None:
        first, last = (found.listed[0], found.listed[-1]) if found.listed else (None, None)
        said |= {"offered": offered(asked, found), "first_listed_at": first, "last_listed_at": last}
    if asked.days is not None:
        said["possible_days"] = [each.isoformat() for each in asked.days]
        said["complete_runs"] = {
            day.isoformat(): {"runs": len(as_of), "first_as_of": as_of[0], "last_as_of": as_of[-1]}
            for day, as_of in sorted(found.complete.items())
        }
    return said


def offered(asked: Asked, found: Found) -> bool | None:
    """Tell whether a read listed the order; None: not every possible day was read completely, so it is not known."""
    if found.listed:
        return True
    if asked.days is None:
        return None
    days = (asked.days[1] - asked.days[0]).days + 1
    return False if len(found.complete) == days else None


def rows(
    connection: sqlite3.Connection, asked: Asked, found: Found, heads: Iterable[Head], now: datetime
) -> Iterator[dict[str, object]]:
    """Yield the file row by row. `heads`: of the ship ledger; without one at its end, the newest block counts."""
    yield header(connection, asked, found, now)
    needed, last = set(found.numbers), found.numbers[-1]
    known = {head.chain: head for head in heads if head.chain >= found.numbers[0]}
    tip = tip_of(connection).number
    for block in blocks(connection, found.numbers[0] - 1):
        row: dict[str, object] = {"number": block.number, "at": block.at}
        if block.number in needed and block.lines is not None:
            yield row | {"lines": [line if _chosen(asked, line) else sha256(line) for line in block.lines]}
        else:
            yield row | {"lines_sha256": block.lines_sha256}
        if (head := known.get(block.number)) is not None:
            yield {"head": head.chain, "sha256": head.sha256, "recorded_in": "ship ledger"}
        elif block.number == tip:
            yield {"head": block.number, "sha256": block.sha256, "recorded_in": "database"}
        if block.number >= last and (head is not None or block.number >= tip):
            return


def between(look: Look, supplier: str, order: str, today: date) -> tuple[date, date] | None:
    """Return the dates of the orders with the next lower and the next higher number (today: none is higher).

    None: no order has a lower number, or the id has none.
    """
    rank = strategy.rank(order)
    if rank is None:
        return None
    number = "CAST(increment_id AS INTEGER)"
    dated = f"SELECT order_date FROM orders WHERE supplier = ? AND order_date IS NOT NULL AND {number}"  # noqa: S608 - constants
    lower = look.first(f"{dated} <= ? ORDER BY {number} DESC LIMIT 1", supplier, rank[0])
    upper = look.first(f"{dated} >= ? ORDER BY {number} LIMIT 1", supplier, rank[0])
    if lower is None or not isinstance(lower.order_date, date):
        return None
    last = upper.order_date if upper is not None and isinstance(upper.order_date, date) else today
    return min(lower.order_date, last), max(lower.order_date, last)
