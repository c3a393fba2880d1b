"""The estimates in the table `learned`, written; and what a person accepts as usual."""

import json
from collections.abc import Iterable

from sqlmodel import Session, col, select

from supplier_agent.db.journal import Learned, ListedField
from supplier_agent.db.plain_sql import text
from supplier_agent.learning.entries import DOCUMENTED
from supplier_agent.learning.estimates import drifts_of
from supplier_agent.learning.questions import Estimate

_COLUMNS = [column.name for column in Learned.__table__.columns if column.name != "accepted_by"]  # type: ignore[attr-defined] # SQLModel sets it
_SET = ", ".join(f"{each} = excluded.{each}" for each in _COLUMNS if each != "accepted")
_SAVE = f"""
INSERT INTO learned ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
ON CONFLICT (supplier, question) DO UPDATE SET {_SET}, accepted = coalesce(accepted, excluded.accepted)
"""  # noqa: S608 - our own names


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
        "accepted": estimate.known,  # the first answer that holds, in silence
        "evidence": json.dumps(evidence, separators=(",", ":")),
        "memory": json.dumps(dict(estimate.memory), separators=(",", ":")),
        **plain,
        **{name: None if at is None else text(at) for name, at in times.items()},
    }


def settle(tx: Session, supplier: str, who: str) -> list[str]:
    """Accept what has changed, and take note of undocumented fields: it is usual from now on. Return what was accepted."""
    drifts = drifts_of(tx, supplier)
    for each in drifts:
        row = tx.get_one(Learned, (supplier, each.question.value))
        row.accepted, row.accepted_by = each.after, who
        tx.add(row)
    new = select(ListedField).where(ListedField.supplier == supplier, col(ListedField.accepted_by).is_(None))
    fields = [each for each in tx.exec(new) if each.name not in DOCUMENTED]
    for field in fields:
        field.accepted_by = who
        tx.add(field)
    return [*map(str, drifts), *(f"field {each.name}" for each in fields)]
