"""How an observation changes an estimate that is a number: a maximum, a limit, a usual time. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from supplier_agent.learning.questions import ENOUGH, ENOUGH_DAYS, Estimate, Observation, State

FACTOR = 3
"""Answers that take so many times as long, or as short, have changed."""
LEAST_SECONDS = 1.0
"""Times below are no reason for concern: waiting for the rate limit takes as long."""
SLOW_FOR = timedelta(hours=6)
"""How long a change lasts at least; an outage is none."""
FEW = 3
"""If the last few take as long as usual, the change is over."""
SEVERAL = 5
STEP = 60
"""A limit is rounded up to whole minutes."""
STALE, FRESH = "older ", "newer "
"""What an observation of the cache shows, followed by the seconds."""


def fold_most(estimate: Estimate, seen: Observation) -> Estimate:
    """Learn the largest number seen. A larger one changes the answer at once, because it is a fact."""
    number, most = int(seen.answer), int(estimate.answer or 0)
    memory = dict(estimate.memory)
    if number > most and estimate.state is State.HOLDS:
        memory["day"] = seen.at.date().isoformat()
        return replace(
            estimate,
            state=State.CHANGED,
            answer=str(number),
            before=estimate.answer,
            changed_at=seen.at,
            since=seen.at,
            agreeing=1,
            days=1,
            memory=memory,
        )
    day = seen.at.date().isoformat()
    days, memory["day"] = estimate.days + (memory.get("day") != day), day
    agreeing = estimate.agreeing + 1
    holds = agreeing >= ENOUGH and days >= ENOUGH_DAYS
    state = State.HOLDS if holds else State.CHANGED if estimate.changed_at is not None else State.UNKNOWN
    return replace(
        estimate,
        state=state,
        answer=str(max(number, most)),
        agreeing=agreeing,
        days=days,
        since=estimate.since or seen.at,
        memory=memory,
    )


def fold_bound(estimate: Estimate, seen: Observation) -> Estimate:
    """Learn how old a cached answer may be.

    `older N`: an answer was at least N seconds old. `newer N`: after at most N seconds, an answer was made afresh. The answer is
    the least number of seconds after which 20 answers were made afresh, on 3 days, and that no cached answer has exceeded.
    """
    memory = dict(estimate.memory)
    oldest, newer = memory.get("oldest", 0), [list(each) for each in memory.get("newer", ())]
    seconds, day = int(seen.answer[len(STALE) :]), seen.at.date().isoformat()
    against = 0
    if seen.answer.startswith(STALE):
        against = int(estimate.answer is not None and seconds > int(estimate.answer))
        oldest = max(oldest, seconds)
    else:
        newer.append([seconds, day])
    # A shorter time than a cached answer has lasted proves nothing: that answer was dropped early.
    newer = sorted(each for each in newer if each[0] > oldest)[: ENOUGH * ENOUGH_DAYS]
    memory |= {"oldest": oldest, "newer": newer}
    enough = next(
        (number for number in range(ENOUGH, len(newer) + 1) if len({day for _, day in newer[:number]}) >= ENOUGH_DAYS),
        None,
    )
    answer = None if enough is None else str(-(-newer[enough - 1][0] // STEP) * STEP)
    changed_at, before = estimate.changed_at, estimate.before
    if against:
        changed_at, before = seen.at, estimate.answer
    state = State.HOLDS if answer is not None else State.CHANGED if changed_at is not None else State.UNKNOWN
    return replace(
        estimate,
        state=state,
        answer=answer,
        agreeing=len(newer),
        days=len({day for _, day in newer}),
        since=estimate.since or seen.at,
        changed_at=changed_at,
        before=before,
        memory=memory,
    )


def made_afresh(estimate: Estimate) -> float | None:
    """Return for how many seconds an answer may be cached, as far as several answers have shown; None: it is not known.

    The estimate itself waits for more of them, and is rounded up. But then runs at equal intervals would never be late enough.
    """
    newer = estimate.memory.get("newer", ())
    return None if estimate.known is None or len(newer) < SEVERAL else newer[SEVERAL - 1][0] - 1


def fold_times(estimate: Estimate, seen: Observation) -> Estimate:
    """Learn how long an answer usually takes: the median. `usual` are the first times after a change, `last` the newest."""
    memory = dict(estimate.memory)
    entry: list[Any] = [float(seen.answer), seen.at.isoformat()]
    usual, last = [*memory.get("usual", ())], [*memory.get("last", ()), entry][-ENOUGH:]
    day = seen.at.date().isoformat()
    days = estimate.days + (memory.get("day") != day)
    memory["day"] = day
    if len(usual) < ENOUGH * ENOUGH_DAYS and estimate.state is not State.HOLDS:
        usual.append(entry[0])
    state, changed_at, before = estimate.state, estimate.changed_at, estimate.before
    agreeing, since = estimate.agreeing + 1, estimate.since or seen.at
    old, newest = median(usual), [seconds for seconds, _ in last]
    if len(last) == ENOUGH and differs(old, median(newest)) and differs(old, median(newest[-FEW:])):
        other_since = datetime.fromisoformat(memory.setdefault("other_since", seen.at.isoformat()))
    else:
        memory["other_since"], other_since = seen.at.isoformat(), seen.at
    if state is State.HOLDS and seen.at - other_since >= SLOW_FOR and differs(old, entry[0]):
        changed_at, before, state = other_since, _shown(old), State.CHANGED
        usual, agreeing, days, since = newest, ENOUGH, 1, other_since
    elif agreeing >= ENOUGH and days >= ENOUGH_DAYS:
        state = State.HOLDS
    memory |= {"usual": usual, "last": last, "slow": _shown(_slow(newest))}
    return replace(
        estimate,
        state=state,
        answer=_shown(median(usual)),
        agreeing=agreeing,
        days=days,
        since=since,
        changed_at=changed_at,
        before=before,
        memory=memory,
    )


def differs(old: float, new: float) -> bool:
    """Tell whether two usual times are so far apart that something has changed."""
    low, high = sorted((old, new))
    return high >= LEAST_SECONDS and high >= FACTOR * low


def _slow(times: list[float]) -> float:
    """Return the time that 95 of 100 answers do not exceed."""
    return sorted(times)[-(-len(times) * 95 // 100) - 1]


def _shown(seconds: float) -> str:
    return f"{seconds:.2f}"
