"""Renders pages: the templates in one language, everything escaped. The sentences of answers are in words/, by code."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import Session
from starlette.responses import HTMLResponse, Response

from supplier_agent.base.errors import AgentError
from supplier_agent.db.store import LockedError
from supplier_agent.web import lists
from supplier_agent.web.answers import Facts
from supplier_agent.web.request import LANGUAGES, Visit, mark, words
from supplier_agent.words.page import PAGE

WORDS: Mapping[str, str] = {
    "green": mark("Done"),
    "blue": mark("Shown"),
    "yellow": mark("Check"),
    "red": mark("No"),
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
SIGNS = {"green": "✓", "blue": "●", "yellow": "!", "red": "✕"}
"""The sign of each answer, for people who cannot see its colour."""


@cache
def environment(language: str) -> Environment:
    """Return the templates in one language. All values are escaped; an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = words(language).catalogue
    made.install_gettext_callables(catalogue.gettext, catalogue.ngettext, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    made.globals |= {"SIGNS": SIGNS, "WORDS": WORDS, "LANGUAGES": LANGUAGES}
    return made


def page(visit: Visit, tx: Session, template: str, status: int = 200, **facts: object) -> Response:
    """Return a page for a person who is signed in."""
    around = lists.around(tx, visit)
    return bare(visit, template, status, around=around, **facts)


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
