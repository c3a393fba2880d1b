"""The command about parcels that no carrier has scanned."""

from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base.errors import AgentError
from supplier_agent.cli.batch import Named, do_each
from supplier_agent.cli.context import JsonOption, WhichSupplier, here

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.db.tables import Order


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(settle)


def settle(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who has looked for the parcel, or asked the carrier.")],
    supplier: WhichSupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Settle what was reported about orders, or that their carrier has never scanned them: it is a problem no longer."""
    from supplier_agent import actions
    from supplier_agent.db.plain_sql import within
    from supplier_agent.reports import facts
    from supplier_agent.reports.orders import Judge
    from supplier_agent.verdict import Act, Role

    surroundings = here(context)
    now = surroundings.clock.now()

    def act(tx: "Session", order: "Order") -> str:
        look = within(tx)
        (found,) = facts.orders_of(look, [order.id or 0])
        if Act.SETTLE not in Judge(look, surroundings.settings, now).of(found).may[Role.LEAD]:
            raise AgentError("there is nothing to settle", f"supplier-agent order {order.menzzo_order_id}")
        return actions.settle(tx, order, now, by.strip() or surroundings.who)

    return do_each(surroundings, [Named(each.strip(), supplier) for each in ids], act, as_json=as_json)
