"""Store what the marketplace lists: new orders, changes of known ones, entries that cannot be understood. Only ever adds facts.

What we did for an order (acknowledged, label, shipped) is never touched here, whatever the list says.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from supplier_agent.marketplace import Rejected, Seen
from supplier_agent.tables import Event, Order, RejectedEntry

CHANGEABLE = ("sku", "quantity", "price_cents", "carrier", "order_date", "link_to_label")
"""What the marketplace may change for a known order. A field that is missing or unreadable now never erases a good one."""


@dataclass(frozen=True)
class Observed:
    """One page, stored. `marks` stand for its rows in list order; `known` of them were stored before; `added` orders are new."""

    marks: tuple[str, ...]
    known: frozenset[str]
    added: tuple[str, ...]
    rejected: int  # entries that were kept word for word for the first time


def observe(
    tx: Session, supplier: str, rows: Sequence[Seen | Rejected], now: datetime, start_date: date | None
) -> Observed:
    """Store the rows of one page. Orders dated before `start_date` are kept, but left alone."""
    known = _stored(tx, supplier, [row.menzzo_order_id for row in rows if isinstance(row, Seen)])
    before, marks, added, rejected = frozenset(known), [], [], 0
    for row in rows:
        if isinstance(row, Rejected):
            mark = hashlib.sha256(row.raw.encode("utf-8", "surrogatepass")).hexdigest()
            rejected += _keep_word_for_word(tx, supplier, row, mark, now)
        else:
            mark = row.menzzo_order_id
            order = known.get(mark)
            if order is None:
                known[mark] = order = _new(supplier, row, now, start_date)
                tx.add(order)
                added.append(mark)
            else:
                _change(tx, order, row, now)
        marks.append(mark)
    tx.flush()
    return Observed(tuple(marks), before, tuple(added), rejected)


def _stored(tx: Session, supplier: str, ids: Iterable[str]) -> dict[str, Order]:
    found: dict[str, Order] = {}
    for some in _batches(list(ids), 500):
        orders = tx.exec(select(Order).where(Order.supplier == supplier, col(Order.menzzo_order_id).in_(some)))
        found.update((order.menzzo_order_id, order) for order in orders)
    return found


def _new(supplier: str, seen: Seen, now: datetime, start_date: date | None) -> Order:
    early = start_date is not None and seen.order_date is not None and seen.order_date < start_date
    return Order(
        supplier=supplier,
        menzzo_order_id=seen.menzzo_order_id,
        increment_id=seen.increment_id,
        sale_product_id=seen.sale_product_id,
        problem="; ".join(seen.problems) or None,
        first_seen_at=now,
        closed_reason=f"dated before start_date {start_date}" if early else None,
        **{name: getattr(seen, name) for name in CHANGEABLE},
    )


def _change(tx: Session, order: Order, seen: Seen, now: datetime) -> None:
    changes = []
    for name in CHANGEABLE:
        old, new = getattr(order, name), getattr(seen, name)
        if new is not None and new != old:
            changes.append(f"{name} from {old} to {new}")
            setattr(order, name, new)
    if not changes:
        return
    # A problem that the marketplace has mended is gone; one that is new spoils nothing, for the good value stays.
    order.problem = "; ".join(seen.problems) or None
    order.planned_at = None
    tx.add(order)
    tx.flush()  # listed twice on one page: the row must be written before its history
    assert order.id is not None  # noqa: S101 - just written
    tx.add(Event(order_id=order.id, at=now, who="marketplace", what="changed", detail="; ".join(changes)))


def _keep_word_for_word(tx: Session, supplier: str, row: Rejected, sha256: str, now: datetime) -> int:
    entry = tx.exec(
        select(RejectedEntry).where(RejectedEntry.supplier == supplier, RejectedEntry.sha256 == sha256)
    ).first()
    first = entry is None
    entry = entry or RejectedEntry(
        supplier=supplier, received_at=now, last_listed_at=now, raw=row.raw, reason=row.reason, sha256=sha256
    )
    entry.last_listed_at = now
    tx.add(entry)
    return int(first)


def _batches(ids: list[str], size: int) -> Iterable[list[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
