"""What only Menzzo can answer, from the database: open orders with questions, and entries without a usable id. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supplier_agent.db.plain_sql import IS_SET_ASIDE, OPEN, SALE_STOPPED, VANISHED, WAITS_FOR_A_PERSON, last_good, text
from supplier_agent.reports import facts
from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.verdict.letters import ENDPOINTS, Letter, letter, question_of
from supplier_agent.verdict.order import order_problems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from supplier_agent.db.plain_sql import Look
    from supplier_agent.settings import Settings
    from supplier_agent.verdict.letters import Question

MOST = 500
"""The maximum number of orders of one message; the others come with the next one, once these are answered."""
KINDS = ", ".join(f"'{kind}'" for kind in ENDPOINTS)
STUCK = (
    f"SELECT order_id AS id FROM calls JOIN orders ON orders.id = order_id"  # noqa: S608 - constants
    f" WHERE {WAITS_FOR_A_PERSON} AND kind IN ({KINDS}) AND {OPEN}"
)
MISSING = f"SELECT id FROM orders WHERE {OPEN} AND {IS_SET_ASIDE} AND ({VANISHED} OR {SALE_STOPPED})"  # noqa: S608 - as above


def letters(look: Look, settings: Settings, now: datetime, suppliers: Collection[str] | None = None) -> list[Letter]:
    """Return the letter of each supplier that has a question, asked or not. suppliers: only these; None: all."""
    names = [name for name in settings.suppliers if suppliers is None or name in suppliers]
    if not names:
        return []
    questions = [*_of_orders(look, settings, now), *(each for name in names for each in _of_entries(look, name))]
    marks = ", ".join("?" * len(names))
    asked = look.rows(f"SELECT * FROM letter_questions WHERE supplier IN ({marks})", *names)  # noqa: S608 - question marks
    found = [letter(name, questions, asked, now, settings.alerts.letter_again_days) for name in names]
    return [each for each in found if each.everything]


def _of_orders(look: Look, settings: Settings, now: datetime) -> Iterator[Question]:
    rows = look.rows(f"{STUCK} UNION {MISSING} ORDER BY id LIMIT {MOST}")
    ids = list(dict.fromkeys([*(row.id for row in rows), *facts.reported(look, MOST)]))
    for each in facts.orders_of(look, sorted(ids), attempts=True):
        problems = order_problems(
            each.order,
            each.calls,
            each.prints,
            settings,
            now,
            attempts=each.attempts,
            report=each.report,
            scan=each.scan,
        )
        yield from (question for problem in problems if (question := question_of(problem)) is not None)


def _of_entries(look: Look, supplier: str) -> Iterator[Question]:
    """Yield the entries without a usable id that the last sweep still listed."""
    sweep = last_good(look, supplier, "sweep")
    since = "" if sweep is None or sweep.started_at is None else text(sweep.started_at)
    sql = "SELECT * FROM rejected_entries WHERE supplier = ? AND last_listed_at >= ? ORDER BY id LIMIT ?"
    for row in look.rows(sql, supplier, since, MOST):
        told = {"reason": row.reason, "last": row.last_listed_at}
        question = question_of(Problem(ProblemCode.ENTRY_REJECTED, supplier, None, row.received_at, told), row.sha256)
        if question is not None:
            yield question
