"""The one place where the real parts are put together: settings in, an agent out. Tests put other parts together the same way."""

import random
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from supplier_agent.agent import Agent
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import AgentError, ConfigError
from supplier_agent.base.log import Log
from supplier_agent.calls import Tools
from supplier_agent.db import private, state_folder
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import open_store
from supplier_agent.labels import LabelFolder
from supplier_agent.labels.pdf.process import Checks
from supplier_agent.marketplace import Marketplace, Wire
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.settings import Settings, egress
from supplier_agent.tick.account import Account


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
    """Return an agent on the state of these settings, and what closes it. The caller holds the instance lock.

    Raises ConfigError if no supplier at all has a token: one without is shown as paused, and the others work.
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

    def read_token(name: str) -> str:
        return settings.token_of(name, env)

    def close_parts() -> None:
        store.checkpoint()
        store.close()
        ledger.close()
        checks.close()

    def close() -> None:
        with suppress(AgentError):  # a disk that is full: then it is the next start that counts
            agent.end()
        close_parts()

    accounts = [
        make_account(settings, name, wire, clock, labels, read_token, lambda: agent.stopping)
        for name in settings.suppliers
    ]
    if all(account.token is None for account in accounts):
        close_parts()
        for name in settings.suppliers:
            read_token(name)  # says what is missing, and where it was looked for
    agent = Agent(
        settings,
        store,
        ledger,
        labels,
        accounts,
        clock,
        executor,
        checks,
        random.random,
        log,
        read_token,
        round_at=round_at,
        reads_only=reads_only,
        read_next=lambda name: settings.next_token_of(name, env),
    )
    return agent, close


def wire_of(settings: Settings, clock: Clock) -> Wire:
    """Return the way to the marketplace. Raises ConfigError if the environment names a proxy that cannot be used."""
    return Wire(clock, settings.http.timeout_seconds, egress=egress.of(settings))


def usable(settings: Settings, env: Mapping[str, str]) -> None:
    """Raise ConfigError if no supplier at all has a token, or there is no way out: there would be nothing to do."""
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
    """Let an agent go on by another configuration; nothing may be in flight. Returns the keys that wait for a restart.

    A supplier that stays keeps the run that it reads. Its first request waits one interval of the rate, as after a start.
    """
    waits = [] if settings.state_dir == agent.settings.state_dir else ["state_dir"]
    settings = settings.model_copy(update={"state_dir": agent.settings.state_dir})

    def read_token(name: str) -> str:
        return settings.token_of(name, env)

    accounts = []
    for name in settings.suppliers:
        before = agent.accounts.get(name)
        account = make_account(settings, name, wire, agent.clock, agent.labels, read_token, lambda: agent.stopping)
        if before is not None:
            account.run, account.longest_page = before.run, before.longest_page
            account.slots_since_read, account.answer_seconds = before.slots_since_read, before.answer_seconds
            account.checking = before.checking
        accounts.append(account)
    agent.adopt(settings, accounts, read_token, lambda name: settings.next_token_of(name, env))
    return waits


def make_account(
    settings: Settings,
    name: str,
    wire: Wire,
    clock: Clock,
    labels: LabelFolder,
    read_token: Callable[[str], str],
    stopping: Callable[[], bool],
) -> Account:
    """Return one supplier's account with its token, if that can be read."""
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
    tools = Tools(marketplace, labels, settings.suppliers[name].order_number_filter)
    account = Account(name, marketplace, tools, pace, token=None)
    try:
        account.token = read_token(name)
    except ConfigError:
        account.token = None  # the loop says so, pauses this supplier, and looks again
    return account
