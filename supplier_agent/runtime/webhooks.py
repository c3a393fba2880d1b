"""Wires the webhooks: an account for each, and the feed that runs after each turn. Imported only if one is configured, or was."""

from collections.abc import Callable, Mapping
from typing import Any

from supplier_agent.base.clock import Clock
from supplier_agent.integrations.webhooks import deliveries
from supplier_agent.integrations.webhooks.feed import Feed, Parts
from supplier_agent.integrations.webhooks.receiver import Receiver
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.settings import Settings
from supplier_agent.settings.webhooks import Webhook, secret_of
from supplier_agent.tick.context import Account, Context


def make_accounts(settings: Settings, env: Mapping[str, str], wire: Wire, clock: Clock) -> list[Account]:
    """Return one account for each webhook, with its own rate, circuit breaker, secret and threads. It serves all suppliers."""
    return [_account(each, env, wire, clock) for each in settings.webhooks]


def _account(webhook: Webhook, env: Mapping[str, str], wire: Wire, clock: Clock) -> Account:
    pace = Pace(clock, webhook.requests_per_second)

    def tools(heard: Callable[[float], None]) -> Any:  # noqa: ANN401 - as in Account
        secret = account.token or ""
        return Receiver(webhook.url.get_secret_value(), lambda: secret, wire, pace, clock, heard)

    account = Account(
        webhook.kind, webhook.kind, tools, pace, kind=webhook.kind, read_token=lambda: secret_of(webhook, env)
    )
    return account.with_token()


def attach(ctx: Context, settings: Settings) -> None:
    """Publish what changes, after each turn. A dry run is wired without it."""
    ctx.touched = {}

    def wake(account: str) -> None:
        if account in ctx.accounts:
            ctx.accounts[account].wake()

    feed = Feed(Parts(ctx.store, ctx.clock, ctx.chance, ctx.log, ctx.calls, ctx.touched, wake), settings)
    ctx.publish = feed.step


def forget(ctx: Context) -> None:
    """Remove what earlier webhooks have left."""
    with ctx.store.write() as tx:
        deliveries.forget(tx)
