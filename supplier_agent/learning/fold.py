"""How an observation changes an estimate: one observation, one new estimate. Pure.

A code (most questions) is counted in streaks, observations in a row that show the same answer:

    holds          a streak of 20, on 3 days; 20 more for each time that the observations disagreed
    contradicted   they disagree, and no streak is that long
    changed        it held, then came a streak of 5 for another answer, over an hour or more; 5 more for each further time that
                   they disagreed. The new answer holds like any other

So a mixture stays contradicted, and one odd answer is outlived. Numbers have rules of their own (numbers.py).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from supplier_agent.learning.numbers import fold_bound, fold_most, fold_times
from supplier_agent.learning.questions import (
    DENIES,
    ENOUGH,
    ENOUGH_DAYS,
    TIMES,
    Estimate,
    Evidence,
    Observation,
    Question,
    State,
)

SEVERAL = 5
"""So many observations show that an answer has changed."""
LASTING = timedelta(hours=1)
"""What is over sooner is a fault of the server, not a new answer."""
KEPT, KEYS, MOST_ANSWERS = 5, 64, 6
"""How much an estimate remembers: the observations that it shows for each answer, keys, and different answers."""


def fold(estimate: Estimate, seen: Observation) -> Estimate:
    """Return the estimate after one more observation. An observation whose key was seen before changes nothing.

    Each answer is timed once, so times need no keys.
    """
    if seen.question in TIMES:
        return fold_times(replace(estimate, last_at=seen.at, evidence=_kept(estimate.evidence, seen)), seen)
    keys = list(estimate.memory.get("keys", ()))
    if seen.key in keys:
        return estimate
    memory = {**estimate.memory, "keys": [*keys, seen.key][-KEYS:]}
    estimate = replace(estimate, last_at=seen.at, evidence=_kept(estimate.evidence, seen), memory=memory)
    if seen.question is Question.LATENESS_DAYS:
        return fold_most(estimate, seen)
    if seen.question is Question.CACHE_SECONDS:
        return fold_bound(estimate, seen)
    return _fold_code(estimate, seen)


@dataclass
class _Tally:
    """How often an answer was observed."""

    first: str  # when; ISO
    number: int = 0
    days: int = 0
    day: str = ""  # the last

    def add(self, at: datetime) -> None:
        day = at.date().isoformat()
        self.number, self.days, self.day = self.number + 1, self.days + (day != self.day), day


@dataclass
class _Counts:
    """What an estimate of a code remembers."""

    answers: dict[str, _Tally]
    held: str | None = None  # the answer that holds or held; None: none yet, or it has changed since
    streak: str | None = None  # the answer of the present streak; None: the last observation only denied
    length: _Tally | None = None  # of the streak
    breaks: int = 0  # how often a streak ended

    @classmethod
    def of(cls, memory: Mapping[str, Any]) -> "_Counts":
        kept = dict(memory.get("codes", {}))
        answers = {answer: _Tally(**tally) for answer, tally in kept.pop("answers", {}).items()}
        length = kept.pop("length", None)
        return cls(answers, length=None if length is None else _Tally(**length), **kept)

    def add(self, answer: str, at: datetime) -> None:
        if answer != self.streak:
            self.breaks += self.streak is not None
            self.streak, self.length = (None, None) if answer == DENIES else (answer, _Tally(at.isoformat()))
        for tally in (self.length, self.answers.setdefault(answer, _Tally(at.isoformat()))):
            if tally is not None:
                tally.add(at)
        if len(self.answers) > MOST_ANSWERS:
            spare = self.answers.keys() - {self.held, self.streak}
            del self.answers[min(spare, key=lambda each: self.answers[each].number)]

    @property
    def is_enough(self) -> bool:
        """Whether the streak is long enough for its answer to hold."""
        length = self.length
        return length is not None and length.number >= ENOUGH * (1 + self.breaks) and length.days >= ENOUGH_DAYS

    def is_other(self, at: datetime) -> bool:
        """Tell whether the streak shows that the answer has changed."""
        if self.held is None or self.length is None or self.streak == self.held:
            return False
        lasts = at - datetime.fromisoformat(self.length.first) >= LASTING
        return lasts and self.length.number >= SEVERAL * self.breaks

    def begin_again(self) -> None:
        """Forget what was before the streak."""
        assert self.streak is not None  # noqa: S101 - its callers have looked at it
        assert self.length is not None  # noqa: S101 - the same
        self.answers, self.breaks = {self.streak: replace(self.length)}, 0


def _fold_code(estimate: Estimate, seen: Observation) -> Estimate:
    now = _Counts.of(estimate.memory)
    now.add(seen.answer, seen.at)
    changed_at, before = estimate.changed_at, estimate.before
    if now.is_other(seen.at):
        before, now.held = now.held, None
        now.begin_again()
        changed_at = datetime.fromisoformat(now.answers[now.streak or ""].first)
    if now.is_enough:
        now.held = now.streak
        now.begin_again()
    named = {answer: tally for answer, tally in now.answers.items() if answer != DENIES}
    answer = now.held or max(named, key=lambda each: named[each].number, default=None)
    if len(now.answers) > 1 or answer is None:
        state = State.CONTRADICTED
    elif now.held is not None:
        state = State.HOLDS
    else:
        state = State.UNKNOWN if changed_at is None else State.CHANGED
    mine = named.get(answer) if answer is not None else None
    return replace(
        estimate,
        state=state,
        answer=answer,
        agreeing=mine.number if mine else 0,
        against=sum(tally.number for each, tally in now.answers.items() if each != answer),
        days=mine.days if mine else 0,
        since=datetime.fromisoformat(mine.first) if mine else None,
        changed_at=changed_at,
        before=before,
        memory={**estimate.memory, "codes": asdict(now)},
    )


def _kept(evidence: tuple[Evidence, ...], seen: Observation) -> tuple[Evidence, ...]:
    """Return the evidence with the newest observations of each answer, of numbers the newest of all."""
    if seen.question in TIMES or seen.question in {Question.LATENESS_DAYS, Question.CACHE_SECONDS}:
        others, mine = [], list(evidence)
    else:
        others = [each for each in evidence if each.answer != seen.answer]
        mine = [each for each in evidence if each.answer == seen.answer]
    return tuple([*others, *mine[-(KEPT - 1) :], Evidence(seen.answer, seen.at, seen.row)][-KEPT * 4 :])
