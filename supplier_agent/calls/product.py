"""The product: its name and picture from the support API, for the bench. A read, asked once a week for each article."""

from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session

from supplier_agent.base.cells import known
from supplier_agent.calls.protocol import Ending, Job, OutwardCall, Wait, ending_of
from supplier_agent.db.support import Product
from supplier_agent.db.tables import Order
from supplier_agent.marketplace.support import Picture, ProductFound, SupportTools
from supplier_agent.outbox import DONE, REFUSED, Next, Outcome
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.verdict.supplier import SUPPORT

KEPT = timedelta(days=7)
"""For so long, what is known of a product is not asked for again."""


class ProductCall(OutwardCall[SupportTools]):
    """The product; see the module."""

    ACCOUNT, LANE, PRIORITY, BRAKES_ON_404 = SUPPORT, OTHERS, 6, False
    DRY: Literal["print", "make", "skip"] = "skip"
    ENDPOINT, REHEARSED = "product", "ask about the product of"
    SENDS = ("sku",)

    def is_for(self, settings: Settings, supplier: str) -> bool:
        """Tell whether the supplier uses the support API for products."""
        support = settings.support_of(supplier)
        return support is not None and support.products

    def wait(self, tx: Session, order: Order, settings: Settings, now: datetime) -> Wait | None:  # noqa: ARG002 - as in OutwardCall
        """Return that it is known, if it is: another order has the same article."""
        row = tx.get(Product, (order.supplier, order.sku or ""))
        asked_at = known(row.asked_at) if row is not None else None
        is_known = isinstance(asked_at, datetime) and timedelta(0) <= now - asked_at <= KEPT
        return Wait(None, "it is known from another order") if is_known else None

    def perform(self, job: Job, tools: SupportTools) -> Ending:
        """Ask for the product, then for its picture. A picture that cannot be fetched is left out."""
        sku = str(job.facts["sku"])
        found = tools.support.product(sku)
        if not isinstance(found, ProductFound):
            return ending_of(found)
        path, size = None, None
        picture = tools.support.picture(found.picture) if found.picture is not None else None
        if isinstance(picture, Picture):
            path = tools.keep_picture(job.supplier, sku, picture)
            size = len(picture.content) if path is not None else None
        said = "found" if found.name else "no usable name"
        row = Product(supplier=job.supplier, sku=sku, asked_at=job.owed_at, name=found.name, picture=path)
        row.picture_bytes = size
        return Ending(Outcome(DONE, said, 200), found=row)

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state. A refusal is no matter for a person: the order shows its SKU."""
        if ending.outcome.kind == REFUSED and ending.redirected_to is None:
            return Next("done", why=ending.outcome.detail)
        return super().after(job, ending, settings, now, chance)

    def keep(self, tx: Session, job: Job, ending: Ending, settings: Settings, now: datetime) -> bool:  # noqa: ARG002 - as in OutwardCall
        """Store it."""
        if isinstance(ending.found, Product):
            ending.found.asked_at = now
            tx.merge(ending.found)
        return False


CALL = ProductCall()
