"""Choose: which request is sent next for an account, if any. Reads the database, writes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from supplier_agent import outbox
from supplier_agent.calls import AnyCall, Need
from supplier_agent.db.tables import Lane, Read
from supplier_agent.reading.schedule import Due
from supplier_agent.reading.strategy import Phase
from supplier_agent.suppliers import circuit_breakers, read_log, safety_stops, snapshot
from supplier_agent.suppliers.circuit_breakers import LABELS, READS
from supplier_agent.suppliers.snapshot import Snapshot
from supplier_agent.tick.context import READ_EVERY, Account, Context

APPROVALS = frozenset({Need.MARKS_APPROVED, Need.FIRST_START})
"""The needs that only a person may meet."""
LOOK_SECONDS = 30.0
"""The longest time between two ticks of an account when nothing is due; opening hours and new tokens are noticed by then."""
SOON_SECONDS = 1.0
"""After so long an errand that could not begin is tried again."""
FULL_LOOK_SECONDS = 300.0
"""After so long the database is asked what is due, even if nothing is known to have changed."""


@dataclass(frozen=True)
class Choice:
    """A call that may be sent now. probe: a failing lane needs a read first, to see whether the marketplace answers."""

    call: outbox.Due | None = None
    probe: bool = False


@dataclass(frozen=True)
class Step:
    """What to send next: the read if `read_first`, else the call, else the read. Neither: wait `idle_seconds`.

    lane: of what is sent next; None: nothing.
    """

    call: outbox.Due | None
    read: Due | None
    read_first: bool
    idle_seconds: float
    lane: str | None


def next_step(ctx: Context, account: Account, again_at: datetime | None) -> Step:
    """Return what to send next for this account.

    1. A read that is due gets every fifth request. It also goes first if a failing lane needs a sign that the marketplace answers,
       or instead of a label while suppliers share the rate of the host.
    2. Else the most urgent call that may be sent. 3. Else the read that is due.
    4. Else nothing until the next time at which something may become due. `again_at`: such a time, from plan.py.
    """
    now = ctx.clock.now()  # one time for all decisions below: with two, what becomes due in between would be missed
    with ctx.store.read() as tx:
        seen = account.snapshot = account.snapshot or snapshot.look_closely(tx, account.name)
        read = _read_due(ctx, tx, account, seen, now)
        read_first = read is not None and account.slots_since_read >= READ_EVERY - 1
        choice = Choice() if ctx.only_reads(account) else choose(ctx, tx, account, seen, now, read_waits=read_first)
        if choice.probe and account.pulls and not account.flying(READS) and seen.not_before(now) <= now:
            read_first, read = True, read or Due("probe", now)
        idle = LOOK_SECONDS
        if read is None and choice.call is None:
            idle = _idle_seconds(ctx, tx, account, seen, now, again_at)
    lane = READS if read is not None else None
    if choice.call is not None and not read_first:
        lane = ctx.calls[choice.call.kind].LANE
        if lane == LABELS and read is not None and account.pace.is_shared:
            read_first, lane = True, READS
    account.idle_until = ctx.clock.monotonic() + idle if lane is None else 0.0
    return Step(choice.call, read, read_first, min(idle, LOOK_SECONDS), lane)


def idle_for(ctx: Context, account: Account) -> float:
    """Return for how many seconds it can be left alone, because nothing is due and nothing has changed since the last look.

    The agent wakes an account whose facts or calls it changes, and the loop notices what other programs change. That leaves what
    is looked at here: the hours in which polls are more frequent, and a token that must be replaced.
    """
    if account.facts_changed or account.token_suspect:
        return 0.0
    if account.pulls and (account.next_read is None or not _is_of_these_hours(ctx, account, ctx.clock.now())):
        return 0.0
    now = ctx.clock.monotonic()
    together = LOOK_SECONDS - now % LOOK_SECONDS  # all idle accounts in one turn: a turn costs more than such a look
    return min(together, max(0.0, account.idle_until - now))


def _is_of_these_hours(ctx: Context, account: Account, now: datetime) -> bool:
    return account.poll_seconds == ctx.settings.poll_interval(account.supplier, now)


def choose(ctx: Context, tx: Session, account: Account, seen: Snapshot, now: datetime, *, read_waits: bool) -> Choice:
    """Return the call to send next. `read_waits`: a read is waiting to begin.

    1. None while the account is paused, its token is refused, or the receiver asked us to wait.
    2. Lane by lane, the one with the most urgent kind of call first. The circuit breaker must be closed, and the lane must
       have room for another request.
    3. In a working lane: the first kind (by PRIORITY) that has what it needs and a call that is due.
    4. In a failing lane: the one call that tests whether it works again (`_first_after_failure`).
    5. If no thread is free for it, try the next lane.
    """
    row = seen.supplier
    if row.paused_at is not None or row.token_refused_at is not None:
        return Choice()
    if row.quiet_until is not None and row.quiet_until > now:
        return Choice()
    missing = _missing(ctx, account, seen, read_waits=read_waits)
    calls, probe = ctx.calls.at(account.kind), False
    for name in dict.fromkeys(call.LANE for call in calls.values()):
        lane = seen.lanes[name]
        if not (account.has_room(name) and circuit_breakers.is_open(lane, now, account.under_way(name))):
            continue
        mine = {kind: call for kind, call in calls.items() if name == call.LANE}
        if lane.failing_since is None:
            ready = (kind for kind, call in mine.items() if not call.NEEDS & missing)
            found = (outbox.due(tx, account.supplier, kind, now) for kind in ready)
            call = next((each for each in found if each is not None), None)
        else:
            first = _first_after_failure(tx, account, lane, mine, missing, now)
            call, probe = first.call, probe or first.probe
        if call is not None and ctx.workers.may_start(name, account.name):
            return Choice(call, probe)
    return Choice(None, probe)


def _missing(ctx: Context, account: Account, seen: Snapshot, *, read_waits: bool) -> frozenset[Need]:
    """Return the needs that are not met now. Whether a label is whole is checked when its call is claimed."""
    reading_pages = read_waits or (account.run is not None and account.run.plan.phase is Phase.PAGES)
    needs = {
        Need.MARKS_APPROVED: safety_stops.ships_wait(seen.supplier),
        Need.FIRST_START: safety_stops.acknowledges_wait(seen.supplier, ctx.settings.brakes.first_acknowledgements),
        Need.STILL_LIST: reading_pages,
    }
    return frozenset(need for need, is_missing in needs.items() if is_missing)


def _first_after_failure(
    tx: Session,
    account: Account,
    lane: Lane,
    calls: dict[str, AnyCall],
    missing: frozenset[Need],
    now: datetime,
) -> Choice:
    """Return the one call that tests whether a failing lane works again, or that a read must be tried first.

    1. A call that may be repeated goes before one that may not: losing its answer costs least.
    2. Prefer another order than the one that failed last.
    3. After a redirect, or before a call that may not be repeated, a read must have worked since the failure, because a read
       is harmless. An account without reads relies on the pause alone.
    4. A call that needs a still list waits until the pages are read.
    """
    waits_for_a_person = {kind for kind, call in calls.items() if APPROVALS & call.NEEDS & missing}
    kinds = sorted(calls.keys() - waits_for_a_person, key=lambda kind: (calls[kind].ONCE, calls[kind].PRIORITY))
    due = [outbox.due(tx, account.supplier, kind, now, lane.last_order_id) for kind in kinds]
    found = [call for call in due if call is not None]
    call = next((each for each in found if each.order_id != lane.last_order_id), next(iter(found), None))
    if call is None:
        return Choice()
    risky = calls[call.kind].ONCE or lane.redirected_to is not None
    if risky and account.pulls and not _answers_again(tx, account.name, lane):
        return Choice(probe=True)
    return Choice() if calls[call.kind].NEEDS & missing else Choice(call)


def _answers_again(tx: Session, name: str, lane: Lane) -> bool:
    """Tell whether a read has worked since the lane failed."""
    query = select(Read.id).where(Read.supplier == name, Read.outcome == read_log.LISTED)
    return tx.exec(query.where(col(Read.started_at) >= lane.failed_at).limit(1)).first() is not None


def _read_due(ctx: Context, tx: Session, account: Account, seen: Snapshot, now: datetime) -> Due | None:
    """Return the run to begin or continue; None if nothing may be read now."""
    if not account.pulls or account.flying(READS) or seen.not_before(now) > now:
        return None
    if account.run is not None:
        return Due(account.run.plan.purpose, now)
    due = _next_read(ctx, tx, account, now)
    return due if due.at <= now else None


def _next_read(ctx: Context, tx: Session, account: Account, now: datetime) -> Due:
    """Return the next run. Cached until something happens, or other hours begin."""
    if account.next_read is None or not _is_of_these_hours(ctx, account, now):
        account.next_read = read_log.due(tx, account.name, ctx.settings, now, round_at=ctx.round_at)
        account.poll_seconds = ctx.settings.poll_interval(account.supplier, now)
    return account.next_read


def _idle_seconds(
    ctx: Context, tx: Session, account: Account, seen: Snapshot, now: datetime, again_at: datetime | None
) -> float:
    """Return the seconds after `now` during which nothing becomes due for this account, unless something happens."""
    moments: list[datetime | None] = [again_at, *seen.moments(now)]
    moments += [outbox.next_due_at(tx, account.supplier, kind, now) for kind in ctx.calls.at(account.kind)]
    if account.errand is not None and not ctx.only_reads(account):
        at = account.errand.due_at(tx, ctx, account, now)  # due now, and not begun: for want of a turn or of a thread
        moments.append(max(at, now + timedelta(seconds=SOON_SECONDS)))
    if account.pulls and account.run is None and not account.flying(READS):
        moments.append(_next_read(ctx, tx, account, now).at)
    waits = [(moment - now).total_seconds() for moment in moments if moment is not None and moment > now]
    return min([FULL_LOOK_SECONDS, *waits])
