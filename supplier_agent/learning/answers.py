"""What the answer to one call shows: the form of its body, whether a label needs the token, how long it took. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from supplier_agent.learning.listed import Listed
from supplier_agent.learning.questions import Observation, Question

NO_CONTENT = 204
MOST_READS = 5
"""So many reads of one run tell how long an answer takes."""
BODIES = {"acknowledge": Question.ACKNOWLEDGE_BODY, "ship": Question.SHIP_BODY}
SECONDS = {
    "acknowledge": Question.ACKNOWLEDGE_SECONDS,
    "ship": Question.SHIP_SECONDS,
    "label": Question.LABEL_SECONDS,
}


@dataclass(frozen=True)
class Answered:
    """One attempt that was answered."""

    row: int  # its id in `attempts`
    kind: str  # acknowledge, ship, label
    started_at: datetime
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
    if seen.kind in SECONDS:
        seconds = (seen.ended_at - seen.started_at).total_seconds()
        if seconds >= 0:  # else the clock was set back
            yield Observation(SECONDS[seen.kind], f"{seconds:.2f}", seen.ended_at, row, key)


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


def reads(listed: Listed) -> Iterator[Observation]:
    """Look at how long the answers to get-sales took."""
    timed = [page for page in listed.pages if page.seconds is not None and page.seconds >= 0]
    for page in timed[:MOST_READS]:
        row = ("reads", page.row)
        yield Observation(Question.ANSWER_SECONDS, f"{page.seconds:.2f}", page.at, row, f"r{page.row}")
