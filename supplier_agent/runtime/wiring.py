"""The only place where the real parts are wired: settings in, an agent out. Tests wire other parts in the same way."""

import random
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from supplier_agent.agent import Agent
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError, ConfigError
from supplier_agent.base.log import Log
from supplier_agent.calls import CALLS, Calls, Tools
from supplier_agent.db import private, state_folder
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import FullError, LockedError, open_store
from supplier_agent.labels import LabelFolder
from supplier_agent.labels.pdf import Checks
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reports.vitals import DATABASE_LOCKED, DISK_FULL, Trouble
from supplier_agent.settings import Settings, egress
from supplier_agent.tick.context import Account, Context
from supplier_agent.tick.workers import Workers
from supplier_agent.verdict.supplier import MARKETPLACE


def assemble(
    settings: Settings,
    env: Mapping[str, str],
    clock: Clock,
    executor: Executor,
    log: Log,
    *,
    round_at: datetime | None = None,
    reads_only: bool = False,
    make_ledger: Callable[[Path], Ledger] = Ledger,
) -> tuple[Agent, Callable[[], None]]:
    """Return an agent for these settings, and a function that closes it. The caller holds the instance lock.

    Raises ConfigError if no supplier has a token. If only some lack one, those are shown as paused, and the others work.
    """
    wire = wire_of(settings, clock)
    store = open_store(settings.state_dir / state_folder.DATABASE, agent=True)
    if store.upgraded_from is not None:
        log.info("database.upgraded", copy=str(store.upgraded_from))
    private.take_in(settings.state_dir / private.FOLDER, Path(state_folder.LEDGER).name)
    ledger = make_ledger(settings.state_dir / state_folder.LEDGER)
    checks = Checks(clock)
    labels = LabelFolder(settings.state_dir)
    agent: Agent

    def close_parts() -> None:
        store.checkpoint()
        store.close()
        ledger.close()
        checks.close()

    def close() -> None:
        with suppress(AgentError):  # the disk is full: then only the next start counts the epoch
            agent.ctx.rollback.end(agent.ctx.clock.now())
        close_parts()

    accounts = make_accounts(settings, env, wire, clock, labels, lambda: agent.stopping)
    if lacks_every_token(accounts):
        close_parts()
        for name in settings.suppliers:
            settings.token_of(name, env)  # raises: what is missing, and where it was searched
    workers = Workers(clock, executor, checks, log)
    ctx = Context(settings, store, ledger, labels, clock, random.random, log, workers)
    ctx.round_at, ctx.told_to_read_only = round_at, reads_only
    agent = Agent(ctx, accounts)
    return agent, close


def lacks_every_token(accounts: Iterable[Account]) -> bool:
    """Tell whether no supplier has a token for the marketplace. Other accounts do not count."""
    return all(account.token is None for account in accounts if account.kind == MARKETPLACE)


def database_troubles(locked: LockedError | None) -> list[Trouble]:
    """Return why the database cannot be used now, in the form of the heartbeat file (heartbeat.py)."""
    if locked is None:
        return []
    return [Trouble(DISK_FULL if isinstance(locked, FullError) else DATABASE_LOCKED, locked.what, locked.cure)]


def wire_of(settings: Settings, clock: Clock) -> Wire:
    """Return the HTTP client. Raises ConfigError if the environment names a proxy that cannot be used."""
    return Wire(clock, settings.http.timeout_seconds, egress=egress.of(settings))


def usable(settings: Settings, env: Mapping[str, str]) -> None:
    """Raise ConfigError if no supplier has a token, or if the proxy or its certificates cannot be used."""
    missing, _ = None, egress.of(settings)
    for name in settings.suppliers:
        try:
            settings.token_of(name, env)
        except ConfigError as error:
            missing = error
        else:
            return
    if missing is not None:
        raise missing


def reassemble(agent: Agent, settings: Settings, env: Mapping[str, str], wire: Wire) -> list[str]:
    """Switch an agent to another configuration; nothing may be in flight. Return the keys that need a restart.

    A supplier in both configurations keeps its open run. Its first request waits one interval of the rate, as after a start.
    """
    ctx = agent.ctx
    waits = [] if settings.state_dir == ctx.settings.state_dir else ["state_dir"]
    settings = settings.model_copy(update={"state_dir": ctx.settings.state_dir})
    accounts = make_accounts(settings, env, wire, ctx.clock, ctx.labels, lambda: agent.stopping)
    for account in accounts:
        before = agent.accounts.get(account.name)
        if before is not None:
            account.run, account.longest_page = before.run, before.longest_page
            account.slots_since_read, account.answer_seconds = before.slots_since_read, before.answer_seconds
            account.checking = before.checking
    with ctx.store.write() as tx:
        agent.begin(tx, accounts)
    ctx.settings, ctx.accounts = settings, {account.name: account for account in accounts}
    ctx.read_since_ping &= ctx.accounts.keys()
    ctx.heal_at = ctx.clock.now()  # undo window or limits may have changed: plan every open order again
    ctx.look_again()
    return waits


def make_accounts(
    settings: Settings,
    env: Mapping[str, str],
    wire: Wire,
    clock: Clock,
    labels: LabelFolder,
    stopping: Callable[[], bool],
) -> list[Account]:
    """Return all accounts of these settings. Add another kind of account here.

    Raises ValueError if a call is switched on and has no account: it would be owed forever.
    """

    def read_token(name: str) -> str:
        return settings.token_of(name, env)

    def read_next(name: str) -> str | None:
        return settings.next_token_of(name, env)

    accounts = [
        make_account(settings, name, wire, clock, labels, read_token, stopping, read_next)
        for name in settings.suppliers
    ]
    if missing := calls_without_account(accounts, settings):
        raise ValueError(f"{', '.join(missing)}: a call needs an account of its kind from make_accounts")
    return accounts


def calls_without_account(accounts: Iterable[Account], settings: Settings, kinds: Calls = CALLS) -> list[str]:
    """Return the calls that are switched on, and that some supplier has no account for."""
    there = {(account.supplier, account.kind) for account in accounts}
    on = {kind: call for kind, call in kinds.items() if kinds.is_on(kind, settings)}
    return [kind for kind, call in on.items() if any((name, call.ACCOUNT) not in there for name in settings.suppliers)]


def make_account(
    settings: Settings,
    name: str,
    wire: Wire,
    clock: Clock,
    labels: LabelFolder,
    read_token: Callable[[str], str],
    stopping: Callable[[], bool],
    read_next: Callable[[str], str | None] = lambda _name: None,
) -> Account:
    """Return a supplier's account at the marketplace, with its token if that can be read."""
    pace = Pace(clock, settings.requests_per_second)
    marketplace = Marketplace(
        supplier=name,
        base_url=settings.base_url,
        token=lambda: account.token or "",
        wire=wire,
        pace=pace,
        max_label_bytes=settings.http.max_label_bytes,
        label_origins=settings.http.label_origins,
        clock=clock,
        stopping=lambda: stopping() or account.reads_failing,
    )
    account = Account(
        name,
        name,
        tools=lambda heard: Tools(replace(marketplace, heard=heard), labels, settings),
        pace=pace,
        read_token=lambda: read_token(name),
        read_next_token=lambda: read_next(name),
    )
    with suppress(ConfigError):  # else the loop logs it, pauses this account, and reads the token again later
        account.token = read_token(name)
    return account
