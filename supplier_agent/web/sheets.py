"""Lists of orders on paper: labels in a batch, pick list, hand-over list. The labels and the pick list have the same order."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, and_, col, not_, select

from supplier_agent.db.tables import Barcode, Order
from supplier_agent.reports import facts
from supplier_agent.verdict import Blocker, Report
from supplier_agent.web import lists, sales
from supplier_agent.web.lists import Search
from supplier_agent.web.order_view import Judged, judged
from supplier_agent.web.request import Visit

MOST_LABELS = 500
"""The maximum number of labels in one PDF, or one print job."""


@dataclass(frozen=True)
class Batch:
    """Labels to print together. total: how many there would be without the limit. left_out: the ids of the others, by reason."""

    orders: Sequence[Judged]
    total: int
    left_out: Mapping[str, Sequence[str]]

    @property
    def doubtful(self) -> Sequence[str]:
        """Return the ids of the orders whose label may be the wrong one. It is printed: a packer compares it."""
        return [str(each.order.menzzo_order_id) for each in self.orders if each.verdict.doubtful]

    @property
    def unchecked(self) -> Sequence[str]:
        """Return the ids of the orders whose sale could not be checked, although their supplier uses the support API."""
        return [str(each.order.menzzo_order_id) for each in sales.unchecked(self.orders)]


def without_unchecked(visit: Visit, batch: Batch, *, again: bool = False) -> Batch:
    """Return the batch without the orders of suppliers that do nothing without a sale check; they are named instead.

    again: labels that were printed before are shown again, whatever the age of their check. A stop since then is another reason.
    """
    late = [each for each in sales.unchecked(batch.orders) if sales.is_strict(visit.room.settings, each)]
    late = [each for each in late if not (again and each.printed)]
    if not late:
        return batch
    ids = [str(each.order.menzzo_order_id) for each in late]
    left_out = {**batch.left_out, "left_out_unchecked": ids}
    return replace(batch, orders=[each for each in batch.orders if each not in late], left_out=left_out)


def batch(tx: Session, visit: Visit, search: Search, rows: Sequence[int] | None, most: int = MOST_LABELS) -> Batch:
    """Return the labels of `rows`, or of all matches (None), in pick order. Of too many, the oldest.

    A label that is being printed, or waits for its printer, is not printed a second time.
    """
    being_printed = visit.room.printers.orders
    if rows is not None:
        number = len(rows) if len(rows) > most else 0
        found = judged(tx, visit, list(dict.fromkeys(rows))[:most])
    else:
        wanted = [*lists.conditions(search, lists.named_by(tx, visit, search)), col(Order.label_path).is_not(None)]
        may = [lists.PRINTABLE, col(Order.id).not_in(being_printed)]
        number = lists.count(tx, *wanted, *may)
        found = judged(tx, visit, lists.row_ids(tx, *wanted, *may, most=most))
        found += judged(tx, visit, lists.row_ids(tx, *wanted, not_(and_(*may)), most=most))
    orders, left_out = [], defaultdict(list)
    for each in found:
        reason = _left_out(each, is_being_printed=each.order.id in being_printed)
        if reason:
            left_out[reason].append(str(each.order.menzzo_order_id))
        else:
            orders.append(each)
    return Batch(in_pick_order(sorted(orders, key=_by_age)), max(number, len(orders)), left_out)


def _left_out(each: Judged, *, is_being_printed: bool) -> str:
    """Return the note that says why a label is not printed in a batch; "" if it is."""
    if is_being_printed:
        return "left_out_waiting"
    if each.may_print:
        return ""
    if each.may_go:
        return "left_out_changed"
    return "left_out_stopped" if each.verdict.stops else "left_out_over"


def in_pick_order(orders: Iterable[Judged]) -> list[Judged]:
    """Return orders as they are picked: by bin and article, then in the order given. Labels and pick list run in parallel."""
    return sorted(orders, key=_by_place)


def _by_place(each: Judged) -> tuple[bool, list[str | int], bool, str]:
    place, sku = each.parcels.bin, each.cell("sku")
    return not place, _in_numbers(place), sku is None, sku or ""


def _in_numbers(place: str) -> list[str | int]:
    """Return the key that sorts A-2 before A-10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", place)]


def _by_age(each: Judged) -> tuple[bool, str, str, str, int]:
    """Return the key that sorts like IN_ORDER."""
    day = each.cell("order_date")
    return day is not None, str(day), str(each.order.supplier), str(each.order.increment_id), each.order.id


@dataclass(frozen=True)
class Pick:
    """One product to pick: its total quantity, and the orders that need it."""

    sku: str | None  # None: none was listed, or it cannot be read
    quantity: int | None  # None: not known for any of them
    orders: tuple[Judged, ...]

    @property
    def name(self) -> str:
        """Return its name; "" if the articles file has none."""
        return self.orders[0].parcels.name

    @property
    def bin(self) -> str:
        """Return where it is; "" as above."""
        return self.orders[0].parcels.bin


def pick_list(tx: Session, visit: Visit, search: Search, rows: Sequence[int] | None = None) -> tuple[Pick, ...]:
    """Return the products of the orders that may ship, in pick order. rows: only of these orders.

    An order whose label must be printed again is included.
    """
    by_place: dict[tuple[str, str | None], list[Judged]] = defaultdict(list)
    for each in in_pick_order(may_go(tx, visit, search, rows)):
        by_place[each.parcels.bin, each.cell("sku")].append(each)
    return tuple(Pick(sku, _sum(of_it), tuple(of_it)) for (_, sku), of_it in by_place.items())


def may_go(tx: Session, visit: Visit, search: Search, rows: Sequence[int] | None = None) -> Sequence[Judged]:
    """Return the orders that may ship now, oldest first."""
    wanted = [
        *lists.conditions(search, lists.named_by(tx, visit, search)),
        lists.TO_SHIP,
        col(Order.label_path).is_not(None),
    ]
    if rows is not None:
        wanted.append(col(Order.id).in_(rows))
    late = {Blocker.NOT_ACKNOWLEDGED, Blocker.NO_LABEL}
    found = judged(tx, visit, lists.row_ids(tx, *wanted, most=-1))
    return [each for each in found if each.may_go and not late.intersection(each.verdict.blockers)]


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

    @property
    def senders(self) -> Sequence[str]:
        """Return the suppliers whose orders these are."""
        return sorted({str(parcel.each.order.supplier) for parcel in self.parcels})

    @property
    def pieces(self) -> int | None:
        """Return the number of pieces; None if it is not known for any of them."""
        return _sum(parcel.each for parcel in self.parcels)

    @property
    def boxes(self) -> int:
        """Return the number of boxes: the parcels of all these orders."""
        return sum(parcel.each.parcels.total for parcel in self.parcels)


def hand_over(
    tx: Session, visit: Visit, since: datetime, until: datetime, supplier: str | None = None
) -> tuple[tuple[HandOver, ...], Sequence[Judged]]:
    """Return the orders marked as shipped in that time (`until` excluded), by carrier; and those that must not be handed over.

    Sorted by the time of the mark. An order that was held, closed or no longer listed after its mark must not be handed over,
    unless it was reported. Nor one that did not leave.
    """
    query = select(Order.id).where(col(Order.shipped_at) >= since, col(Order.shipped_at) < until, Order.shipped == 1)
    # The supplier is not in the query: with it, SQLite would read all of the supplier's orders instead of one day's.
    rows = tx.exec(query.order_by(col(Order.shipped_at), col(Order.id))).all()
    orders = [
        each for each in judged(tx, visit, [row for row in rows if row]) if supplier in {None, each.order.supplier}
    ]
    stay = [each for each in orders if must_stay(each) or each.verdict.report == Report.NOT_LEFT]
    kept = {each.order.id for each in stay}
    return by_carrier(tx, [each for each in orders if each.order.id not in kept]), stay


def must_stay(each: Judged) -> bool:
    """Tell whether an order must not be handed over: something stops it, and it was not reported yet."""
    return bool(each.verdict.stops) and each.cell("ship_confirmed_at") is None


def by_carrier(tx: Session, orders: Sequence[Judged]) -> tuple[HandOver, ...]:
    """Return what each carrier takes of these orders."""
    codes, tracking = _codes(tx, [each.order.id for each in orders]), sales.tracking_of(tx, orders)
    for row, number in tracking.items():
        if number not in codes[row]:
            codes[row].append(number)
    of_each: dict[str | None, list[Parcel]] = defaultdict(list)
    for each in orders:
        of_each[each.cell("carrier")].append(Parcel(each, tuple(codes[each.order.id])))
    in_order = sorted(of_each.items(), key=lambda item: (item[0] is None, item[0] or ""))
    return tuple(HandOver(carrier, tuple(parcels)) for carrier, parcels in in_order)


_HASHED = "sha256:"
"""The prefix of a code that is stored as a hash (typed.alias) and cannot be printed."""


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
