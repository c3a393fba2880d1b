"""Lists of orders for people: what to fetch from the shelves, what the driver signs for."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import zxingcpp
from sqlmodel import Session, col, select

from supplier_agent.db.tables import Barcode, Order
from supplier_agent.labels.scan import Command

_HASHED = "sha256:"
"""The prefix of a code that is stored as a hash (scan.alias), which cannot be printed."""
_AT_ONCE = 500


@dataclass(frozen=True)
class Pick:
    """One product to pick: the total quantity, and for which orders."""

    sku: str | None  # None: no readable one was listed
    quantity: int | None  # None: known for none of them
    orders: tuple[Order, ...]


@dataclass(frozen=True)
class Parcel:
    """One order that is handed over, with the codes on its label."""

    order: Order
    codes: tuple[str, ...]


@dataclass(frozen=True)
class HandOver:
    """What one carrier takes."""

    carrier: str | None  # None: the marketplace named none
    parcels: tuple[Parcel, ...]


def to_ship(tx: Session, supplier: str | None = None) -> Sequence[Order]:
    """Return the orders that may be shipped now: oldest first, the lines of one customer's order together."""
    query = select(Order).where(
        col(Order.ship_confirmed_at).is_(None),
        col(Order.closed_reason).is_(None),
        col(Order.held_reason).is_(None),
        col(Order.vanished_at).is_(None),
        col(Order.acknowledged_at).is_not(None),
        col(Order.label_path).is_not(None),
        Order.shipped == 0,
    )
    if supplier is not None:
        query = query.where(Order.supplier == supplier)
    orders = tx.exec(query).all()
    oldest: dict[tuple[str, str], tuple[date, int]] = {}
    for order in orders:
        group = (order.supplier, order.increment_id)
        oldest[group] = min(oldest.get(group, _age(order)), _age(order))
    return sorted(orders, key=lambda order: (oldest[order.supplier, order.increment_id], order.increment_id, order.id))


def _age(order: Order) -> tuple[date, int]:
    return order.order_date or order.first_seen_at.date(), order.id or 0


def pick_list(orders: Iterable[Order]) -> tuple[Pick, ...]:
    """Return the products of these orders, sorted by SKU."""
    by_sku: dict[str | None, list[Order]] = defaultdict(list)
    for order in orders:
        by_sku[order.sku].append(order)
    return tuple(
        Pick(sku, _sum(of_it), tuple(of_it))
        for sku, of_it in sorted(by_sku.items(), key=lambda item: (item[0] is None, item[0] or ""))
    )


def _sum(orders: Iterable[Order]) -> int | None:
    known = [order.quantity for order in orders if order.quantity is not None]
    return sum(known) if known else None


def hand_over(tx: Session, since: datetime, until: datetime, supplier: str | None = None) -> tuple[HandOver, ...]:
    """Return the orders marked as shipped in that time (`until` not included), by carrier, in the order of marking."""
    query = select(Order).where(col(Order.shipped_at) >= since, col(Order.shipped_at) < until, Order.shipped == 1)
    # The supplier is not in the query: with it, SQLite would read all of the supplier's orders instead of one day's.
    marked = tx.exec(query.order_by(col(Order.shipped_at), col(Order.id))).all()
    orders = [order for order in marked if supplier in {None, order.supplier}]
    codes = _codes(tx, orders)
    by_carrier: dict[str | None, list[Parcel]] = defaultdict(list)
    for order in orders:
        by_carrier[order.carrier].append(Parcel(order, tuple(codes[order.id or 0])))
    return tuple(
        HandOver(carrier, tuple(parcels))
        for carrier, parcels in sorted(by_carrier.items(), key=lambda item: (item[0] is None, item[0] or ""))
    )


def _codes(tx: Session, orders: Sequence[Order]) -> dict[int, list[str]]:
    """Return the codes on the present label of each order, except its own id and codes stored as a hash."""
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(orders), _AT_ONCE):
        ids = [order.id for order in orders[start : start + _AT_ONCE]]
        query = select(Barcode.order_id, Barcode.code).join(Order).where(col(Barcode.order_id).in_(ids))
        query = query.where(Barcode.label_sha256 == Order.label_sha256, Barcode.code != Order.menzzo_order_id)
        for order_id, code in tx.exec(query.order_by(col(Barcode.id))):
            if not code.startswith(_HASHED):
                found[order_id].append(code)
    return found


# -- The card of commands: what a packer scans instead of touching the screen.

_NOT_FOR_A_PAGE = re.compile(r"\A.*?(?=<svg)| id=\"barcode\"|\s*<desc>.*?</desc>", re.DOTALL)
"""The preamble of an SVG file, and names that several codes on one page would share."""
_SIZE = re.compile(r'width="([0-9]+)" height="([0-9]+)"')


@dataclass(frozen=True)
class CardCode:
    """One command as a Code 128: an <svg> element for a page, which may resize it."""

    command: Command
    svg: str


def card() -> tuple[CardCode, ...]:
    """Return the code of every command."""
    return tuple(CardCode(command, _svg(command.value)) for command in Command)


def _svg(text: str) -> str:
    drawn: str = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128).to_svg(scale=2, add_quiet_zones=True)
    return _SIZE.sub(r'viewBox="0 0 \1 \2" \g<0>', _NOT_FOR_A_PAGE.sub("", drawn), count=1)
