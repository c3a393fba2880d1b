"""The stand-ins of suppliers' shops: what is in a shop (store.py), and one file for each platform's API."""

from supplier_agent.base.clock import Clock
from supplier_agent.sandbox.shops.bigcommerce import BigCommerceShop
from supplier_agent.sandbox.shops.magento import MagentoShop
from supplier_agent.sandbox.shops.shopify import ShopifyShop
from supplier_agent.sandbox.shops.store import Shop, ShopSemantics, Store
from supplier_agent.sandbox.shops.woocommerce import WooCommerceShop

PLATFORMS: dict[str, type[WooCommerceShop] | type[MagentoShop] | type[ShopifyShop] | type[BigCommerceShop]] = {
    "woocommerce": WooCommerceShop,
    "magento": MagentoShop,
    "shopify": ShopifyShop,
    "bigcommerce": BigCommerceShop,
}


def open_shop(platform: str, clock: Clock, semantics: ShopSemantics | None = None) -> Shop:
    """Return an empty shop of that platform."""
    return PLATFORMS[platform](Store(clock), semantics or ShopSemantics())


__all__ = ["PLATFORMS", "Shop", "ShopSemantics", "Store", "open_shop"]
