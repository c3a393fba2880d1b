"""Commands about the suppliers' own WhatsApp bots: list, settle."""

from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base.errors import UsageError
from supplier_agent.cli.context import JsonOption, OnlySupplier, here, result, result_json, say

if TYPE_CHECKING:
    from supplier_agent.db.tables import Call

businessonbot = typer.Typer(
    no_args_is_help=True, help="List the messages to a supplier's own WhatsApp bot (BusinessOnBot), or settle them."
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(businessonbot, name="businessonbot")


@businessonbot.command("list")
def list_(
    context: typer.Context,
    supplier: OnlySupplier = "",
    all_: Annotated[bool, typer.Option("--all", help="All messages, not only those that wait for a person.")] = False,
    as_json: JsonOption = False,
) -> int:
    """List the bots, and the messages that wait for a person; exit code 1 if there are some."""
    from supplier_agent.db.plain_sql import within
    from supplier_agent.reports.businessonbot import bots, messages
    from supplier_agent.words.formats import iso

    surroundings = here(context)
    names = surroundings.suppliers(supplier)
    with surroundings.store() as store, store.read() as tx:
        look = within(tx)
        found = {each.supplier: each for each in bots(look, surroundings.settings) if each.supplier in names}
        listed = {name: messages(look, name, all_of_them=all_) for name in found}
    stuck = sum(each.stuck for each in found.values())
    if as_json:
        rows = [
            {"supplier": name, **each.as_json(), "listed": [message.as_json() for message in listed[name]]}
            for name, each in found.items()
        ]
        result_json({"schema": 1, "businessonbot": rows})
        return 1 if stuck else 0
    for name, each in found.items():
        sends = f"{each.calls.get('done', 0)} messages sent, {each.stuck} wait for a person"
        result(
            f"{name}: {sends if each.sends else 'sends nothing'}; {'answers' if each.answers else 'answers nothing'}"
        )
        for message in listed[name]:
            why = f": {message.detail}" if message.detail else ""
            result(
                f"  order {message.number} of the shop, dispatched {iso(message.dispatched_at)}  {message.state}{why}"
            )
    if not found:
        say("none is connected: docs/how-to/businessonbot.md")
    elif stuck:
        say("each waits for: supplier-agent businessonbot settle ORDER… --told, or --send-again")
    return 1 if stuck else 0


@businessonbot.command()
def settle(
    context: typer.Context,
    orders: Annotated[list[str], typer.Argument(metavar="ORDER…", help="Orders of the shop, by number or id.")],
    told: Annotated[bool, typer.Option("--told", help="The customer was told, or need not be.")] = False,
    send_again: Annotated[bool, typer.Option("--send-again", help="Send the message again.")] = False,
    supplier: OnlySupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Settle messages that wait for a person. Sent again, a customer who did get the first one gets a second one."""
    from sqlmodel import col, select

    from supplier_agent import outbox
    from supplier_agent.db.businessonbot import BotOrder
    from supplier_agent.order import STUCK
    from supplier_agent.reading.own_orders import KIND, event_id

    if told == send_again:
        raise UsageError("say what is to be done", "name --told or --send-again, one of them")
    surroundings = here(context)
    names, now, done = surroundings.suppliers(supplier), surroundings.clock.now(), list[dict[str, str]]()
    with surroundings.store() as store, store.write() as tx:
        for each in orders:
            mine = col(BotOrder.supplier).in_(names) & ((BotOrder.number == each) | (BotOrder.shop_id == each))
            waiting: list[Call] = []
            for row in tx.exec(select(BotOrder).where(mine)).all():
                call = outbox.of_event(tx, KIND, event_id(row.supplier, row.shop_id))
                if call is not None and call.state in STUCK:
                    waiting.append(call)
            if len(waiting) != 1:
                what = "no message about" if not waiting else "two messages about"
                raise UsageError(
                    f"{what} order {each} of the shop wait for a person", "supplier-agent businessonbot list"
                )
            call = waiting[0]
            if told:
                outbox.conclude(tx, call, "done", f"{surroundings.who} says that the customer knows")
            else:
                outbox.owe_again(tx, call, now)
            done.append({"supplier": call.supplier, "order": each, "said": "settled" if told else "sent again"})
    if as_json:
        result_json({"schema": 1, "settled": done})
    else:
        for line in done:
            result(f"{line['supplier']}: order {line['order']} of the shop: {line['said']}")
    return 0
