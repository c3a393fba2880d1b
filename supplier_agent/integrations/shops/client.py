"""The requests to a supplier's shop: rate, deadline, and each answer as a typed value or a verdict. One client per call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import TypeVar

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import ConfigError
from supplier_agent.integrations.access_tokens import AccessTokens, Granted
from supplier_agent.integrations.reading import AnswerError, mail_instant, parsed
from supplier_agent.integrations.shops.bigcommerce import BigCommerce
from supplier_agent.integrations.shops.magento import NOT_FOUND, Magento
from supplier_agent.integrations.shops.protocol import (
    ByCursor,
    FindsVariants,
    Granting,
    Line,
    Platform,
    Request,
    SaidError,
    SaysWhenToRetry,
    Scope,
)
from supplier_agent.integrations.shops.shopify import Shopify
from supplier_agent.integrations.shops.sku_map import SkuMap
from supplier_agent.integrations.shops.woocommerce import WooCommerce
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.answers import in_words, read_verdict, retry_after
from supplier_agent.marketplace.connections import Deadline
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Answer, Reply, Wire
from supplier_agent.reading.shop_orders import MOST_PAGES, InShop, Product, ShopPage
from supplier_agent.settings.shop import Shop

ANSWER_BYTES = 4 << 20
"""A page of orders has a few hundred kilobytes, even with many fields of plug-ins."""
T = TypeVar("T")
_WITHOUT_ACCESS = {
    Means.REFUSED: Means.TOKEN_REFUSED,  # a 400 is about the credentials, not about an order
    Means.LOST: Means.NOT_SENT,
    Means.FAILED: Means.NOT_SENT,
}
"""What it means for a request that no access token was given for it."""


def platform_of(shop: Shop) -> Platform:
    """Return the platform of a shop."""
    platforms: dict[str, Callable[[Shop], Platform]] = {
        "woocommerce": WooCommerce,
        "magento": Magento,
        "shopify": Shopify,
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
    access: AccessTokens  # shared by all calls
    heard: Callable[[float], None] = field(default=lambda _seconds: None)
    # How far the shop's clock is behind, as of its last answer; never above zero.
    _behind: timedelta = field(default=timedelta(0), init=False)

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
        """Return the orders with this reference among all that were modified since then; `find` comes first.

        Slower than `find`, but a plug-in that replaces the shop's search, or an index that is behind, cannot hide an order from it.
        Nor can a clock of the shop that is behind: by it, the order was made earlier.
        """
        since += self._behind
        if isinstance(self.platform, ByCursor):
            return self._find_newest(self.platform, reference, since)
        found: list[InShop] = []
        for number in range(1, MOST_PAGES + 1):
            page = self.changed(since, number)
            if isinstance(page, Verdict):
                return page
            found += [each for each in page.orders if each.reference == reference and each.supplier == self.supplier]
            if found or not page.more:
                return tuple(found)
        return Verdict(Means.UNCLEAR, f"more than {MOST_PAGES} pages of orders were modified since then")

    def _find_newest(self, platform: ByCursor, reference: str, since: datetime) -> tuple[InShop, ...] | Verdict:
        """Look through all orders, the newest first, back to those that were made before."""
        after = ""
        for _ in range(MOST_PAGES):
            page = self._ask(platform.newest(after), lambda answer: self.platform.read_orders(answer, 1))
            if isinstance(page, Verdict):
                return page
            mine = [each for each in page.orders if each.reference == reference and each.supplier == self.supplier]
            if mine or not page.more or any(each.created_at and each.created_at < since for each in page.orders):
                return tuple(mine)
            after = page.after
        return Verdict(Means.UNCLEAR, f"more than {MOST_PAGES} pages of orders were made since then")

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

    def changed(self, since: datetime, page: int, after: str = "") -> ShopPage | Verdict:
        """Return a page of the orders that were modified since then, with the shop's clock. after: the cursor before it."""
        request = self.platform.changed(since, page)
        if after and isinstance(self.platform, ByCursor):
            request = self.platform.changed_after(since, after)
        return self._ask(request, lambda answer: replace(self.platform.read_orders(answer, page), at=_time_of(answer)))

    def prove(self) -> list[tuple[str, Verdict]]:
        """Make one read for each right; return what each proves, and its verdict, whose detail is what is doubtful all the same."""
        return [(each.what, self._verdict_of(each)) for each in self.platform.scopes()]

    # -- One request.

    def _verdict_of(self, scope: Scope) -> Verdict:
        """Return that a read worked. A web page, or nothing, proves nothing."""

        def read(answer: Answer) -> Verdict:
            parsed(answer)
            return Verdict(Means.CONFIRMED, scope.read(answer) if scope.read else "", answer.status)

        found = self._ask(scope.request, read)
        assert found is not None  # noqa: S101 - `read` returns one
        return found

    def _ask(
        self, request: Request, read: Callable[[Answer], T], also: frozenset[int] | set[int] = frozenset()
    ) -> T | Verdict:
        """Send a request and read its answer, if it is a 2xx or one of `also`."""
        credentials = self.credentials()
        secrets = [*self.platform.secrets(credentials)]
        if isinstance(self.platform, Granting) and (exchange := self.platform.grant(credentials)) is not None:
            reply = self._send_with_access(self.platform, exchange, request, credentials, secrets)
            if isinstance(reply, Verdict):
                return reply
        else:
            reply = self._send(request, self.platform.headers(credentials))
        return self._read(reply, read, secrets, also)

    def _send_with_access(
        self, platform: Granting, exchange: Request, request: Request, credentials: str, secrets: list[str]
    ) -> Reply | Verdict:
        """Send with an access token, which becomes one of the secrets; a verdict: there is none, and nothing was sent."""

        def ask() -> Granted | Verdict:
            granted = self._read(self._send(exchange, {}), platform.read_grant, secrets)
            if isinstance(granted, Verdict):
                return replace(granted, means=_WITHOUT_ACCESS.get(granted.means, granted.means))
            return granted

        def send(token: str) -> Reply:
            secrets.append(token)
            return self._send(request, self.platform.headers(token))

        return self.access.send(credentials, ask, send)

    def _send(self, request: Request, of_platform: Mapping[str, str]) -> Reply:
        headers = {"Accept": "application/json", **of_platform}
        content = request.content
        if content is not None:
            headers["Content-Type"] = "application/json"
        return self.wire.exchange_in_turn(
            request.method,
            f"{self.shop.url}{request.path}",
            headers=headers,
            content=content,
            limit_bytes=ANSWER_BYTES,
            wait_turn=self.pace.wait_turn,
            heard=self.heard,
            deadline=self._deadline,
        )

    def _read(
        self,
        reply: Reply,
        read: Callable[[Answer], T],
        secrets: Sequence[str],
        also: frozenset[int] | set[int] = frozenset(),
    ) -> T | Verdict:
        if isinstance(reply, Answer) and (at := _time_of(reply)) is not None:
            self._behind = min(at - self.clock.now(), timedelta(0))
        if isinstance(reply, Answer) and (HTTPStatus(200) <= reply.status < HTTPStatus(300) or reply.status in also):
            try:
                return read(reply)
            except SaidError as error:
                return replace(error.verdict, detail=in_words(error.verdict.detail.encode(), secrets))
            except AnswerError as error:
                return Verdict(Means.UNCLEAR, str(error), reply.status)
        verdict = read_verdict(reply, self.clock.now(), secrets)
        if isinstance(reply, Answer) and verdict.means is Means.TOO_MANY and isinstance(self.platform, SaysWhenToRetry):
            wait = retry_after(self.platform.retry_after(reply), self.clock.now())
            verdict = replace(verdict, retry_after_seconds=wait or verdict.retry_after_seconds)
        return verdict


def _time_of(answer: Answer) -> datetime | None:
    """Return the shop's clock from the header Date; None: it has none, or it cannot be read."""
    return mail_instant(answer.headers.get("date"))
