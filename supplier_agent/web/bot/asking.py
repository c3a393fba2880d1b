"""One order that a supplier's own bot asks about: its state, or a request to hold it. Nothing personal leaves, or is kept.

A request to cancel an order never cancels it. It is a report that a lead must settle; until then it is a problem of the order.
"""

import re
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlmodel import Session, col, select
from starlette.responses import Response

from supplier_agent.db.plain_sql import within
from supplier_agent.db.shops import ShopOrder, ShopRead
from supplier_agent.db.tables import Event, Order
from supplier_agent.reports import facts
from supplier_agent.reports.orders import Judge
from supplier_agent.verdict import Act, ProblemCode, Report, Role, Stage, Verdict
from supplier_agent.web.bot.bodies import BAD_PAYLOAD, BAD_REQUEST, failure, success
from supplier_agent.web.order_view import LONGEST
from supplier_agent.web.request import Room
from supplier_agent.words.formats import iso_or_null

ASKED = "A person was asked to put the order on hold. It is not cancelled."
NO_SUCH_ORDER, TOO_LATE, CLOSED = "no_such_order", "already_dispatched", "closed"
HIDDEN = "(hidden)"
_PERSONAL = re.compile(r"\S*@\S*|\+?\d[\d\s().\-/]{5,}\d")
"""An e-mail address, or a number as long as that of a telephone: a customer may have typed it."""


class Cancel(BaseModel):
    """The documented body of `cancel-order`. More keys are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    reason: Annotated[str, StringConstraints(max_length=2000)] = Field(alias="cancellationReason")
    by: Annotated[str, StringConstraints(max_length=100)] = Field(alias="cancelledBy")


def show(room: Room, supplier: str, order_id: str) -> Response:
    """Answer with the state of an order."""
    with room.store.read() as tx:
        order = named(tx, room, supplier, order_id)
        if order is None:
            return failure(400, BAD_REQUEST, NO_SUCH_ORDER)
        return success(_shown(order_id, order, _judged(tx, room, order)))


def cancel(room: Room, supplier: str, who: str, asked: Cancel) -> Response:
    """Report to the leads that an order is to be cancelled. Asked again before that is settled, it is not reported again."""
    now = room.clock.now()
    with room.store.write() as tx:
        order = named(tx, room, supplier, asked.id)
        if order is None:
            return failure(400, BAD_PAYLOAD, NO_SUCH_ORDER)
        verdict = _judged(tx, room, order)
        if verdict.stage is Stage.CLOSED:
            return failure(400, "The order is closed.", CLOSED)
        if verdict.stage is Stage.SHIPPED or (order.shipped == 1 and Act.UNSHIP not in verdict.may[Role.LEAD]):
            return failure(400, "The order is already dispatched; it cannot be put on hold.", TOO_LATE)
        is_new = not _is_asked(verdict)
        if is_new:
            assert order.id is not None  # noqa: S101 - a stored order has one
            detail = Report.CANCELLATION.detail(in_words(asked))
            tx.add(Event(order_id=order.id, at=now, who=who, what=facts.REPORTED, detail=detail))
            tx.flush()
            verdict = _judged(tx, room, order)
        shown = _shown(asked.id, order, verdict)
    if is_new:
        room.log.warning(
            "cancellation.asked", supplier=supplier, order=order.menzzo_order_id, by=who,
            cure=f"supplier-agent order {order.menzzo_order_id}; a lead settles it on the page",
        )  # fmt: skip
    return success(shown, ASKED)


def in_words(asked: Cancel) -> str:
    """Return the reason as people read it: on one line, cut, and without what looks like an address or a number of a person."""
    by = asked.by.strip()
    text = asked.reason if by in {"", "bot"} else f"{asked.reason} ({by})"
    plain = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(_PERSONAL.sub(HIDDEN, plain).split())[:LONGEST]


def named(tx: Session, room: Room, supplier: str, order_id: str) -> Order | None:
    """Return the order of the marketplace with this id; or the one that is an order with this id or number in the supplier's shop.

    Orders that the shop's own customers placed are not known here: the shop knows them.
    """
    mine = select(Order).where(Order.supplier == supplier)
    found = tx.exec(mine.where(Order.menzzo_order_id == order_id)).first()
    shop = room.settings.shop_of(supplier)
    if found is not None or shop is None:
        return found
    read = tx.get(ShopRead, supplier)
    if read is None or read.url != shop.url:
        return None  # what is known is of another shop
    mirrored = mine.join(ShopOrder, col(ShopOrder.order_id) == col(Order.id)).where(ShopOrder.supplier == supplier)
    mirrored = mirrored.where((col(ShopOrder.shop_id) == order_id) | (col(ShopOrder.number) == order_id))
    orders = tx.exec(mirrored.where(ShopOrder.seen_at >= read.connected_at).limit(2)).all()
    return orders[0] if len(orders) == 1 else None


def _judged(tx: Session, room: Room, order: Order) -> Verdict:
    look = within(tx)
    (found,) = facts.orders_of(look, [order.id or 0])
    return Judge(look, room.settings, room.clock.now()).of(found)


def _is_asked(verdict: Verdict) -> bool:
    return any(problem.code is ProblemCode.CANCELLATION_ASKED for problem in verdict.problems)


def _shown(order_id: str, order: Order, verdict: Verdict) -> dict[str, object]:
    """Return what is answered about an order: nothing about its customer, its goods, its price or its parcel."""
    at = order.ship_confirmed_at if verdict.stage is Stage.SHIPPED else None
    return {
        "id": order_id,
        "stage": verdict.stage.value,
        "dispatched_at": iso_or_null(at if isinstance(at, datetime) else None),
        "cancellation_asked": _is_asked(verdict),
    }
