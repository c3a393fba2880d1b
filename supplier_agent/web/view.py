"""From facts to a page: the templates in one language, everything escaped, and every sentence that an answer can be, by its code.

The facts are in a sentence as %(name)s. The codes of a scan are those of scan.Say.
"""

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
from supplier_agent.order import NO_LABEL, NOT_ACKNOWLEDGED
from supplier_agent.web import lists
from supplier_agent.web.answers import Facts
from supplier_agent.web.order_view import STAGES
from supplier_agent.web.request import LANGUAGES, Visit, mark, words

WORDS: Mapping[str, str] = {
    "green": mark("Done"),
    "blue": mark("Shown"),
    "yellow": mark("Check"),
    "red": mark("No"),
}
"""The word of each answer, for those who do not see its colour."""

SENTENCES: Mapping[str, str] = {
    "shown": mark("Scan it again when it leaves."),
    "marked": mark("Marked as shipped."),
    "marked_waits": mark("Marked as shipped. It still waits for %(missing)s."),
    "repeated": mark("The same code again: nothing was done."),
    "nothing_scanned": mark("Nothing was scanned."),
    "unknown": mark("No order has the code %(code)s."),
    "several": mark("Several orders have this code: choose one."),
    "other_shown": mark("Another order. The one before, %(left)s, is NOT marked as shipped."),
    "product_only": mark("This names a product, not a box. Scan the label, or press “It leaves”."),
    "already_marked": mark("Marked as shipped already: %(by)s at %(at)s."),
    "already_shipped": mark("Shipped already: %(by)s at %(at)s."),
    "held": mark("It must not leave: it is held (%(reason)s)."),
    "closed": mark("It must not leave: it is closed (%(reason)s)."),
    "vanished": mark("It must not leave: the marketplace no longer lists it. It may be cancelled."),
    "undoing": mark("Taken back. The marketplace is told nothing."),
    "nothing_to_undo": mark("There is nothing to take back."),
    "printing": mark("The label is printed again."),
    "nothing_to_print": mark("There is nothing to print."),
    "problem": mark("What is wrong with it?"),
    "no_order_for_problem": mark("Scan the box first, then say what is wrong."),
    "next": mark("Ready for the next box."),
    # what the page itself adds
    "refused": mark("Nothing was changed: %(why)s"),
    "too_late": mark("Too late to take back: the call to the marketplace has begun."),
    "not_open": mark("This can no longer be done: the order has changed meanwhile."),
    "reported": mark("Noted. A lead sees it under Problems."),
    "settled": mark("Settled."),
    "held_now": mark("Held. It does not leave until a lead releases it."),
    "released": mark("Released. It goes on."),
    "released_marked": mark("Released. It is marked as shipped: the marketplace is told after a new undo window."),
    "retried": mark("It is tried again now."),
    "retried_marked": mark(
        "It is tried again. It is marked as shipped: the marketplace is told after a new undo window."
    ),
    "resolved_shipped": mark("Recorded as shipped. Nothing is sent."),
    "resolved_again": mark("It is sent once more, after a new undo window."),
    "labels_sent": mark("Labels to print: %(labels)s."),
    "labels_none": mark("None of these orders has a label yet."),
    "needs_lead": mark("Only a lead may do this."),
    "needs_reason": mark("Say in a few words why."),
}

NOTES: Mapping[str, str] = {
    "printed": mark("Label printed (%(printer)s), %(times)s× by now."),
    "printed_first": mark("Label printed (%(printer)s)."),
    "not_printed": mark(
        "The label was not printed: %(fault)s. Shipping goes on; print it again later, or with the browser."
    ),
    "no_label": mark("There is no label to print yet."),
    "label_damaged": mark("The label on the disk is damaged. Tell your IT."),
    "too_large": mark(
        "The label is %(label)s mm, the paper %(paper)s mm: it is not printed by itself, for it would be cut off."
    ),
    "browser": mark("The label opens in the browser: print it at 100 %%, not “fit to page”."),
    "left_out": mark("Labels that could not be read and were left out: %(number)s."),
    "ignored": mark("The printer says that it may scale the label. Compare the size."),
    "layout_fr": mark("The scanner types for another keyboard than this computer's (French). The code was repaired."),
    "layout_tr": mark("The scanner types for another keyboard than this computer's (Turkish). The code was repaired."),
    "more": mark("There are more than are shown here."),
}

PRINT_FAULTS: Mapping[str, str] = {
    "address": mark("the printer's address is wrong"),
    "unreachable": mark("the printer cannot be reached"),
    "timeout": mark("the printer does not answer"),
    "refused": mark("the printer refused it"),
    "format": mark("the printer does not understand PDF"),
    "answer": mark("the printer's answer cannot be understood"),
    "stopped": mark("the printer is stopped (paper, cover, ribbon?)"),
    "unknown": mark("the printer did not say why"),
}

MISSING: Mapping[str, str] = {NOT_ACKNOWLEDGED: mark("its acknowledgement"), NO_LABEL: mark("its label")}


def sentence(say: str, facts: Facts, visit: Visit) -> str:
    """Return an answer, or a note of it, in the words of whoever looks."""
    told = {name: _in_words(name, value, visit) for name, value in facts.items()}
    return visit.words.say(SENTENCES.get(say) or NOTES.get(say) or say, **told)


def _in_words(name: str, value: str | int, visit: Visit) -> str:
    if name == "at":
        return visit.clock_of(datetime.fromisoformat(str(value))) if value else "?"
    if name == "missing":
        return " + ".join(visit.words.say(MISSING[each]) for each in str(value).split() if each in MISSING)
    if name == "fault":
        return visit.words.say(PRINT_FAULTS.get(str(value), PRINT_FAULTS["unknown"]))
    return str(value)


TEMPLATES = Path(__file__).with_name("templates")
SIGNS = {"green": "✓", "blue": "●", "yellow": "!", "red": "✕"}
"""The sign of each answer, for those who do not see its colour."""


@cache
def environment(language: str) -> Environment:
    """Return the templates in one language. Everything that is put in is escaped; a name that is not there is an error."""
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
    made.globals |= {"SIGNS": SIGNS, "WORDS": WORDS, "STAGES": STAGES, "LANGUAGES": LANGUAGES}
    return made


def page(visit: Visit, tx: Session, template: str, status: int = 200, **facts: object) -> Response:
    """Return a page for somebody who is signed in."""
    around = lists.around(tx, visit.room.settings)
    return bare(visit, template, status, around=around, **facts)


def bare(visit: Visit, template: str, status: int = 200, **facts: object) -> Response:
    """Return a page that asks nothing of the database."""
    html = (
        environment(visit.words.code)
        .get_template(template)
        .render(
            visit=visit,
            new_key=lambda: secrets.token_hex(16),
            sentence=lambda say, told: sentence(say, told, visit),
            clock=visit.clock_of,
            **facts,
        )
    )
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


def trouble(visit: Visit, error: AgentError, status: int) -> Response:
    """Return the page of an error: what happened, what cures it."""
    return bare(visit, "trouble.html", status, error=error, busy=isinstance(error, LockedError))
