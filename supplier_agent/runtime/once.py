"""`run --once`: do everything that is due, once, for cron and timers. dry_run.py uses it too."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from supplier_agent.agent import DRAIN_SECONDS, Agent
from supplier_agent.calls import AnyCall, Need
from supplier_agent.db.tables import Call, Order
from supplier_agent.reports.health import problems
from supplier_agent.suppliers import circuit_breakers, read_log, safety_stops, snapshot
from supplier_agent.tick.context import Account, Context
from supplier_agent.words import Worded

LEAST_SECONDS, STEP_SECONDS = 0.01, 0.25


def run_once(agent: Agent, progress: Callable[[str], None], stopped: Callable[[], bool]) -> Sequence[Worded]:
    """Do everything that is due, wait for short back-offs, and return the problems behind the exit code (health.exit_code)."""
    patience = agent.ctx.settings.retry.once_patience_seconds
    agent.start()
    started_at = agent.ctx.clock.now()
    while not agent.stopping:
        agent.stopping = stopped()
        wait = agent.turn()
        progress(_doing(agent))
        if agent.database_problem is not None:
            if patience <= 0:
                break
            patience -= STEP_SECONDS
            agent.ctx.clock.sleep(STEP_SECONDS)
            continue
        if agent.ctx.under_way() or wait <= 0:
            agent.ctx.inbox.wait(min(wait, STEP_SECONDS) if wait > 0 else 0.0)
            continue
        pause = _worth_waiting(agent)
        if pause is None:
            break
        step = min(max(pause, LEAST_SECONDS), STEP_SECONDS)
        if not any(account.waits_for_rate for account in agent.accounts.values()):
            if pause > patience:  # waiting for the rate is work; only waiting for a back-off uses up patience
                break
            patience -= step
        agent.ctx.inbox.wait(step)
    agent.drain(DRAIN_SECONDS, STEP_SECONDS, lambda: progress(_doing(agent)))
    if agent.database_problem is not None:
        raise agent.database_problem
    with agent.ctx.store.read() as tx:
        return problems(
            tx,
            agent.ctx.settings,
            {a.name: a.token_problem for a in agent.accounts.values()},
            since=started_at,
            now=agent.ctx.clock.now(),
        )


def _worth_waiting(agent: Agent) -> float | None:
    """Return the seconds until something that this run should still do is due; None: nothing. It never waits for an undo window."""
    now = agent.ctx.clock.now()
    waits = []
    for account in agent.accounts.values():
        if account.token is None:
            continue
        with agent.ctx.store.read() as tx:
            if snapshot.known_supplier(tx, account.name).paused_at is not None:
                continue
            moment = _next_moment(tx, agent.ctx, account, now)
        not_before = max(account.pace.free_in(), account.rests_until - agent.ctx.clock.monotonic())
        waits.append(not_before if account.run is not None else None)
        if moment is not None:
            waits.append(max((moment - now).total_seconds(), not_before))
    soon = [wait for wait in waits if wait is not None]
    return min(soon) if soon else None


def _next_moment(tx: Session, ctx: Context, account: Account, now: datetime) -> datetime | None:
    """Return when this account's next call or read is due, including its pauses; None: nothing is due."""
    row, moments = snapshot.known_supplier(tx, account.name), []
    paused, quiet_until = row.token_refused_at is not None, row.quiet_until
    for kind, call in ctx.calls.at(account.kind).items() if not ctx.only_reads(account) else ():
        if Need.MARKS_APPROVED in call.NEEDS and safety_stops.ships_wait(row):
            continue
        first = ctx.settings.brakes.first_acknowledgements
        if Need.FIRST_START in call.NEEDS and safety_stops.acknowledges_wait(row, first):
            continue
        at = _due_at(tx, ctx, account.supplier, kind, call, now)
        lane = circuit_breakers.of(tx, account.name, call.LANE)
        if at is not None and not paused:
            moments.append(max(each for each in (at, lane.resume_at, quiet_until) if each is not None))
    if account.errand is not None and not ctx.only_reads(account):
        moments += [at for at in [account.errand.due_at(tx, ctx, account, now)] if at <= now]
    if not account.pulls:
        return min(moments) if moments else None
    reads = circuit_breakers.of(tx, account.name, circuit_breakers.READS)
    due = read_log.due(tx, account.name, ctx.settings, now, round_at=ctx.round_at)
    if due.at <= now or reads.failing_since is not None or (quiet_until is not None and quiet_until > now):
        moments.append(due.at)
    return min(moments) if moments else None


def _due_at(tx: Session, ctx: Context, supplier: str, kind: str, call: AnyCall, now: datetime) -> datetime | None:
    """Return when the next call of that kind is due, without those that are still in their delay (an undo window)."""
    query = (
        select(Call, Order)
        .join(Order, isouter=True)
        .where(Call.supplier == supplier, Call.kind == kind, Call.state == "owed")
    )
    for owed, order in tx.exec(query.order_by(col(Call.due_at)).limit(50)):
        delayed = (
            owed.order_id is not None and bool(call.delay(ctx.settings)) and call.due_at(order, ctx.settings) > now
        )
        if owed.due_at is not None and not delayed:
            return owed.due_at
    return None


def _doing(agent: Agent) -> str:
    """Return one line for a terminal: what is being done for which account."""
    parts = []
    for account in agent.accounts.values():
        flying = sorted({flight.kind for flight in account.in_flight})
        if account.run is not None:
            parts.append(f"{account.name}: page {account.run.plan.pages + 1}, {len(account.run.plan.listed)} listed")
        elif flying:
            parts.append(f"{account.name}: {', '.join(flying)}")
    return " · ".join(parts) or "waiting"
