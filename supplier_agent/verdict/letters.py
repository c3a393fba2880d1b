"""What only Menzzo can answer, and what of it is asked now. Pure: codes and facts; words/letters.py has the sentences."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from supplier_agent.verdict.codes import Problem, ProblemCode, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from supplier_agent.verdict.codes import Facts

ENDPOINTS: Mapping[object, str] = {"acknowledge": "acknowledge-sale", "label": "link_to_label", "ship": "ship-sale"}
"""The calls that Menzzo receives, as its documentation names them."""
OF_CALLS = frozenset({ProblemCode.CALL_UNKNOWN, ProblemCode.CALL_PARKED})
ASKED = OF_CALLS | {ProblemCode.ORDER_VANISHED, ProblemCode.SALE_STOPPED, ProblemCode.ENTRY_REJECTED}
"""The problems that Menzzo can answer. Of the reports, only that an order did not leave (`_is_asked`)."""


@dataclass(frozen=True)
class Question:
    """One question to Menzzo.

    subject: the menzzo_order_id; of an entry without one, its hash. about: which occurrence of the problem it is about.
    asked_at: when it was last asked; None: never.
    """

    supplier: str
    subject: str
    code: str
    about: str
    problem: Problem = field(hash=False)
    asked_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what identifies it, as in db/letters.py."""
        return self.supplier, self.subject, self.code, self.about

    @property
    def of_order(self) -> bool:
        """Whether it is about an order, and not about an entry without a usable id."""
        return self.problem.order is not None


@dataclass(frozen=True)
class Letter:
    """What is to be asked of Menzzo about one supplier.

    new: never asked. again: asked so long ago that a reminder is due. waiting: asked, and not to be asked again yet.
    """

    supplier: str
    new: Sequence[Question] = ()
    again: Sequence[Question] = ()
    waiting: Sequence[Question] = ()

    @property
    def to_ask(self) -> Sequence[Question]:
        """The questions of today's message."""
        return (*self.new, *self.again)

    @property
    def everything(self) -> Sequence[Question]:
        """All questions that are open, asked or not."""
        return (*self.new, *self.again, *self.waiting)


def question_of(problem: Problem, subject: str | None = None) -> Question | None:
    """Return what Menzzo is asked about a problem; None: it cannot answer it. subject: of an entry without a usable id."""
    if not _is_asked(problem) or problem.supplier is None:
        return None
    facts = problem.facts
    code = f"{problem.code} {facts['kind']}" if "kind" in facts else problem.code.value
    about = facts.get("tried") or problem.since or facts.get("reason") or facts.get("detail") or ""
    written = about.isoformat() if isinstance(about, datetime) else str(about)
    return Question(problem.supplier, subject or problem.order or "", code, written, problem)


def _is_asked(problem: Problem) -> bool:
    if problem.code in OF_CALLS and problem.facts.get("kind") not in ENDPOINTS:
        return False  # a call to another receiver
    return problem.code in ASKED or problem.facts.get("report") == Report.NOT_LEFT


def letter(
    supplier: str, questions: Iterable[Question], asked: Iterable[Any], now: datetime, again_days: int
) -> Letter:
    """Return what is asked of Menzzo. asked: rows of letter_questions. again_days: after so many days, once more; 0: never."""
    at = asked_at(asked)
    known = [replace(each, asked_at=at.get(each.key)) for each in dict.fromkeys(questions) if each.supplier == supplier]
    before = now - timedelta(days=again_days)

    def is_due(each: Question) -> bool:
        return again_days > 0 and each.asked_at is not None and each.asked_at <= before

    return Letter(
        supplier,
        tuple(each for each in known if each.asked_at is None),
        tuple(each for each in known if is_due(each)),
        tuple(each for each in known if each.asked_at is not None and not is_due(each)),
    )


def asked_at(rows: Iterable[Any]) -> Mapping[tuple[str, str, str, str], datetime]:
    """Return when each question was last asked, by its key."""
    return {(row.supplier, row.subject, row.code, row.about): row.asked_at for row in rows}


def with_asked(problems: Iterable[Problem], rows: Iterable[Any]) -> tuple[Problem, ...]:
    """Return the problems; those about which Menzzo was asked have the fact `asked`, which every surface shows."""
    at = asked_at(rows)
    if not at:
        return tuple(problems)
    return tuple(_with(problem, at) for problem in problems)


def _with(problem: Problem, at: Mapping[tuple[str, str, str, str], datetime]) -> Problem:
    question = question_of(problem)
    when = None if question is None else at.get(question.key)
    return problem if when is None else replace(problem, facts={**problem.facts, "asked": when})


def facts_of(question: Question) -> Facts:
    """Return the facts of its sentence."""
    problem = question.problem
    facts: Facts = {**problem.facts, **({} if problem.since is None else {"since": problem.since})}
    if problem.code in OF_CALLS:
        facts["endpoint"] = ENDPOINTS[facts["kind"]]
    if problem.code is ProblemCode.CALL_PARKED and facts.get("refusal") == "not_found":
        facts["case"] = f"not_found_{facts['kind']}"
    return facts
