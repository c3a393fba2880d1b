"""Commands about the suppliers' own shops: list, check."""

from typing import Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.cli.context import JsonOption, here, result, result_json, say

shop = typer.Typer(
    no_args_is_help=True,
    help="List or check the suppliers' own shops (WooCommerce, Magento, Shopify, BigCommerce).",
)
NONE_YET = (
    "none is connected; how to: docs/how-to/shop-woocommerce.md, shop-magento.md, shop-shopify.md, shop-bigcommerce.md"
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(shop, name="shop")


@shop.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the connected shops: the orders made there, and the marks read back from there."""
    from supplier_agent.reports.shops import shops
    from supplier_agent.words.formats import iso

    surroundings = here(context)
    with surroundings.store() as store, store.read() as tx:
        found = shops(tx, surroundings.settings)
    if as_json:
        result_json({"schema": 1, "shops": [each.as_json() for each in found]})
        return
    for each in found:
        made = f"{each.calls.get('done', 0)} orders made" if each.mirror else "makes no orders"
        waits = f", {each.calls['parked']} wait for a person" if each.calls.get("parked") else ""
        read = "never read" if each.read_at is None else f"read at {iso(each.read_at)}"
        back = f"{each.marked} marked, {each.refused} refused, {each.undone} taken back; {read}"
        result(f"{each.supplier}: {each.name} ({each.platform}, {each.url})")
        result(f"  {made}{waits}; {back if each.reads_back else 'reads nothing back'}")
    if not found:
        say(NONE_YET)


@shop.command()
def check(
    context: typer.Context,
    supplier: Annotated[str, typer.Argument(metavar="SUPPLIER", help="Whose shop.")],
    as_json: JsonOption = False,
) -> int:
    """Prove credentials and rights of a supplier's shop. It only reads, and changes nothing."""
    from supplier_agent.check import shops
    from supplier_agent.check.report import Report
    from supplier_agent.integrations.shops.client import platform_of

    surroundings = here(context)
    settings = surroundings.settings
    found = settings.shop_of(surroundings.known(supplier))
    if found is None:
        raise UsageError(
            f"{supplier} has no shop", f"add [suppliers.{supplier}.shop]: {NONE_YET.partition('how to: ')[2]}"
        )
    report = Report(lambda finding: None if as_json else result(str(finding)))
    report.layer("shop")
    credentials = shops.here(report, settings, supplier, found)
    proved = [] if credentials is None else shops.prove(report, settings, supplier, credentials, surroundings.clock)
    if as_json:
        rights = [{"what": each.what, "proved": each.works, "detail": each.detail} for each in proved]
        findings = [vars(each) for each in report.findings]
        whole = {"schema": 1, "supplier": supplier, "platform": found.platform, "api": platform_of(found).API}
        result_json({**whole, "stand_in_only": True, "rights": rights, "findings": findings})
    else:
        result(report.summary())
    return report.exit_code
