"""Export: orders, calls, events and evidence for spreadsheets and programs. In small batches, so that a slow reader holds no lock.

The columns are public: new ones are added at the end, none is removed.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from supplier_agent.base.process import on_one_line
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Attempt, Call, Event, Order
from supplier_agent.evidence.stored import blocks, plain
from supplier_agent.reports import facts
from supplier_agent.reports.orders import Judge, summary
from supplier_agent.settings import Settings
from supplier_agent.words import Words
from supplier_agent.words.formats import iso_or_null

FORMS = ("csv", "json")
BATCH = 500
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets accept the wide ones too
"""Characters that start a formula in a spreadsheet; a cell that starts with one gets an apostrophe in front."""

Row = Mapping[str, object]


@dataclass(frozen=True)
class Chosen:
    """Which rows: of these days (both included, in the warehouse's zone) and this supplier. None: all."""

    first: date | None
    last: date | None
    supplier: str | None
    settings: Settings
    now: datetime

    @property
    def zone(self) -> tzinfo:
        """The warehouse's zone, in which a day begins."""
        return self.settings.timezone

    @property
    def since(self) -> datetime | None:
        """The time at which the first day begins."""
        return None if self.first is None else datetime.combine(self.first, time(0), self.zone).astimezone(UTC)

    @property
    def until(self) -> datetime | None:
        """The time right after the last day."""
        return (
            None
            if self.last is None
            else datetime.combine(self.last + timedelta(days=1), time(0), self.zone).astimezone(UTC)
        )


@dataclass(frozen=True)
class Subject:
    """One kind of export: its columns, and a function that reads the batch after a row id: rows and last id, or None at the end."""

    columns: tuple[str, ...]
    batch: Callable[[Session, Chosen, int], tuple[list[Row], int | None]]


def write(store: Store, what: str, form: str, chosen: Chosen) -> Iterator[str]:
    """Yield the export piece by piece."""
    subject = SUBJECTS[what]
    return (_csv if form == "csv" else _json)(subject.columns, _rows(store, subject, chosen))


def _rows(store: Store, subject: Subject, chosen: Chosen) -> Iterator[Row]:
    last: int | None = 0
    while last is not None:
        with store.read() as tx:
            rows, last = subject.batch(tx, chosen, last)
        yield from rows


def _csv(columns: tuple[str, ...], rows: Iterable[Row]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = on_one_line(value)
    return f"'{text}" if text.startswith(FORMULAS) or value.startswith(FORMULAS) else text


def _json(columns: tuple[str, ...], rows: Iterable[Row]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps({column: row[column] for column in columns})
        before = ",\n"
    yield ("[" if before == "[\n" else "\n") + "]\n"


def _orders(tx: Session, chosen: Chosen, after: int) -> tuple[list[Row], int | None]:
    query = select(Order.id).where(col(Order.id) > after)
    if chosen.supplier is not None:
        query = query.where(Order.supplier == chosen.supplier)
    day: Any = func.coalesce(
        col(Order.order_date), func.date(col(Order.first_seen_at))
    )  # unreadable: the day it was first seen
    if chosen.first is not None:
        query = query.where(day >= chosen.first.isoformat())
    if chosen.last is not None:
        query = query.where(day <= chosen.last.isoformat())
    ids = [row for row in tx.exec(query.order_by(col(Order.id)).limit(BATCH)) if row is not None]
    look, words = within(tx), Words()
    judge = Judge(look, chosen.settings, chosen.now)
    rows = [summary(each, judge.of(each), words) for each in facts.orders_of(look, ids, codes=True)]
    lists = ("blockers", "label_codes")
    return [{**row, **{name: _codes(row[name]) for name in lists}} for row in rows], ids[-1] if ids else None


def _codes(codes: object) -> str:
    """Return codes as one cell."""
    return " ".join(codes) if isinstance(codes, list) else ""


def _calls(tx: Session, chosen: Chosen, after: int) -> tuple[list[Row], int | None]:
    query = select(Call, Order.menzzo_order_id).join(Order).where(col(Call.id) > after)
    if chosen.supplier is not None:
        query = query.where(Call.supplier == chosen.supplier)
    found = tx.exec(query.order_by(col(Call.id)).limit(BATCH)).all()
    tries: dict[int, list[Attempt | None]] = {}
    of_these = select(Attempt).where(col(Attempt.call_id).in_([call.id for call, _ in found]))
    for attempt in tx.exec(of_these.order_by(col(Attempt.call_id), col(Attempt.number))):
        tries.setdefault(attempt.call_id, []).append(attempt)
    rows: list[Row] = [
        _of_call(call, menzzo_order_id, attempt)
        for call, menzzo_order_id in found
        for attempt in tries.get(call.id or 0) or [None]
        if _is_within(attempt.started_at if attempt else call.owed_at, chosen)
    ]
    return rows, found[-1][0].id if found else None


def _of_call(call: Call, menzzo_order_id: str, attempt: Attempt | None) -> Row:
    return {
        "supplier": call.supplier,
        "menzzo_order_id": menzzo_order_id,
        "kind": call.kind,
        "state": call.state,
        "owed_at": iso_or_null(call.owed_at),
        "due_at": iso_or_null(call.due_at),
        "attempt": attempt.number if attempt else None,
        "started_at": iso_or_null(attempt.started_at) if attempt else None,
        "ended_at": iso_or_null(attempt.ended_at) if attempt else None,
        "outcome": attempt.outcome if attempt else None,
        "http_status": attempt.http_status if attempt else None,
        "detail": attempt.detail if attempt else call.detail,
    }


def _events(tx: Session, chosen: Chosen, after: int) -> tuple[list[Row], int | None]:
    query = select(Event, Order.supplier, Order.menzzo_order_id).join(Order).where(col(Event.id) > after)
    if chosen.supplier is not None:
        query = query.where(Order.supplier == chosen.supplier)
    if chosen.since is not None:
        query = query.where(col(Event.at) >= chosen.since)
    if chosen.until is not None:
        query = query.where(col(Event.at) < chosen.until)
    found = tx.exec(query.order_by(col(Event.id)).limit(BATCH)).all()
    rows: list[Row] = [
        {
            "supplier": supplier,
            "menzzo_order_id": menzzo_order_id,
            "at": iso_or_null(event.at),
            "who": event.who,
            "what": event.what,
            "detail": event.detail,
            "station": event.station,
        }
        for event, supplier, menzzo_order_id in found
    ]
    return rows, found[-1][0].id if found else None


def _evidence(tx: Session, chosen: Chosen, after: int) -> tuple[list[Row], int | None]:
    found = [*islice(blocks(plain(tx), after), BATCH)]
    rows: list[Row] = []
    for block in found:
        at = datetime.fromisoformat(block.at).replace(tzinfo=UTC)
        for line in (block.lines or ()) if _is_within(at, chosen) else ():
            fact = json.loads(line)
            if chosen.supplier in {None, fact.get("supplier")}:
                of_line = {"what": fact["what"], "supplier": fact.get("supplier"), "menzzo_order_id": fact.get("order")}
                rows.append(
                    {"block": block.number, "at": iso_or_null(at), **of_line, "line": line, "sha256": block.sha256}
                )
    return rows, found[-1].number if found else None


def _is_within(at: datetime, chosen: Chosen) -> bool:
    return (chosen.since is None or at >= chosen.since) and (chosen.until is None or at < chosen.until)


SUBJECTS: Mapping[str, Subject] = {
    "orders": Subject(
        (
            *("supplier", "menzzo_order_id", "increment_id", "sale_product_id", "sku", "quantity", "price", "carrier"),
            *("order_date", "link_to_label", "stage", "first_seen_at", "acknowledged_at", "label_path", "label_sha256"),
            *("shipped", "shipped_at", "ship_confirmed_at", "override_by", "held_reason", "closed_reason", "problem"),
            *("acknowledge_evidence", "ship_evidence", "vanished_at", "blockers", "label_codes", "tracking_number"),
        ),
        _orders,
    ),
    "calls": Subject(
        (
            *("supplier", "menzzo_order_id", "kind", "state", "owed_at", "due_at"),
            *("attempt", "started_at", "ended_at", "outcome", "http_status", "detail"),
        ),
        _calls,
    ),
    "events": Subject(("supplier", "menzzo_order_id", "at", "who", "what", "detail", "station"), _events),
    "evidence": Subject(("block", "at", "what", "supplier", "menzzo_order_id", "line", "sha256"), _evidence),
}
