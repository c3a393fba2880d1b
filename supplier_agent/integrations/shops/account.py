"""A supplier's shop as an account: its own rate, credentials, circuit breakers and worker threads."""

from collections.abc import Callable

from supplier_agent.base.clock import Clock
from supplier_agent.integrations.access_tokens import AccessTokens
from supplier_agent.integrations.shops.client import ShopClient, platform_of
from supplier_agent.integrations.shops.sku_map import SkuMap
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.settings import Settings


def make_client(
    settings: Settings, supplier: str, wire: Wire, clock: Clock, credentials: Callable[[], str]
) -> ShopClient:
    """Return the client of a supplier's shop. Raises ValueError if it has none."""
    shop = settings.shop_of(supplier)
    if shop is None:
        raise ValueError(f"{supplier} has no shop")
    pace = Pace(clock, shop.requests_per_second)
    return ShopClient(
        shop, supplier, platform_of(shop), SkuMap(shop.sku_map), credentials, wire, pace, clock, AccessTokens(clock)
    )
