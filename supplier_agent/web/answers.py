"""What the page answers. An answer is stored by the key of its form: a form that is sent twice is done once, and answered the same.

Sentences are stored as codes with facts, and rendered in the reader's language (words/) when a page is shown. The templates escape
everything.
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import Session, col, delete
from starlette.responses import HTMLResponse, Response

from supplier_agent.base.errors import AgentError, StateError
from supplier_agent.db.store import LockedError
from supplier_agent.db.tables import Submission
from supplier_agent.web import lists
from supplier_agent.web.people import BADGE
from supplier_agent.web.request import LANGUAGES, Visit, mark, words
from supplier_agent.words.page import PAGE

GREEN, BLUE, YELLOW, RED = "green", "blue", "yellow", "red"
"""Done, shown, check, no: there are only these four."""
GREY = "grey"
"""Not an answer: the order on the screen has changed since it was answered."""
KEPT = timedelta(days=7)
_KEY = re.compile(r"\A[0-9a-f]{32}\Z")

Facts = Mapping[str, str | int]


@dataclass(frozen=True)
class Answer:
    """One answer. `order`: the order on the screen. `matches`: the orders to choose from. All are row ids."""

    sign: str
    say: str
    facts: Facts = field(default_factory=dict)
    who: str = ""
    station: str = ""
    at: str = ""  # ISO 8601
    order: int | None = None  # None: no order is on the screen
    matches: tuple[int, ...] = ()
    more: bool = False
    prints: int | None = None  # the order whose label is printed; None: none
    problem: bool = False  # the page asks what is wrong with the order
    repeats: str = (
        ""  # the key of the answer that this one repeats, for a scan that was counted once; "": it is a new one
    )
    notes: tuple[tuple[str, Facts], ...] = ()  # further messages, by code
    memory: Mapping[str, object] = field(default_factory=dict)  # scan.Station, packed


def last(tx: Session, visit: Visit) -> Answer | None:
    """Return the last answer to this person at this station; None if there is none."""
    if visit.session is None or not visit.session.last:
        return None
    answer = _read(tx, visit.session.last)
    if answer is None or (answer.who, answer.station) != (visit.person.name, visit.station.name):
        return None
    first = _read(tx, answer.repeats) if answer.repeats else None
    notes = (*(first.notes if first is not None else ()), *answer.notes)
    return replace(answer, notes=tuple(_as_of(visit.now, *note) for note in notes))


BEGUN = "print_begun"
"""The note of a label that is given to a printer; `until` is when its ending is known at the latest."""


def _as_of(now: datetime, say: str, facts: Facts) -> tuple[str, Facts]:
    """Return a note as it is now: a print without an ending was lost with its process."""
    lost = say == BEGUN and datetime.fromisoformat(str(facts["until"])) < now
    return ("print_lost" if lost else say), facts


def _read(tx: Session, key: str) -> Answer | None:
    row = tx.get(Submission, key)
    if row is None:
        return None
    found = json.loads(row.answer)
    found["matches"] = tuple(found["matches"])
    found["notes"] = tuple((say, facts) for say, facts in found["notes"])
    known = {each.name for each in fields(Answer)}  # an older version stored others
    return Answer(**{name: value for name, value in found.items() if name in known})


def once(visit: Visit, act: Callable[[Session, Answer | None], Answer]) -> tuple[Answer, bool]:
    """Do an action in one transaction with its answer, unless its key was answered before. Return whether it was done now.

    `act` gets the last answer here. If the database refuses (an undo that is too late), the answer is red and nothing changes.
    Raises LockedError and StateError: then nothing was recorded.
    """
    key = visit.field("key")
    if not _KEY.match(key):
        raise AgentError("this form has no key", "load the page again")
    try:
        done = _stored(visit, key, act)
    except StateError:
        raise
    except AgentError as error:
        why = error.what
        done = _stored(visit, key, lambda _tx, before: _refused(before, why))
    visit.keep(last=key)
    return done


def _refused(before: Answer | None, why: str) -> Answer:
    """Return the order on the screen with the reason why the database refused."""
    kept = before or Answer(RED, "")
    return Answer(
        RED, "refused", {"why": why}, order=kept.order, matches=kept.matches, more=kept.more, memory=kept.memory
    )


def _stored(visit: Visit, key: str, act: Callable[[Session, Answer | None], Answer]) -> tuple[Answer, bool]:
    with visit.room.store.write() as tx:
        if (found := _read(tx, key)) is not None:
            return found, False
        answer = replace(
            act(tx, last(tx, visit)), who=visit.person.name, station=visit.station.name, at=visit.now.isoformat()
        )
        tx.add(Submission(key=key, at=visit.now, answer=json.dumps(asdict(answer))))
    return answer, True


def add_note(tx: Session, key: str, say: str, facts: Facts, *, instead_of: str = "") -> None:
    """Add a message to the answer with this key. instead_of: the code of a message that it replaces."""
    row = tx.get(Submission, key)
    if row is None:
        return
    found = json.loads(row.answer)
    found["notes"] = [*(note for note in found["notes"] if note[0] != instead_of), [say, dict(facts)]]
    row.answer = json.dumps(found)
    tx.add(row)


def forget(tx: Session, now: datetime) -> None:
    """Delete answers that are too old for a browser to ask for."""
    tx.exec(delete(Submission).where(col(Submission.at) < now - KEPT))


WORDS: Mapping[str, str] = {
    "green": mark("Done"),
    "blue": mark("Shown"),
    "yellow": mark("Check"),
    "red": mark("No"),
    "grey": mark("Changed"),
}
"""The word of each answer, for people who cannot see its colour."""


def sentence(say: str, facts: Facts, visit: Visit) -> str:
    """Return an answer, or a note of it, in the language of this request; "" for a code of an older version."""
    given = {
        name: datetime.fromisoformat(str(value)) if name == "at" and value else value for name, value in facts.items()
    }
    key = next((f"{group}.{say}" for group in ("answer", "note") if f"{group}.{say}" in PAGE), "")
    return visit.sentences.say(key, given) if key else ""


TEMPLATES = Path(__file__).with_name("templates")
SIGNS = {"green": "✓", "blue": "●", "yellow": "!", "red": "✕", "grey": "↻"}
"""The sign of each answer, for people who cannot see its colour."""


@cache
def environment(language: str) -> Environment:
    """Return the templates in one language. All values are escaped; an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = words(language).catalogue
    made.install_gettext_callables(catalogue.gettext, catalogue.ngettext, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    made.globals |= {"SIGNS": SIGNS, "WORDS": WORDS, "LANGUAGES": LANGUAGES, "BADGE": BADGE}
    return made


def page(visit: Visit, tx: Session, template: str, *, around: lists.Around | None = None, **facts: object) -> Response:
    """Return a page for a person who is signed in. around: None: it is loaded here."""
    return bare(visit, template, 200, around=around or lists.around(tx, visit), **facts)


def bare(visit: Visit, template: str, status: int = 200, **facts: object) -> Response:
    """Return a page that needs no data from the database."""
    html = (
        environment(visit.words.code)
        .get_template(template)
        .render(
            visit=visit,
            new_key=lambda: secrets.token_hex(16),
            sentence=lambda say, told: sentence(say, told, visit),
            clock=visit.sentences.at,
            say=visit.sentences.say,
            **facts,
        )
    )
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


def trouble(visit: Visit, error: AgentError, status: int) -> Response:
    """Return the page of an error: what happened, and how to fix it."""
    return bare(visit, "trouble.html", status, error=error, busy=isinstance(error, LockedError))
