"""Wires the messages to the suppliers' own bots: an account for each, and their end. Imported only if one is on, or was."""

from collections.abc import Iterable

from supplier_agent.base.clock import Clock
from supplier_agent.calls.dispatched import forget
from supplier_agent.integrations.businessonbot import make_client
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reading.own_orders import KIND
from supplier_agent.settings import Settings
from supplier_agent.settings.businessonbot import BusinessOnBot
from supplier_agent.tick.context import Account, Context
from supplier_agent.verdict.supplier import BOT, account_name


def make_account(name: str, bot: BusinessOnBot, settings: Settings, wire: Wire, clock: Clock) -> Account:
    """Return the account of a supplier's bot, with its own rate, key, circuit breaker and threads."""
    client = make_client(settings, name, wire, clock, lambda: account.token or "")
    account = Account(
        account_name(name, BOT), name, client.for_call, client.pace, kind=BOT, read_token=lambda: bot.key(name)
    )
    return account.with_token()


def forget_others(ctx: Context, settings: Settings, suppliers: Iterable[str]) -> None:
    """Remove what is left of the messages of these suppliers, unless they are switched on."""
    left = [name for name in suppliers if not ctx.calls.is_on(KIND, settings, name)]
    if left:
        with ctx.store.write() as tx:
            forget(tx, left)
