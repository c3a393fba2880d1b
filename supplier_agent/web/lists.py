"""Lists of orders, on the screen and on paper: orders to ship, pick list, hand-over list.

SQL selects the rows, one page at a time, which is fast even with a hundred thousand orders. The verdict gives their state.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, text
from sqlmodel import Session, col, func, or_, select

from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Barcode, Order
from supplier_agent.reports import facts
from supplier_agent.verdict import Blocker, Problem, judge_installation
from supplier_agent.verdict.codes import INFO
from supplier_agent.web.order_view import Judged, Line, judged, lines
from supplier_agent.web.request import Visit

PAGE = 50
MOST_LABELS = 500
"""The maximum number of labels in one PDF, or one print job."""
LONGEST_SEARCH = 80
MOST_PROBLEMS = 200
"""The maximum number of orders on the problems page, and in its count."""
OPEN = text(plain_sql.OPEN)
IN_ORDER = (col(Order.order_date), col(Order.supplier), col(Order.increment_id), col(Order.id))
"""Oldest first; the lines of one customer's order stay together."""


@dataclass(frozen=True)
class Search:
    """A search among the open orders; empty fields match everything."""

    text: str = ""
    supplier: str = ""
    carrier: str = ""


@dataclass(frozen=True)
class Found:
    """One page of the orders to ship."""

    lines: Sequence[Line]
    total: int
    page: int

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
class Around:
    """What every page shows: how many orders to ship and problems there are, and which suppliers do not work, and why.

    wider: the problems of the suppliers and of the installation. rows: the orders that need a lead, the most important ones.
    """

    to_ship: int
    marked: int
    wider: Sequence[Problem]
    rows: Sequence[int]
    suppliers: Sequence[tuple[str, str]]

    @property
    def problems(self) -> int:
        """Return how many things need a lead: exactly what the problems page lists."""
        return len(self.wider) + len(self.rows)


def around(tx: Session, visit: Visit) -> Around:
    """Count orders and problems, and judge the suppliers."""
    flags = dict(tx.exec(select(Order.shipped, func.count()).where(OPEN).group_by(col(Order.shipped))).all())
    of_suppliers = visit.judge(tx).of_suppliers
    states = [(name, visit.sentences.state(each.because[0])) for name, each in of_suppliers.items() if each.because]
    return Around(flags.get(0, 0), flags.get(1, 0), _wider_problems(tx, visit), _need_a_lead(tx, visit), states)


def _wider_problems(tx: Session, visit: Visit) -> list[Problem]:
    """Return the problems of the suppliers and of the installation."""
    found = [problem for each in visit.judge(tx).of_suppliers.values() for problem in each.problems]
    found += judge_installation(facts.installation(within(tx)), visit.room.settings)
    return [problem for problem in found if problem.code not in INFO]


def _need_a_lead(tx: Session, visit: Visit) -> list[int]:
    """Return the orders with a problem or on hold. Every page counts them, so they are not judged here."""
    return facts.ids_with_problems(within(tx), visit.room.settings, visit.now, MOST_PROBLEMS, held=True)


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    """Return the conditions of a search: open, not marked, and every word in one of the fields."""
    found: list[ColumnElement[bool]] = [OPEN, col(Order.shipped) == 0]  # type: ignore[list-item]  # a text is a condition, too
    if search.supplier:
        found.append(col(Order.supplier) == search.supplier)
    if search.carrier:
        found.append(col(Order.carrier) == search.carrier)
    for word in search.text[:LONGEST_SEARCH].split():
        texts = (col(Order.menzzo_order_id), col(Order.sku), col(Order.carrier), col(Order.supplier))
        found.append(or_(*(each.contains(word, autoescape=True) for each in texts)))
    return found


def _rows(tx: Session, *where: ColumnElement[bool], most: int, first: int = 0) -> list[int]:
    """Return row ids, in order. Sorting ids and then loading a few rows is much faster than sorting rows."""
    query = select(Order.id).where(*where).order_by(*IN_ORDER).offset(first).limit(most)
    return [row for row in tx.exec(query) if row is not None]


def to_ship(tx: Session, visit: Visit, search: Search, number: int) -> Found:
    """Return one page of the open orders that are not marked as shipped yet; the first page is 1."""
    wanted = _conditions(search)
    total = tx.exec(select(func.count()).select_from(Order).where(*wanted)).one()
    number = min(max(1, number), max(1, -(-total // PAGE)))
    return Found(lines(tx, visit, _rows(tx, *wanted, most=PAGE, first=(number - 1) * PAGE)), total, number)


def oldest(tx: Session, visit: Visit, most: int) -> Sequence[Line]:
    """Return the first orders to ship."""
    return lines(tx, visit, _rows(tx, *_conditions(Search()), most=most))


def carriers(tx: Session, supplier: str) -> Sequence[tuple[str, int]]:
    """Return the carriers of the orders to ship, each with its number of orders."""
    query = select(Order.carrier, func.count()).where(*_conditions(Search(supplier=supplier)))
    rows = tx.exec(query.group_by(col(Order.carrier)).order_by(col(Order.carrier))).all()
    return [(carrier, number) for carrier, number in rows if carrier is not None]


def with_label(tx: Session, visit: Visit, search: Search, rows: Sequence[int] | None) -> Sequence[Judged]:
    """Return orders with a label, in list order: those of `rows`, or all matches (None). Some of them may be blocked."""
    wanted = [*_conditions(search), col(Order.label_path).is_not(None)]
    if rows is not None:
        wanted.append(col(Order.id).in_(rows))
    return judged(tx, visit, _rows(tx, *wanted, most=MOST_LABELS))


@dataclass(frozen=True)
class Pick:
    """One product to pick: its total quantity, and the orders that need it."""

    sku: str | None  # None: none was listed, or it cannot be read
    quantity: int | None  # None: not known for any of them
    orders: tuple[Judged, ...]


def pick_list(tx: Session, visit: Visit, supplier: str | None = None) -> tuple[Pick, ...]:
    """Return the products of the orders that may ship, by SKU. An order whose label must be printed again is included."""
    by_sku: dict[str | None, list[Judged]] = defaultdict(list)
    for each in may_go(tx, visit, supplier):
        by_sku[each.cell("sku")].append(each)
    return tuple(
        Pick(sku, _sum(of_it), tuple(of_it))
        for sku, of_it in sorted(by_sku.items(), key=lambda item: (item[0] is None, item[0] or ""))
    )


def may_go(tx: Session, visit: Visit, supplier: str | None = None) -> Sequence[Judged]:
    """Return the orders that may ship now: oldest first, the lines of one customer's order together."""
    wanted: list[ColumnElement[bool]] = [OPEN, text(plain_sql.TO_SHIP), col(Order.label_path).is_not(None)]  # type: ignore[list-item]  # as above
    if supplier is not None:
        wanted.append(col(Order.supplier) == supplier)
    rows = [row for row in tx.exec(select(Order.id).where(*wanted)) if row is not None]
    late = {Blocker.NOT_ACKNOWLEDGED, Blocker.NO_LABEL}
    orders = [
        each for each in judged(tx, visit, rows) if each.may_print and not late.intersection(each.verdict.blockers)
    ]
    oldest_of: dict[tuple[str, str], tuple[date, int]] = {}
    for each in orders:
        group = (each.order.supplier, each.order.increment_id)
        oldest_of[group] = min(oldest_of.get(group, _age(each)), _age(each))
    return sorted(
        orders,
        key=lambda each: (
            oldest_of[each.order.supplier, each.order.increment_id], each.order.increment_id, each.order.id,
        ),
    )  # fmt: skip


def _age(each: Judged) -> tuple[date, int]:
    first_seen = each.cell("first_seen_at")
    day: date = each.cell("order_date") or (first_seen.date() if first_seen is not None else date.min)
    return day, each.order.id


def _sum(orders: Iterable[Judged]) -> int | None:
    numbers = [each.cell("quantity") for each in orders]
    counted = [number for number in numbers if number is not None]
    return sum(counted) if counted else None


@dataclass(frozen=True)
class Parcel:
    """One order to hand over, with the codes on its label."""

    each: Judged
    codes: tuple[str, ...]


@dataclass(frozen=True)
class HandOver:
    """The orders that one carrier takes."""

    carrier: str | None  # None: the marketplace gave none
    parcels: tuple[Parcel, ...]


def hand_over(
    tx: Session, visit: Visit, since: datetime, until: datetime, supplier: str | None = None
) -> tuple[tuple[HandOver, ...], Sequence[Judged]]:
    """Return the orders marked as shipped in that time (`until` excluded), by carrier; and those that must not be handed over.

    Sorted by the time of the mark. An order that was held, closed or no longer listed after its mark must not be handed over,
    unless it was reported.
    """
    query = select(Order.id).where(col(Order.shipped_at) >= since, col(Order.shipped_at) < until, Order.shipped == 1)
    # The supplier is not in the query: with it, SQLite would read all of the supplier's orders instead of one day's.
    rows = tx.exec(query.order_by(col(Order.shipped_at), col(Order.id))).all()
    orders = [
        each for each in judged(tx, visit, [row for row in rows if row]) if supplier in {None, each.order.supplier}
    ]
    stay = [each for each in orders if each.verdict.stops and each.cell("ship_confirmed_at") is None]
    kept = {each.order.id for each in stay}
    codes = _codes(tx, [each.order.id for each in orders])
    by_carrier: dict[str | None, list[Parcel]] = defaultdict(list)
    for each in orders:
        if each.order.id not in kept:
            by_carrier[each.cell("carrier")].append(Parcel(each, tuple(codes[each.order.id])))
    lists = (
        HandOver(carrier, tuple(parcels))
        for carrier, parcels in sorted(by_carrier.items(), key=lambda item: (item[0] is None, item[0] or ""))
    )
    return tuple(lists), stay


_HASHED = "sha256:"
"""The prefix of a code that is stored as a hash (scan.alias) and cannot be printed."""


def _codes(tx: Session, rows: Sequence[int]) -> dict[int, list[str]]:
    """Return the codes on the current label of each order, except its own id and hashed codes."""
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(rows), facts.AT_ONCE):
        ids = rows[start : start + facts.AT_ONCE]
        query = select(Barcode.order_id, Barcode.code).join(Order).where(col(Barcode.order_id).in_(ids))
        query = query.where(Barcode.label_sha256 == Order.label_sha256, Barcode.code != Order.menzzo_order_id)
        for order_id, code in tx.exec(query.order_by(col(Barcode.id))):
            if not code.startswith(_HASHED):
                found[order_id].append(code)
    return found
