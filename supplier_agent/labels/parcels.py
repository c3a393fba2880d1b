"""The parcels of an order in the database: how many there are, what was scanned, and what a person confirmed (progress.py)."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select, update

from supplier_agent.base.cells import known
from supplier_agent.db.plain_sql import OPEN, within
from supplier_agent.db.tables import Barcode, Event, Order
from supplier_agent.db.warehouse import Parcel
from supplier_agent.labels.progress import Parcels, expected

SCANNED, CONFIRMED = "parcel scanned", "parcels confirmed"
"""Texts in an order's history. Their detail: how many, of how many."""
AT_ONCE = 500


def of_orders(tx: Session, rows: Sequence[int]) -> dict[int, Parcels]:
    """Return the parcels of these orders, by row id. A missing order is left out."""
    found: dict[int, Parcels] = {}
    for start in range(0, len(rows), AT_ONCE):
        found |= _several(tx, rows[start : start + AT_ONCE])
    return found


def _several(tx: Session, rows: Sequence[int]) -> dict[int, Parcels]:
    look, of_these = within(tx), f"({', '.join('?' * len(rows))})"
    orders = look.rows(
        "SELECT orders.id, quantity, parcels_confirmed, label_pages, articles.name AS article_name, bin, cartons FROM orders"  # noqa: S608 - question marks
        " LEFT JOIN articles ON articles.supplier = orders.supplier AND articles.sku = orders.sku"
        f" WHERE orders.id IN {of_these}",
        *rows,
    )
    # A newer label that was not read yet has, as far as we know, as many parcels as the older one, and none of them was scanned.
    pages = look.rows(
        "SELECT barcodes.order_id, page,"  # noqa: S608 - as above
        " max(parcels.id IS NOT NULL AND orders.label_sha256 = barcodes.label_sha256) AS scanned FROM barcodes"
        " JOIN orders ON orders.id = barcodes.order_id"
        " LEFT JOIN parcels ON parcels.order_id = barcodes.order_id AND parcels.code = barcodes.code AND undone_at IS NULL"
        f" WHERE barcodes.order_id IN {of_these} AND page IS NOT NULL GROUP BY barcodes.order_id, page",
        *rows,
    )
    own: dict[int, dict[int, bool]] = {}
    for each in pages:
        own.setdefault(each.order_id, {})[each.page] = bool(each.scanned)
    return {each.id: _of_row(each, own.get(each.id, {})) for each in orders}


def _of_row(row: Any, own: dict[int, bool]) -> Parcels:  # noqa: ANN401 - a row of the query above
    def cell(name: str) -> Any:  # noqa: ANN401 - whatever it holds; None if it cannot be read
        return known(getattr(row, name))

    pages = cell("label_pages")
    total, source = expected(cell("parcels_confirmed"), cell("cartons"), cell("quantity"), len(own), pages)
    scanned = frozenset(page for page, is_scanned in own.items() if is_scanned)
    return Parcels(total, source, scanned, cell("article_name") or "", cell("bin") or "", pages or 0)


class Count(StrEnum):
    """What a scan means for the parcels of its order."""

    NEW = "new"  # one more
    AGAIN = "again"  # this parcel was scanned before
    NONE = "none"  # its code names no parcel, or none of this order


def scanned(tx: Session, row: int, code: str, now: datetime, who: str, station: str | None) -> tuple[Count, Parcels]:
    """Record that a code of an order's label was scanned, as the label's codes are stored; return what that means.

    It marks nothing: the caller decides what happens once the parcels are complete.
    """
    before = of_orders(tx, [row])[row]
    query = select(Barcode.page).join(Order).where(Barcode.order_id == row, Barcode.code == code)
    page = tx.exec(query.where(Barcode.label_sha256 == Order.label_sha256)).first()
    if page is None:
        return Count.NONE, before
    if page in before.scanned:
        return Count.AGAIN, before
    after = before.plus(page)
    tx.add(Parcel(order_id=row, code=code, scanned_at=now, who=who, station=station))
    detail = f"{after.done}/{after.total}"
    tx.add(Event(order_id=row, at=now, who=who, what=SCANNED, detail=detail, station=station))
    return Count.NEW, after


def confirm(tx: Session, row: int, number: int, now: datetime, who: str, station: str | None) -> Parcels:
    """Record that a person counted the parcels of an order. An undo of its mark forgets that, and what was scanned."""
    before = of_orders(tx, [row])[row]
    tx.exec(update(Order).where(col(Order.id) == row).values(parcels_confirmed=number))
    detail = f"{number}/{before.total}"
    tx.add(Event(order_id=row, at=now, who=who, what=CONFIRMED, detail=detail, station=station))
    return before.confirmed(number)


def labelled_more(tx: Session, supplier: str) -> list[str]:
    """Return the SKUs of open orders whose labels have more pages with a code of their own than the articles file has parcels."""
    rows = within(tx).rows(
        "SELECT DISTINCT orders.sku FROM orders JOIN articles ON articles.supplier = orders.supplier AND articles.sku = orders.sku"  # noqa: S608 - a constant
        f" WHERE {OPEN} AND orders.supplier = ? AND cartons * quantity < (SELECT count(DISTINCT page) FROM barcodes"
        " WHERE order_id = orders.id AND page IS NOT NULL) ORDER BY orders.sku",
        supplier,
    )
    return [str(row.sku) for row in rows]
