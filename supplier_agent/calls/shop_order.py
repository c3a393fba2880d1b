"""The supplier's own shop: an order of the marketplace becomes an order there, so that its staff and its stock know of it.

Made twice, the shop would have two orders, and someone might send two parcels. So it is never made without a search by our id
right before, and after an unclear answer the next search waits until the shop can no longer be at work on the first one.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from supplier_agent.base.clock import Clock
from supplier_agent.calls.protocol import Ending, Job, OutwardCall, ending_of
from supplier_agent.db.tables import Order
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.outbox import DONE, LATER, NOT_SENT, REFUSED, UNKNOWN, Next, Outcome
from supplier_agent.reading.shop_orders import OVERLAP, InShop, Product
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.verdict.supplier import SHOP

KIND = "shop_order"
SETTLE = timedelta(minutes=10)
"""How long a shop may still be at work on a request whose answer was lost: far longer than its web server lets a program run."""
_FOUND = 200


class ShopTools(Protocol):
    """What a worker uses for a shop (integrations/shops/client.py)."""

    @property
    def clock(self) -> Clock:
        """The clock."""

    def shop_sku(self, sku: str) -> str | Verdict | None:
        """Return the shop's SKU; None: the map does not have it; a verdict: the map cannot be read now."""

    def where_skus_are(self) -> str:
        """Return where a person looks for a missing SKU."""

    def find(self, reference: str) -> tuple[InShop, ...] | Verdict:
        """Return the orders in the shop with this reference, the oldest first."""

    def find_since(self, reference: str, since: datetime) -> tuple[InShop, ...] | Verdict:
        """Return them among all orders that were modified since then, without the shop's search."""

    def product(self, sku: str) -> Product | Verdict | None:
        """Return the shop's product with that SKU; None: it has none."""

    def create(self, reference: str, quantity: int, price_cents: int | None, product: Product) -> InShop | Verdict:
        """Make the order."""


class ShopOrderCall(OutwardCall[ShopTools]):
    """The call; see the module."""

    ACCOUNT, LANE, PRIORITY = SHOP, OTHERS, 5
    BRAKES_ON_404 = False  # a 404 is about one SKU, or the lane fails
    ENDPOINT, REHEARSED = KIND, "make an order in the shop for"
    SENDS = ("sku", "quantity", "price_cents")
    WORDS = MappingProxyType({
        "kind.shop_order": "shop order", "receiver.shop_order": "the shop",
        "fix.call_parked.shop_order": (
            "correct what it says (often a line in the SKU map), then: supplier-agent retry %(order)s --supplier %(supplier)s"
        ),
    })  # fmt: skip

    def is_for(self, settings: Settings, supplier: str) -> bool:
        """Tell whether this supplier's shop is connected, and gets orders."""
        shop = settings.shop_of(supplier)
        return shop is not None and shop.mirror

    def due_at(self, order: Order, settings: Settings) -> datetime:  # noqa: ARG002 - as every call
        """Return when the order was acknowledged: before, it may still be refused."""
        return order.acknowledged_at or order.first_seen_at

    def longest_wait(self, settings: Settings, cache_seconds: float) -> timedelta:
        """Return the longest wait, SETTLE included."""
        return max(SETTLE, super().longest_wait(settings, cache_seconds))

    def perform(self, job: Job, tools: ShopTools) -> Ending:
        """Search, and only if the order is not there, make it.

        1. Found: done. It does not matter who made it. After an unclear answer, all newer orders are looked through, too.
        2. Not found, but an earlier attempt may still be at work in the shop: search again later.
        3. No such SKU in the map or in the shop: refused, a person is asked. 4. Make it.
        """
        sent_at = job.maybe_sent_at
        found = tools.find(job.menzzo_order_id)
        if not found and sent_at is not None:  # a plug-in may have replaced the shop's search: make sure
            found = tools.find_since(job.menzzo_order_id, sent_at - OVERLAP)
        if isinstance(found, Verdict):
            return _not_made(found, "the search for it")
        if found:
            also = f"; {len(found)} orders there have this id" if len(found) > 1 else ""
            return Ending(Outcome(DONE, f"it is order {found[0].number} in the shop{also}", _FOUND))
        if sent_at is not None and tools.clock.now() < sent_at + SETTLE:
            return Ending(Outcome(LATER, "an earlier try may still be at work in the shop", _FOUND))
        product = self._product(job, tools)
        if isinstance(product, Ending):
            return product
        quantity, price = job.facts["quantity"], job.facts["price_cents"]
        assert isinstance(quantity, int)  # noqa: S101 - the rule in order.py asks for it
        made = tools.create(job.menzzo_order_id, quantity, price if isinstance(price, int) else None, product)
        if isinstance(made, Verdict):
            return ending_of(made)
        return Ending(Outcome(DONE, f"it is order {made.number} in the shop", 201))

    @staticmethod
    def _product(job: Job, tools: ShopTools) -> Product | Ending:
        sku = str(job.facts["sku"])
        theirs = tools.shop_sku(sku)
        if isinstance(theirs, Verdict):
            return Ending(Outcome(NOT_SENT, theirs.detail), outage=True)
        if theirs is None:
            return Ending(Outcome(REFUSED, f"SKU {sku} is not in {tools.where_skus_are()}"))
        product = tools.product(theirs)
        if isinstance(product, Verdict):
            return _not_made(product, "the search for its product")
        if product is None:
            of = "" if theirs == sku else f" (for {sku})"
            return Ending(Outcome(REFUSED, f"the shop has no product with SKU {theirs}{of}"))
        return product

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state. After an unclear answer it is searched for again once the shop cannot be at work on it."""
        outcome = ending.outcome
        if outcome.kind == LATER and outcome.http_status == _FOUND and job.maybe_sent_at is not None:
            return Next("owed", job.maybe_sent_at + SETTLE, why=outcome.detail)
        step = super().after(job, ending, settings, now, chance)
        if outcome.kind == UNKNOWN and step.state == "owed":
            return replace(step, due_at=max(step.due_at or now, now + SETTLE))
        return step


def _not_made(verdict: Verdict, what: str) -> Ending:
    """Return the ending after a read that failed: nothing was made. The account is at fault, not the order."""
    ending = ending_of(verdict)
    if ending.token_refused or (ending.quiet_seconds is not None and verdict.means is Means.TOO_MANY):
        return ending
    detail = f"{what} failed: {verdict.detail}"[:500]
    return replace(ending, outcome=Outcome(NOT_SENT, detail, verdict.http_status), outage=True)


CALL = ShopOrderCall()
