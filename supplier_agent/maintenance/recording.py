"""A recording: what the journal holds of a supplier's marketplace, as JSON lines, without ids, secrets and personal data.

`sandbox --replay` plays it (docs/how-to/replay-a-case.md describes each line). Nothing is asked: the journal is all there is.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from supplier_agent import __version__
from supplier_agent.db.journal import contents, rows_of
from supplier_agent.db.plain_sql import text, within
from supplier_agent.maintenance.disguise import Disguise, dumps, ids_in
from supplier_agent.settings import Settings
from supplier_agent.words.formats import iso_or_null

SCHEMA = 1
_READS = "SELECT * FROM reads WHERE supplier = ?1 AND started_at >= ?2 ORDER BY started_at, id"
_CALLS = """
    SELECT o.menzzo_order_id, o.label_pages, o.label_bytes, c.kind, a.number, a.started_at, a.ended_at, a.outcome, a.http_status,
           a.detail
      FROM attempts a JOIN calls c ON c.id = a.call_id JOIN orders o ON o.id = c.order_id
     WHERE c.supplier = ?1 AND a.started_at >= ?2 AND c.kind IN ('acknowledge', 'label', 'ship') ORDER BY a.started_at, a.id
"""
_MARKS = """
    SELECT menzzo_order_id, shipped_at FROM orders WHERE supplier = ?1 AND shipped = 1 AND shipped_at >= ?2 ORDER BY shipped_at, id
"""
_GONE = "SELECT menzzo_order_id, missed_at FROM orders WHERE supplier = ?1 AND missed_at >= ?2 ORDER BY missed_at"
_LEARNED = "SELECT question, answer, state FROM learned WHERE supplier = ?1 AND answer IS NOT NULL ORDER BY question"

Line = Mapping[str, object]


@dataclass(frozen=True)
class _Journal:
    """What the journal holds of one supplier since a time. contents: the listed entries by the number of their row."""

    reads: Sequence[Any]
    pages: Mapping[int, Sequence[int]]  # by read
    contents: Mapping[int, tuple[str, object]]  # the id of the order, and the entry; None: removed by the retention
    calls: Sequence[Any]
    marks: Sequence[Any]
    gone: Sequence[Any]
    learned: Sequence[Any]

    def ids(self) -> Iterator[str]:
        """Yield every id of an order that occurs."""
        yield from (menzzo_order_id for menzzo_order_id, _ in self.contents.values())
        yield from (each.menzzo_order_id for each in (*self.calls, *self.marks, *self.gone))
        for told in (*(each.url for each in self.reads), *(each.detail for each in (*self.reads, *self.calls))):
            yield from ids_in(told or "")


def record(
    tx: Session, suppliers: Sequence[str], settings: Settings, since: datetime, now: datetime, key: bytes
) -> Iterator[str]:
    """Yield the lines of the recording. key: random, for the replacements."""
    journals = {name: _journal(tx, name, text(since)) for name in suppliers}
    disguise = Disguise((each for journal in journals.values() for each in journal.ids()), key)
    about = {
        name: {"cache_seconds": each.cache_seconds, "order_number_filter": each.order_number_filter}
        for name in suppliers
        if (each := settings.suppliers.get(name)) is not None
    }
    head = {"kind": "recording", "schema": SCHEMA, "agent": __version__, "recorded_at": iso_or_null(now)}
    yield dumps({**head, "suppliers": {name: about.get(name, {}) for name in suppliers}})
    for name, journal in journals.items():
        for line in _lines(name, journal, disguise):
            yield dumps(line)


def _journal(tx: Session, name: str, since: str) -> _Journal:
    look = within(tx)
    reads = look.rows(_READS, name, since)
    pages = rows_of(tx, [read.id for read in reads])
    listed = contents(tx, sorted({each for page in pages.values() for each in page}))
    return _Journal(
        reads,
        pages,
        {row: (each.menzzo_order_id, _entry(each.text)) for row, each in listed.items()},
        look.rows(_CALLS, name, since),
        look.rows(_MARKS, name, since),
        look.rows(_GONE, name, since),
        look.rows(_LEARNED, name),
    )


def _entry(text: str | None) -> object:
    return None if text is None else json.loads(text, parse_float=Decimal)


def _lines(name: str, journal: _Journal, disguise: Disguise) -> Iterator[Line]:
    """Yield the lines of one supplier: first what is known of it, then every entry, then all that happened, by time."""
    for each in journal.learned:
        yield {
            "kind": "learned",
            "supplier": name,
            "question": each.question,
            "answer": each.answer,
            "state": each.state,
        }
    for number, (menzzo_order_id, entry) in journal.contents.items():
        order = disguise.id(menzzo_order_id) if menzzo_order_id else None
        yield {"kind": "entry", "supplier": name, "number": number, "order": order, "entry": disguise.entry(entry)}
    happened: list[tuple[str, Line]] = []
    for lines in (_reads(journal, disguise), _calls(journal.calls, disguise), _marks(journal, disguise)):
        happened += ((str(line["at"]), {**line, "supplier": name}) for line in lines)
    yield from (line for _, line in sorted(happened, key=lambda pair: pair[0]))


def _reads(journal: _Journal, disguise: Disguise) -> Iterator[Line]:
    for read in journal.reads:
        yield {
            "kind": "read",
            "at": iso_or_null(read.started_at),
            "seconds": _seconds(read.started_at, read.ended_at),
            "url": disguise.text(read.url),
            "outcome": read.outcome,
            "http_status": read.http_status,
            "tries": read.tries,
            "listed": read.listed,
            "entries": journal.pages.get(read.id),
            "age_seconds": read.age_seconds,
            "detail": None if read.detail is None else disguise.text(read.detail),
        }


def _calls(calls: Iterable[Any], disguise: Disguise) -> Iterator[Line]:
    for call in calls:
        line = {
            "kind": "call",
            "call": call.kind,
            "order": disguise.id(call.menzzo_order_id),
            "at": iso_or_null(call.started_at),
            "seconds": _seconds(call.started_at, call.ended_at),
            "number": call.number,
            "outcome": call.outcome,
            "http_status": call.http_status,
        }
        if call.kind == "label" and call.outcome == "done":
            yield {**line, "pages": call.label_pages, "bytes": call.label_bytes}
        else:
            yield {**line, "answer": None if call.detail is None else disguise.text(call.detail)}


def _marks(journal: _Journal, disguise: Disguise) -> Iterator[Line]:
    for mark in journal.marks:
        yield {"kind": "mark", "order": disguise.id(mark.menzzo_order_id), "at": iso_or_null(mark.shipped_at)}
    for order in journal.gone:
        yield {"kind": "gone", "order": disguise.id(order.menzzo_order_id), "at": iso_or_null(order.missed_at)}


def _seconds(first: datetime, last: datetime | None) -> float | None:
    return None if last is None else round((last - first).total_seconds(), 3)
