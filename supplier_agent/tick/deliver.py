"""Deliver: calls -> marketplace -> facts. Which call goes next, its claim before it leaves, and what its ending changes.

Each step is one short transaction on the loop's thread; only `perform` runs in a worker.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from supplier_agent import outbox
from supplier_agent.base.cells import unreadable
from supplier_agent.calls import CALLS, ONCE, Ending, Job
from supplier_agent.calls.protocol import AWHILE
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.tables import Attempt, Call, Lane, Order, Read
from supplier_agent.labels import LabelFolder
from supplier_agent.marketplace import Listing, Means, Verdict
from supplier_agent.order import wanted
from supplier_agent.outbox import Next, Outcome, backoff
from supplier_agent.reading.strategy import Phase
from supplier_agent.settings import Settings
from supplier_agent.suppliers import circuit_breakers, read_log, safety_stops
from supplier_agent.suppliers.circuit_breakers import LABELS, READS, WRITES, Patience
from supplier_agent.suppliers.snapshot import Standing, known_supplier
from supplier_agent.tick.account import Account
from supplier_agent.tick.plan import forget_label, plan

NOT_FOUND = 404
UNPLANNED = "unplanned"
"""The order's calls could not be derived from its new facts."""


@dataclass(frozen=True)
class Choice:
    """What may go now: a call; and whether a paused ship call needs a read first, to see that the marketplace answers."""

    call: Call | None = None
    probe: bool = False


def choose(
    tx: Session,
    account: Account,
    stands: Standing,
    now: datetime,
    *,
    read_waits: bool,
    may_start: Callable[[str], bool] = lambda _lane: True,
) -> Choice:
    """Return the call that goes next: ship, then acknowledge, then labels, each only if its lane is open and has room.

    No acknowledge goes out while pages are read: the list might shift under the reader. `read_waits`: a read wants to begin.
    `may_start`: tells of a lane whether one of its threads would start at once; asked only when there is a call for it.
    """
    supplier = stands.supplier
    if supplier.paused_at is not None or supplier.token_refused_at is not None:
        return Choice()
    if supplier.quiet_until is not None and supplier.quiet_until > now:
        return Choice()
    writes, labels = stands.lanes[WRITES], stands.lanes[LABELS]
    reading_pages = read_waits or (account.run is not None and account.run.plan.phase is Phase.PAGES)
    probe, call = False, None
    if _may_go(account, writes, now):
        if writes.failing_since is not None:
            probe, call = _first_write(tx, account, stands, now, reading_pages=reading_pages)
        else:
            call = None if safety_stops.ships_wait(supplier) else outbox.due(tx, account.name, "ship", now)
            if call is None and not reading_pages:
                call = outbox.due(tx, account.name, "acknowledge", now)
        if call is not None and not may_start(WRITES):
            call = None
    if call is None and _may_go(account, labels, now):
        call = outbox.due(tx, account.name, "label", now, labels.last_order_id)
        if call is not None and not may_start(LABELS):
            call = None
    return Choice(call, probe)


def _may_go(account: Account, lane: Lane, now: datetime) -> bool:
    return account.has_room(lane.lane) and circuit_breakers.is_open(lane, now, account.under_way(lane.lane))


def _first_write(
    tx: Session, account: Account, stands: Standing, now: datetime, *, reading_pages: bool
) -> tuple[bool, Call | None]:
    """Return the one write that tells whether writes work again: an acknowledge, else a ship; not the order that failed last.

    A ship call is risked only once a read has worked; the first value says that it waits for one.
    """
    lane, waits = stands.lanes[WRITES], safety_stops.ships_wait(stands.supplier)
    acknowledge = outbox.due(tx, account.name, "acknowledge", now, lane.last_order_id)
    ship = None if waits else outbox.due(tx, account.name, "ship", now, lane.last_order_id)
    other = [call for call in (acknowledge, ship) if call is not None and call.order_id != lane.last_order_id]
    call = next(iter(other), acknowledge or ship)
    if call is None:
        return False, None
    # After a redirect, what is asked first whether the address is right again is a read.
    if (call is not acknowledge or lane.redirected_to is not None) and not _answers_again(tx, account.name, lane):
        return True, None
    if call is acknowledge:
        return False, None if reading_pages else call  # else as soon as the pages are read
    return False, call


def moments(tx: Session, name: str, stands: Standing, now: datetime) -> list[datetime]:
    """Return every instant still to come at which a call of this supplier may become possible."""
    due = (outbox.next_due_at(tx, name, kind, now) for kind in CALLS)
    return [*stands.moments(now), *(instant for instant in due if instant is not None)]


def _answers_again(tx: Session, supplier: str, lane: Lane) -> bool:
    """Tell whether a read worked since the writes failed. Without an acknowledge to try, no ship call is risked before that."""
    query = select(Read.id).where(Read.supplier == supplier, Read.outcome == read_log.LISTED)
    return tx.exec(query.where(col(Read.started_at) >= lane.failed_at).limit(1)).first() is not None


def _redirect_parked_one(tx: Session, supplier: str) -> bool:
    """Tell whether a redirect has parked a ship call in this outage: one is enough for a person to look at."""
    lane = circuit_breakers.of(tx, supplier, WRITES)
    if lane.failing_since is None:
        return False
    parked = select(Attempt.id).join(Call).where(Call.supplier == supplier, col(Call.kind).in_(ONCE))
    parked = parked.where(col(Call.state).in_(("sending", "parked", "unknown")), Call.state == "parked")  # calls_stuck
    parked = parked.where(Attempt.number == Call.attempts, col(Attempt.http_status).between(300, 399))
    return tx.exec(parked.where(col(Attempt.ended_at) >= lane.failing_since).limit(1)).first() is not None


_WITH_ORDER = select(Call, Order).join(Order).where(col(Call.id) == bindparam("call_id")).with_for_update()


def claim(
    tx: Session,
    account: Account,
    stands: Standing,
    call_id: int,
    settings: Settings,
    labels: LabelFolder,
    now: datetime,
) -> Job | None:
    """Move a call from owed to sending, if its order still asks for it now; None if it does not, or another was faster.

    Raises OSError, before anything is changed, if the label that a ship call depends on cannot be read now.
    """
    call, order = tx.exec(_WITH_ORDER, params={"call_id": call_id}).one()
    if (
        unreadable(call) or order.supplier != account.name
    ):  # somebody changed its row: looked at first, and set right if it can be
        outbox.drop(tx, call)
        order.planned_at = None
        return None
    if call.kind not in {want.kind for want in wanted(order)}:
        outbox.drop(tx, call)
        return None
    if order.planned_at is None:  # changed since its calls were derived, perhaps flagged anew: that is looked at first
        return None
    if (
        call.kind == "ship"
        and order.label_path is not None
        and not labels.is_whole(order.label_path, order.label_sha256 or "")
    ):
        forget_label(
            tx,
            order,
            "its file is not what was stored; it is fetched again before the order is reported as shipped",
            now,
        )
        return None
    attempts = outbox.attempts_of(tx, call) if call.attempts else ()
    number = outbox.claim(tx, call, now)
    if number is None:
        return None
    not_found_since = None
    for attempt in reversed(attempts):
        if attempt.http_status == NOT_FOUND:
            not_found_since = attempt.started_at
        elif attempt.outcome == outbox.REFUSED:
            break
    cache_seconds = settings.suppliers[account.name].cache_seconds
    return Job(
        kind=call.kind,
        call_id=call_id,
        number=number,
        order_id=call.order_id,
        supplier=account.name,
        menzzo_order_id=order.menzzo_order_id,
        increment_id=order.increment_id,
        order_date=order.order_date,
        link_to_label=order.link_to_label,
        owed_at=call.owed_at,
        strikes=call.strikes,
        lane_was_failing=stands.lanes[CALLS[call.kind].LANE].failing_since is not None,
        not_found_since=not_found_since if call.strikes else None,
        maybe_sent=any(attempt.outcome in {outbox.UNKNOWN, None} for attempt in attempts),
        asked=read_log.asked(tx, account.name, now, cache_seconds),
    )


def settle(
    tx: Session, job: Job, ending: Ending, settings: Settings, ledger: Ledger, now: datetime, chance: float
) -> list[str]:
    """Record how an attempt ended: the attempt, its call, the order's facts, and the calls that these ask for.

    Returns what a person may want to hear: "parked", "unknown", for the log.
    """
    said = []
    if ending.redirected_to is not None and job.kind in ONCE and _redirect_parked_one(tx, job.supplier):
        # The address is wrong, not the order: for all but the first it is a "not now".
        ending = replace(ending, outcome=replace(ending.outcome, kind=outbox.LATER))
    call, outcome = CALLS[job.kind], ending.outcome
    after = (
        _after_fault(job, ending, settings, now, chance)
        if ending.fault
        else call.after(job, ending, settings, now, chance)
    )
    settled = outbox.settle(tx, job.call_id, job.number, outcome, after, now)
    if settled and after.state in {"parked", "unknown"}:
        said.append(after.state)
    if outcome.facts:
        order = tx.get_one(Order, job.order_id)
        for name, value in outcome.facts.items():
            setattr(order, name, value)
        order.planned_at = None
        try:
            with tx.begin_nested():
                plan(tx, [order], settings, ledger, now)
        except Exception:  # noqa: BLE001 - if the disk is full, the commit that follows fails and is tried again
            # What came back counts all the same; the planner meets the error again, and parks the order.
            said.append(UNPLANNED)
    for read in ending.reads:
        read_log.write(tx, job.supplier, read, None)
    if outcome.http_status == NOT_FOUND:
        braked = safety_stops.mind_the_address(tx, job.supplier, settings.brakes.not_found_in_a_row, now)
        said += [braked] if braked else []
    return said


def _after_fault(job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
    """Decide what becomes of a call that an error of our own ended; unless it was not sent, nobody knows whether it arrived."""
    retry, why = settings.retry, ending.outcome.detail
    if CALLS[job.kind].ONCE:
        return Next("parked" if ending.outcome.kind == outbox.NOT_SENT else "unknown", strike=True, why=why)
    if job.strikes + 1 >= retry.park_after_attempts:
        return Next("parked", strike=True, why=why)
    return Next(
        "owed", now + backoff(retry.first_seconds, retry.max_seconds, job.strikes + 1, chance), strike=True, why=why
    )


def note_supplier(
    tx: Session,
    name: str,
    lane_name: str,
    ending: Ending,
    settings: Settings,
    now: datetime,
    chance: float,
    order_id: int | None = None,
) -> list[str]:
    """Record what an ending says of the supplier: its lane works or fails, its token is refused, it asks for silence."""
    lane, retry = circuit_breakers.of(tx, name, lane_name), settings.retry
    if ending.fault:
        return []  # it says nothing of the supplier
    if ending.token_refused:
        reason = f"the marketplace refused the token: {ending.outcome.detail}"
        return pause_for_token(tx, name, settings, now, chance, reason)
    if ending.outage or ending.quiet_seconds == AWHILE:
        longest = _longest_pause_of_reads(settings, name, now) if lane_name == READS else retry.max_seconds
        patience = Patience(retry.first_seconds, longest, chance, ending.quiet_seconds or 0.0)
        first = circuit_breakers.failed(tx, lane, patience, now, ending.outcome.detail, order_id, ending.redirected_to)
        if ending.outage:
            return [f"{lane_name} failing"] if first else []
    if ending.quiet_seconds is not None:
        supplier = known_supplier(tx, name)
        supplier.quiet_until = now + timedelta(seconds=ending.quiet_seconds or retry.first_seconds)
        tx.add(supplier)
        return ["asked for silence"]
    said = [f"{lane_name} recovered"] if circuit_breakers.worked(tx, lane) else []
    supplier = known_supplier(tx, name)
    if lane_name == READS and supplier.token_refused_at is not None:
        supplier.token_refused_at = None
        tx.add(supplier)
        said.append("token accepted")
    return said


def read_ending(answer: Listing | Verdict, *, failed: bool) -> Ending:
    """Return what a read says of the supplier as a whole. `failed`: the run could not go on with it."""
    if isinstance(answer, Listing) or not failed:
        return Ending(Outcome(outbox.DONE))
    return Ending(
        Outcome(outbox.UNKNOWN, answer.detail, answer.http_status),
        outage=answer.means not in {Means.TOKEN_REFUSED, Means.TOO_MANY},
        token_refused=answer.means is Means.TOKEN_REFUSED,
        quiet_seconds=answer.retry_after_seconds or (AWHILE if answer.means is Means.TOO_MANY else None),
        redirected_to=answer.redirected_to,
    )


def _longest_pause_of_reads(settings: Settings, name: str, now: datetime) -> float:
    """Return the seconds after which a failing read is tried again at the latest.

    Reading is cheap, and the news must not wait longer than it would anyway.
    """
    return min(settings.retry.max_seconds, settings.poll_interval(name, now))


def pause_for_token(tx: Session, name: str, settings: Settings, now: datetime, chance: float, reason: str) -> list[str]:
    """Pause the supplier whose token was refused or is missing: but for one read at a time, less and less often, nothing goes."""
    supplier, lane = known_supplier(tx, name), circuit_breakers.of(tx, name, READS)
    first = supplier.token_refused_at is None
    supplier.token_refused_at = supplier.token_refused_at or now
    tx.add(supplier)
    patience = Patience(settings.retry.first_seconds, _longest_pause_of_reads(settings, name, now), chance)
    circuit_breakers.failed(tx, lane, patience, now, reason)
    return ["token refused"] if first else []
