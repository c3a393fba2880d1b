"""The estimates in the table `learned`: read and written."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlmodel import Session

from supplier_agent.base.cells import instant
from supplier_agent.db.journal import Learned
from supplier_agent.db.plain_sql import Look, text, within
from supplier_agent.learning.questions import Estimate, Evidence, Question, State


def estimate_of(tx: Session | Look, supplier: str, question: Question) -> Estimate:
    """Return what is known about a question; the empty estimate if nothing is."""
    row = within(tx).first("SELECT * FROM learned WHERE supplier = ? AND question = ?", supplier, question.value)
    return Estimate(question) if row is None else _estimate(row, question)


def estimates_of(tx: Session | Look, supplier: str) -> dict[Question, Estimate]:
    """Return what is known about every question."""
    rows = {row.question: row for row in within(tx).rows("SELECT * FROM learned WHERE supplier = ?", supplier)}
    return {each: _estimate(rows[each], each) if each in rows else Estimate(each) for each in Question}


_COLUMNS = [column.name for column in Learned.__table__.columns]  # type: ignore[attr-defined] # SQLModel sets it
_SAVE = f"INSERT OR REPLACE INTO learned ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names


def save(tx: Session, supplier: str, estimates: Iterable[Estimate]) -> None:
    """Write these estimates. In one statement, because this follows every run."""
    rows = [_row(supplier, each) for each in estimates]
    if rows:
        tx.connection().exec_driver_sql(_SAVE, [tuple(row[name] for name in _COLUMNS) for row in rows])


def _row(supplier: str, estimate: Estimate) -> dict[str, object]:
    evidence = [[piece.answer, piece.at.isoformat(), *piece.row] for piece in estimate.evidence]
    times = {name: getattr(estimate, name) for name in ("since", "last_at", "changed_at")}
    plain = {name: getattr(estimate, name) for name in ("answer", "agreeing", "against", "days", "before")}
    return {
        "supplier": supplier,
        "question": estimate.question.value,
        "state": estimate.state.value,
        "evidence": json.dumps(evidence, separators=(",", ":")),
        "memory": json.dumps(dict(estimate.memory), separators=(",", ":")),
        **plain,
        **{name: None if at is None else text(at) for name, at in times.items()},
    }


def _estimate(row: Any, question: Question) -> Estimate:  # noqa: ANN401 - a row
    """Return the estimate of a row. A row that cannot be read counts as nothing known: it is learned again."""
    try:
        evidence = tuple(
            Evidence(answer, datetime.fromisoformat(at), (table, number))
            for answer, at, table, number in json.loads(row.evidence)
        )
        return Estimate(
            question,
            State(row.state),
            row.answer,
            int(row.agreeing),
            int(row.against),
            int(row.days),
            instant(row.since),
            row.last_at,
            row.changed_at,
            row.before,
            evidence,
            json.loads(row.memory),
        )
    except (ValueError, TypeError):
        return Estimate(question)
