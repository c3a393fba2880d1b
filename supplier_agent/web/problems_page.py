"""The page of problems, and what a lead may do about them. Each act goes through actions.py, as on the command line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select
from starlette.responses import RedirectResponse, Response

from supplier_agent import actions, outbox
from supplier_agent.db.tables import Call, Lane, Order, RejectedEntry, Supplier
from supplier_agent.suppliers import circuit_breakers
from supplier_agent.web import answers, order_view
from supplier_agent.web.answers import GREEN, RED, YELLOW, Answer
from supplier_agent.web.lists import OPEN, STUCK
from supplier_agent.web.order_view import Line, by_whom, line
from supplier_agent.web.request import Visit, mark
from supplier_agent.web.view import page

MOST = 50
"""Of each kind on the page; the numbers above are always whole."""

KINDS = {
    "acknowledge": mark("acknowledgement"),
    "label": mark("label"),
    "ship": mark("shipping report"),
}
LANES = {
    circuit_breakers.READS: mark("New orders cannot be read"),
    circuit_breakers.WRITES: mark("Nothing can be reported to the marketplace"),
    circuit_breakers.LABELS: mark("Labels cannot be downloaded"),
}


@dataclass(frozen=True)
class Stuck:
    """An order that waits for a person. `words` is what the marketplace said, or the person, word for word."""

    line: Line
    what: str
    words: str
    since: str = ""


@dataclass(frozen=True)
class Outage:
    """A supplier that does not work as it should."""

    supplier: str
    what: str
    words: str
    advice: str


@dataclass(frozen=True)
class Trouble:
    """The whole page of problems."""

    outages: Sequence[Outage]
    unknown: Sequence[Stuck]
    parked: Sequence[Stuck]
    reported: Sequence[Stuck]
    held: Sequence[Stuck]
    vanished: Sequence[Stuck]
    rejected: Sequence[RejectedEntry]
    rejected_in_all: int

    @property
    def nothing(self) -> bool:
        """Tell whether all is well."""
        parts = (self.outages, self.unknown, self.parked, self.reported, self.held, self.vanished, self.rejected)
        return not any(parts)


def find(tx: Session, visit: Visit) -> Trouble:
    """Return everything that needs a person, or that a person should know of."""
    rejected = select(RejectedEntry).order_by(col(RejectedEntry.last_listed_at).desc()).limit(MOST)
    return Trouble(
        _outages(tx, visit),
        _calls(tx, visit, "unknown"),
        _calls(tx, visit, "parked"),
        [
            Stuck(_line(tx, order), order_view.in_words(event, visit), "", by_whom(event, visit))
            for event, order in order_view.unsettled(tx, MOST)
        ],
        [
            Stuck(_line(tx, order), "marked" if order.shipped else "", order.held_reason or "")
            for order in _open(tx, col(Order.held_reason).is_not(None))
        ],
        [
            Stuck(_line(tx, order), "", "", visit.clock_of(order.vanished_at) if order.vanished_at else "")
            for order in _open(tx, col(Order.vanished_at).is_not(None) & (col(Order.shipped) == 0))
        ],
        tx.exec(rejected).all(),
        tx.exec(select(func.count()).select_from(RejectedEntry)).one(),
    )


def _line(tx: Session, order: Order) -> Line:
    return line(order, outbox.of_order(tx, order.id or 0))


def _open(tx: Session, condition: ColumnElement[bool]) -> Sequence[Order]:
    query = select(Order).where(*OPEN, condition)
    return tx.exec(query.order_by(col(Order.supplier), col(Order.id)).limit(MOST)).all()  # in the order of the index


def _calls(tx: Session, visit: Visit, state: str) -> Sequence[Stuck]:
    query = select(Call, Order).join(Order).where(STUCK, Call.state == state, *OPEN)
    return [
        Stuck(_line(tx, order), visit.words.say(KINDS.get(call.kind, call.kind)), call.detail or "")
        for call, order in tx.exec(query.order_by(col(Call.order_id)).limit(MOST))
    ]


def _outages(tx: Session, visit: Visit) -> Sequence[Outage]:
    say, found = visit.words.say, []
    for supplier in tx.exec(select(Supplier).order_by(col(Supplier.name))):
        if supplier.name not in visit.room.settings.suppliers:
            continue
        if supplier.token_refused_at is not None:
            at = visit.clock_of(supplier.token_refused_at)
            what = say("The marketplace refuses the key of this supplier since %(at)s.", at=at)
            advice = say("Tell your IT: a new token is needed. Scanning and printing go on; reports wait.")
            found.append(Outage(supplier.name, what, "", advice))
        if supplier.paused_at is not None:
            what = say("Paused by %(who)s since %(at)s.", who=supplier.paused_by, at=visit.clock_of(supplier.paused_at))
            advice = say("Nothing is sent until somebody resumes it (IT). Scanning and printing go on; reports wait.")
            found.append(Outage(supplier.name, what, supplier.paused_reason or "", advice))
        if supplier.flags_asked_at is not None:
            what = say("Unusually many boxes were marked at once (%(at)s).", at=visit.clock_of(supplier.flags_asked_at))
            advice = say("Nothing is reported until somebody says that this is right (IT).")
            found.append(Outage(supplier.name, what, "", advice))
    for lane in tx.exec(select(Lane).where(col(Lane.failing_since).is_not(None))):
        if lane.supplier in visit.room.settings.suppliers:
            advice = say("Nothing to do: it is tried again by itself. Scanning and printing go on.")
            found.append(Outage(lane.supplier, say(LANES.get(lane.lane, lane.lane)), lane.reason or "", advice))
    return found


Act = Callable[[Session, Order, Visit], str]


def problems(visit: Visit) -> Response:
    """Show what needs a person."""
    with visit.room.store.read() as tx:
        found = find(tx, visit)
        return page(visit, tx, "problems.html", trouble=found, answer=answers.last(tx, visit))


def _by(visit: Visit) -> tuple[str, str]:
    return visit.person.name, visit.station.name


def _resolve(tx: Session, order: Order, visit: Visit, *, shipped: bool) -> str:
    who, station = _by(visit)
    actions.resolve(tx, order, visit.now, who, shipped=shipped, station=station)
    return "resolved_shipped" if shipped else "resolved_again"


def _retry(tx: Session, order: Order, visit: Visit) -> str:
    who, station = _by(visit)
    actions.retry(tx, order, visit.now, who, station=station)
    return "retried_marked" if order.shipped else "retried"


def _hold(tx: Session, order: Order, visit: Visit) -> str:
    who, station = _by(visit)
    actions.hold(tx, order, visit.now, who, " ".join(visit.field("reason", 200).split()), station=station)
    return "held_now"


def _release(tx: Session, order: Order, visit: Visit) -> str:
    who, station = _by(visit)
    actions.release(tx, order, visit.now, who, station=station)
    return "released_marked" if order.shipped else "released"


def _settle(tx: Session, order: Order, visit: Visit) -> str:
    order_view.settle(tx, order.id or 0, visit.now, *_by(visit))
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
