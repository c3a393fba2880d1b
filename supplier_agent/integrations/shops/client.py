"""The requests to a supplier's shop: rate, deadline, and each answer as a typed value or a verdict. One client per call."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import TypeVar

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import ConfigError
from supplier_agent.integrations.shops.bigcommerce import BigCommerce
from supplier_agent.integrations.shops.magento import NOT_FOUND, Magento
from supplier_agent.integrations.shops.protocol import (
    AnswerError,
    FindsVariants,
    Line,
    Platform,
    Request,
    SaysWhenToRetry,
    mail_instant,
    parsed,
)
from supplier_agent.integrations.shops.sku_map import SkuMap
from supplier_agent.integrations.shops.woocommerce import WooCommerce
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.answers import read_verdict, retry_after
from supplier_agent.marketplace.connections import Deadline
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Answer, Wire
from supplier_agent.reading.shop_orders import MOST_PAGES, InShop, Product, ShopPage
from supplier_agent.settings.shop import Shop

ANSWER_BYTES = 4 << 20
"""A page of orders has a few hundred kilobytes, even with many fields of plug-ins."""
T = TypeVar("T")


def platform_of(shop: Shop) -> Platform:
    """Return the platform of a shop."""
    platforms: dict[str, Callable[[Shop], Platform]] = {
        "woocommerce": WooCommerce,
        "magento": Magento,
        "bigcommerce": BigCommerce,
    }
    return platforms[shop.platform](shop)


@dataclass
class ShopClient:
    """The tools of one call to a shop; all its requests share one deadline. `heard` gets the network seconds of each answer."""

    shop: Shop
    supplier: str
    platform: Platform
    skus: SkuMap
    credentials: Callable[[], str]
    wire: Wire
    pace: Pace
    clock: Clock
    heard: Callable[[float], None] = field(default=lambda _seconds: None)

    def for_call(self, heard: Callable[[float], None]) -> "ShopClient":
        """Return a client with a deadline of its own."""
        return replace(self, heard=heard)

    @cached_property
    def _deadline(self) -> Deadline:
        return self.wire.deadline()

    # -- What a call needs.

    def shop_sku(self, sku: str) -> str | Verdict | None:
        """Return the shop's SKU; None: the map does not have it; a verdict: the map cannot be read now."""
        try:
            return self.skus.shop_sku(sku)
        except ConfigError as error:
            return Verdict(Means.NOT_SENT, error.what)

    def where_skus_are(self) -> str:
        """Return where a person looks for a missing SKU: the map, or the shop itself."""
        return f"the SKU map {self.skus.path}" if self.skus.path is not None else f"the shop {self.shop.url}"

    def find(self, reference: str) -> tuple[InShop, ...] | Verdict:
        """Return the orders in the shop with exactly this reference and supplier, the oldest first."""
        page = self._ask(self.platform.search(reference), lambda answer: self.platform.read_orders(answer, 1))
        if isinstance(page, Verdict):
            return page
        mine = [each for each in page.orders if each.reference == reference and each.supplier == self.supplier]
        return tuple(sorted(mine, key=lambda each: (each.created_at is None, each.created_at, each.shop_id)))

    def find_since(self, reference: str, since: datetime) -> tuple[InShop, ...] | Verdict:
        """Return the orders with this reference among all that were modified since then.

        Slower than `find`, but a plug-in that replaces the shop's search cannot hide an order from it.
        """
        found: list[InShop] = []
        for number in range(1, MOST_PAGES + 1):
            page = self.changed(since, number)
            if isinstance(page, Verdict):
                return page
            found += [each for each in page.orders if each.reference == reference and each.supplier == self.supplier]
            if found or not page.more:
                return tuple(found)
        return Verdict(Means.UNCLEAR, f"more than {MOST_PAGES} pages of orders were modified since then")

    def product(self, sku: str) -> Product | Verdict | None:
        """Return the shop's product with that SKU; None: it has none."""
        platform = self.platform
        found = self._ask(platform.product(sku), lambda answer: platform.read_product(answer, sku), {NOT_FOUND})
        if found is not None or not isinstance(platform, FindsVariants):
            return found
        return self._ask(platform.variant(sku), lambda answer: platform.read_variant(answer, sku))

    def create(self, reference: str, quantity: int, price_cents: int | None, product: Product) -> InShop | Verdict:
        """Make the order. Once: the caller has searched for it, and searches again after an unclear answer."""
        line = Line(reference, self.supplier, quantity, price_cents)
        return self._ask(self.platform.create(line, product), self.platform.read_created)

    def changed(self, since: datetime, page: int) -> ShopPage | Verdict:
        """Return a page of the orders that were modified since then, with the shop's clock."""
        request = self.platform.changed(since, page)
        return self._ask(request, lambda answer: replace(self.platform.read_orders(answer, page), at=_time_of(answer)))

    def prove(self) -> list[tuple[str, Verdict]]:
        """Make one read for each right; return what each proves, and its verdict."""
        return [(each.what, self._verdict_of(each.request)) for each in self.platform.scopes()]

    # -- One request.

    def _verdict_of(self, request: Request) -> Verdict:
        found = self._ask(request, _proof)
        assert found is not None  # noqa: S101 - `read` returns one
        return found

    def _ask(
        self, request: Request, read: Callable[[Answer], T], also: frozenset[int] | set[int] = frozenset()
    ) -> T | Verdict:
        """Send a request and read its answer, if it is a 2xx or one of `also`."""
        credentials = self.credentials()
        headers = {"Accept": "application/json", **self.platform.headers(credentials)}
        content = request.content
        if content is not None:
            headers["Content-Type"] = "application/json"
        reply = self.wire.exchange_in_turn(
            request.method,
            f"{self.shop.url}{request.path}",
            headers=headers,
            content=content,
            limit_bytes=ANSWER_BYTES,
            wait_turn=self.pace.wait_turn,
            heard=self.heard,
            deadline=self._deadline,
        )
        if isinstance(reply, Answer) and (HTTPStatus(200) <= reply.status < HTTPStatus(300) or reply.status in also):
            try:
                return read(reply)
            except AnswerError as error:
                return Verdict(Means.UNCLEAR, str(error), reply.status)
        verdict = read_verdict(reply, self.clock.now(), self.platform.secrets(credentials))
        if isinstance(reply, Answer) and verdict.means is Means.TOO_MANY and isinstance(self.platform, SaysWhenToRetry):
            wait = retry_after(self.platform.retry_after(reply), self.clock.now())
            verdict = replace(verdict, retry_after_seconds=wait or verdict.retry_after_seconds)
        return verdict


def _proof(answer: Answer) -> Verdict:
    """Return that a read worked. Raises AnswerError: a web page, or nothing, proves nothing."""
    parsed(answer)
    return Verdict(Means.CONFIRMED, "", answer.status)


def _time_of(answer: Answer) -> datetime | None:
    """Return the shop's clock from the header Date; None: it has none, or it cannot be read."""
    return mail_instant(answer.headers.get("date"))
