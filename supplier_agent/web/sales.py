"""What the page does with the answers of the support API. It has no token: it asks the agent by a row in the database."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select
from starlette.responses import FileResponse, Response

from supplier_agent import actions
from supplier_agent.base.cells import known
from supplier_agent.db.support import Product, SaleCheck
from supplier_agent.db.tables import Order
from supplier_agent.settings import Settings
from supplier_agent.verdict.sale import Sale, is_fresh
from supplier_agent.web.request import Visit, row_id

if TYPE_CHECKING:  # it uses this module
    from supplier_agent.web.order_view import Judged

TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}


def is_used(settings: Settings) -> bool:
    """Tell whether any supplier uses the support API. If not, none of its tables is read."""
    return any(each.support is not None for each in settings.suppliers.values())


def unchecked(orders: Sequence["Judged"]) -> Sequence["Judged"]:
    """Return the orders whose sale has no fresh answer, of suppliers that use the support API."""
    return [each for each in orders if each.verdict.sale is Sale.UNCHECKED]


def is_strict(settings: Settings, each: "Judged") -> bool:
    """Tell whether nothing is to be done with an order without a fresh answer."""
    support = settings.support_of(str(each.order.supplier))
    return support is not None and support.is_strict


def ask(visit: Visit, orders: Sequence["Judged"]) -> int:
    """Have the agent ask about the sales of these orders, but not twice within ten minutes; return how many are asked now."""
    new = [each for each in unchecked(orders) if not is_fresh(each.cell("sale_asked_at"), visit.now)]
    if new:
        with visit.room.store.write() as tx:
            for each in new:
                if (order := tx.get(Order, each.order.id)) is not None:
                    actions.ask_about_sale(tx, order, visit.now)
    return len(new)


def tracked(tx: Session, text: str) -> Sequence[int]:
    """Return the orders with this tracking number."""
    query = select(SaleCheck.order_id).where(SaleCheck.tracking == text.strip())
    return tx.exec(query.limit(50)).all()


def tracking_of(tx: Session, orders: Sequence["Judged"]) -> dict[int, str]:
    """Return the tracking numbers of orders, by row id."""
    rows = [each.order.id for each in orders if each.verdict.sale is not None]
    found: dict[int, str] = {}
    for start in range(0, len(rows), 500):
        query = select(SaleCheck.order_id, SaleCheck.tracking).where(col(SaleCheck.tracking).is_not(None))
        for row, tracking in tx.exec(query.where(col(SaleCheck.order_id).in_(rows[start : start + 500]))):
            if isinstance(known(tracking), str):
                found[row] = str(tracking)
    return found


def with_names(tx: Session, orders: Sequence["Judged"]) -> list["Judged"]:
    """Return these orders with the names of their products, where the articles file has none."""
    nameless = {
        (str(each.order.supplier), str(each.cell("sku")))
        for each in orders
        if not each.parcels.name and each.verdict.sale is not None
    }
    names = {}
    for supplier, sku in nameless:
        row = tx.get(Product, (supplier, sku))
        if row is not None and isinstance(known(row.name), str):
            names[supplier, sku] = str(row.name)
    return [_named(each, names.get((str(each.order.supplier), str(each.cell("sku"))))) for each in orders]


def _named(each: "Judged", name: str | None) -> "Judged":
    return each if name is None or each.parcels.name else replace(each, parcels=replace(each.parcels, name=name))


def has_picture(tx: Session, visit: Visit, each: "Judged") -> bool:
    """Tell whether there is a picture of an order's product."""
    return is_used(visit.room.settings) and _picture(tx, visit, each.order) is not None


def picture(visit: Visit) -> Response:
    """Return the picture of an order's product, from the state folder: the browser fetches nothing from outside."""
    row = row_id(str(visit.parts["row"]))
    with visit.room.store.read() as tx:
        order = tx.get(Order, row) if row is not None and is_used(visit.room.settings) else None
        path = _picture(tx, visit, order) if order is not None else None
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, media_type=TYPES[path.suffix[1:]], headers={"Cache-Control": "private, max-age=86400"})


def _picture(tx: Session, visit: Visit, order: Order) -> Path | None:
    row = tx.get(Product, (order.supplier, known(order.sku) or ""))
    stored = known(row.picture) if row is not None else None
    if not isinstance(stored, str):
        return None
    folder = visit.room.settings.state_dir / "pictures"
    path = folder / Path(stored).name  # never outside of the folder, whatever the database says
    return path if path.suffix[1:] in TYPES and path.is_file() else None
