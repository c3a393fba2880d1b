"""The page of problems, and what a lead may do about them. Each act goes through acts.py, as on the command line."""

from collections.abc import Callable, Mapping

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from supplier_agent import acts
from supplier_agent.tables import Order
from supplier_agent.web import answers, reports, trouble
from supplier_agent.web.answers import GREEN, RED, YELLOW, Answer
from supplier_agent.web.view import page
from supplier_agent.web.visit import Visit

Act = Callable[[Session, Order, Visit], str]


def problems(visit: Visit) -> Response:
    """Show what needs a person."""
    with visit.room.store.read() as tx:
        found = trouble.find(tx, visit)
        return page(visit, tx, "problems.html", trouble=found, answer=answers.last(tx, visit))


def _by(visit: Visit) -> tuple[str, str]:
    return visit.person.name, visit.station.name


def _resolve(tx: Session, order: Order, visit: Visit, *, shipped: bool) -> str:
    who, station = _by(visit)
    acts.resolve(tx, order, visit.now, who, shipped=shipped, station=station)
    return "resolved_shipped" if shipped else "resolved_again"


def _retry(tx: Session, order: Order, visit: Visit) -> str:
    who, station = _by(visit)
    acts.retry(tx, order, visit.now, who, station=station)
    return "retried_marked" if order.shipped else "retried"


def _hold(tx: Session, order: Order, visit: Visit) -> str:
    who, station = _by(visit)
    acts.hold(tx, order, visit.now, who, " ".join(visit.field("reason", 200).split()), station=station)
    return "held_now"


def _release(tx: Session, order: Order, visit: Visit) -> str:
    who, station = _by(visit)
    acts.release(tx, order, visit.now, who, station=station)
    return "released_marked" if order.shipped else "released"


def _settle(tx: Session, order: Order, visit: Visit) -> str:
    reports.settle(tx, order.id or 0, visit.now, *_by(visit))
    return "settled"


ACTS: Mapping[str, Act] = {
    "shipped": lambda tx, order, visit: _resolve(tx, order, visit, shipped=True),
    "again": lambda tx, order, visit: _resolve(tx, order, visit, shipped=False),
    "retry": _retry,
    "hold": _hold,
    "release": _release,
    "settle": _settle,
}


def decided(visit: Visit) -> Response:
    """Take in what a lead decided about an order."""
    row, act = visit.number("row"), ACTS.get(visit.field("act"))

    def do(tx: Session, before: Answer | None) -> Answer:
        order = tx.get(Order, row) if row is not None else None
        memory = before.memory if before else {}
        if not visit.person.leads:
            return Answer(RED, "needs_lead", memory=memory)
        if order is None or act is None:
            return Answer(RED, "not_open", memory=memory)
        if act is _hold and not visit.field("reason").strip():
            return Answer(YELLOW, "needs_reason", order=row, memory=memory)
        return Answer(GREEN, act(tx, order, visit), order=row, memory=memory)

    answers.once(visit, do)
    return RedirectResponse("/" if visit.field("back") == "desk" else "/problems", 303)
