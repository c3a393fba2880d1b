"""An after-sales case that a lead opens at Menzzo: first a preview of exactly what is sent, then it is sent once."""

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions
from supplier_agent.calls.sav import body_of
from supplier_agent.db.tables import Order
from supplier_agent.verdict import Act
from supplier_agent.web import answers, order_view
from supplier_agent.web.answers import GREEN, RED, YELLOW, Answer
from supplier_agent.web.request import Visit

LONGEST = 500


def opened(visit: Visit) -> Response:
    """Show the preview of a case, or have it sent."""
    row = visit.number("row")

    def do(tx: Session, before: Answer | None) -> Answer:
        order = tx.get(Order, row) if row is not None else None
        memory = before.memory if before else {}
        if not visit.person.leads:
            return Answer(RED, "needs_lead", memory=memory)
        if order is None or row is None:
            return Answer(RED, "not_open", memory=memory)
        (each,) = order_view.judged(tx, visit, [row])
        if Act.OPEN_CASE not in each.verdict.may[visit.role]:
            return Answer(RED, "not_open", order=row, memory=memory)
        complaint, description = visit.field("complaint", 40), visit.field("description", LONGEST)
        body = body_of(order.increment_id, complaint, description)
        if body is None:
            return Answer(YELLOW, "sav_wrong", order=row, memory=memory)
        if visit.field("sure") != "yes":
            facts: answers.Facts = {"body": body, "complaint": complaint, "description": description}
            return Answer(YELLOW, "sav_preview", facts, order=row, memory=memory)
        who, at = visit.person.name, visit.station.name
        actions.open_case(tx, order, visit.now, who, body, visit.room.settings, station=at)
        return Answer(GREEN, "sav_asked", order=row, memory=memory)

    answers.once(visit, do)
    return RedirectResponse(f"/order/{row}" if row is not None else "/list", 303)
