"""The agent's parts, wrapped so that each durable step and each phase of a request is counted; at one of them the process dies.

Dying is SIGKILL, so no `finally` and no `atexit` gets a say. What is not durable is lost with the process: that the request was
sent and answered, but nothing noted, is the same whether it dies while it waits for the answer or right after.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import Pool

from supplier_agent.agent import Agent
from supplier_agent.calls import Tools
from supplier_agent.integrations.support.client import Support
from supplier_agent.integrations.support.tools import SupportTools
from supplier_agent.labels import LabelFolder
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.wire import Reply, Wire
from supplier_agent.tick.context import Account
from tests.world.harness import ChecksAtOnce
from tests.world.steps import SteppedLabels

MOST_SHOWN = 100
"""So many characters of a request's body are in the name of its steps: a whole call of the marketplace."""


class Steps:
    """Counts steps from 1, notes their names in a file, and dies at one of them. `kill_at` 0: it lives."""

    def __init__(self, trace: Path, kill_at: int) -> None:
        self._kill_at, self._count = kill_at, 0
        self._trace = os.open(trace, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def step(self, name: str, half_done: Callable[[], None] = lambda: None) -> None:
        """Count one step. `half_done` is what a death in the middle of it leaves behind."""
        self._count += 1
        os.write(self._trace, f"{name}\n".encode())
        if self._count == self._kill_at:
            half_done()
            os.kill(os.getpid(), signal.SIGKILL)


class SteppedWire(Wire):
    """The way out, with a death before the request, at its first byte, and after its effect."""

    def __init__(self, wire: Wire, steps: Steps) -> None:
        vars(self).update(vars(wire))
        self._steps = steps

    def exchange(self, method: str, url: httpx.URL | str, *, turn: Callable[[], None], **rest: Any) -> Reply:  # noqa: ANN401 - as Wire has it
        body = (rest.get("content") or b"").decode()[:MOST_SHOWN]
        name = f"{method} {httpx.URL(url).path.rpartition('/')[2]} {body}".rstrip()

        def first_byte() -> None:
            turn()
            self._steps.step(f"{name}: connected")

        self._steps.step(f"{name}: before")
        reply = super().exchange(method, url, turn=first_byte, **rest)
        self._steps.step(f"{name}: answered")
        return reply


def watch_commits(steps: Steps) -> None:
    """Count a step before and after each commit of a write transaction, and one where the database is opened but empty."""
    state = {"opened": False, "committed": False}

    @event.listens_for(Engine, "begin")
    def on_begin(_connection: Connection) -> None:
        if not state["opened"]:
            state["opened"] = True
            steps.step("database: opened")

    @event.listens_for(Engine, "commit")
    def on_commit(connection: Connection) -> None:
        if connection.get_execution_options().get("begin") == "IMMEDIATE":
            steps.step("commit: before")
            state["committed"] = True

    @event.listens_for(Pool, "checkin")
    def on_checkin(_connection: object, _record: object) -> None:
        if state["committed"]:
            state["committed"] = False
            steps.step("commit: after")


def step_through(agent: Agent, steps: Steps) -> None:
    """Put the wrapped parts into an assembled agent; its ledger is a SteppedLedger from the start."""
    state_dir = agent.ctx.settings.state_dir
    agent.ctx.labels = labels = SteppedLabels(state_dir, steps.step)
    agent.ctx.workers.checks = ChecksAtOnce(labels.look)
    for account in agent.accounts.values():
        _wrap(account, agent.ctx.labels, steps)


def _wrap(account: Account, labels: LabelFolder, steps: Steps) -> None:
    made = account.tools

    def stepped(heard: Callable[[float], None]) -> Any:  # noqa: ANN401 - as Account has it
        tools = made(heard)
        if isinstance(tools, Tools):
            assert isinstance(tools.marketplace, Marketplace)
            marketplace = replace(tools.marketplace, wire=SteppedWire(tools.marketplace.wire, steps))
            return replace(tools, marketplace=marketplace, labels=labels)
        if isinstance(tools, SupportTools):
            assert isinstance(tools.support, Support)
            return replace(tools, support=replace(tools.support, wire=SteppedWire(tools.support.wire, steps)))
        return replace(tools, wire=SteppedWire(tools.wire, steps))

    account.tools = stepped
