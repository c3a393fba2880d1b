"""What the answer to one call shows: the form of its body, whether a label needs the token, how long answers take. Pure."""

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from supplier_agent.learning.questions import Observation, Question

NO_CONTENT = 204
BODIES = {"acknowledge": Question.ACKNOWLEDGE_BODY, "ship": Question.SHIP_BODY}
Heard = tuple[str, datetime, float]
"""One answer: the kind of the request, when it began, and its seconds on the network."""
SECONDS = {
    "read": Question.ANSWER_SECONDS,
    "acknowledge": Question.ACKNOWLEDGE_SECONDS,
    "ship": Question.SHIP_SECONDS,
    "label": Question.LABEL_SECONDS,
}


@dataclass(frozen=True)
class Answered:
    """One attempt that was answered."""

    row: int  # its id in `attempts`
    kind: str  # acknowledge, ship, label
    ended_at: datetime
    outcome: str
    status: int
    body: str  # of acknowledge-sale and ship-sale; as kept in the journal
    elsewhere: bool = False  # the label's link leads to another server, to which the token is never sent


def answers(seen: Answered) -> Iterator[Observation]:
    """Look at the answer to one call."""
    row, key = ("attempts", seen.row), f"a{seen.row}"
    form = form_of(seen.status, seen.body)
    if seen.kind in BODIES and form is not None:
        yield Observation(BODIES[seen.kind], form, seen.ended_at, row, key)
    if seen.kind == "label" and seen.outcome == "done" and seen.elsewhere:
        yield Observation(Question.LABEL_TOKEN, "not_needed", seen.ended_at, row, key)


UNVERIFIED = "unverified, the answer was: "


def quoted(body: str) -> str:
    """Return how the journal keeps an answer that says yes without the documented `success`."""
    return f"{UNVERIFIED}{body!r}"


def body_of(detail: str) -> str:
    """Return the answer that the journal keeps in the detail of an attempt: what `quoted` was given, or the detail itself."""
    if not detail.startswith(UNVERIFIED):
        return detail
    try:
        return str(ast.literal_eval(detail.removeprefix(UNVERIFIED)))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return detail


def form_of(status: int, body: str) -> str | None:
    """Return the form of a body that says yes; None if it says no, or is something else than an answer of the API."""
    if not 200 <= status < 300:  # noqa: PLR2004 - HTTP
        return None
    if not body.strip():
        return "no_content" if status == NO_CONTENT else "empty"
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("error") or told.get("errors"):
        return None
    if "success" not in told:
        return "no_success"
    return "success_true" if told["success"] in (True, "true", "success") else None


def times(heard: Iterable[Heard]) -> Iterator[Observation]:
    """Look at how long answers took. The journal has only times with the wait for the rate limit, so these are no rows of it."""
    for kind, at, seconds in heard:
        if kind in SECONDS:
            yield Observation(SECONDS[kind], f"{seconds:.2f}", at, ("answers", 0), f"h{at.isoformat()}")
