"""What the page answered, kept by the key of what was sent: the same form twice is done once, and answered alike.

Sentences are kept as codes with their facts, so that they can be said in the language of whoever looks.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete

from supplier_agent.base.errors import AgentError, StateError
from supplier_agent.db.tables import Submission
from supplier_agent.web.request import Visit

GREEN, BLUE, YELLOW, RED = "green", "blue", "yellow", "red"
"""Done, shown, check, no: there is no fifth."""
KEPT = timedelta(days=7)
_KEY = re.compile(r"\A[0-9a-f]{32}\Z")

Facts = Mapping[str, str | int]


@dataclass(frozen=True)
class Answer:
    """One answer. `order` is what stands on the screen, `matches` what there is to choose from, all by row id."""

    sign: str
    say: str
    facts: Facts = field(default_factory=dict)
    who: str = ""
    station: str = ""
    at: str = ""  # ISO 8601
    order: int | None = None  # None: no order is on the screen
    matches: tuple[int, ...] = ()
    more: bool = False
    prints: int | None = None  # whose label it was to print; None: nobody's
    problem: bool = False  # asks what is wrong with the order
    silent: bool = False  # a repeat: nothing was done, and there is no sound
    notes: tuple[tuple[str, Facts], ...] = ()  # what there is to say besides, by code
    memory: Mapping[str, object] = field(default_factory=dict)  # scan.Station, packed


def last(tx: Session, visit: Visit) -> Answer | None:
    """Return what was last answered at this station to this person; None if nothing was."""
    if visit.session is None or not visit.session.last:
        return None
    answer = _read(tx, visit.session.last)
    return answer if answer and (answer.who, answer.station) == (visit.person.name, visit.station.name) else None


def _read(tx: Session, key: str) -> Answer | None:
    row = tx.get(Submission, key)
    if row is None:
        return None
    found = json.loads(row.answer)
    found["matches"] = tuple(found["matches"])
    found["notes"] = tuple((say, facts) for say, facts in found["notes"])
    return Answer(**found)


def once(visit: Visit, act: Callable[[Session, Answer | None], Answer]) -> tuple[Answer, bool]:
    """Do an act in one transaction with its answer, unless its key was answered already. Returns whether it was done now.

    `act` gets what was last answered here. What the database refuses (an undo too late) is a red answer, and nothing is changed.
    Raises LockedError and StateError: then nothing was recorded.
    """
    key = visit.field("key")
    if not _KEY.match(key):
        raise AgentError("this form has no key", "load the page again")
    try:
        with visit.room.store.write() as tx:
            found = _read(tx, key)
            before = last(tx, visit)
            answer = found or _signed(act(tx, before), visit)
            if found is None:
                tx.add(Submission(key=key, at=visit.now, answer=json.dumps(asdict(answer))))
    except StateError:
        raise
    except AgentError as error:
        with visit.room.store.write() as tx:
            before = last(tx, visit) or Answer(RED, "")
            found = None
            answer = _signed(
                replace(before, sign=RED, say="refused", facts={"why": error.what}, notes=(), silent=False), visit
            )
            tx.add(Submission(key=key, at=visit.now, answer=json.dumps(asdict(answer))))
    visit.keep(last=key)
    return answer, found is None


def add_note(visit: Visit, tx: Session, say: str, facts: Facts) -> None:
    """Say something more in the answer that was given just now."""
    row = tx.get(Submission, visit.field("key"))
    if row is None:
        return
    found = json.loads(row.answer)
    found["notes"] = [*found["notes"], [say, dict(facts)]]
    row.answer = json.dumps(found)
    tx.add(row)


def _signed(answer: Answer, visit: Visit) -> Answer:
    return replace(answer, who=visit.person.name, station=visit.station.name, at=visit.now.isoformat())


def forget(tx: Session, now: datetime) -> None:
    """Drop the answers that no browser asks for any more."""
    tx.exec(delete(Submission).where(col(Submission.at) < now - KEPT))
