"""The suppliers' own shops in `check`: credentials, SKU map, and with a network one read for each right. Writes nothing."""

from dataclasses import dataclass

from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError
from supplier_agent.check.report import Report, credential_files
from supplier_agent.integrations.shops.account import make_client
from supplier_agent.integrations.shops.client import platform_of
from supplier_agent.integrations.shops.sku_map import read_map
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.wire import Wire
from supplier_agent.settings import Settings, egress
from supplier_agent.settings.shop import Shop

HOW_TO = {
    "woocommerce": "docs/how-to/shop-woocommerce.md",
    "magento": "docs/how-to/shop-magento.md",
    "shopify": "docs/how-to/shop-shopify.md",
    "bigcommerce": "docs/how-to/shop-bigcommerce.md",
}


def here(report: Report, settings: Settings, name: str, shop: Shop) -> str | None:
    """Check what needs no network; return the credentials, or None if they cannot be used."""
    platform = platform_of(shop)
    what = f"{name}: the shop {shop.url} is spoken to by {platform.API}, tried against a stand-in only"
    report.note(what, f"compare a first order in the shop with {HOW_TO[shop.platform]}")
    credential_files(report, settings, f"suppliers.{name}.shop", shop.credential_files, "shops")
    if shop.mirror and shop.sku_map is not None:
        try:
            report.good(f"{name}: the SKU map {shop.sku_map} has {len(read_map(shop.sku_map))} SKUs")
        except AgentError as error:
            report.error(error)
    try:
        return shop.credentials(name)
    except AgentError as error:
        report.error(error)
        return None


@dataclass(frozen=True)
class Proved:
    """One right, and whether a read has proved it. detail: the answer, or what happened instead; "" if it was proved."""

    what: str
    works: bool
    detail: str
    means: Means


def prove(report: Report, settings: Settings, name: str, credentials: str, clock: Clock) -> list[Proved]:
    """Make one read for each right, report what each proves, and return it."""
    shop = settings.shop_of(name)
    assert shop is not None  # noqa: S101 - the caller has looked
    wire = Wire(clock, settings.http.timeout_seconds, egress=egress.of(settings))
    client, found = make_client(settings, name, wire, clock, lambda: credentials), []
    for what, verdict in client.prove():
        works = verdict.means is Means.CONFIRMED
        found.append(Proved(what, works, "" if works else verdict.detail, verdict.means))
        if works:
            report.good(f"{name}: {what}")
            if verdict.detail:
                report.doubt(f"{name}: {verdict.detail}", "update the agent")
        else:
            _failure(report, name, shop, what, verdict)
    report.note(f"{name}: {platform_of(shop).CANNOT_PROVE}", f"see {HOW_TO[shop.platform]}")
    return found


def _failure(report: Report, name: str, shop: Shop, what: str, verdict: Verdict) -> None:
    said = f"{name}: not proved that {what}: {verdict.detail}"[:500]
    if verdict.means is Means.TOKEN_REFUSED:
        report.bad(said, f"make new credentials in the shop, and give them the rights in {HOW_TO[shop.platform]}", 77)
    elif verdict.means in {Means.NOT_FOUND, Means.REDIRECTED, Means.UNCLEAR}:
        report.bad(said, f"is suppliers.{name}.shop.url the shop's address? It asks {shop.url}", 78)
    else:
        report.bad(said, f"does this machine reach {shop.url}?", 69)


def look(report: Report, settings: Settings, clock: Clock, *, offline: bool) -> None:
    """Check the shop of every supplier that has one."""
    for name, supplier in settings.suppliers.items():
        if supplier.shop is not None:
            credentials = here(report, settings, name, supplier.shop)
            if credentials is not None and not offline:
                prove(report, settings, name, credentials, clock)
