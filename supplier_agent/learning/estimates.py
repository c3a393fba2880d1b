"""The estimates in the table `learned`: read and written."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlmodel import Session

from supplier_agent.base.cells import instant
from supplier_agent.db.journal import Learned
from supplier_agent.db.plain_sql import Look, within
from supplier_agent.learning.questions import Estimate, Evidence, Question, State


def estimate_of(tx: Session | Look, supplier: str, question: Question) -> Estimate:
    """Return what is known about a question; the empty estimate if nothing is."""
    row = within(tx).first("SELECT * FROM learned WHERE supplier = ? AND question = ?", supplier, question.value)
    return Estimate(question) if row is None else _estimate(row, question)


def estimates_of(tx: Session | Look, supplier: str) -> dict[Question, Estimate]:
    """Return what is known about every question."""
    rows = {row.question: row for row in within(tx).rows("SELECT * FROM learned WHERE supplier = ?", supplier)}
    return {each: _estimate(rows[each], each) if each in rows else Estimate(each) for each in Question}


def save(tx: Session, supplier: str, estimates: Iterable[Estimate]) -> None:
    """Write these estimates."""
    for each in estimates:
        row = tx.get(Learned, (supplier, each.question.value)) or Learned(
            supplier=supplier, question=each.question.value, state=each.state.value
        )
        row.state, row.answer, row.before = each.state.value, each.answer, each.before
        row.agreeing, row.against, row.days = each.agreeing, each.against, each.days
        row.since, row.last_at, row.changed_at = each.since, each.last_at, each.changed_at
        row.evidence = json.dumps([[piece.answer, piece.at.isoformat(), *piece.row] for piece in each.evidence])
        row.memory = json.dumps(each.memory, separators=(",", ":"))
        tx.add(row)


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
