"""One order on the screen: its data, its state, what can be done with it now, and what packers reported.

Nothing is derived here: verdict/ judges, words/ has the sentences. A report does not block an order: a lead reads it, may hold
the order, and settles the report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from supplier_agent import actions
from supplier_agent.base.cells import known
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Event, Order
from supplier_agent.labels import parcels
from supplier_agent.labels.progress import ONE, Parcels
from supplier_agent.labels.scan import missing
from supplier_agent.printing.papers import Paper, paper
from supplier_agent.reports import facts, listed
from supplier_agent.reports.listed import Instructions
from supplier_agent.verdict import CHANGED, STOPS, Act, NextStep, ProblemCode, Report, Role, Verdict
from supplier_agent.web import sales
from supplier_agent.web.request import Visit

MOST_LINES = 40
"""The maximum number of lines of one customer's order on the screen."""


@dataclass(frozen=True)
class Judged:
    """One order and its current verdict. `order` is a plain row: a cell that cannot be read is `Unreadable`.

    printed: how often its label was printed. instructions: what the packer is told; None: nothing.
    """

    order: Any
    verdict: Verdict
    printed: int = 0
    parcels: Parcels = ONE
    instructions: Instructions | None = None

    def cell(self, column: str) -> Any:  # noqa: ANN401 - whatever the column holds
        """Return a cell of its row; None if it is null or cannot be read."""
        return known(getattr(self.order, column))

    @property
    def facts(self) -> dict[str, str]:
        """The facts of its sentences: why it must not ship, why its report waits, and the reasons that people gave."""
        return {
            "stops": " ".join(self.verdict.stops),
            "later": " ".join(each for each in self.verdict.blockers if each not in STOPS),
            "held": str(self.cell("held_reason") or "?"),
            "closed": str(self.cell("closed_reason") or "?"),
        }

    @property
    def may_print(self) -> bool:
        """Whether its label may be printed in a batch: it is still to ship, and nothing stops it.

        A label that is out of date is printed at the bench, with the box at hand: the old one must come off.
        """
        return self.may_go and not self.verdict.stops

    @property
    def may_go(self) -> bool:
        """Whether it may be shipped, perhaps after its label was printed again."""
        is_to_ship = self.order.shipped == 0 and self.cell("ship_confirmed_at") is None
        return is_to_ship and Act.PRINT in self.verdict.may[Role.PACKER] and CHANGED.issuperset(self.verdict.stops)


def judged(tx: Session, visit: Visit, rows: Sequence[int], *, attempts: bool = False) -> list[Judged]:
    """Return the orders of these row ids with their verdicts, in this order; a missing order is left out."""
    judge, counted = visit.judge(tx), parcels.of_orders(tx, rows)
    orders = facts.orders_of(within(tx), rows, attempts=attempts)
    told = listed.of_orders(tx, visit.room.settings, orders)
    found = [
        Judged(each.order, judge.of(each), len(each.prints), counted[each.order.id], told.get(each.order.id))
        for each in orders
    ]
    return sales.with_names(tx, found) if sales.is_used(visit.room.settings) else found


def verdicts(tx: Session, visit: Visit, rows: Sequence[int]) -> dict[int, Verdict]:
    """Return only the verdicts, by row id, for a scan."""
    judge = visit.judge(tx)
    return {each.order.id: judge.of(each) for each in facts.orders_of(within(tx), rows)}


DOUBTS = frozenset({ProblemCode.LABEL_DOUBTFUL})
"""The problems that a line has apart from the others."""


@dataclass(frozen=True)
class Line:
    """One order in a list. stops: why it must not ship, as a sentence; "" if it may. later: what its own report waits for.

    doubt: why its label may be the wrong one, as a sentence; "" if it fits.
    ship_by: the sentence of `due`.
    """

    row: int
    supplier: str
    increment_id: str
    last_part: str
    sku: str
    quantity: int | None  # null: unreadable
    carrier: str
    date: str
    stage: str
    stops: str
    later: str
    doubt: str
    may_print: bool
    printed: int
    parcels: Parcels
    due: str  # by the ship-by clock; "" without one
    ship_by: str
    instructions: Instructions | None  # null: none

    @property
    def id(self) -> str:
        """Return the id as one text."""
        return f"{self.increment_id}_{self.last_part}"


def line(each: Judged, visit: Visit) -> Line:
    """Return an order for a list."""
    day, say, clock = each.cell("order_date"), visit.sentences.say, each.verdict.ship_by
    return Line(
        each.order.id,
        each.order.supplier,
        each.order.increment_id,
        each.order.sale_product_id,
        each.cell("sku") or "?",
        each.cell("quantity"),
        each.cell("carrier") or "?",
        day.isoformat() if day else "?",
        each.verdict.stage.value,
        say("now.stopped", each.facts) if each.verdict.stops else "",
        visit.sentences.blockers(missing(each.verdict)),
        " ".join(visit.sentences.trouble(problem) for problem in each.verdict.problems if problem.code in DOUBTS),
        each.may_print,
        each.printed,
        each.parcels,
        clock.due.value if clock is not None else "",
        say(f"due.{clock.due}", {"at": clock.at}) if clock is not None else "",
        each.instructions,
    )


def lines(tx: Session, visit: Visit, rows: Sequence[int]) -> Sequence[Line]:
    """Return these orders for a list, in this order."""
    return [line(each, visit) for each in judged(tx, visit, rows)]


@dataclass(frozen=True)
class Board:
    """One order on the screen. `undo_until`: the earliest start of its ship call, if that is in the future."""

    verdict: Verdict
    line: Line
    truth: Sequence[str]
    troubles: Sequence[str]
    paper: Paper | None  # null: it has no label
    printed: int
    printed_last: str
    may: frozenset[str]  # what this person may do with it now
    undo_until: datetime | None
    undo_seconds: float
    lines: Sequence[Line]
    shipped_by: str


def board(tx: Session, visit: Visit, row: int) -> Board | None:
    """Return an order as the screen shows it; None if there is no such row."""
    found = judged(tx, visit, [row], attempts=True)
    if not found:
        return None
    (each,) = found
    may, next_ = each.verdict.may[visit.role], each.verdict.next
    waits = next_.kind == "ship" and next_.step in {NextStep.UNDO_WINDOW, NextStep.LATER} and Act.UNSHIP in may
    prints, flagged = _events(tx, row, actions.PRINTED), _events(tx, row, actions.FLAGGED)
    return Board(
        verdict=each.verdict,
        line=line(each, visit),
        truth=truth(each, visit),
        troubles=troubles(each, visit),
        paper=paper(visit.room.sizes, each.order, visit.station) if Act.PRINT in may else None,
        printed=len(prints),
        printed_last=by_whom(prints[0], visit) if prints else "",
        may=frozenset(may),
        undo_until=next_.at if waits else None,
        undo_seconds=visit.room.settings.ship.undo_seconds,
        lines=_customers(tx, visit, each),
        shipped_by=by_whom(flagged[0], visit) if flagged and each.order.shipped == 1 else "",
    )


SAID_ANYWAY = DOUBTS | frozenset({
    ProblemCode.ORDER_DAMAGED, ProblemCode.ORDER_VANISHED, ProblemCode.HELD_THOUGH_MARKED, ProblemCode.CHANGED_SINCE_PRINTED,
    ProblemCode.SALE_STOPPED,
})  # fmt: skip
"""Problems that the sentence "Do not ship", or the answer, already contains."""
WITH_THE_SUPPLIER = frozenset({
    NextStep.PAUSED, NextStep.READ_ONLY, NextStep.MANY_FLAGS, NextStep.TOKEN_MISSING, NextStep.TOKEN_REFUSED,
})  # fmt: skip
"""Next steps that the sentence about its waiting report already contains."""


def truth(each: Judged, visit: Visit) -> Sequence[str]:
    """Return the state of an order in sentences: why it must not ship, whether it is marked, what is next, what delays it."""
    verdict, say, known_facts = each.verdict, visit.sentences.say, each.facts
    over = each.cell("ship_confirmed_at") is not None
    told = [say("now.stopped", known_facts)] if verdict.stops and not over else []
    if each.order.shipped == 1 and not over:
        told.append(say("now.marked"))
    if verdict.next.step not in WITH_THE_SUPPLIER:
        at = each.cell("ship_confirmed_at") if over else verdict.next.at
        about = {"case": verdict.next.kind, **verdict.next.facts, **({} if at is None else {"at": at})}
        told.append(say(f"now.{verdict.next.step}", about))
    if known_facts["later"]:
        told.append(say("now.waits", known_facts))
    if (clock := verdict.ship_by) is not None:
        told.append(say("now.ship_by", {"case": clock.due.value, "at": clock.at}))
    if verdict.unverified:
        told.append(say("now.unverified"))
    return told


def troubles(each: Judged, visit: Visit) -> Sequence[str]:
    """Return the other problems of an order."""
    return [visit.sentences.trouble(problem) for problem in each.verdict.problems if problem.code not in SAID_ANYWAY]


def _customers(tx: Session, visit: Visit, each: Judged) -> Sequence[Line]:
    """Return all lines of the customer's order, including this one; none if it is the only one."""
    same = select(Order.id).where(Order.increment_id == each.order.increment_id, Order.supplier == each.order.supplier)
    rows = [row for row in tx.exec(same.order_by(col(Order.id)).limit(MOST_LINES)) if row is not None]
    return lines(tx, visit, rows) if len(rows) > 1 else ()


def _events(tx: Session, row: int, what: str) -> Sequence[Event]:
    return tx.exec(select(Event).where(Event.order_id == row, Event.what == what).order_by(col(Event.id).desc())).all()


def marked_facts(tx: Session, each: Judged) -> dict[str, str]:
    """Return who marked an order and when, or when it was confirmed: as facts of a sentence."""
    marked, confirmed = marked_by(tx, each.order.id), each.cell("ship_confirmed_at")
    at = confirmed or (marked.at if marked is not None else None)
    return {"by": where(marked) if marked is not None else "?", "at": at.isoformat() if at else ""}


def marked_by(tx: Session, row: int) -> Event | None:
    """Return who marked an order last, where and when; None if nobody did."""
    return next(iter(_events(tx, row, actions.FLAGGED)), None)


def by_whom(event: Event, visit: Visit) -> str:
    """Return who did it, where and when."""
    by = where(event) if event.station else visit.sentences.stored("who", event.who)
    return f"{by}, {visit.sentences.at(event.at)}"


def in_history(event: Event, visit: Visit) -> tuple[str, str, str]:
    """Return who did it, what it was, and its detail, in the language of this request. What people wrote stays as it is."""
    stored = visit.sentences.stored
    detail = _in_words(event, visit) if event.what == facts.REPORTED else stored("where", event.detail or "")
    return by_whom(event, visit), stored("event", event.what), detail


def _in_words(event: Event, visit: Visit) -> str:
    """Return a packer's report as a sentence."""
    kind, words = Report.read(event.detail or "")
    said = visit.sentences.say(f"report.{kind}")
    return f"{said}: {words}" if words else said


def where(event: Event) -> str:
    """Return who did it, and where."""
    return f"{event.who} ({event.station})" if event.station else event.who


LONGEST = 200
OF_A_BOX = tuple(kind for kind in Report if kind not in {Report.NOT_LEFT, Report.CANCELLATION})
"""What a packer may report at the bench. That an order did not leave is reported where it was loaded."""


def report(tx: Session, row: int, kind: Report, words: str, now: datetime, who: str, station: str) -> None:
    """Record a packer's report about an order."""
    said = " ".join(words.split())[:LONGEST]
    tx.add(Event(order_id=row, at=now, who=who, what=facts.REPORTED, detail=kind.detail(said), station=station))
