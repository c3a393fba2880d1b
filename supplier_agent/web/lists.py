"""What is to be shipped, oldest first, a page at a time: cheap with a hundred thousand orders behind it. Reads, never writes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, text
from sqlmodel import Session, col, func, or_, select

from supplier_agent.db.tables import Call, Lane, Order, Supplier
from supplier_agent.reports.order_report import calls_of
from supplier_agent.settings import Settings
from supplier_agent.web.order_view import Line, line

PAGE = 50
MOST_LABELS = 500
"""In one PDF, or one print job."""
LONGEST_SEARCH = 80


@dataclass(frozen=True)
class Search:
    """What somebody looks for among the open orders; empty parts ask for nothing."""

    text: str = ""
    supplier: str = ""
    carrier: str = ""


@dataclass(frozen=True)
class Found:
    """One page of what is to be shipped."""

    lines: Sequence[Line]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """Return how many pages there are, at least one."""
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
    """What stands on every page: how much there is to do, and which suppliers have trouble."""

    to_ship: int
    marked: int
    stuck: int
    suppliers: Sequence[tuple[str, str]]  # those that do not work as they should, and why: token, paused, failing


STUCK = text("calls.state IN ('sending', 'parked', 'unknown')")
"""The very words of the index that holds those alone (tables.py): SQLite takes it for no others."""


OPEN: tuple[ColumnElement[bool], ...] = (col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None))
"""What makes an order open; again in the words of an index."""
IN_ORDER = (col(Order.order_date), col(Order.supplier), col(Order.increment_id), col(Order.id))
"""Oldest first, the lines of one customer's order together."""


def around(tx: Session, settings: Settings) -> Around:
    """Count what is to do, and look how the suppliers are."""
    flags = dict(tx.exec(select(Order.shipped, func.count()).where(*OPEN).group_by(col(Order.shipped))).all())
    stuck = tx.exec(
        select(func.count(func.distinct(Call.order_id))).join(Order).where(STUCK, col(Call.state) != "sending", *OPEN)
    ).one()
    return Around(flags.get(0, 0), flags.get(1, 0), stuck, _troubled(tx, settings))


def _troubled(tx: Session, settings: Settings) -> Sequence[tuple[str, str]]:
    why: dict[str, str] = {}
    for lane in tx.exec(select(Lane).where(col(Lane.failing_since).is_not(None))):
        why[lane.supplier] = "failing"
    stopped = or_(col(Supplier.token_refused_at).is_not(None), col(Supplier.paused_at).is_not(None))
    for supplier in tx.exec(select(Supplier).where(stopped)):
        why[supplier.name] = "paused" if supplier.paused_at else "token"
    return sorted((name, reason) for name, reason in why.items() if name in settings.suppliers)


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    """Return what the orders that are looked for have in common: open, not marked, and every word somewhere in them."""
    conditions = [*OPEN, col(Order.shipped) == 0]
    if search.supplier:
        conditions.append(col(Order.supplier) == search.supplier)
    if search.carrier:
        conditions.append(col(Order.carrier) == search.carrier)
    for word in search.text[:LONGEST_SEARCH].split():
        texts = (col(Order.menzzo_order_id), col(Order.sku), col(Order.carrier), col(Order.supplier))
        conditions.append(or_(*(text.contains(word, autoescape=True) for text in texts)))
    return conditions


def to_ship(tx: Session, search: Search, number: int) -> Found:
    """Return one page of the open orders that nobody has marked yet; the first is number 1."""
    conditions = _conditions(search)
    total = tx.exec(select(func.count()).select_from(Order).where(*conditions)).one()
    number = min(max(1, number), max(1, -(-total // PAGE)))
    rows = select(Order.id).where(*conditions).order_by(*IN_ORDER).offset((number - 1) * PAGE).limit(PAGE)
    return Found(lines(tx, tx.exec(rows).all()), total, number)


def oldest(tx: Session, most: int) -> Sequence[Line]:
    """Return the first of what is to be shipped."""
    return lines(tx, tx.exec(select(Order.id).where(*_conditions(Search())).order_by(*IN_ORDER).limit(most)).all())


def lines(tx: Session, rows: Sequence[int | None]) -> Sequence[Line]:
    """Return these orders, in this order. Sorting rows' ids and then fetching a few rows is far cheaper than sorting rows."""
    found = {order.id: order for order in tx.exec(select(Order).where(col(Order.id).in_(rows)))}
    calls = calls_of(tx, found.values())
    return [line(order, calls[order.id or 0]) for row in rows if (order := found.get(row)) is not None]


def carriers(tx: Session, supplier: str) -> Sequence[tuple[str, int]]:
    """Return the carriers of what is to be shipped, each with its number of orders."""
    query = select(Order.carrier, func.count()).where(*_conditions(Search(supplier=supplier)))
    rows = tx.exec(query.group_by(col(Order.carrier)).order_by(col(Order.carrier))).all()
    return [(carrier, number) for carrier, number in rows if carrier is not None]


def orders(tx: Session, search: Search, rows: Sequence[int]) -> Sequence[Order]:
    """Return orders that have a label, in list order: those of `rows`, or without any all that are found."""
    query = select(Order).where(*_conditions(search), col(Order.label_path).is_not(None))
    if rows:
        query = query.where(col(Order.id).in_(rows))
    return tx.exec(query.order_by(*IN_ORDER).limit(MOST_LABELS)).all()
