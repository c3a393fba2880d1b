"""What a run shows about the cursor and the cache. Pure.

A cached answer looks like a wrong one: it belongs to an earlier cursor. So an answer to a cursor counts only if it has an order
that no earlier answer had.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from supplier_agent.learning.listed import Listed, Page
from supplier_agent.learning.numbers import FRESH, STALE
from supplier_agent.learning.pages import REFUSALS, longest
from supplier_agent.learning.questions import Estimate, Observation, Question
from supplier_agent.reading.strategy import rank

Memory = dict[str, Any]
Found = tuple[list[Observation], Memory]
"""What was observed, and what the estimator remembers."""

WAITING = timedelta(days=3)
MOST_WAITING, MOST_BODIES = 60, 40
OWN_CLOCK_SECONDS = 5
"""The header `Age` counts whole seconds, on another clock."""


def cursor(listed: Listed, known: Mapping[Question, Estimate]) -> Found:
    """Learn what the cursor means, from answers with an order that is new.

    refused    a 400 or 422, and the next request of the run, without the cursor, is answered
    ignored    the answer has an order that is older than the cursor in every sense
    exclusive  the answer has newer orders only. It is shorter than other pages, so nothing was cut off, and the cursor's own order
               was still listed later: it could have been there
    inclusive  the same, but with the cursor's order; and an older one was still listed later

    What was still listed is shown by a later run, so such answers wait for one.
    """
    memory = dict(known[Question.CURSOR].memory)
    oldest = (listed.ended_at - WAITING).isoformat()
    waiting: list[list[Any]] = [each for each in memory.get("waiting", ()) if each[3] > oldest]
    found = _resolved(listed, waiting)
    most = longest(known)
    for page, following in zip(listed.pages, [*listed.pages[1:], None], strict=True):
        name = page.query.cursor
        if name is None or page.query.page != 1 or page.html:
            continue
        if (
            page.status in REFUSALS
            and following is not None
            and following.query.cursor is None
            and following.ids is not None
        ):
            found.append(_observed(Question.CURSOR, "refused", page))
        elif page.ids and page.fresh and name in listed.orders:
            if any(listed.is_older(each, name) for each in page.ids):
                found.append(_observed(Question.CURSOR, "ignored", page))
            elif len(page.ids) < most and _newer(page.ids, name) and set(page.ids) != {name}:
                since = page.query.date_from
                looks = "inclusive" if name in page.ids else "exclusive"
                waiting.append([looks, name, page.row, page.at.isoformat(), since.isoformat() if since else ""])
    memory["waiting"] = waiting[-MOST_WAITING:]
    return found, memory


def _newer(ids: tuple[str, ...], cursor: str) -> bool:
    """Tell whether all of these have higher numbers than the cursor, or are it."""
    mine = rank(cursor)
    return mine is not None and all((key := rank(each)) is not None and key >= mine for each in ids)


def _resolved(listed: Listed, waiting: list[list[Any]]) -> list[Observation]:
    """Take from `waiting` the answers that what was listed now explains."""
    there = {each for page in listed.pages if page.query.cursor is None and page.fresh for each in page.ids or ()}
    found: list[Observation] = []
    for entry in list(waiting):
        looks, name, row, at, since = entry
        older = any(
            listed.is_older(each, name)
            and (listed.orders[each].order_date or listed.started_at.date()).isoformat() >= since
            for each in there
        )
        if listed.started_at.isoformat() > at and name in there and (looks == "exclusive" or older):
            waiting.remove(entry)
            found.append(Observation(Question.CURSOR, looks, datetime.fromisoformat(at), ("reads", row), f"r{row}"))
    return found


def cache(listed: Listed, known: Mapping[Question, Estimate]) -> Found:
    """Learn how old an answer may be: by the header `Age`, and by requests that were answered otherwise than before.

    The earlier answer was made when it first came, or before. So after that time at most, the server made another one.
    """
    memory = dict(known[Question.CACHE_SECONDS].memory)
    bodies: dict[str, list[Any]] = dict(memory.get("bodies", {}))
    found: list[Observation] = []
    for page in listed.pages:
        if page.ids is None or page.sha256 is None:
            continue
        if page.age is not None and page.age > OWN_CLOCK_SECONDS:
            found.append(_observed(Question.CACHE_SECONDS, f"{STALE}{page.age}", page))
        url, body = _mark(str(page.query)), page.sha256[:16]
        before = bodies.pop(_mark(page.key), None)
        made_at = (page.at - timedelta(seconds=page.age or 0)).isoformat()
        if before is not None and before[1] == body:
            made_at = min(before[2], made_at)  # the same answer: as old as it was when it first came
        elif before is not None and before[0] == url:
            seconds = round((page.at - datetime.fromisoformat(before[2])).total_seconds())
            if seconds > 0:  # else the clock was set back
                found.append(_observed(Question.CACHE_SECONDS, f"{FRESH}{seconds}", page))
        bodies[_mark(page.key)] = [url, body, made_at]
    memory["bodies"] = dict(list(bodies.items())[-MOST_BODIES:])
    return found, memory


def cursor_in_cache_key(listed: Listed, known: Mapping[Question, Estimate]) -> Found:
    """Learn it from two requests that differ in the cursor alone, while the first answer was cached.

    no    the answer is the same, but impossible for this cursor: it has an order that is older than it
    yes   the answer is another one, although a cached answer is known to live longer than the time between the two
    """
    memory = dict(known[Question.CURSOR_IN_CACHE_KEY].memory)
    asked: dict[str, list[Any]] = dict(memory.get("asked", {}))
    lives = known[Question.CACHE_SECONDS].memory.get("oldest", 0)
    means_newer = known[Question.CURSOR].known in {"exclusive", "inclusive"}
    found: list[Observation] = []
    for page in listed.pages:
        if page.ids is None or page.sha256 is None:
            continue
        name, body = page.query.cursor, page.sha256[:16]
        before = asked.pop(_mark(page.key), None)
        if before is not None and name is not None and before[0] not in {None, name}:
            ago = (page.at - datetime.fromisoformat(before[2])).total_seconds()
            if before[1] != body:
                if 0 <= ago < lives and before[3]:
                    found.append(_observed(Question.CURSOR_IN_CACHE_KEY, "yes", page))
            elif means_newer and any(listed.is_older(each, name) for each in page.ids):
                found.append(_observed(Question.CURSOR_IN_CACHE_KEY, "no", page))
        asked[_mark(page.key)] = [name, body, page.at.isoformat(), page.fresh]
    memory["asked"] = dict(list(asked.items())[-MOST_BODIES:])
    return found, memory


def _mark(url: str) -> str:
    """Return a short text that stands for a URL."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _observed(question: Question, answer: str, page: Page) -> Observation:
    return Observation(question, answer, page.at, ("reads", page.row), f"r{page.row}")
