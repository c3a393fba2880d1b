"""All estimators: from what one run or call showed to new estimates. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from supplier_agent.learning import answers, cursors, pages, stays
from supplier_agent.learning.answers import Answered
from supplier_agent.learning.fold import fold
from supplier_agent.learning.listed import Listed
from supplier_agent.learning.questions import Estimate, Observation, Question

Known = dict[Question, Estimate]

REMEMBERING: Mapping[
    Question, Callable[[Listed, Mapping[Question, Estimate]], tuple[list[Observation], dict[str, Any]]]
] = {
    Question.CURSOR: cursors.cursor,
    Question.CURSOR_IN_CACHE_KEY: cursors.cursor_in_cache_key,
    Question.CACHE_SECONDS: cursors.cache,
    **{each: partial(stays.leaving, each) for each in stays.KINDS},
}
"""The estimators that remember something from run to run."""
PLAIN = (pages.page_size, pages.order, pages.page_honoured, pages.past_end, pages.order_number)


def after_run(known: Mapping[Question, Estimate], listed: Listed, timezone: ZoneInfo, once: str | None = None) -> Known:
    """Return the estimates after one more run. once: a key under which each question counts it at most once; None: as usual."""
    seen = list(stays.lateness(listed, timezone))
    for estimator in PLAIN:
        seen += estimator(listed, known)
    after = dict(known)
    for question, remembering in REMEMBERING.items():
        found, memory = remembering(listed, known)
        after[question] = replace(after[question], memory=memory)
        seen += found
    size = after[Question.PAGE_SIZE]
    after[Question.PAGE_SIZE] = replace(size, memory={**size.memory, "longest": pages.longest_after(listed, known)})
    if once is not None:
        seen = [replace(each, key=once) for each in seen]
    return after_all(after, seen)


def after_call(known: Mapping[Question, Estimate], answered: Answered) -> Known:
    """Return the estimates after one more answer to a call."""
    return after_all(known, answers.answers(answered))


def after_all(known: Mapping[Question, Estimate], seen: Iterable[Observation]) -> Known:
    """Return the estimates after these observations, in their order."""
    after = dict(known)
    for each in seen:
        after[each.question] = fold(after[each.question], each)
    return after
