"""The estimates in the table `learned`, read. Without the ORM, because `status` shows what has changed. written.py writes them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from supplier_agent.base.cells import instant
from supplier_agent.db.plain_sql import within
from supplier_agent.learning.careful import USED, Careful, careful
from supplier_agent.learning.drift import Drift, drift_of
from supplier_agent.learning.questions import Estimate, Evidence, Question, State

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.db.plain_sql import Look


def estimate_of(tx: Session | Look, supplier: str, question: Question) -> Estimate:
    """Return what is known about a question; the empty estimate if nothing is."""
    row = within(tx).first("SELECT * FROM learned WHERE supplier = ? AND question = ?", supplier, question.value)
    return Estimate(question) if row is None else _estimate(row, question)


def estimates_of(tx: Session | Look, supplier: str) -> dict[Question, Estimate]:
    """Return what is known about every question."""
    rows = {row.question: row for row in within(tx).rows("SELECT * FROM learned WHERE supplier = ?", supplier)}
    return {each: _estimate(rows[each], each) if each in rows else Estimate(each) for each in Question}


def careful_of(tx: Session | Look, supplier: str) -> Careful:
    """Return where the agent is more careful. One query of some rows, so that it may be asked before each run."""
    marks = ", ".join("?" * len(USED))
    sql = f"SELECT * FROM learned WHERE supplier = ? AND question IN ({marks})"  # noqa: S608 - question marks alone
    rows = within(tx).rows(sql, supplier, *(each.value for each in USED))
    return careful({Question(row.question): _estimate(row, Question(row.question)) for row in rows})


def drifts_of(tx: Session | Look, supplier: str) -> list[Drift]:
    """Return the changes that nobody has accepted yet."""
    rows = within(tx).rows("SELECT * FROM learned WHERE supplier = ? AND accepted IS NOT NULL", supplier)
    known = (_estimate(row, Question(row.question)) for row in rows if row.question in set(Question))
    accepted = {row.question: row.accepted for row in rows}
    return [found for each in known if (found := drift_of(each, accepted[each.question])) is not None]


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
