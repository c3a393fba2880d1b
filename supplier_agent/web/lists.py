"""Lists of orders on the screen: orders to ship, search, and what the header of every page counts.

SQL selects the rows, one page at a time, which is fast even with a hundred thousand orders. The verdict gives their state.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, text
from sqlmodel import Session, and_, col, false, func, or_, select

from supplier_agent import loads
from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Order
from supplier_agent.labels import barcodes, typed
from supplier_agent.reports import facts, supplier_facts
from supplier_agent.verdict import Problem, judge_installation
from supplier_agent.verdict.codes import INFO
from supplier_agent.web import sales
from supplier_agent.web.order_view import Line, lines, verdicts
from supplier_agent.web.request import Visit
from supplier_agent.words.formats import and_more

PAGE = 50
LONGEST_SEARCH = 80
MOST_PROBLEMS = 200
"""The maximum number of orders on the problems page, and in its count."""
NEWEST, MOST_OVER = 2000, 20
"""How many of the newest marks are searched by every field; how many orders that are no longer to ship a search shows."""
MOST_NOT_PRINTED = 2
"""The maximum number of orders to name whose label did not come out; the others are counted."""
IN_ORDER = (col(Order.order_date), col(Order.supplier), col(Order.increment_id), col(Order.id))
"""Oldest first; the lines of one customer's order stay together."""


def sql(condition: str) -> ColumnElement[bool]:
    """Return a condition of plain_sql.py for a query. The partial indexes need its exact text."""
    return text(condition)  # type: ignore[return-value]  # a text is a condition, too


CLOCKED, PRINTABLE, TO_SHIP = sql(plain_sql.CLOCKED), sql(plain_sql.PRINTABLE), sql(plain_sql.TO_SHIP)
HANDED_OVER, UNPRINTED = sql(plain_sql.HANDED_OVER), sql(plain_sql.UNPRINTED)
NOT_PRINTABLE = sql(f"orders.id IN ({plain_sql.NOT_PRINTABLE})")


@dataclass(frozen=True)
class Search:
    """A search for orders; empty fields match everything. unprinted: only those whose label was never printed.

    overdue: only those that should have left by now; the times before which they were first seen, by supplier. None: all.
    """

    text: str = ""
    supplier: str = ""
    carrier: str = ""
    unprinted: bool = False
    overdue: Mapping[str, datetime] | None = None

    @property
    def words(self) -> list[str]:
        """Return the words that an order must have."""
        return self.text[:LONGEST_SEARCH].split()


@dataclass(frozen=True)
class Found:
    """One page of the orders to ship. printable: how many of all can be printed. over: what is found among the other orders."""

    lines: Sequence[Line]
    total: int
    page: int
    printable: int
    over: Sequence[Line]

    @property
    def pages(self) -> int:
        """Return the number of pages, at least one."""
        return max(1, -(-self.total // PAGE))

    @property
    def groups(self) -> Sequence[Sequence[Line]]:
        """Return the lines, those of one customer's order together."""
        groups: list[list[Line]] = []
        for each in self.lines:
            if groups and (groups[-1][0].supplier, groups[-1][0].increment_id) == (each.supplier, each.increment_id):
                groups[-1].append(each)
            else:
                groups.append([each])
        return groups


@dataclass(frozen=True)
class NotPrinting:
    """A printer whose last label did not come out. row: the order; None: several.

    alarm: another one with each failure; "" if it is the printer of another station.
    """

    name: str
    orders: str
    row: int | None
    code: str
    alarm: str


@dataclass(frozen=True)
class Around:
    """What every page shows: how many orders to ship and problems there are, and which suppliers do not work, and why.

    handed_over: how many orders are on the hand-over list of the day. loaded: how many are on vehicles that have not departed.
    wider: the problems of the suppliers and of the installation. rows: the orders that need a lead, the most important ones.
    printers: those that do not print.
    """

    to_ship: int
    handed_over: int
    loaded: int
    wider: Sequence[Problem]
    rows: Sequence[int]
    suppliers: Sequence[tuple[str, str]]
    printers: Sequence[NotPrinting]

    @property
    def problems(self) -> int:
        """Return how many things need a lead: exactly what the problems page lists."""
        return len(self.wider) + len(self.rows)


def around(tx: Session, visit: Visit) -> Around:
    """Count orders and problems, and judge the suppliers."""
    to_ship = count(tx, *conditions(Search()))
    of_suppliers = visit.judge(tx).of_suppliers
    states = [(name, visit.sentences.state(each.because[0])) for name, each in of_suppliers.items() if each.because]
    return Around(
        to_ship,
        _handed_over_today(tx, visit),
        loads.on_vehicles(tx),
        _wider_problems(tx, visit),
        _need_a_lead(tx, visit),
        states,
        list(_not_printing(tx, visit)),
    )


def _handed_over_today(tx: Session, visit: Visit) -> int:
    """Count the orders of today's hand-over list."""
    return count(tx, col(Order.shipped_at) >= visit.midnight(), HANDED_OVER)


def _not_printing(tx: Session, visit: Visit) -> Iterator[NotPrinting]:
    """Yield the printers that a person should know of: that of the station, and for a lead all of them.

    Only orders that this person may see are named.
    """
    for trouble in visit.room.printers.troubles:
        is_here = trouble.uri == visit.station.printer
        seen = tx.exec(select(Order.id).where(col(Order.id).in_(trouble.orders))).all()
        orders = {row: trouble.orders[row] for row in trouble.orders if row in seen}
        if orders and (is_here or visit.person.leads):
            row = next(iter(orders)) if len(orders) == 1 else None
            named = and_more(orders.values(), MOST_NOT_PRINTED)
            yield NotPrinting(trouble.name, named, row, trouble.code, trouble.at.isoformat() if is_here else "")


def _wider_problems(tx: Session, visit: Visit) -> list[Problem]:
    """Return the problems of the suppliers and of the installation."""
    found = [problem for each in visit.judge(tx).of_suppliers.values() for problem in each.problems]
    found += judge_installation(supplier_facts.installation(within(tx)), visit.room.settings)
    return [problem for problem in found if problem.code not in INFO]


def _need_a_lead(tx: Session, visit: Visit) -> list[int]:
    """Return the orders with a problem or on hold. Every page counts them, so they are not judged here."""
    return facts.ids_with_problems(within(tx), visit.room.settings, visit.now, MOST_PROBLEMS, held=True)


def _matches(search: Search, named: Collection[int] = ()) -> list[ColumnElement[bool]]:
    """Return the conditions of a search: every word is in one of the fields, or the text names this order."""
    found: list[ColumnElement[bool]] = []
    if search.supplier:
        found.append(col(Order.supplier) == search.supplier)
    if search.carrier:
        found.append(col(Order.carrier) == search.carrier)
    if search.unprinted:
        found.append(UNPRINTED)
    if search.overdue is not None:
        late = (and_(col(Order.supplier) == name, col(Order.first_seen_at) < at) for name, at in search.overdue.items())
        found += [TO_SHIP, or_(false(), *late)]
    texts = (col(Order.menzzo_order_id), col(Order.sku), col(Order.carrier), col(Order.supplier))
    words = [or_(*(each.contains(word, autoescape=True) for each in texts)) for word in search.words]
    if words:
        found.append(or_(and_(*words), col(Order.id).in_(named)))
    return found


def conditions(search: Search, named: Collection[int] = ()) -> list[ColumnElement[bool]]:
    """Return the conditions of a search among the open orders that are not marked."""
    return [CLOCKED, *_matches(search, named)]


def row_ids(tx: Session, *where: ColumnElement[bool], most: int, first: int = 0) -> list[int]:
    """Return row ids, in order. Sorting ids and then loading a few rows is much faster than sorting rows."""
    query = select(Order.id).where(*where).order_by(*IN_ORDER).offset(first).limit(most)
    return [row for row in tx.exec(query) if row is not None]


def count(tx: Session, *where: ColumnElement[bool]) -> int:
    """Return the number of orders."""
    return tx.exec(select(func.count()).select_from(Order).where(*where)).one()


def named_by(tx: Session, visit: Visit, search: Search) -> Sequence[int]:
    """Return the orders that a scan of the text would name: by id, last part, customer's order, or a code on the label."""
    if not search.words:
        return ()
    meaning = barcodes.find(tx, typed.read(search.text), lambda rows: verdicts(tx, visit, rows))
    tracked = sales.tracked(tx, search.text) if sales.is_used(visit.room.settings) else ()
    return [*(match.order for match in meaning.matches), *tracked]


def to_ship(tx: Session, visit: Visit, search: Search, number: int) -> Found:
    """Return one page of the open orders that are not marked as shipped yet; the first page is 1."""
    named = named_by(tx, visit, search)
    wanted, over = conditions(search, named), lines(tx, visit, _over(tx, search, named))
    first = row_ids(tx, *wanted, most=PAGE)
    if len(first) < PAGE:  # all of them: to count them in SQL would be to search twice more
        shown = lines(tx, visit, first)
        return Found(shown, len(shown), 1, sum(each.may_print for each in shown), over)
    total = count(tx, *wanted)
    printable = total - count(tx, NOT_PRINTABLE, *wanted)
    number = min(max(1, number), -(-total // PAGE))
    rows = first if number == 1 else row_ids(tx, *wanted, most=PAGE, first=(number - 1) * PAGE)
    return Found(lines(tx, visit, rows), total, number, printable, over)


def _over(tx: Session, search: Search, named: Sequence[int]) -> list[int]:
    """Return the orders of a search that are no longer to ship: those that the text names, then the newest marks.

    Only the newest marks are searched by every field. Older orders are found by what names them, which has an index.
    """
    if not search.words:
        return []
    is_over = or_(Order.shipped == 1, col(Order.ship_confirmed_at).is_not(None), col(Order.closed_reason).is_not(None))
    query = select(Order.id).where(is_over, *_matches(search, named))
    marks = select(Order.id, Order.shipped_at).where(col(Order.shipped_at).is_not(None))
    newest = marks.order_by(col(Order.shipped_at).desc()).limit(NEWEST).subquery()
    recent = query.join(newest, newest.c.id == Order.id).order_by(newest.c.shipped_at.desc()).limit(MOST_OVER)
    rows = [*(tx.exec(query.where(col(Order.id).in_(named))) if named else ()), *tx.exec(recent)]
    return list(dict.fromkeys(row for row in rows if row is not None))[:MOST_OVER]


def oldest(tx: Session, visit: Visit, most: int) -> Sequence[Line]:
    """Return the first orders to ship."""
    return lines(tx, visit, row_ids(tx, *conditions(Search()), most=most))


def carriers(tx: Session, supplier: str) -> Sequence[tuple[str, int]]:
    """Return the carriers of the orders to ship, each with its number of orders."""
    query = select(Order.carrier, func.count()).where(*conditions(Search(supplier=supplier)))
    rows = tx.exec(query.group_by(col(Order.carrier)).order_by(col(Order.carrier))).all()
    return [(carrier, number) for carrier, number in rows if carrier is not None]
