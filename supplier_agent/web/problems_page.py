"""The problems page, and what a lead can do there. Each action goes through actions.py, as on the command line.

Each order appears once, with all of its problems and all that this person may do about them now. Both come from the verdict.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, func, select
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions
from supplier_agent.db.tables import Order, RejectedEntry
from supplier_agent.verdict import Act, Blocker, Problem, ProblemCode, Severity
from supplier_agent.web import answers, lists, order_view
from supplier_agent.web.answers import GREEN, RED, YELLOW, Answer, page
from supplier_agent.web.order_view import Judged, Line
from supplier_agent.web.request import Visit

MOST = 50
"""The maximum number of rejected entries on the page; the count above the list is always complete."""
FIRST = (
    ProblemCode.CALL_UNKNOWN, ProblemCode.ORDER_DAMAGED, ProblemCode.CALL_PARKED, ProblemCode.HELD_THOUGH_MARKED,
    ProblemCode.ORDER_VANISHED, ProblemCode.CHANGED_SINCE_PRINTED,
)  # fmt: skip
"""The problems that are shown first, in this order; all others follow."""
QUOTED = ("detail", "reason", "said")
"""The facts of a problem that quote the marketplace, or a person."""


@dataclass(frozen=True)
class Trouble:
    """One problem. quoted: the words of the marketplace, or of a person. todo: what to do; "" for nothing."""

    what: str
    quoted: str
    todo: str


@dataclass(frozen=True)
class WiderTrouble:
    """The problems of a supplier, or of the installation ("")."""

    supplier: str
    trouble: Trouble


@dataclass(frozen=True)
class OrderTrouble:
    """An order that needs a person. may: what this person may do with it now. report: what a packer reported; "" for nothing."""

    line: Line
    troubles: Sequence[Trouble]
    held: str  # why it is on hold; "" if it is not
    report: str
    reported_by: str
    may: frozenset[str]
    worst: bool


@dataclass(frozen=True)
class Problems:
    """The whole problems page."""

    wider: Sequence[WiderTrouble]
    orders: Sequence[OrderTrouble]
    rejected: Sequence[RejectedEntry]
    rejected_in_all: int

    @property
    def nothing(self) -> bool:
        """Tell whether there is no problem."""
        return not (self.wider or self.orders)


def find(tx: Session, visit: Visit, around: lists.Around) -> Problems:
    """Return everything that needs a person, or that a person should know."""
    wider, orders = around.wider, order_view.judged(tx, visit, around.rows, attempts=True)
    reports = {event.order_id: event for event in order_view.unsettled(tx, lists.MOST_PROBLEMS)}
    shown = []
    for each in sorted(orders, key=_rank):
        event = reports.get(each.order.id)
        said = order_view.in_words(event, visit) if event is not None else ""
        by = order_view.by_whom(event, visit) if event is not None else ""
        matters = any(problem.severity is not Severity.INFO for problem in each.verdict.problems)
        if said or matters or Blocker.HELD in each.verdict.blockers:
            shown.append(_of_order(each, visit, said, by))
    entries: Sequence[RejectedEntry] = ()
    if any(problem.code is ProblemCode.ENTRY_REJECTED for problem in wider):
        entries = tx.exec(select(RejectedEntry).order_by(col(RejectedEntry.last_listed_at).desc()).limit(MOST)).all()
    number = tx.exec(select(func.count()).select_from(RejectedEntry)).one()
    return Problems(
        [WiderTrouble(each.supplier or "", _trouble(each, visit)) for each in wider], shown, entries, number
    )


def _rank(each: Judged) -> tuple[int, int]:
    codes = {problem.code for problem in each.verdict.problems}
    return next((number for number, code in enumerate(FIRST) if code in codes), len(FIRST)), each.order.id


def _trouble(problem: Problem, visit: Visit) -> Trouble:
    what = visit.sentences.trouble(problem)
    quoted = str(next((problem.facts[name] for name in QUOTED if name in problem.facts), ""))
    return Trouble(what, "" if quoted in what else quoted, visit.sentences.todo(problem))


def _of_order(each: Judged, visit: Visit, report: str, reported_by: str) -> OrderTrouble:
    verdict = each.verdict
    return OrderTrouble(
        order_view.line(each, visit),
        [_trouble(problem, visit) for problem in verdict.problems],
        each.facts["held"] if Blocker.HELD in verdict.blockers else "",
        report,
        reported_by,
        frozenset(verdict.may[visit.role]),
        any(problem.severity is Severity.URGENT for problem in verdict.problems),
    )


Decision = Callable[[Session, Order, Visit], str]


def problems(visit: Visit) -> Response:
    """Show what needs a person."""
    with visit.room.store.read() as tx:
        around = lists.around(tx, visit)
        found = find(tx, visit, around)
        return page(visit, tx, "problems.html", around=around, found=found, answer=answers.last(tx, visit))


def _resolve(tx: Session, order: Order, visit: Visit, *, shipped: bool) -> str:
    actions.resolve(tx, order, visit.now, visit.person.name, shipped=shipped, station=visit.station.name)
    return "resolved_shipped" if shipped else "resolved_again"


def _retry(tx: Session, order: Order, visit: Visit) -> str:
    actions.retry(tx, order, visit.now, visit.person.name, station=visit.station.name)
    return "retried_marked" if order.shipped else "retried"


def _hold(tx: Session, order: Order, visit: Visit) -> str:
    reason = " ".join(visit.field("reason", 200).split())
    actions.hold(tx, order, visit.now, visit.person.name, reason, station=visit.station.name)
    return "held_now"


def _release(tx: Session, order: Order, visit: Visit) -> str:
    actions.release(tx, order, visit.now, visit.person.name, station=visit.station.name)
    return "released_marked" if order.shipped else "released"


def _override(tx: Session, order: Order, visit: Visit) -> str:
    who = visit.person.name
    actions.ship(tx, order, visit.now, who, override_by=who, station=visit.station.name)
    return "overridden"


def _settle(tx: Session, order: Order, visit: Visit) -> str:
    order_view.settle(tx, order.id or 0, visit.now, visit.person.name, visit.station.name)
    return "settled"


DECISIONS: Mapping[str, tuple[Act | None, Decision]] = {
    "shipped": (Act.RESOLVE, lambda tx, order, visit: _resolve(tx, order, visit, shipped=True)),
    "again": (Act.SEND_AGAIN, lambda tx, order, visit: _resolve(tx, order, visit, shipped=False)),
    "retry": (Act.RETRY, _retry),
    "hold": (Act.HOLD, _hold),
    "release": (Act.RELEASE, _release),
    "override": (Act.OVERRIDE, _override),
    "settle": (None, _settle),
}
"""The buttons of a lead, each with the action that the verdict must allow at that moment; None: always allowed."""


def decided(visit: Visit) -> Response:
    """Do what a lead has decided about an order."""
    row = visit.number("row")
    needs, decision = DECISIONS.get(visit.field("act"), (None, None))

    def do(tx: Session, before: Answer | None) -> Answer:
        order = tx.get(Order, row) if row is not None else None
        memory = before.memory if before else {}
        if not visit.person.leads:
            return Answer(RED, "needs_lead", memory=memory)
        if order is None or row is None or decision is None:
            return Answer(RED, "not_open", memory=memory)
        (each,) = order_view.judged(tx, visit, [row])
        if needs is not None and needs not in each.verdict.may[visit.role]:
            return Answer(RED, "not_open", memory=memory)
        if decision is _hold and not visit.field("reason").strip():
            return Answer(YELLOW, "needs_reason", order=row, memory=memory)
        return Answer(GREEN, decision(tx, order, visit), order=row, memory=memory)

    answers.once(visit, do)
    return RedirectResponse("/" if visit.field("back") == "desk" else "/problems", 303)
