"""Finds the orders that a scan names: by id, last part, customer's order, product or a code on the label. Only indexed reads.

Every match counts: the same code on two orders names both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from supplier_agent.db.tables import Barcode, Event, Order
from supplier_agent.labels.scan import MOST, Condition, Match, Meaning, Reading, Scan, Way, alias
from supplier_agent.order import blockers, has_vanished

FLAGGED = "flagged as shipped"
"""The entry that the trigger writes into the history (triggers.py)."""


def find(tx: Session, scan: Scan) -> Meaning:
    """Return what a scan means. A text that names an order as it came is never corrected for another layout."""
    if scan.command is not None:
        return Meaning(command=scan.command, layout=scan.layout)
    if not scan.readings:
        return Meaning(empty=True)
    as_it_came, *repaired = scan.readings
    for readings in ((as_it_came,), repaired):
        found = _found(tx, readings)
        if found:
            matches = _matches(tx, [(each.order, each.ways) for each in found.values()][:MOST])
            layout = next(each.layout for each in found.values())
            return Meaning(matches=tuple(matches), layout=layout, more=len(found) > MOST)
    return Meaning()


def of_order(tx: Session, order_id: int) -> Match | None:
    """Return the order with that row id as a match, or None."""
    order = tx.get(Order, order_id)
    return None if order is None else next(iter(_matches(tx, [(order, frozenset())])))


@dataclass(frozen=True)
class _Found:
    order: Order
    ways: frozenset[Way]
    layout: str | None  # the layout that was corrected to find it; None: none


def _found(tx: Session, readings: Iterable[Reading]) -> Mapping[int, _Found]:
    found: dict[int, _Found] = {}
    for reading in readings:
        for way, order in _by_every_way(tx, _spellings(reading.text)):
            before = found.get(order.id or 0, _Found(order, frozenset(), reading.layout))
            found[order.id or 0] = replace(before, ways=before.ways | {way})
    return found


def _spellings(text: str) -> list[str]:
    """Return variants of the text: caps lock swaps letters, and people type blanks that they see."""
    return list(dict.fromkeys((text, text.upper(), text.lower(), text.swapcase(), text.replace(" ", ""))))


def _by_every_way(tx: Session, texts: list[str]) -> Iterable[tuple[Way, Order]]:
    of_its_own: Mapping[Way, ColumnElement[bool]] = {
        Way.ORDER: col(Order.menzzo_order_id).in_(texts),
        Way.LAST_PART: col(Order.sale_product_id).in_(texts),
        Way.INCREMENT: col(Order.increment_id).in_(texts),
    }
    for way, condition in of_its_own.items():
        for order in tx.exec(select(Order).where(condition).order_by(col(Order.id)).limit(MOST + 1)):
            yield way, order
    labelled = select(Order).join(Barcode).where(col(Barcode.code).in_([alias(text) for text in texts]))
    labelled = labelled.where(Barcode.label_sha256 == Order.label_sha256)  # not from a replaced label
    for order in tx.exec(labelled.order_by(col(Order.id)).limit(MOST + 1)):
        yield Way.LABEL, order
    of_product = select(Order).where(
        col(Order.sku).in_(texts), col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None)
    )
    products = tx.exec(of_product.order_by(col(Order.shipped), col(Order.id)).limit(MOST + 1)).all()
    for order in [order for order in products if order.shipped == 0] or products:
        yield Way.SKU, order


def _matches(tx: Session, found: Iterable[tuple[Order, frozenset[Way]]]) -> Iterable[Match]:
    """Return the orders as matches of a scan."""
    orders = list(found)
    flags = {}
    flagged = [order.id for order, _ in orders if order.shipped == 1]
    if flagged:
        query = select(Event).where(col(Event.order_id).in_(flagged), Event.what == FLAGGED)
        flags = {event.order_id: event for event in tx.exec(query.order_by(col(Event.id)))}
    for order, ways in orders:
        condition, at = _condition(order)
        flag = flags.get(order.id or 0)
        yield Match(
            order=order.id or 0,
            supplier=order.supplier,
            menzzo_order_id=order.menzzo_order_id,
            increment_id=order.increment_id,
            sku=order.sku,
            quantity=order.quantity,
            carrier=order.carrier,
            order_date=order.order_date,
            condition=condition,
            ways=ways,
            reason=order.closed_reason or order.held_reason,
            missing=tuple(blockers(order)) if condition in {Condition.WAITING, Condition.FLAGGED} else (),
            at=at,
            who=flag.who if flag is not None else None,
            station=flag.station if flag is not None else None,
        )


def _condition(order: Order) -> tuple[Condition, datetime | None]:
    """Return the first condition that holds, and since when."""
    if order.ship_confirmed_at is not None:
        return Condition.SHIPPED, order.ship_confirmed_at
    if order.closed_reason is not None:
        return Condition.CLOSED, None
    if order.shipped == 1:
        return Condition.FLAGGED, order.shipped_at
    if order.held_reason is not None:
        return Condition.HELD, None
    if has_vanished(order):
        return Condition.VANISHED, order.vanished_at
    return (Condition.WAITING if blockers(order) else Condition.OPEN), None
