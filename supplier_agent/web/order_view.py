"""One order on the screen: what it is, what is true of it, what can be done with it now, what packers reported.

A report stops nothing by itself: a lead may hold the order, and settles the report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from supplier_agent import actions, outbox
from supplier_agent.calls import CALLS
from supplier_agent.calls.protocol import UNVERIFIED
from supplier_agent.db.tables import Call, Event, Order
from supplier_agent.order import NO_LABEL, NOT_ACKNOWLEDGED, blockers, has_vanished, stage
from supplier_agent.printing.papers import Paper, paper
from supplier_agent.web.request import Visit, mark

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


MOST_LINES = 40
"""So many lines of one customer's order are shown beside each other."""

MISSING = {NOT_ACKNOWLEDGED: mark("its acknowledgement"), NO_LABEL: mark("its label")}
STAGES = {
    "shipped": mark("shipped"),
    "closed": mark("closed"),
    "attention": mark("needs a lead"),
    "held": mark("held"),
    "flagged": mark("marked"),
    "new": mark("not acknowledged"),
    "acknowledged": mark("no label yet"),
    "ready": mark("ready"),
}


@dataclass(frozen=True)
class Line:
    """One order in a list."""

    row: int
    supplier: str
    increment_id: str
    last_part: str
    sku: str
    quantity: int | None  # null: unreadable
    carrier: str
    date: str
    stage: str

    @property
    def id(self) -> str:
        """Return the id in one piece."""
        return f"{self.increment_id}_{self.last_part}"


@dataclass(frozen=True)
class Board:
    """One order on the screen. `undo_until` is when its call begins at the earliest, as far as that lies ahead."""

    line: Line
    truth: str
    paper: Paper | None  # null: it has no label
    printed: int
    printed_last: str
    can_ship: bool
    can_undo: bool
    undo_until: datetime | None
    undo_seconds: float
    lines: Sequence[Line]
    shipped_by: str
    report: str
    held: str
    problem: str


def line(order: Order, calls: Sequence[Call]) -> Line:
    """Return an order for a list."""
    return Line(
        order.id or 0,
        order.supplier,
        order.increment_id,
        order.sale_product_id,
        order.sku or "?",
        order.quantity,
        order.carrier or "?",
        order.order_date.isoformat() if order.order_date else "?",
        stage(order, calls),
    )


def board(tx: Session, visit: Visit, row: int) -> Board | None:
    """Return an order as the screen shows it; None if there is none of that row."""
    order = tx.get(Order, row)
    if order is None:
        return None
    calls = outbox.of_order(tx, row)
    ship = next((call for call in calls if call.kind == "ship"), None)
    due = _due(order, ship, visit)
    can_undo = (
        order.shipped == 1 and order.ship_confirmed_at is None and not _has_begun(ship) and order.closed_reason is None
    )
    prints = _events(tx, row, actions.PRINTED)
    flagged = _events(tx, row, actions.FLAGGED)
    return Board(
        line=line(order, calls),
        truth=truth(order, calls, visit),
        paper=paper(visit.room.sizes, order, visit.station) if order.label_path is not None else None,
        printed=len(prints),
        printed_last=by_whom(prints[0], visit) if prints else "",
        can_ship=_can_ship(order),
        can_undo=can_undo,
        undo_until=due if can_undo and due is not None and due > visit.now else None,
        undo_seconds=visit.room.settings.ship.undo_seconds,
        lines=customers(tx, order),
        shipped_by=by_whom(flagged[0], visit) if flagged and order.shipped == 1 else "",
        report=latest(tx, visit, row) or "",
        held=order.held_reason or "",
        problem=order.problem or "",
    )


def _can_ship(order: Order) -> bool:
    return (
        order.shipped == 0
        and order.ship_confirmed_at is None
        and order.closed_reason is None
        and order.held_reason is None
        and not has_vanished(order)
    )


def begun(tx: Session, row: int) -> bool:
    """Tell whether the ship call has begun: then the database refuses an undo (triggers.py)."""
    return _has_begun(outbox.find(tx, row, "ship"))


def _has_begun(ship: Call | None) -> bool:
    return ship is not None and ship.state in {"sending", "unknown", "done"}


def _due(order: Order, ship: Call | None, visit: Visit) -> datetime | None:
    if order.shipped == 0 or blockers(order) or order.held_reason is not None:
        return None
    if ship is not None and ship.state == "owed" and ship.attempts and ship.due_at is not None:
        return ship.due_at
    return CALLS["ship"].due_at(order, visit.room.settings)


SHIPPED_ON: Mapping[str | None, str] = {
    "confirmed": mark("The marketplace was told, and confirmed it at %(at)s."),
    "unverified": mark("The marketplace was told at %(at)s. Its answer was no clear yes (unverified)."),
    "person": mark("A person said at %(at)s that the marketplace has it as shipped."),
}
NOT_RECORDED = mark("Reported as shipped at %(at)s. On what evidence was not recorded.")


UNVERIFIED_ACKNOWLEDGEMENT = mark("The answer to its acknowledgement was no clear yes (unverified).")


def truth(order: Order, calls: Sequence[Call], visit: Visit) -> str:
    """Return what is true of an order now, in one plain sentence, or two."""
    now = _now(order, calls, visit)
    if order.acknowledge_evidence != UNVERIFIED or order.ship_confirmed_at is not None:
        return now
    return f"{now} {visit.words.say(UNVERIFIED_ACKNOWLEDGEMENT)}"


def _now(order: Order, calls: Sequence[Call], visit: Visit) -> str:
    say = visit.words.say
    ship = next((call for call in calls if call.kind == "ship"), None)
    if order.ship_confirmed_at is not None:
        return say(SHIPPED_ON.get(order.ship_evidence, NOT_RECORDED), at=visit.clock_of(order.ship_confirmed_at))
    if order.closed_reason is not None:
        return say("Closed: %(reason)s. Nothing more is sent for it.", reason=order.closed_reason)
    if ship is not None and ship.state == "unknown":
        return say("Nobody knows whether the marketplace took it in. A lead decides, under Problems.")
    if ship is not None and ship.state == "sending":
        return say("The marketplace is being told at this moment.")
    if order.held_reason is not None:
        return say("Held: %(reason)s. It must not leave.", reason=order.held_reason)
    if has_vanished(order):
        return say("The marketplace no longer lists it: it may be cancelled. It must not leave.")
    if order.shipped == 1:
        return _marked(order, ship, visit)
    if any(call.state == "parked" for call in calls):
        return say("It is stuck. A lead decides, under Problems.")
    if blockers(order):
        return say("It waits for %(missing)s.", missing=missing(order, visit))
    return say("Ready to leave.")


def _marked(order: Order, ship: Call | None, visit: Visit) -> str:
    say = visit.words.say
    if ship is not None and ship.state == "parked":
        return say("Marked as shipped, but the marketplace refused it. A lead decides, under Problems.")
    if blockers(order):
        return say("Marked as shipped. The marketplace is told once it has %(missing)s.", missing=missing(order, visit))
    due = _due(order, ship, visit)
    if due is not None and due > visit.now:
        return say("Marked as shipped. The marketplace is told at %(at)s.", at=visit.clock_of(due))
    return say("Marked as shipped. The marketplace is told as soon as it can be reached.")


def missing(order: Order, visit: Visit) -> str:
    """Return what an order waits for, in words."""
    return " + ".join(visit.words.say(MISSING[each]) for each in blockers(order) if each in MISSING)


def customers(tx: Session, order: Order) -> Sequence[Line]:
    """Return all lines of the customer's order, this one included; none if it is the only one."""
    same = select(Order).where(Order.increment_id == order.increment_id, Order.supplier == order.supplier)
    found = tx.exec(same.order_by(col(Order.id)).limit(MOST_LINES)).all()
    if len(found) < 2:  # noqa: PLR2004 - this one and another
        return ()
    return [line(each, outbox.of_order(tx, each.id or 0)) for each in found]


def _events(tx: Session, row: int, what: str) -> Sequence[Event]:
    return tx.exec(select(Event).where(Event.order_id == row, Event.what == what).order_by(col(Event.id).desc())).all()


def by_whom(event: Event, visit: Visit) -> str:
    """Return who did it, where and when."""
    where = f"{event.who} ({event.station})" if event.station else event.who
    return f"{where}, {visit.clock_of(event.at)}"
