"""The open questions about the marketplace, and what is known about each: the words of this package. Pure.

The answers are codes, or numbers as text:

    page_size              rows of a full page
    order                  oldest, newest (by the number in the id), other
    cursor                 exclusive, inclusive, ignored, refused
    cursor_in_cache_key    yes, no
    page_honoured          yes, no (the same page again); page_beside_cursor: the same for requests with a cursor
    past_end               empty, repeats (the last page again), not_found
    cache_seconds          an answer is never older than this
    order_number           honoured (the orders with that number alone), ignored, refused
    acknowledged_leave     yes, no; the same for shipped_leave and cancelled_leave
    lateness_days          the most days between an order's date and its first appearance on the list
    acknowledge_body       success_true, no_success (an object without `success`), empty, no_content (204); the same for ship_body
    label_token            needed, not_needed
    answer_seconds         the median time of an answer to get-sales; acknowledge_seconds, ship_seconds, label_seconds
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Question(StrEnum):
    """What the documentation leaves open (docs/questions-to-the-api-owner.md)."""

    PAGE_SIZE = "page_size"
    ORDER = "order"
    PAGE_HONOURED = "page_honoured"
    PAGE_BESIDE_CURSOR = "page_beside_cursor"
    PAST_END = "past_end"
    CURSOR = "cursor"
    CURSOR_IN_CACHE_KEY = "cursor_in_cache_key"
    CACHE_SECONDS = "cache_seconds"
    ORDER_NUMBER = "order_number"
    ACKNOWLEDGED_LEAVE = "acknowledged_leave"
    SHIPPED_LEAVE = "shipped_leave"
    CANCELLED_LEAVE = "cancelled_leave"
    LATENESS_DAYS = "lateness_days"
    ACKNOWLEDGE_BODY = "acknowledge_body"
    SHIP_BODY = "ship_body"
    LABEL_TOKEN = "label_token"  # noqa: S105 - a question
    ANSWER_SECONDS = "answer_seconds"
    ACKNOWLEDGE_SECONDS = "acknowledge_seconds"
    SHIP_SECONDS = "ship_seconds"
    LABEL_SECONDS = "label_seconds"


TIMES = frozenset(
    {Question.ANSWER_SECONDS, Question.ACKNOWLEDGE_SECONDS, Question.SHIP_SECONDS, Question.LABEL_SECONDS}
)
"""The questions about how long an answer takes."""
ENOUGH, ENOUGH_DAYS = 20, 3
"""An answer holds after so many independent observations, on so many days."""
DENIES = ""
"""The answer of an observation that shows only that the present answer is wrong."""


class State(StrEnum):
    """How sure the answer is."""

    UNKNOWN = "unknown"  # too few observations
    HOLDS = "holds"  # enough of them, on enough days, none against
    CONTRADICTED = "contradicted"  # they disagree
    CHANGED = "changed"  # it held, then several showed another answer, and none the old one


@dataclass(frozen=True)
class Observation:
    """What one finished request, run or call shows about a question. `row`: the table of the journal, and the id in it."""

    question: Question
    answer: str
    at: datetime
    row: tuple[str, int]
    key: str  # two observations with the same key are one: the same order, the same cached page


@dataclass(frozen=True)
class Evidence:
    """An observation as it is kept."""

    answer: str
    at: datetime
    row: tuple[str, int]


@dataclass(frozen=True)
class Estimate:
    """What is known about one question. The default: nothing."""

    question: Question
    state: State = State.UNKNOWN
    answer: str | None = None  # what holds, or held; before that, what most observations show; None: there are none
    agreeing: int = 0  # independent observations for the answer, since it last changed
    against: int = 0  # the same, against it
    days: int = 0  # on how many days the answer was observed, since it last changed
    since: datetime | None = None  # the first observation for the answer; None: none yet
    last_at: datetime | None = None  # the last observation; None: none yet
    changed_at: datetime | None = None  # when the answer changed last; None: never
    before: str | None = None  # the answer before that; None: none
    evidence: tuple[Evidence, ...] = ()  # the newest observations for each answer, oldest first
    memory: Mapping[str, Any] = field(
        default_factory=dict
    )  # what the estimator remembers between two observations; JSON

    @property
    def known(self) -> str | None:
        """The answer if it holds; otherwise None."""
        return self.answer if self.state is State.HOLDS else None
