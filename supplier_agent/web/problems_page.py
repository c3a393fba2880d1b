"""The problems page, and what a lead can do there. Each action goes through actions.py, as on the command line.

Each order appears once, with all of its problems and all that this person may do about them now. Both come from the verdict.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, func, select
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Order, RejectedEntry
from supplier_agent.reports.letters import letters
from supplier_agent.suppliers.letters import mark_asked
from supplier_agent.verdict import Act, Blocker, Problem, ProblemCode, Severity
from supplier_agent.web import answers, lists, order_view
from supplier_agent.web.answers import GREEN, RED, YELLOW, Answer, page
from supplier_agent.web.order_view import Judged, Line
from supplier_agent.web.request import Visit, row_id
from supplier_agent.words.letters import letter

MOST = 50
"""The maximum number of rejected entries, and of orders, on one page; the numbers above are always complete."""
FIRST = (
    ProblemCode.CALL_UNKNOWN, ProblemCode.ORDER_DAMAGED, ProblemCode.CALL_PARKED, ProblemCode.SALE_STOPPED,
    ProblemCode.HELD_THOUGH_MARKED, ProblemCode.CANCELLATION_ASKED,
    ProblemCode.ORDER_VANISHED, ProblemCode.ORDER_REPORTED, ProblemCode.CHANGED_SINCE_PRINTED,
)  # fmt: skip
"""The problems that are shown first, in this order; all others follow."""
QUOTED = ("reason", "said")
"""The facts of a problem that quote the marketplace, or a person."""
TOLD = ("message", "error", "detail", "reason")
"""The keys under which an answer in JSON usually has its text for people."""
SAID = frozenset({
    "resolved_shipped", "resolved_again", "sure_again", "retried", "retried_marked", "held_now", "released", "released_marked",
    "sav_preview", "sav_asked", "sav_wrong",
    "asked_now",
    "closed_now", "reopened", "reopened_marked", "overridden", "settled", "needs_lead", "needs_reason", "not_open", "refused",
})  # fmt: skip
"""The answers to a decision, by code."""


@dataclass(frozen=True)
class Trouble:
    """One problem. quoted: the words of the marketplace, or of a person. answer: word for word. todo: what to do. "": none."""

    what: str
    quoted: str
    answer: str
    todo: str


@dataclass(frozen=True)
class WiderTrouble:
    """The problems of a supplier, or of the installation ("")."""

    supplier: str
    trouble: Trouble


@dataclass(frozen=True)
class OrderTrouble:
    """An order that needs a lead. may: what this person may do with it now."""

    line: Line
    troubles: Sequence[Trouble]
    held: str  # why it is on hold; "" if it is not
    may: frozenset[str]
    worst: bool


@dataclass(frozen=True)
class Message:
    """A message to Menzzo about a supplier, to be copied.

    number: how many questions it has. text: "" if all of them were asked. waiting: how many were asked and are not in it.
    """

    supplier: str
    number: int
    text: str
    waiting: int


@dataclass(frozen=True)
class Problems:
    """The whole problems page."""

    wider: Sequence[WiderTrouble]
    orders: Sequence[OrderTrouble]
    letters: Sequence[Message]
    rejected: Sequence[RejectedEntry]
    rejected_in_all: int
    page: int
    pages: int

    @property
    def nothing(self) -> bool:
        """Tell whether there is no problem."""
        return not (self.wider or self.orders)


def find(tx: Session, visit: Visit, around: lists.Around, number: int = 1) -> Problems:
    """Return everything that needs a lead, or that people should know: one page of the orders, the most important first."""
    pages = max(1, -(-len(around.rows) // MOST))
    number = min(max(1, number), pages)
    rows = around.rows[(number - 1) * MOST : number * MOST]
    orders = sorted(order_view.judged(tx, visit, rows, attempts=True), key=_rank)
    entries: Sequence[RejectedEntry] = ()
    if any(problem.code is ProblemCode.ENTRY_REJECTED for problem in around.wider):
        entries = tx.exec(select(RejectedEntry).order_by(col(RejectedEntry.last_listed_at).desc()).limit(MOST)).all()
    return Problems(
        [WiderTrouble(each.supplier or "", _trouble(each, visit)) for each in around.wider],
        [_of_order(each, visit) for each in orders],
        messages(tx, visit),
        entries,
        tx.exec(select(func.count()).select_from(RejectedEntry)).one(),
        number,
        pages,
    )


def _rank(each: Judged) -> tuple[int, int]:
    codes = {problem.code for problem in each.verdict.problems}
    return next((number for number, code in enumerate(FIRST) if code in codes), len(FIRST)), each.order.id


def _trouble(problem: Problem, visit: Visit) -> Trouble:
    what, answer = visit.sentences.trouble(problem), str(problem.facts.get("answer") or problem.facts.get("detail", ""))
    quoted = gist(answer) or str(next((problem.facts[name] for name in QUOTED if name in problem.facts), ""))
    return Trouble(what, "" if quoted in what else quoted, answer, visit.sentences.todo(problem))


def gist(answer: str) -> str:
    """Return what an answer in JSON says to people: the first text under one of the usual keys; "" if there is none."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    texts = [said.get(name) for name in TOLD] if isinstance(said, dict) else []
    return next((each for each in texts if isinstance(each, str) and each.strip()), "")


def _of_order(each: Judged, visit: Visit) -> OrderTrouble:
    verdict = each.verdict
    return OrderTrouble(
        order_view.line(each, visit),
        [_trouble(problem, visit) for problem in verdict.problems],
        each.facts["held"] if Blocker.HELD in verdict.blockers else "",
        frozenset(verdict.may[visit.role]),
        any(problem.severity is Severity.URGENT for problem in verdict.problems),
    )


def messages(tx: Session, visit: Visit) -> Sequence[Message]:
    """Return today's message to Menzzo for each supplier with open questions."""
    found = letters(within(tx), visit.room.settings, visit.now) if visit.person.leads else []
    return [
        Message(each.supplier, len(each.to_ask), letter(each.supplier, each.to_ask), len(each.waiting))
        for each in found
    ]


def asked(visit: Visit) -> Response:
    """Note that a lead has mailed the message of a supplier: its questions are not in the next one."""
    supplier = visit.field("supplier")

    def do(tx: Session, before: Answer | None) -> Answer:
        memory = before.memory if before else {}
        if not visit.person.leads:
            return Answer(RED, "needs_lead", memory=memory)
        number = 0
        for each in letters(within(tx), visit.room.settings, visit.now, [supplier]):
            number += mark_asked(tx, (question.key for question in each.to_ask), visit.now, visit.person.name)
        return Answer(GREEN, "asked_now", {"number": number}, memory=memory)

    answers.once(visit, do)
    return RedirectResponse("/problems", 303)


def problems(visit: Visit) -> Response:
    """Show what needs a lead."""
    with visit.room.store.read() as tx:
        around = lists.around(tx, visit)
        found = find(tx, visit, around, row_id(visit.query.get("page", "1")) or 1)
        return page(visit, tx, "problems.html", around=around, found=found, answer=last(tx, visit))


def last(tx: Session, visit: Visit) -> Answer | None:
    """Return the answer to the last decision; None if the last answer is about something else."""
    answer = answers.last(tx, visit)
    return answer if answer is not None and answer.say in SAID else None


def _reason(visit: Visit) -> str:
    return " ".join(visit.field("reason", 200).split())


def _resolve(tx: Session, order: Order, visit: Visit, *, shipped: bool) -> str:
    actions.resolve(tx, order, visit.now, visit.person.name, shipped=shipped, station=visit.station.name)
    return "resolved_shipped" if shipped else "resolved_again"


def _retry(tx: Session, order: Order, visit: Visit) -> str:
    actions.retry(tx, order, visit.now, visit.person.name, station=visit.station.name)
    return "retried_marked" if order.shipped else "retried"


def _hold(tx: Session, order: Order, visit: Visit) -> str:
    actions.hold(tx, order, visit.now, visit.person.name, _reason(visit), station=visit.station.name)
    return "held_now"


def _release(tx: Session, order: Order, visit: Visit) -> str:
    actions.release(tx, order, visit.now, visit.person.name, station=visit.station.name)
    return "released_marked" if order.shipped else "released"


def _close(tx: Session, order: Order, visit: Visit) -> str:
    actions.close(tx, order, visit.now, visit.person.name, _reason(visit), station=visit.station.name)
    return "closed_now"


def _reopen(tx: Session, order: Order, visit: Visit) -> str:
    actions.reopen(tx, order, visit.now, visit.person.name, _reason(visit), station=visit.station.name)
    return "reopened_marked" if order.shipped else "reopened"


def _override(tx: Session, order: Order, visit: Visit) -> str:
    who = visit.person.name
    actions.ship(tx, order, visit.now, who, override_by=who, station=visit.station.name)
    return "overridden"


def _settle(tx: Session, order: Order, visit: Visit) -> str:
    return actions.settle(tx, order, visit.now, visit.person.name, station=visit.station.name)


@dataclass(frozen=True)
class Decision:
    """What a lead can decide. needs: the verdict must allow it then. reason: it needs a reason. sure: it is asked once more."""

    needs: Act
    do: Callable[[Session, Order, Visit], str]
    reason: bool = False
    sure: bool = False


DECISIONS: Mapping[str, Decision] = {
    "shipped": Decision(Act.RESOLVE, lambda tx, order, visit: _resolve(tx, order, visit, shipped=True)),
    "again": Decision(Act.SEND_AGAIN, lambda tx, order, visit: _resolve(tx, order, visit, shipped=False), sure=True),
    "retry": Decision(Act.RETRY, _retry),
    "hold": Decision(Act.HOLD, _hold, reason=True),
    "release": Decision(Act.RELEASE, _release),
    "close": Decision(Act.CLOSE, _close, reason=True),
    "reopen": Decision(Act.REOPEN, _reopen, reason=True),
    "override": Decision(Act.OVERRIDE, _override),
    "settle": Decision(Act.SETTLE, _settle),
}
"""The buttons of a lead."""


def decided(visit: Visit) -> Response:
    """Do what a lead has decided about an order."""
    row, decision = visit.number("row"), DECISIONS.get(visit.field("act"))

    def do(tx: Session, before: Answer | None) -> Answer:
        order = tx.get(Order, row) if row is not None else None
        memory = before.memory if before else {}
        if not visit.person.leads:
            return Answer(RED, "needs_lead", memory=memory)
        if order is None or row is None or decision is None:
            return Answer(RED, "not_open", memory=memory)
        (each,) = order_view.judged(tx, visit, [row])
        if decision.needs not in each.verdict.may[visit.role]:
            return Answer(RED, "not_open", memory=memory)
        if decision.reason and not _reason(visit):
            return Answer(YELLOW, "needs_reason", order=row, memory=memory)
        if decision.sure and visit.field("sure") != "yes":
            return Answer(YELLOW, "sure_again", {"order": order.menzzo_order_id}, order=row, memory=memory)
        return Answer(GREEN, decision.do(tx, order, visit), order=row, memory=memory)

    answers.once(visit, do)
    return RedirectResponse({"desk": "/", "order": f"/order/{row}"}.get(visit.field("back"), "/problems"), 303)
