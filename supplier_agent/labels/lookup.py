"""Finds the orders that a scan names: by id, last part, customer's order, product or a code on the label. Only indexed reads.

Every match counts: the same code on two orders names both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from supplier_agent.db.tables import Barcode, Order
from supplier_agent.labels.scan import MOST, Match, Meaning, Reading, Scan, Way, alias
from supplier_agent.verdict import Verdict

Judge = Callable[[Sequence[int]], Mapping[int, Verdict]]
"""Return the verdicts on orders, by row id."""


def find(tx: Session, scan: Scan, judge: Judge) -> Meaning:
    """Return what a scan means. A text that names an order as it came is never corrected for another layout."""
    if scan.command is not None:
        return Meaning(command=scan.command, layout=scan.layout)
    if not scan.readings:
        return Meaning(empty=True)
    as_it_came, *repaired = scan.readings
    for readings in ((as_it_came,), repaired):
        found = _found(tx, readings)
        if found:
            first = dict(list(found.items())[:MOST])
            verdicts = judge(list(first))
            matches = [Match(row, verdicts[row], each.ways) for row, each in first.items() if row in verdicts]
            layout = next(each.layout for each in found.values())
            return Meaning(matches=tuple(matches), layout=layout, more=len(found) > MOST)
    return Meaning()


@dataclass(frozen=True)
class _Found:
    ways: frozenset[Way]
    layout: str | None  # the layout that was corrected to find it; None: none


def _found(tx: Session, readings: Iterable[Reading]) -> Mapping[int, _Found]:
    found: dict[int, _Found] = {}
    for reading in readings:
        for way, order in _by_every_way(tx, _spellings(reading.text)):
            before = found.get(order.id or 0, _Found(frozenset(), reading.layout))
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
