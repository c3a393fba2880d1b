"""What packers report as wrong with a box, until a lead has settled it. A report stops nothing by itself: a lead may hold."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from supplier_agent.db.tables import Event, Order
from supplier_agent.web.request import Visit
from supplier_agent.web.sentences import mark

REPORTED, SETTLED = "problem reported", "problem settled"
EITHER = text("events.what IN ('problem reported', 'problem settled')")
"""The very words of the index that holds those alone (tables.py): SQLite takes it for no others."""
KINDS: Mapping[str, str] = {
    "damaged": mark("It is damaged"),
    "missing": mark("It is not there, or not all of it"),
    "label": mark("The label is wrong or cannot be read"),
    "other": mark("Something else"),
}
LONGEST = 200


def report(tx: Session, row: int, kind: str, text: str, now: datetime, who: str, station: str) -> None:
    """Note what somebody says is wrong with an order."""
    told = " ".join(text.split())[:LONGEST]
    detail = f"{kind}: {told}" if told else kind
    tx.add(Event(order_id=row, at=now, who=who, what=REPORTED, detail=detail, station=station))


def settle(tx: Session, row: int, now: datetime, who: str, station: str) -> None:
    """Note that what was reported is dealt with."""
    tx.add(Event(order_id=row, at=now, who=who, what=SETTLED, station=station))


def latest(tx: Session, visit: Visit, row: int) -> str | None:
    """Return the report about an order that is not settled, in words; None if there is none."""
    both = select(Event).where(Event.order_id == row, EITHER)
    event = tx.exec(both.order_by(col(Event.id).desc()).limit(1)).first()
    return in_words(event, visit) if event is not None and event.what == REPORTED else None


def in_words(event: Event, visit: Visit) -> str:
    """Return a report as a sentence."""
    kind, _, text = (event.detail or "other").partition(": ")
    said = visit.words.say(KINDS.get(kind, KINDS["other"]))
    return f"{said}: {text}" if text else said


def unsettled(tx: Session, most: int) -> Sequence[tuple[Event, Order]]:
    """Return the open orders with a report that is not settled, oldest first."""
    newest = select(func.max(Event.id)).where(EITHER).group_by(col(Event.order_id))
    query = select(Event, Order).join(Order).where(col(Event.id).in_(newest), Event.what == REPORTED)
    query = query.where(col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None))
    return tx.exec(query.order_by(col(Event.id)).limit(most)).all()
