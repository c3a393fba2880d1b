"""Where the agent is more careful because of what it has learned. Pure: estimates in, adjustments out.

Each adjustment can only make it ask, read or stop more. docs/explanation/what-it-learns.md lists each with its use.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from supplier_agent.learning.questions import Estimate, Question

WIDER = 2
"""A window is this many times the longest delay that was observed."""
MOST_DAYS = 60
"""No window becomes wider, whatever was observed."""
USED = (
    Question.ACKNOWLEDGE_BODY, Question.SHIP_BODY, Question.ACKNOWLEDGED_LEAVE, Question.CURSOR, Question.PAGE_SIZE,
    Question.LATENESS_DAYS,
)  # fmt: skip
"""The questions whose estimates are used."""
ENDPOINTS = {"acknowledge-sale": Question.ACKNOWLEDGE_BODY, "ship-sale": Question.SHIP_BODY}


@dataclass(frozen=True)
class Careful:
    """What is known of a supplier's marketplace as far as the agent acts on it. The default: nothing.

    always_success: the endpoints whose answers have always said `success: true`; another answer is unclear.
    acknowledged_stay: acknowledged orders stay on the list, so that the absence of one means something.
    cursor_fails: the cursor is ignored or refused, so a poll that met this does not use it for a day.
    page_size: the rows of a full page; 0: not known. A page of that length may go on, even if longer pages have been seen.
    late_days: orders have been listed so many days after their date.
    """

    always_success: frozenset[str] = frozenset()
    acknowledged_stay: bool = False
    cursor_fails: bool = False
    page_size: int = 0
    late_days: int = 0

    def sweep_days(self, configured: int) -> int:
        """Return how many days a sweep reads: as configured, or more."""
        return max(configured, min(WIDER * self.late_days, MOST_DAYS))


def careful(estimates: Mapping[Question, Estimate]) -> Careful:
    """Return the adjustments. A question without an estimate adjusts nothing."""

    def held(question: Question) -> str | None:
        return estimates[question].held if question in estimates else None

    size, late = held(Question.PAGE_SIZE) or "", estimates.get(Question.LATENESS_DAYS)
    days = "" if late is None else late.answer or ""
    return Careful(
        frozenset(endpoint for endpoint, question in ENDPOINTS.items() if held(question) == "success_true"),
        held(Question.ACKNOWLEDGED_LEAVE) == "no",
        held(Question.CURSOR) in {"ignored", "refused"},
        int(size) if size.isdecimal() else 0,
        int(days) if days.isdecimal() else 0,
    )
