"""Store what the marketplace lists: new orders, changes of known orders, entries that cannot be parsed. It only adds facts.

What the agent did for an order (acknowledged, label, shipped) is never changed here, whatever the list says.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlmodel import Session, col, func, select, update

from supplier_agent.base.cells import Unreadable
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Chore, Event, Order, RejectedEntry
from supplier_agent.marketplace import Rejected, Seen
from supplier_agent.order import VANISHED, uncover
from supplier_agent.reading import missing_orders

T = TypeVar("T")
CHANGEABLE = ("sku", "quantity", "price_cents", "carrier", "order_date", "link_to_label")
"""What the marketplace may change for a known order. A missing or unreadable field never replaces a good value."""

COMPARED = frozenset({"quantity", "carrier"})
"""What a label is compared with (labels/text.py): if it changes, the label is read again."""


@dataclass(frozen=True)
class Observed:
    """One stored page. marks: one per row, in list order. known: the orders that were stored before. added: the new orders."""

    marks: tuple[str, ...]
    known: frozenset[str]
    added: tuple[str, ...]
    rejected: int  # entries stored word for word for the first time


def observe(
    tx: Session, supplier: str, rows: Sequence[Seen | Rejected], now: datetime, start_date: date | None
) -> Observed:
    """Store the rows of one page. Orders dated before `start_date` are stored as closed."""
    marks = tuple(_mark(row) for row in rows)
    known = _stored(tx, supplier, [row.menzzo_order_id for row in rows if isinstance(row, Seen)])
    before, added = frozenset(known), []
    for row in rows:
        if isinstance(row, Rejected):
            continue
        order = known.get(row.menzzo_order_id)
        if order is None:
            known[row.menzzo_order_id] = order = _new(supplier, row, now, start_date)
            tx.add(order)
            added.append(row.menzzo_order_id)
        else:
            _change(tx, order, row, now)
    _still_listed(tx, known, before, now)
    kept = {mark: row for mark, row in zip(marks, rows, strict=True) if isinstance(row, Rejected)}
    rejected = _keep_word_for_word(tx, supplier, kept, now)
    tx.flush()
    return Observed(marks, before, tuple(added), rejected)


def _mark(row: Seen | Rejected) -> str:
    """Return what identifies a row: its id, or the digest of an entry without one."""
    if isinstance(row, Seen):
        return row.menzzo_order_id
    return hashlib.sha256(row.raw).hexdigest()


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
        last_listed_at=now,
        closed_reason=f"dated before start_date {start_date}" if early else None,
        **{name: getattr(seen, name) for name in CHANGEABLE},
    )


def _change(tx: Session, order: Order, seen: Seen, now: datetime) -> None:
    changes = []
    for name in CHANGEABLE:
        old, new = getattr(order, name), getattr(seen, name)
        if new != old and (new is not None or isinstance(old, Unreadable)):
            changes.append(f"{name} from {old} to {new}")
            setattr(order, name, new)
            if name in COMPARED:
                order.label_read_sha256 = None
    if not changes:
        return
    # A problem that the marketplace has fixed is removed; a new one about a field with a good value is ignored.
    good = tuple(name.removesuffix("_cents") for name in CHANGEABLE if getattr(order, name) is not None)
    order.problem = "; ".join(each for each in seen.problems if not each.startswith(good)) or None
    order.planned_at = None
    tx.add(order)
    tx.flush()  # listed twice on one page: the row must be written before its history
    assert order.id is not None  # noqa: S101 - just written
    tx.add(Event(order_id=order.id, at=now, who="marketplace", what="changed", detail="; ".join(changes)))


def _still_listed(tx: Session, known: Mapping[str, Order], before: Iterable[str], now: datetime) -> None:
    """Record when the orders of a page were last listed: in one statement, because most pages bring nothing else."""
    ids = [order.id for order in (known[each] for each in before) if order.id is not None]
    for some in _batches(ids, 500):
        tx.exec(
            update(Order)
            .where(col(Order.id).in_(some))
            .values(last_listed_at=now, missed_at=None, vanished_at=None)
            .execution_options(synchronize_session=False)
        )
    for order in (known[each] for each in before):
        if order.missed_at is not None and order.id is not None:
            uncover(order, VANISHED)
            order.planned_at = None
            tx.add(order)
            tx.add(Event(order_id=order.id, at=now, who="marketplace", what="listed again"))


def note_missed(tx: Session, supplier: str, first: date, last: date, made_at: datetime, now: datetime) -> int:
    """After a complete run over these days, record which open orders it no longer listed; return how many.

    `made_at`: when the oldest answer of the run may have been generated. An order listed later than that is not counted as missing.
    """
    query = select(Order).where(Order.supplier == supplier, col(Order.missed_at).is_(None))
    query = query.where(col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None))
    query = query.where(col(Order.order_date) >= first, col(Order.order_date) <= last)
    gone = tx.exec(query.where(func.coalesce(Order.last_listed_at, Order.first_seen_at) < made_at)).all()
    for order in gone:
        assert order.id is not None  # noqa: S101 - a stored order has one
        order.missed_at = now
        tx.add(order)
        tx.add(Event(order_id=order.id, at=now, who="marketplace", what="no longer listed"))
    return len(gone)


def judge_missed(tx: Session, supplier: str, cache_seconds: float, now: datetime, *, learned: bool) -> None:
    """Set `vanished_at` where the absence of an order is significant, and clear it where it no longer is.

    learned: it is learned that acknowledged orders stay on the list.
    """
    judged = missing_orders.judge(within(tx), supplier, cache_seconds, learned=learned)
    query = select(Order).where(Order.supplier == supplier, col(Order.missed_at).is_not(None))
    query = query.where(col(Order.ship_confirmed_at).is_(None), col(Order.closed_reason).is_(None))
    for order in tx.exec(query):
        has_vanished = order.id in judged.vanished
        if has_vanished == (order.vanished_at is not None):
            continue
        order.vanished_at, order.planned_at = (order.missed_at if has_vanished else None), None
        if not has_vanished:
            uncover(order, VANISHED)
        tx.add(order)
    name = f"{missing_orders.CHORE}{supplier}"
    chore = tx.get(Chore, name) or Chore(name=name, done_at=now)
    chore.done_at, chore.detail = now, judged.absence.pack()
    tx.add(chore)


def _keep_word_for_word(tx: Session, supplier: str, rows: Mapping[str, Rejected], now: datetime) -> int:
    """Store the entries whose digest is new; for the others, record that they are still listed. Return how many are new."""
    known: set[str] = set()
    for some in _batches(list(rows), 500):
        mine = (col(RejectedEntry.supplier) == supplier, col(RejectedEntry.sha256).in_(some))
        known.update(tx.exec(select(RejectedEntry.sha256).where(*mine)))
        tx.exec(update(RejectedEntry).where(*mine).values(last_listed_at=now))
    for sha256, row in rows.items():
        if sha256 not in known:
            text = row.raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")  # PostgreSQL accepts no NUL
            exact = None if text.encode() == row.raw else row.raw
            entry = RejectedEntry(
                supplier=supplier,
                received_at=now,
                last_listed_at=now,
                sha256=sha256,
                raw=text,
                raw_bytes=exact,
                reason=row.reason,
            )
            tx.add(entry)
    return len(rows) - len(known)


def _batches(ids: list[T], size: int) -> Iterable[list[T]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
