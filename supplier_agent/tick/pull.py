"""Pull: marketplace -> facts. How a run begins, what each page adds, and what is known at its end.

Rows are committed page by page, so nothing that was read is lost. The cursor moves only with the last page of a run, so after a
crash in between, orders may be read twice but are never skipped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, func, select

from supplier_agent.base.cells import unreadable
from supplier_agent.db.plain_sql import GOOD
from supplier_agent.db.tables import Order, Run, Supplier
from supplier_agent.learning.estimates import careful_of
from supplier_agent.marketplace import Listing, Verdict
from supplier_agent.reading import missing_orders, strategy
from supplier_agent.reading.schedule import Due, is_distrusted, trusted_cursor
from supplier_agent.settings import Settings
from supplier_agent.suppliers import read_log
from supplier_agent.suppliers.snapshot import known_supplier
from supplier_agent.tick.observe import judge_missed, note_missed, observe

ALREADY_ASKED = "the rest would have been answered from the server's cache"


@dataclass(frozen=True)
class OpenRun:
    """A run in progress: what to read next, and the id of its row in `runs`."""

    plan: strategy.Run
    row_id: int
    added: tuple[str, ...] = ()
    rejected: int = 0  # entries stored word for word for the first time


@dataclass(frozen=True)
class Finished:
    """A run that has ended. `added`: the new orders."""

    purpose: str
    proof: str
    detail: str
    pages: int
    listed: int
    added: tuple[str, ...]
    rejected: int
    first: bool  # the first read of this supplier ever


@dataclass(frozen=True)
class Failed:
    """A run that ended because a request failed."""

    verdict: Verdict


def begin(tx: Session, name: str, what: Due, settings: Settings, now: datetime, longest: int) -> OpenRun | None:
    """Open a run and its row in `runs`. None: it was a request for days that cannot be read, and has ended."""
    today = now.astimezone(settings.timezone).date()
    asked = read_log.asked(tx, name, now, settings.suppliers[name].cache_seconds)
    supplier, row, learned = known_supplier(tx, name), what.resync, careful_of(tx, name)
    days = learned.sweep_days(settings.schedule.sweep_days)
    if row is not None and (unreadable(row) or not strategy.is_possible(row.date_from, row.date_to or today, today)):
        row.started_at = row.ended_at = now
        row.proof, row.detail = "failed", "these days cannot be read: the last before the first, or years away"
        tx.add(row)
        return None
    if what.purpose == "probe":
        plan = strategy.probe(today, asked)
    elif what.purpose == "fetch" and row is not None:
        plan = strategy.fetch(today, row.order_number or "")
    elif what.purpose == "poll":
        last = read_log.last_good(tx, name, "poll", "sweep")
        since = last.started_at.astimezone(settings.timezone).date() if last and last.started_at else None
        cursor, by_number = (
            trusted_cursor(supplier, now),
            not (is_distrusted(supplier, now) or last is None or _broke_off(tx, last)),
        )
        plan = strategy.poll(today, cursor, days, longest, since, by_number=by_number)
    else:
        first, until = (row.date_from, row.date_to) if row else (_sweep_from(tx, name, settings, days, today), today)
        plan = strategy.sweep(what.purpose, today, first, (until or today) + timedelta(days=1), longest)
    plan = replace(plan, full=learned.page_size)
    while str(plan.query) in asked and plan.purpose != "fetch":
        plan = strategy.earlier(plan)
    row = row or Run(
        supplier=name, purpose=what.purpose, date_from=plan.date_from, date_to=plan.date_to, requested_at=now
    )
    row.started_at = now
    tx.add(row)
    tx.flush()
    assert row.id is not None  # noqa: S101 - just written
    return OpenRun(plan, row.id)


def _broke_off(tx: Session, last: Run) -> bool:
    """Tell whether a run since `last` failed after it had added orders: then older numbers may still be new."""
    broken = select(Run.id).where(Run.supplier == last.supplier, Run.proof == "failed", col(Run.added) > 0)
    return tx.exec(broken.where(col(Run.ended_at) >= last.ended_at).limit(1)).first() is not None


def _sweep_from(tx: Session, name: str, settings: Settings, days: int, today: date) -> date:
    """Return the first day to sweep: so many days back, or further if the last sweep was longer ago."""
    start = today - timedelta(days=days)
    last = read_log.last_good(tx, name, "sweep")
    if last is None or last.started_at is None:
        return start
    return min(start, last.started_at.astimezone(settings.timezone).date() - timedelta(days=1))


def store_page(
    tx: Session,
    name: str,
    run: OpenRun,
    answer: Listing | Verdict,
    started_at: datetime,
    settings: Settings,
    now: datetime,
    contained: Callable[[Exception], None] = lambda _error: None,
) -> OpenRun | Finished | Failed:
    """Store the result of one request, and decide how the run continues.

    contained: called with the error that kept the page's raw entries from being stored.
    """
    plan, done = run.plan, read_log.read_done(run.plan.query, answer, started_at, now)
    added: tuple[str, ...] = ()
    rejected = 0
    step: strategy.Run | strategy.End | None
    if isinstance(answer, Verdict):
        step = _refused(tx, name, plan, answer)
        listed = 0
    else:
        observed = observe(tx, name, answer.rows, now, settings.suppliers[name].start_date)
        rejected = observed.rejected
        step, added, listed = strategy.advance(plan, observed.marks, observed.known), observed.added, len(answer.rows)
    if (error := read_log.write(tx, name, done, run.row_id, len(added))) is not None:
        contained(error)
    run = replace(run, added=run.added + added, rejected=run.rejected + rejected)
    if isinstance(step, strategy.Run):
        if str(step.query) in read_log.asked(tx, name, now, settings.suppliers[name].cache_seconds):
            step = strategy.End(step, "partial", ALREADY_ASKED)
        else:
            run = replace(run, plan=step)
    _note(tx, run, listed, step, now)
    if step is None:
        assert isinstance(answer, Verdict)  # noqa: S101 - a page always has a next step
        return Failed(answer)
    if isinstance(step, strategy.End):
        _miss(tx, name, run.row_id, settings.suppliers[name].cache_seconds, now)
    return _finish(tx, name, run, step, now) if isinstance(step, strategy.End) else run


def _miss(tx: Session, name: str, run_id: int, cache_seconds: float, now: datetime) -> None:
    """After a complete run over whole days, record what it no longer listed. An empty list proves nothing."""
    row = tx.get_one(Run, run_id)
    if row.purpose in missing_orders.WHOLE and row.proof == "complete" and row.listed and row.started_at is not None:
        age = read_log.oldest_ages(tx, [run_id]).get(run_id)
        note_missed(
            tx, name, *missing_orders.days_of(row), missing_orders.as_of(row.started_at, cache_seconds, age), now
        )
        judge_missed(tx, name, cache_seconds, now, learned=careful_of(tx, name).acknowledged_stay)


def _refused(tx: Session, name: str, plan: strategy.Run, answer: Verdict) -> strategy.Run | strategy.End | None:
    if answer.http_status not in {400, 404, 422}:
        return None
    step = strategy.refused(plan, answer.http_status)
    if step is None and answer.http_status == 404 and known_supplier(tx, name).last_success_at is not None:  # noqa: PLR2004 - HTTP
        # The address and the token have worked before, so this 404 means "no orders on these days".
        return strategy.advance(plan, (), frozenset())
    return step


def _note(tx: Session, run: OpenRun, listed: int, step: strategy.Run | strategy.End | None, now: datetime) -> None:
    row = tx.get_one(Run, run.row_id)
    row.pages, row.listed, row.added = row.pages + 1, row.listed + listed, len(run.added)
    if not isinstance(step, strategy.Run):
        row.ended_at = now
        row.proof, row.detail = ("failed", None) if step is None else (step.proof, step.detail or None)
    tx.add(row)


def _finish(tx: Session, name: str, run: OpenRun, end: strategy.End, now: datetime) -> Finished:
    supplier, row = known_supplier(tx, name), tx.get_one(Run, run.row_id)
    first = supplier.last_success_at is None
    cursor = supplier.cursor
    if end.run.refused:
        supplier.cursor_refused = cursor
    blind = _blind(tx, name, run, supplier, row)
    # A cursor that is always refused would be tried again with each new order.
    if end.run.misled or blind or (end.run.refused and careful_of(tx, name).cursor_fails):
        supplier.cursor_distrusted_at = now
    if run.plan.purpose not in {"probe", "fetch"} and end.detail != ALREADY_ASKED:
        # An order with a number far above all others is listed every time: if blind, only new orders move the cursor.
        top = (
            strategy.highest(run.added) if blind else strategy.highest([each for each in (cursor, *run.added) if each])
        )
        # Ids that cannot be ranked are taken in list order. If that guess is wrong, it costs time, but no order is missed.
        supplier.cursor = top or cursor or next((each for each in reversed(end.run.last_page) if "_" in each), None)
    supplier.last_success_at = now
    tx.add(supplier)
    return Finished(row.purpose, end.proof, end.detail, row.pages, row.listed, run.added, run.rejected, first)


def _blind(tx: Session, name: str, run: OpenRun, supplier: Supplier, row: Run) -> bool:
    """Tell whether this run found recent orders that a poll by the cursor cannot find.

    1. Their numbers are below the cursor, and a poll asks only for higher ones.
    2. Or this is a sweep, and no poll since the last sweep added anything. One order may arrive between a poll and a sweep; that
       all of them did is no coincidence.

    While polls read by date, case 1 is checked at every poll, so the cursor stays distrusted as long as it is wrong.
    """
    mine, now = strategy.rank(supplier.cursor or ""), row.started_at or row.requested_at
    by_date = trusted_cursor(supplier, now) is None
    if mine is None or not (row.purpose == "sweep" or (row.purpose == "poll" and by_date)):
        return False
    sweeps = select(func.max(Run.id)).where(Run.supplier == name, Run.purpose == "sweep", col(Run.proof).in_(GOOD))
    before = tx.exec(sweeps.where(col(Run.id) < run.row_id)).one()
    recent = _dated_from(tx, name, run.added, now.date() - timedelta(days=strategy.NEWS_DAYS))
    if before is None or not recent:
        return False
    polls = select(func.count(), func.sum(Run.added)).where(Run.supplier == name, Run.purpose == "poll")
    count, brought = tx.exec(polls.where(col(Run.proof).in_(GOOD), col(Run.id) > before)).one()
    if any((key := strategy.rank(each)) is not None and key < mine for each in recent):
        return count > 0 or by_date
    return row.purpose == "sweep" and count > 0 and not brought and not by_date


def _dated_from(tx: Session, name: str, ids: Sequence[str], first: date) -> list[str]:
    """Return those of these orders that are dated on or after that day, or have no date."""
    found: list[str] = []
    for start in range(0, len(ids), 500):
        query = select(Order.menzzo_order_id).where(
            Order.supplier == name, col(Order.menzzo_order_id).in_(ids[start : start + 500])
        )
        found += tx.exec(query.where(col(Order.order_date).is_(None) | (col(Order.order_date) >= first)))
    return found


def give_up(tx: Session, run: OpenRun, why: str, now: datetime) -> None:
    """End a run that could not continue."""
    row = tx.get(Run, run.row_id)
    if row is not None and row.ended_at is None:
        row.ended_at, row.proof, row.detail = now, "failed", why
        tx.add(row)


def abandon(tx: Session, now: datetime) -> None:
    """After a crash, end open runs as failed; the next run reads the same days again."""
    for row in tx.exec(select(Run).where(col(Run.started_at).is_not(None), col(Run.ended_at).is_(None))):
        row.ended_at, row.proof, row.detail = now, "failed", "the agent stopped in the middle of it"
        tx.add(row)
