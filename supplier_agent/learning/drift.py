"""Changes of the marketplace that a person should see: what is learned now, next to what was accepted before. Pure.

The first answer that holds is accepted in silence. Another one is a drift, until a person accepts it or the first one comes back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from supplier_agent.learning.fold import SEVERAL, is_back, others
from supplier_agent.learning.numbers import differs
from supplier_agent.learning.questions import TIMES, Estimate, Question, State

GROWING = frozenset({Question.LATENESS_DAYS, Question.CACHE_SECONDS})
"""Limits that are learned bit by bit: a higher one is no change of the marketplace."""
VARIES = "varies"
"""The answers have disagreed for longer than a deployment takes."""
DEPLOYMENT = timedelta(days=1)
"""Answers may be mixed for so long, while the marketplace changes from one to the other."""
SLOW = 3.0
"""A time of fewer seconds is no problem, and may be the wait for the rate limit."""
AT_ONCE = timedelta(days=2)
"""Drifts that begin within this time of the first are one change: each question notices it after its own number of answers."""


@dataclass(frozen=True)
class Drift:
    """One answer that changed. since: the first observation that showed it."""

    question: Question
    before: str
    after: str
    since: datetime

    def __str__(self) -> str:
        """Return it for people, by the codes that `marketplace` shows: `page_size 50 → 20`."""
        if self.question is Question.FIELDS and self.after != VARIES:
            return f"fields: no {', '.join(lost_fields(self.before, self.after))}"
        return f"{self.question} {self.before} → {self.after}"


def drift_of(estimate: Estimate, accepted: str | None) -> Drift | None:
    """Return how an answer differs from the accepted one; None: it does not, or nothing was accepted yet."""
    answer, since = estimate.answer, estimate.changed_at or estimate.since
    if accepted is None or answer is None or since is None or estimate.question in GROWING:
        return None
    if estimate.question in TIMES:
        before, now = float(accepted), float(answer)
        slower = now >= max(before, SLOW) and differs(before, now)
        return Drift(estimate.question, accepted, answer, since) if slower and estimate.changed_at is not None else None
    if estimate.state is State.CONTRADICTED:
        return _mixed(estimate, accepted)
    if answer == accepted or estimate.state is State.UNKNOWN:
        return None
    if estimate.question is Question.FIELDS and not lost_fields(accepted, answer):
        return None
    return Drift(estimate.question, accepted, answer, since)


def _mixed(estimate: Estimate, accepted: str) -> Drift | None:
    """Return the drift of an answer that held, and of which others were observed too.

    If it has changed since, it is the change, whatever single answers say, until the accepted one is back. Else the answers must
    have been mixed for longer than a deployment takes.
    """
    since, number = others(estimate, accepted)
    if since is None or is_back(estimate, accepted):
        return None
    if estimate.changed_at is not None and estimate.held != accepted:
        after = estimate.answer if estimate.answer not in {None, accepted} else VARIES
        return Drift(estimate.question, accepted, after or VARIES, estimate.changed_at)
    long = estimate.last_at is not None and estimate.last_at - since >= DEPLOYMENT
    return (
        Drift(estimate.question, accepted, VARIES, since) if accepted != VARIES and long and number >= SEVERAL else None
    )


def lost_fields(before: str, after: str) -> list[str]:
    """Return the fields that every entry had, and not every entry has any more. Both: names with commas between."""
    return sorted(set(before.split(",")) - set(after.split(",")))


def changes(drifts: Collection[Drift]) -> list[Sequence[Drift]]:
    """Return the drifts, those of one change together, the oldest change first. All that is slower is one change."""
    slower = sorted((each for each in drifts if each.question in TIMES), key=lambda drift: drift.since)
    found = [slower] if slower else []
    last: list[Drift] = []
    for each in sorted((each for each in drifts if each.question not in TIMES), key=lambda drift: drift.since):
        if not last or each.since - last[0].since > AT_ONCE:
            found.append(last := [])
        last.append(each)
    return [*sorted(found, key=lambda group: group[0].since)]
