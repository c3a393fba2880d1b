"""Commands that run something: run, resync, sandbox, demo."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supplier_agent.base import files
from supplier_agent.base.errors import AgentError, UsageError
from supplier_agent.base.process import Hangup, Stop
from supplier_agent.cli.context import (
    FromOption,
    JsonOption,
    OnlySupplier,
    Surroundings,
    ToOption,
    complain,
    here,
    progress,
    result,
    result_json,
    say,
)
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock, is_held

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from supplier_agent.agent import Agent
    from supplier_agent.reports.heartbeat import Heartbeat
    from supplier_agent.words import Worded

READ_ONLY = "--read-only"


MOST_REASONS = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(run)
    app.command()(resync)
    app.command()(sandbox)
    app.command()(demo)


def run(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Run one round for every supplier, then exit: for cron and timers.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="With --once: only read, and print every call that would be made."),
    ] = False,
    read_only: Annotated[
        bool,
        typer.Option(READ_ONLY, help="Only read orders: no acknowledgement, no label, no shipment."),
    ] = False,
    metrics_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --once: write metrics there, for node_exporter's textfile collector."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: print JSON alone.")] = False,
) -> int:
    """Run the agent: until SIGTERM or SIGINT, or once."""
    if dry_run and not once:
        raise typer.BadParameter("--dry-run goes with --once: supplier-agent run --once --dry-run")
    if as_json and not dry_run:
        raise typer.BadParameter("--json goes with --dry-run: supplier-agent run --once --dry-run --json")
    if metrics_file is not None and not once:
        raise typer.BadParameter("--metrics-file goes with --once; a daemon serves /metrics on [metrics] listen")
    from supplier_agent.verdict import Problem, ProblemCode
    from supplier_agent.words import Words

    stop = Stop()  # first: as PID 1, a process without a handler does not receive SIGTERM
    hangup = Hangup(terminal=once or sys.stderr.isatty())
    surroundings = here(context)
    for warning in surroundings.settings.warnings:
        say(f"warning: {warning}")
    if dry_run:
        return _dry_run(surroundings, stop, as_json=as_json)
    if read_only or surroundings.settings.read_only:
        only_reads = Words().worded(Problem(ProblemCode.READ_ONLY))
        say(f"{only_reads.what}; {only_reads.cure}")
    command = " ".join(["run", *(["--once"] if once else []), *([READ_ONLY] if read_only else [])])
    with agent_on(surroundings, command, stop, once=once, reads_only=read_only) as (agent, beat):
        if not once:
            from supplier_agent.runtime.daemon import Daemon
            from supplier_agent.runtime.page_process import PageProcess
            from supplier_agent.runtime.wiring import Reload

            again = partial(Surroundings, surroundings.config, surroundings.env)
            reload = Reload(agent, surroundings.env, hangup, lambda: again().settings)
            page = PageProcess(agent.ctx.settings, surroundings.env, agent.ctx.clock, agent.ctx.log)
            ping = partial(_ping, surroundings, agent)
            return Daemon(agent, surroundings.env, stop, ping, reload, beat, page).run()
        from supplier_agent.maintenance.retention import Retention
        from supplier_agent.reports.health import exit_code
        from supplier_agent.reports.vitals import STOPPING
        from supplier_agent.runtime.once import run_once

        with progress() as show:
            found = run_once(agent, beating(show, agent, beat), stop.event.is_set)
            if agent.ctx.all_were_read() and not stop.event.is_set():
                _ping(surroundings, agent, None)
            beat.beat(STOPPING)
            Retention(
                agent.ctx.store, agent.ctx.labels, agent.ctx.clock, agent.ctx.log, lambda: agent.ctx.settings
            ).go_round(stop.event.is_set)
        _after_the_round(surroundings, agent, metrics_file, stop)
        say_why(found)
        return exit_code(found)


def say_why(found: "Sequence[Worded]") -> None:
    """Print the reasons for an exit code to stderr, which cron and the journal keep."""
    for each in found[:MOST_REASONS]:
        about = " ".join(part for part in (each.order, each.supplier) if part)
        complain(f"supplier-agent: {about}: {each.what}" if about else f"supplier-agent: {each.what}")
        if each.cure:
            complain(f"  {each.cure}")
    if len(found) > MOST_REASONS:
        complain(f"supplier-agent: and {len(found) - MOST_REASONS} more: supplier-agent status")


@contextmanager
def agent_on(
    surroundings: Surroundings, command: str, stop: "Stop", *, once: bool, reads_only: bool = False
) -> "Iterator[tuple[Agent, Heartbeat]]":
    """Build the agent on this state, as its only instance."""
    from supplier_agent.base import files, log
    from supplier_agent.runtime.wiring import assemble
    from supplier_agent.tick.workers import Threads

    settings = surroundings.settings
    state_folder.prepare(settings.state_dir)
    with (
        files.as_owner_of(settings.state_dir),
        InstanceLock(surroundings.lock_file, command, surroundings.clock),
        _heartbeat(surroundings, command) as beat,
    ):
        level = "debug" if surroundings.is_verbose else "warning" if surroundings.is_quiet else settings.log.level
        run = os.urandom(4).hex()
        logger = log.Log(log.set_up(surroundings.env, form=settings.log.format, level=level, run=run))
        round_at = surroundings.clock.now() if once else None
        agent, close = assemble(
            settings, surroundings.env, surroundings.clock, Threads(), logger, round_at=round_at, reads_only=reads_only
        )
        try:
            yield agent, beat
        finally:
            agent.stopping = stop.event.is_set() or agent.stopping
            close()


@contextmanager
def _heartbeat(surroundings: Surroundings, command: str) -> "Iterator[Heartbeat]":
    """Write the heartbeat of this process; an error that ends it is recorded there."""
    from supplier_agent.reports.heartbeat import AGENT, Heartbeat
    from supplier_agent.reports.vitals import AGENT_DIED, STARTING, Trouble

    beat = Heartbeat(surroundings.settings.state_dir / AGENT, surroundings.clock, command)
    beat.beat(STARTING)
    try:
        yield beat
    except Exception as error:
        what, cure = (
            (error.what, error.cure) if isinstance(error, AgentError) else (type(error).__name__, "see its log")
        )
        beat.keep("end", [Trouble(AGENT_DIED, f"the agent ended: {what}", cure)])
        raise
    finally:
        beat.end()


def beating(show: Callable[[str], None], agent: "Agent", beat: "Heartbeat") -> Callable[[str], None]:
    """Return a function that shows the progress of a round and touches the heartbeat."""
    from supplier_agent.runtime.wiring import database_troubles

    def shown(doing: str) -> None:
        show(doing)
        beat.keep("loop", database_troubles(agent.database_problem))
        beat.beat()

    return shown


def _after_the_round(surroundings: Surroundings, agent: "Agent", metrics_file: Path | None, stop: "Stop") -> None:
    """Ping the dead-man URLs, send alerts, and write the metrics. None of this changes the exit code."""
    from supplier_agent.alerts import Watch

    for name in sorted(agent.ctx.read_lately):
        if not stop.event.is_set():
            _ping(surroundings, agent, name)
    if not stop.event.is_set():
        Watch(lambda: agent.ctx.settings, agent.ctx.clock, agent.ctx.log).look(at_end_of_round=True)
    if metrics_file is not None:
        from supplier_agent.metrics.exposition import leave
        from supplier_agent.reports import heartbeat

        with surroundings.store() as store:
            signs = heartbeat.signs_of(agent.ctx.settings, agent.ctx.clock)
            leave(metrics_file, store, agent.ctx.settings, agent.ctx.clock.now(), signs)


def _ping(surroundings: Surroundings, agent: "Agent", supplier: str | None) -> None:
    """Ping a dead-man URL: the supplier (None: every supplier) was read. A failure is only a warning."""
    settings = agent.ctx.settings
    if supplier is not None and supplier not in settings.suppliers:
        return  # a new configuration has removed it
    url = settings.heartbeat_url if supplier is None else settings.suppliers[supplier].heartbeat_url
    about = "heartbeat" if supplier is None else f"heartbeat {supplier}"
    if not url:
        return
    from supplier_agent.marketplace.wire import Answer, Wire
    from supplier_agent.settings import egress

    wire = Wire(surroundings.clock, settings.http.timeout_seconds, egress=egress.of(settings))
    reply = wire.ping(url)
    if isinstance(reply, Answer) and reply.status < 400:  # noqa: PLR2004 - HTTP
        agent.ctx.log.solved(about)
    else:
        agent.ctx.log.problem(about, "the dead-man URL did not take the ping")


def _dry_run(surroundings: Surroundings, stop: "Stop", *, as_json: bool) -> int:
    """Do a dry run of a round. It changes nothing: if no agent has ever run, there is no lock, and none is created.

    Its requests are recorded, because the marketplace answers from a cache: the next run must not send the same ones.
    """
    from supplier_agent.runtime.dry_run import rehearse

    settings = surroundings.settings
    remembers = any(supplier.cache_seconds > 0 for supplier in settings.suppliers.values())
    if remembers:
        state_folder.prepare(settings.state_dir)
    with files.as_owner_of(settings.state_dir), ExitStack() as held, progress() as show:
        if remembers or surroundings.lock_file.exists():
            held.enter_context(InstanceLock(surroundings.lock_file, "run --once --dry-run", surroundings.clock))
        done = rehearse(settings, surroundings.env, surroundings.clock, show, stop.event.is_set)
    # The lock is released first: a slow reader of the output must not keep a daemon from starting.
    if as_json:
        result_json(done.as_json())
    else:
        for line in done.lines():
            result(line)
    say_why(done.problems)
    return done.exit_code


def resync(
    context: typer.Context,
    from_: FromOption,
    to: ToOption,
    supplier: OnlySupplier = "",
    as_json: JsonOption = False,
) -> int:
    """Read a date range again, page by page."""
    from datetime import date

    from supplier_agent.reading.strategy import is_possible
    from supplier_agent.suppliers.read_log import request

    surroundings = here(context)
    try:
        first, last = date.fromisoformat(from_), date.fromisoformat(to)
    except ValueError as error:
        raise UsageError(f"{from_} to {to} is not a range of days", "write them as YYYY-MM-DD") from error
    if last < first:
        raise UsageError(f"{from_} is after {to}", f"supplier-agent resync --from {to} --to {from_}")
    names = surroundings.suppliers(supplier)
    now = surroundings.clock.now()
    if not is_possible(first, last, now.astimezone(surroundings.settings.timezone).date()):
        raise UsageError(f"{from_} to {to} is not within ten years of today", "write the days as YYYY-MM-DD")
    if is_held(surroundings.lock_file):
        with surroundings.store() as store, store.write() as tx:
            for name in names:
                request(tx, name, first, last, now)
            left = _resync_as_json(tx, now, [])
        if as_json:
            result_json(left)
        say("the running agent will do it; see: supplier-agent status")
        return 0
    from supplier_agent.reports.health import exit_code
    from supplier_agent.runtime.once import run_once

    stop = Stop()
    with agent_on(surroundings, "resync", stop, once=True, reads_only=True) as (agent, beat):
        with agent.ctx.store.write() as tx:
            for name in names:
                request(tx, name, first, last, now)
        with progress() as show:
            found = run_once(agent, beating(show, agent, beat), stop.event.is_set)
        with agent.ctx.store.read() as tx:
            read = _resync_as_json(tx, now, found)
    if as_json:
        result_json(read)
    say_why(found)
    return exit_code(found)


def _resync_as_json(tx: "Session", asked_at: "datetime", found: "Sequence[Worded]") -> dict[str, object]:
    """Return the object of `resync --json`: the run of each supplier for this request, and its progress."""
    from sqlmodel import select

    from supplier_agent.db.tables import Run
    from supplier_agent.reports.health import exit_code

    asked = select(Run).where(Run.purpose == "resync", Run.requested_at == asked_at).order_by(Run.supplier)
    keys = ("supplier", "date_from", "date_to", "started_at", "ended_at", "proof", "pages", "listed", "added", "detail")
    runs = [json.loads(run.model_dump_json(include=set(keys))) for run in tx.exec(asked)]
    return {
        "schema": 1,
        "exit_code": exit_code(found),
        "runs": [{key: run[key] for key in keys} for run in runs],
        "problems": [each.as_json() for each in found],
    }


def sandbox(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0: any free port.", min=0, max=65535)] = 8799,
    orders: Annotated[int, typer.Option(help="How many orders it starts with.", min=0)] = 40,
    shop: Annotated[
        list[str] | None,
        typer.Option(
            "--shop", metavar="PLATFORM", help="Also a shop: woocommerce, magento, shopify, bigcommerce. Repeatable."
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="ENDPOINT:FAULT[:TIMES]", help="Let requests fail. Repeatable."),
    ] = None,
    semantics: Annotated[
        list[str] | None,
        typer.Option("--semantics", metavar="KEY=VALUE", help="What the documentation leaves open. Repeatable."),
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Play a recording of `marketplace record` instead.")
    ] = None,
    speed: Annotated[
        float, typer.Option(metavar="N", min=0.01, max=100_000, help="With --replay: N times as fast.")
    ] = 1.0,
) -> None:
    """Run a simulated marketplace, support API, shops, carriers, BusinessOnBot and receiver of webhooks here, until Ctrl-C."""
    from supplier_agent.sandbox.command import serve

    if speed != 1 and replay is None:
        raise typer.BadParameter("--speed goes with --replay")
    chosen = {"shops": shop or (), "faults": fault or (), "semantics": semantics or ()}
    serve(port, orders, result, **chosen, recording=replay, speed=speed)


def demo(
    context: typer.Context,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep running afterwards, with new orders now and then.")
    ] = False,
) -> int:
    """Show a demo: sandbox, agent and warehouse in a temporary folder."""
    from supplier_agent.sandbox.demo import tell

    return tell(result, here(context).env, Stop(), keep=keep)
