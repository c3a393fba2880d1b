"""What a person could configure after what was learned. The agent never does it by itself. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from supplier_agent.learning.questions import Estimate, Question

LEAST_DAYS = 3
"""A sweep of fewer days is never proposed."""
Known = Mapping[Question, Estimate]


@dataclass(frozen=True)
class Proposal:
    """Another value for a setting. is_careful: with it, the agent relies on less than now."""

    setting: str
    now: int | bool
    proposed: int | bool
    question: Question
    is_careful: bool


def of_supplier(supplier: str, known: Known, cache_seconds: float, *, order_number_filter: bool) -> Iterator[Proposal]:
    """Yield what could be set for one supplier."""
    oldest, life = int(known[Question.CACHE_SECONDS].memory.get("oldest", 0)), known[Question.CACHE_SECONDS].known
    name = f"suppliers.{supplier}.cache_seconds"
    if oldest > cache_seconds:
        yield Proposal(name, round(cache_seconds), oldest, Question.CACHE_SECONDS, is_careful=True)
    elif life is not None and int(life) < cache_seconds:
        yield Proposal(name, round(cache_seconds), int(life), Question.CACHE_SECONDS, is_careful=False)
    filters = known[Question.ORDER_NUMBER].known
    if filters is not None and (filters == "honoured") != order_number_filter:
        setting = f"suppliers.{supplier}.order_number_filter"
        yield Proposal(
            setting, order_number_filter, not order_number_filter, Question.ORDER_NUMBER, is_careful=order_number_filter
        )


def of_all(known: Collection[Known], sweep_days: int) -> Iterator[Proposal]:
    """Yield what could be set for all suppliers together: a sweep of twice as many days as the latest order was late.

    An order that is later than a sweep reads is never seen, so lateness near `sweep_days` means that it may be too short.
    """
    late = [each[Question.LATENESS_DAYS] for each in known]
    seen = [int(each.answer) for each in late if each.answer is not None]
    days = max([LEAST_DAYS, *(2 * each + 1 for each in seen)])
    if seen and days > sweep_days:
        yield Proposal("schedule.sweep_days", sweep_days, days, Question.LATENESS_DAYS, is_careful=True)
    elif days < sweep_days and late and all(each.known is not None for each in late):
        yield Proposal("schedule.sweep_days", sweep_days, days, Question.LATENESS_DAYS, is_careful=False)
