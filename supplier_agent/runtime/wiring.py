"""The only place where the real parts are wired: settings in, an agent out, at the start and at a reload. Tests wire other parts.

A reload is read on SIGHUP, then refused with a reason, or adopted once nothing is in flight. A bad configuration changes nothing:
the previous one stays in use, and the refusal is stored in the database for `status`.
"""

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
from supplier_agent.base.process import Hangup
from supplier_agent.calls import CALLS, Calls, Tools
from supplier_agent.db import state_folder
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import FullError, LockedError, is_ours, open_store
from supplier_agent.db.tables import Chore
from supplier_agent.labels import LabelFolder
from supplier_agent.labels.pdf import Checks
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.masking import mask_of
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reports.vitals import CONFIGURATION, CORRECT_IT, DATABASE_LOCKED, DISK_FULL, RESTART, Trouble
from supplier_agent.settings import Settings, egress
from supplier_agent.settings.carriers import Carrier
from supplier_agent.settings.shop import Shop
from supplier_agent.settings.support import Support
from supplier_agent.tick import evidence
from supplier_agent.tick.context import Account, Context
from supplier_agent.tick.workers import Workers
from supplier_agent.verdict.supplier import SHOP, SUPPORT, account_name


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
    usable(settings, env)
    wire = wire_of(settings, clock)
    store = open_store(settings.state_dir / state_folder.DATABASE, agent=True)
    if store.upgraded_from is not None:
        log.info("database.upgraded", copy=str(store.upgraded_from))
    state_folder.adopt(settings.state_dir / state_folder.PRIVATE, Path(state_folder.LEDGER).name)
    ledger = make_ledger(settings.state_dir / state_folder.LEDGER)
    checks = Checks(clock)
    labels = LabelFolder(settings.state_dir)
    workers = Workers(clock, executor, checks, log)
    ctx = Context(settings, store, ledger, labels, clock, random.random, log, workers)
    follow_webhooks(ctx, settings)
    follow_bots(ctx, settings)
    ctx.round_at, ctx.told_to_read_only = round_at, reads_only
    agent = Agent(ctx, make_accounts(settings, env, wire, clock, labels, lambda: agent.stopping))

    def close() -> None:
        # If the disk is full, or the database locked, only the next start counts the epoch.
        with suppress(AgentError):
            agent.ctx.evidence.stop(store, agent.ctx.clock.now())
            agent.ctx.rollback.end(agent.ctx.clock.now())
        store.checkpoint()
        store.close()
        ledger.close()
        checks.close()

    return agent, close


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
    egress.of(settings)
    missing = []
    for name in settings.suppliers:
        try:
            settings.token_of(name, env)
        except ConfigError as error:
            missing.append(error)
    if missing and len(missing) == len(settings.suppliers):
        raise missing[0]


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
    follow_webhooks(ctx, settings)
    follow_bots(ctx, settings)
    evidence.settings_changed(ctx, ctx.clock.now())
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
    mask_key: bytes | None = None,
) -> list[Account]:
    """Return all accounts of these settings, each with its token if that can be read. Add another kind of account here.

    mask_key: of masks (marketplace/masking.py); None: the one in the state folder, created at the first use.

    Raises ValueError if a call is switched on and has no account: it would be owed forever.
    """
    total = settings.http.requests_per_second_total
    host = None if total is None else Pace(clock, total)
    mask_key = state_folder.masking_key(settings.state_dir) if mask_key is None else mask_key

    def at_the_marketplace(name: str) -> Account:
        pace = Pace(clock, settings.requests_per_second, host)
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
            mask=mask_of(settings.suppliers[name], mask_key),
        )
        account = Account(
            name,
            name,
            tools=lambda heard: Tools(replace(marketplace, heard=heard), labels, settings),
            pace=pace,
            read_token=lambda: settings.token_of(name, env),
            read_next_token=lambda: settings.next_token_of(name, env),
        )
        return account.with_token()

    accounts = [at_the_marketplace(name) for name in settings.suppliers]
    for name, supplier in settings.suppliers.items():
        if supplier.support is not None:
            accounts.append(_at_the_support_api(name, supplier.support, settings, env, wire, clock, host))
        if supplier.shop is not None:
            accounts.append(_at_the_shop(name, supplier.shop, settings, wire, clock))
        accounts += [
            _at_the_carrier(name, kind, each, settings, wire, clock) for kind, each in supplier.carriers.items()
        ]
        if supplier.businessonbot is not None and supplier.businessonbot.send_dispatched:
            from supplier_agent.runtime.businessonbot import make_account  # noqa: PLC0415 - off by default

            accounts.append(make_account(name, supplier.businessonbot, settings, wire, clock))
    if settings.webhooks:
        from supplier_agent.runtime.webhooks import make_accounts as of_webhooks  # noqa: PLC0415 - off by default

        accounts += of_webhooks(settings, env, wire, clock)
    if missing := calls_without_account(accounts, settings):
        raise ValueError(f"{', '.join(missing)}: a call needs an account of its kind from make_accounts")
    return accounts


def _at_the_support_api(
    name: str,
    keys: Support,
    settings: Settings,
    env: Mapping[str, str],
    wire: Wire,
    clock: Clock,
    host: Pace | None,
) -> Account:
    from supplier_agent.integrations.support import make_tools  # noqa: PLC0415 - not imported while it is off

    pace = Pace(clock, keys.requests_per_second, host)
    account = Account(
        account_name(name, SUPPORT),
        name,
        make_tools(name, settings, wire, pace, clock, lambda: account.token or ""),
        pace,
        kind=SUPPORT,
        read_token=lambda: settings.support_token_of(name, env),
    )
    return account.with_token()


def _at_the_shop(name: str, shop: Shop, settings: Settings, wire: Wire, clock: Clock) -> Account:
    from supplier_agent.integrations.shops.account import make_client  # noqa: PLC0415 - not imported while it is off
    from supplier_agent.tick.own_orders import OwnOrders  # noqa: PLC0415 - as above
    from supplier_agent.tick.read_back import ReadBack  # noqa: PLC0415 - as above

    client, bot = make_client(settings, name, wire, clock, lambda: account.token or ""), settings.bot_of(name)
    own = OwnOrders(name, shop.url) if bot is not None and bot.send_dispatched else None
    account = Account(
        account_name(name, SHOP),
        name,
        client.for_call,
        client.pace,
        kind=SHOP,
        read_token=lambda: shop.credentials(name),
        errand=ReadBack(account_name(name, SHOP), name, shop, own) if shop.read_back_seconds else None,
    )
    return account.with_token()


def _at_the_carrier(name: str, kind: str, carrier: Carrier, settings: Settings, wire: Wire, clock: Clock) -> Account:
    from supplier_agent.integrations.carriers.client import make_client  # noqa: PLC0415 - not imported while it is off

    client = make_client(settings, name, kind, wire, clock, lambda: account.token or "")
    account = Account(
        account_name(name, kind),
        name,
        client.for_call,
        client.pace,
        kind=kind,
        read_token=lambda: carrier.credentials(name, kind),
    )
    return account.with_token()


def follow_bots(ctx: Context, settings: Settings) -> None:
    """Remove what is left of messages to bots that are switched off. Without any, nothing is imported."""
    with ctx.store.read() as tx:
        suppliers = tx.connection().exec_driver_sql("SELECT supplier FROM bot_feeds").scalars().all()
    if suppliers:
        from supplier_agent.runtime.businessonbot import forget_others  # noqa: PLC0415 - off by default

        forget_others(ctx, settings, suppliers)


def follow_webhooks(ctx: Context, settings: Settings) -> None:
    """Let the agent tell the configured webhooks what happens. Without one, nothing is imported nor left."""
    ctx.calls, ctx.touched, ctx.publish = ctx.calls.with_webhooks(settings), None, lambda: False
    if settings.webhooks:
        from supplier_agent.runtime.webhooks import attach  # noqa: PLC0415 - off by default

        attach(ctx, settings)
        return
    with ctx.store.read() as tx:
        is_left = tx.connection().exec_driver_sql("SELECT EXISTS (SELECT 1 FROM webhook_endpoints)").scalar()
    if is_left:
        from supplier_agent.runtime.webhooks import forget  # noqa: PLC0415 - as above

        forget(ctx)


def calls_without_account(accounts: Iterable[Account], settings: Settings, kinds: Calls = CALLS) -> list[str]:
    """Return the calls that are switched on, and that some supplier has no account for."""
    there = {(account.supplier, account.kind) for account in accounts}
    return [
        kind
        for kind, call in kinds.items()
        if any(kinds.is_on(kind, settings, name) and (name, call.ACCOUNT) not in there for name in settings.suppliers)
    ]


# -- Reload.

CHORE = "configuration"
"""The row of the table `chores` that has the last rejection and its time."""
DRAIN_SECONDS = 60.0
"""How long to wait for the requests in flight; each has a shorter deadline."""


class Reload:
    """Switches an agent to a new configuration. `load` reads it, and raises ConfigError if it cannot be used."""

    def __init__(
        self,
        agent: Agent,
        env: Mapping[str, str],
        hangup: Hangup,
        load: Callable[[], Settings],
        make_wire: Callable[[Settings, Clock], Wire] = wire_of,
    ) -> None:
        self._agent, self._env, self._hangup, self._load, self._make_wire = agent, env, hangup, load, make_wire
        self.refused: Trouble | None = None  # None: the last configuration was adopted
        self._waits: Settings | None = None  # None: no configuration waits for the requests in flight
        self._until = 0.0

    @property
    def is_asked(self) -> bool:
        """Tell whether a reload was requested (SIGHUP)."""
        return self._hangup.event.is_set()

    @property
    def is_under_way(self) -> bool:
        """Tell whether a new configuration waits until nothing is in flight. Until then nothing new is sent."""
        return self._waits is not None

    def start(self) -> None:
        """Clear the rejection of an earlier process: this process has read its configuration at startup."""
        self._note(None)

    def begin(self) -> bool:
        """Read the configuration; return whether it can be used. `finish` adopts it."""
        self._hangup.event.clear()
        try:
            settings = self._load()
            usable(settings, self._env)
        except AgentError as error:
            self._refuse(error)
            return False
        self._waits, self._agent.holding = settings, True
        self._until = self._agent.ctx.clock.monotonic() + DRAIN_SECONDS
        return True

    def finish(self) -> bool:
        """Adopt the new configuration if nothing is in flight any more; return whether this reload is over."""
        agent, settings = self._agent, self._waits
        if settings is None:
            return True
        if agent.ctx.in_flight():
            if agent.ctx.clock.monotonic() < self._until:
                return False
            self._end()
            self._refuse(
                ConfigError("a request in flight does not end; the previous configuration stays in use", "reload again")
            )
            return True
        try:
            self._note(None)
            waits = reassemble(agent, settings, self._env, self._make_wire(settings, agent.ctx.clock))
        except Exception as error:
            if not is_ours(error):
                raise  # the database is locked: the next turn tries again
            agent.ctx.log.fault("internal.error", "reload", error)
            self._end()
            self._refuse(ConfigError(f"an internal error ({type(error).__name__}) kept it from being used", RESTART))
            return True
        self.refused = None
        self._end()
        agent.ctx.log.info("configuration.adopted", suppliers=", ".join(agent.accounts))
        for key in waits:
            agent.ctx.log.warning("configuration.postponed", key=key, cure="restart the agent to apply it")
        return True

    def _end(self) -> None:
        self._waits, self._agent.holding = None, False
        self._agent.ctx.look_again()

    def _refuse(self, error: AgentError) -> None:
        said = "; ".join(line.strip() for line in error.what.splitlines()).replace(":; ", ": ")  # one line of a log
        self._agent.ctx.log.error(
            "configuration.refused", detail=said, cure=error.cure, note="the previous configuration stays in use"
        )
        self.refused = Trouble(
            CONFIGURATION, f"a new configuration was refused; still using the previous one: {said}", CORRECT_IT
        )
        self._note(said)

    def _note(self, refused: str | None) -> None:
        now = self._agent.ctx.clock.now()
        with self._agent.ctx.store.write() as tx:
            if refused is not None:
                tx.merge(Chore(name=CHORE, done_at=now, detail=refused))
            elif (row := tx.get(Chore, CHORE)) is not None:
                tx.delete(row)
