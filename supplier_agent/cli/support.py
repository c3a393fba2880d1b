"""Commands about the support API: after-sales cases, counted; and a case that a person opens."""

from datetime import timedelta
from typing import Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.cli.context import JsonOption, OnlySupplier, here, result, result_json, say

DAYS = 60


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("after-sales")(after_sales)
    app.command("sav")(sav)


def after_sales(
    context: typer.Context,
    supplier: OnlySupplier = "",
    days: Annotated[int, typer.Option("--days", help="Cases first seen in so many days.", min=1, max=3660)] = DAYS,
    as_json: JsonOption = False,
) -> None:
    """Count the after-sales cases about shipped orders, by article and carrier (support API)."""
    from supplier_agent.db.plain_sql import text, within
    from supplier_agent.reports import support

    surroundings = here(context)
    wanted = surroundings.known(supplier) if supplier else None
    since = surroundings.clock.now() - timedelta(days=days)
    with surroundings.store() as store, store.read() as tx:
        rows = support.counts(within(tx), wanted, text(since))
    if as_json:
        result_json({"schema": 1, "days": days, "cases": rows})
        return
    if not rows:
        say(f"no case in the last {days} days")
        return
    result(f"{'CASES':>5}  {'ORDERS':>6}  SKU / CARRIER / SUPPLIER")
    for row in rows:
        result(
            f"{row['cases']:>5}  {row['orders']:>6}  {row['sku'] or '?'} / {row['carrier'] or '?'} / {row['supplier']}"
        )


def sav(
    context: typer.Context,
    menzzo_order_id: Annotated[str, typer.Argument(metavar="ID")],
    complaint: Annotated[str, typer.Option("--type", metavar="TYPE", help='One word, like "damage".')],
    description: Annotated[str, typer.Option("--text", metavar="TEXT", help="What is wrong. No names.")],
    send: Annotated[bool, typer.Option("--send", help="Send what the preview has shown, once.")] = False,
    by: Annotated[str, typer.Option(metavar="NAME", help="With --send: who has read the preview.")] = "",
    supplier: Annotated[str, typer.Option("--supplier", help="If two suppliers have this id.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the after-sales case that would be opened at Menzzo; with --send, have the running agent open it."""
    from supplier_agent import actions
    from supplier_agent.calls.sav import body_of

    surroundings = here(context)
    if send != bool(by.strip()):
        raise UsageError("--send and --by NAME belong together", "look at the preview first, then add both")
    with surroundings.store() as store, store.write() as tx:
        order = actions.find(tx, menzzo_order_id, supplier or None)
        body = body_of(order.increment_id, complaint, description)
        if body is None:
            raise UsageError(
                "a case needs a type of one word and a description", 'for example: --type damage --text "…"'
            )
        said = "nothing is sent; to send exactly this: add --send --by NAME"
        if send:
            said = actions.open_case(tx, order, surroundings.clock.now(), by.strip(), body, surroundings.settings)
    if as_json:
        result_json({"schema": 1, "request": "POST /api/sav", "body": body, "sent": send})
        return
    result(f"POST /api/sav\n{body}")
    say(said)
