"""What is in a shop, whatever its platform: products, orders, and the mails that it would have sent."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from supplier_agent.base.clock import Clock
from supplier_agent.sandbox.faults import Answer, Request


@dataclass(frozen=True)
class ShopSemantics:
    """How this shop behaves where its documentation is silent, or where shops differ."""

    search: Literal["usual", "nothing", "everything"] = "usual"
    """A plug-in may replace the search of WooCommerce: it then finds nothing, or the parameter is ignored."""
    totals: bool = True
    """Whether the headers that count the pages are there: a proxy in front of the shop may remove them."""
    key_may_write: bool = True
    """Whether the key or integration may make orders."""
    clock_ahead_seconds: float = 0.0
    """The shop's clock minus ours."""
    search_lag_seconds: float = 0.0
    """How long after a change Shopify's search learns of it."""
    api_version: str = ""
    """The version of its API in which Shopify answers, instead of the one that was asked for; "": that one."""


CHECKOUT: dict[str, Any] = {
    "created_via": "checkout",
    "billing": {"first_name": "Zephyrine", "last_name": "Quaddelbacher", "phone": "+33600000000"},
}
"""An order that a customer of the shop places there, with a name and a number that must go no further."""


@dataclass
class Product:
    """A product. parent: the id of the product whose variation it is; 0: it is none."""

    id: int
    sku: str
    name: str
    stock: int = 10
    parent: int = 0


@dataclass
class Placed:
    """An order in the shop, with the fields that the API got."""

    id: int
    status: str
    created_at: datetime
    modified_at: datetime
    given: dict[str, Any]
    shipped: bool = False


@dataclass
class Store:
    """The content of a shop."""

    clock: Clock
    products: dict[int, Product] = field(default_factory=dict)
    orders: dict[int, Placed] = field(default_factory=dict)
    mails: list[str] = field(default_factory=list)  # the addresses to which the shop has sent a mail
    ahead_seconds: float = 0.0
    _next_id: int = 100

    def now(self) -> datetime:
        """Return the time by the shop's clock, in whole seconds as the APIs show it."""
        at = self.clock.now().timestamp() + self.ahead_seconds
        return datetime.fromtimestamp(int(at), tz=self.clock.now().tzinfo)

    def sells(self, sku: str, parent: int = 0) -> Product:
        """Add a product."""
        self._next_id += 1
        product = self.products[self._next_id] = Product(self._next_id, sku, f"Product {sku}", parent=parent)
        return product

    def place(self, status: str, given: dict[str, Any]) -> Placed:
        """Store an order."""
        self._next_id += 1
        now = self.now()
        placed = self.orders[self._next_id] = Placed(self._next_id, status, now, now, given)
        return placed

    def set_status(self, order_id: int, status: str, *, shipped: bool | None = None) -> None:
        """Change an order, as the shop's staff do in its own screen."""
        placed = self.orders[order_id]
        placed.status, placed.modified_at = status, self.now()
        placed.shipped = placed.shipped if shipped is None else shipped


class Shop(Protocol):
    """A stand-in of one platform."""

    store: Store
    semantics: ShopSemantics

    @property
    def credentials(self) -> str:
        """The credentials that it accepts, as the agent joins them."""

    def answer(self, request: Request, path: str, *, applies: bool) -> Answer:
        """Answer a request. path: without the prefix under which the shop is. applies: whether its effect takes place."""

    def fulfil(self, order_id: int) -> None:
        """Mark an order as fulfilled, as the shop's staff do."""

    def take_back(self, order_id: int) -> None:
        """Undo that."""
