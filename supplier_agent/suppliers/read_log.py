"""The log of get-sales requests: every request and its outcome, so that every run can be explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, func, select

from supplier_agent.db.plain_sql import GOOD
from supplier_agent.db.tables import Read, Run
from supplier_agent.marketplace import Listing, Verdict
from supplier_agent.marketplace.entries import Entry
from supplier_agent.reading.schedule import CACHE_GRACE, Due, Pauses, Readings, next_read
from supplier_agent.reading.strategy import Query
from supplier_agent.settings import Settings
from supplier_agent.suppliers import listed
from supplier_agent.suppliers.snapshot import look

LISTED = "listed"
REQUESTS = ("resync", "fetch")
"""The purposes of runs that a person asks for."""
MOST_REQUESTS = 50
"""How many waiting requests are compared: those behind them come later."""


@dataclass(frozen=True)
class ReadDone:
    """One finished get-sales request. `outcome` is "listed", or how it failed."""

    url: str
    started_at: datetime
    ended_at: datetime
    tries: int
    outcome: str
    http_status: int | None
    listed: int
    sha256: str | None
    detail: str | None
    age_seconds: int | None = None  # as in the table
    ahead_seconds: int | None = None  # the same
    entries: tuple[Entry, ...] | None = None  # what it listed; None: it failed, or its entries are not kept


def read_done(query: Query, answer: Listing | Verdict, started_at: datetime, ended_at: datetime) -> ReadDone:
    """Return the log entry for one answer."""
    if isinstance(answer, Listing):
        entries = tuple(row.entry for row in answer.rows if row.entry is not None)
        return ReadDone(
            str(query),
            started_at,
            ended_at,
            answer.tries,
            LISTED,
            answer.http_status,
            len(answer.rows),
            answer.sha256,
            None,
            answer.age_seconds,
            answer.ahead_seconds,
            entries if len(entries) == len(answer.rows) else None,
        )
    return ReadDone(
        str(query), started_at, ended_at, answer.tries, answer.means.value, answer.http_status, 0, None, answer.detail
    )


def write(tx: Session, supplier: str, read: ReadDone, run_id: int | None, added: int = 0) -> Exception | None:
    """Append one request, with what it listed. `added` is the number of new orders.

    Return the error that kept its entries from being stored: the request itself is stored all the same.
    """
    facts = {name: value for name, value in vars(read).items() if name != "entries"}
    row = Read(supplier=supplier, run_id=run_id, added=added, **facts)
    tx.add(row)
    if read.entries is None:
        return None
    tx.flush()
    assert row.id is not None  # noqa: S101 - just written
    return listed.keep(tx, supplier, row.id, read.entries, read.ended_at)


def newer_than(tx: Session, read_id: int) -> list[Read]:
    """Return the requests after that one."""
    return list(tx.exec(select(Read).where(col(Read.id) > read_id).order_by(col(Read.id))).all())


def newest(tx: Session) -> int:
    """Return the last request's row id; 0 before the first."""
    return tx.exec(select(func.max(Read.id))).one() or 0


def asked(tx: Session, supplier: str, now: datetime, cache_seconds: float) -> frozenset[str]:
    """Return the requests that the server would now answer from its cache."""
    if cache_seconds <= 0:
        return frozenset()
    since = now - timedelta(seconds=cache_seconds)
    query = select(Read.url).where(Read.supplier == supplier, Read.outcome == LISTED, col(Read.ended_at) > since)
    return frozenset(tx.exec(query).all())


def cached_until(tx: Session, supplier: str, query: Query, cache_seconds: float) -> datetime | None:
    """Return until when the server answers this request from its cache; None: it was not asked."""
    mine = Read.supplier == supplier, Read.url == str(query), Read.outcome == LISTED
    last = tx.exec(select(Read.ended_at).where(*mine).order_by(col(Read.started_at).desc()).limit(1)).first()
    return None if last is None or cache_seconds <= 0 else last + timedelta(seconds=cache_seconds) + CACHE_GRACE


def longest_page(tx: Session, supplier: str) -> int:
    """Return the number of rows of this supplier's longest page so far; 0 before the first."""
    return tx.exec(select(func.max(Read.listed)).where(Read.supplier == supplier)).one() or 0


def oldest_ages(tx: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """Return the greatest `Age` of the answers of each run; runs without one are left out."""
    found: dict[int, int] = {}
    for start in range(0, len(run_ids), 500):
        mine = col(Read.run_id).in_(run_ids[start : start + 500]), col(Read.age_seconds).is_not(None)
        query = select(Read.run_id, func.max(Read.age_seconds)).where(*mine).group_by(col(Read.run_id))
        found.update({run_id: age for run_id, age in tx.exec(query) if run_id is not None and age is not None})
    return found


def last_good(tx: Session, supplier: str, *purposes: str) -> Run | None:
    """Return the last run with one of these purposes that was read to its end."""
    query = select(Run).where(Run.supplier == supplier, col(Run.purpose).in_(purposes), col(Run.proof).in_(GOOD))
    return tx.exec(query.order_by(col(Run.id).desc()).limit(1)).first()  # not by time, because clocks can be set back


def due(tx: Session, name: str, settings: Settings, now: datetime, *, round_at: datetime | None = None) -> Due:
    """Return the next run and its time (schedule.next_read)."""
    seen, schedule, cache_seconds = look(tx, name), settings.schedule, settings.suppliers[name].cache_seconds
    earliest = seen.not_before(now)
    waiting = select(Run).where(Run.supplier == name, col(Run.purpose).in_(REQUESTS), col(Run.started_at).is_(None))
    requests = tx.exec(waiting.order_by(col(Run.id)).limit(MOST_REQUESTS)).all()
    ready_at = [(max(earliest, _fresh_from(tx, each, cache_seconds) or earliest), each) for each in requests]
    at, request = min(ready_at, key=lambda each: each[0], default=(earliest, None))
    ready = request if at <= earliest else None
    readings = Readings(seen.supplier, ready, last_good(tx, name, "sweep"), last_good(tx, name, "poll"))
    pauses = Pauses(settings.poll_interval(name, now), schedule.sweep_seconds, cache_seconds)
    due = next_read(readings, pauses, earliest, now, round_at)
    return Due(request.purpose, at, request) if request is not None and ready is None and at < due.at else due


def _fresh_from(tx: Session, request: Run, cache_seconds: float) -> datetime | None:
    """Return when the answer to a request is no longer from the cache; None: now. A resync asks for days not asked for lately."""
    if request.purpose != "fetch" or not isinstance(request.order_number, str):
        return None
    return cached_until(tx, request.supplier, Query(order_number=request.order_number), cache_seconds)


def request(tx: Session, name: str, date_from: date, date_to: date, now: datetime) -> None:
    """Store a person's request to read a date range again."""
    tx.add(Run(supplier=name, purpose="resync", date_from=date_from, date_to=date_to, requested_at=now))


def request_order(tx: Session, name: str, order_number: str, today: date, now: datetime) -> None:
    """Store a person's request to read one order by its number."""
    row = Run(supplier=name, purpose="fetch", date_from=today, date_to=today, requested_at=now)
    row.order_number = order_number
    tx.add(row)
