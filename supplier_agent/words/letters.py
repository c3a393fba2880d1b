"""The message to Menzzo, always in English, as its documentation asks: supplier, order ids, error messages."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from supplier_agent.verdict.letters import facts_of
from supplier_agent.words import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from supplier_agent.verdict.letters import Question


def letter(supplier: str, questions: Sequence[Question]) -> str:
    """Return the message with these questions: each order once, with all that is asked about it; "" without any."""
    return "\n".join(_lines(supplier, questions)) if questions else ""


def _lines(supplier: str, questions: Sequence[Question]) -> Iterator[str]:
    yield from (say("menzzo.supplier", {"supplier": supplier}), "", say("menzzo.hello"), "", say("menzzo.please"))
    ordered = sorted(questions, key=lambda each: (not each.of_order, each.subject))
    for (of_order, subject), group in groupby(ordered, key=lambda each: (each.of_order, each.subject)):
        yield from ("", subject if of_order else say("menzzo.entry"))
        for each in group:
            yield from (f"  {line}" for line in _about(each))


def _about(question: Question) -> Iterator[str]:
    facts = facts_of(question)
    yield say(f"menzzo.{question.problem.code}", facts)
    if facts.get("answer") or "status" in facts:
        case = "" if "status" not in facts else "status" if facts.get("answer") else "code"
        yield say("menzzo.answer", facts | {"case": case})
    if question.asked_at is not None:
        yield say("menzzo.asked", {"at": question.asked_at})
