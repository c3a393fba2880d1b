"""The verdict on the messages to the suppliers' own bots. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supplier_agent.verdict.codes import Problem, ProblemCode

if TYPE_CHECKING:
    from collections.abc import Mapping


def judge_messages(stuck: Mapping[str, int]) -> list[Problem]:
    """Return one problem for each supplier with messages that wait for a person. stuck: how many, by supplier."""
    return [
        Problem(ProblemCode.MESSAGE_STUCK, supplier, facts={"number": number})
        for supplier, number in stuck.items()
        if number
    ]
