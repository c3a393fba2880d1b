"""Learn from a run that has ended (learning/): in a short transaction of its own, and only when nothing else is to be done."""

from supplier_agent.db.store import LockedError
from supplier_agent.learning import feed
from supplier_agent.tick.context import Context


def step(ctx: Context) -> bool:
    """Learn from one more run of a supplier; return whether there is more. An error here never stops a turn."""
    if not ctx.to_learn:
        return False
    name, now = min(ctx.to_learn), ctx.clock.now()
    account = ctx.accounts.get(name)
    if account is None:  # a new configuration has removed it
        ctx.to_learn.discard(name)
        return False
    try:
        with ctx.store.write() as tx:
            is_more = feed.step(tx, name, ctx.settings, now, account.heard)
    except LockedError:
        return False  # a later turn tries again; if it lasts, the turn itself reports it
    except Exception as error:  # noqa: BLE001 - see above
        ctx.to_learn.discard(name)
        account.heard = []
        ctx.log.fault("internal.error", f"learning of {name}", error, supplier=name)
        _skip(ctx, name)
        return False
    account.heard = []
    if not is_more:
        ctx.to_learn.discard(name)
    return is_more


def _skip(ctx: Context, name: str) -> None:
    """Go on behind what could not be learned from, so that it fails once."""
    try:
        with ctx.store.write() as tx:
            feed.skip(tx, name, ctx.clock.now())
    except Exception as error:  # noqa: BLE001 - then it fails once more
        ctx.log.fault("internal.error", f"learning of {name}", error, supplier=name)
