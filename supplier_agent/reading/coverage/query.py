"""Reads coverage from the journal, in plain SQL (plain_sql.py): the runs, and what they prove about each day."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlmodel import Session

from supplier_agent.db.plain_sql import Look, text, within
from supplier_agent.reading import missing_orders
from supplier_agent.reading.coverage.days import Counted, Late, Ledger, Reading, days_late, judge, settled_at
from supplier_agent.reading.missing_orders import absence_of, habit, missing
from supplier_agent.settings import Settings

LATE_DAYS = 90
"""How many days back lateness is measured: long enough to choose sweep_days for a season."""
RECENT_RUNS = 400
"""This many runs cover the last sweep_days, including failed ones; a scrape does not examine more."""
NEWEST_RUNS = 3
ALL_RUNS = -1


def ledger(tx: Session | Look, settings: Settings, supplier: str, first: date, last: date, now: datetime) -> Ledger:
    """Return what is known about the days from `first` to `last`, and how late orders came in the last three months."""
    look, zone, cache_seconds = within(tx), settings.timezone, settings.suppliers[supplier].cache_seconds
    since = min(first, now.astimezone(zone).date() - timedelta(days=LATE_DAYS))
    readings = _readings(look, settings, supplier, since)
    per_day = _orders_per_day(look, supplier, since)
    came_late = _late(look, supplier, {day: settled_at(day, readings, zone) for day in per_day}, zone)
    gone = missing(look, supplier)
    gone_of, late_of = Counter(order.order_date for order in gone), Counter(day for day, _ in came_late)
    return Ledger(
        supplier,
        cache_seconds,
        tuple(judge(day, readings, now, zone, patience(settings, supplier)) for day in _days(first, last)),
        {day: Counted(per_day.get(day, 0), late_of[day], gone_of[day]) for day in _days(first, last)},
        Late(sum(per_day.values()), Counter(days for _, days in came_late), settings.schedule.sweep_days),
        habit(look, supplier, cache_seconds, learned=absence_of(look, supplier).learned),
        tuple(order.menzzo_order_id for order in gone),
        _count(look, "SELECT count(*) AS number FROM orders WHERE supplier = ? AND order_date IS NULL", supplier),
        _count(look, "SELECT count(*) AS number FROM rejected_entries WHERE supplier = ?", supplier),
    )


def _orders_per_day(look: Look, supplier: str, since: date) -> dict[date, int]:
    rows = look.rows(
        "SELECT order_date, count(*) AS number FROM orders WHERE +supplier = ? AND order_date >= ? GROUP BY order_date",
        supplier, since.isoformat(),
    )  # fmt: skip
    return {row.order_date: row.number for row in rows}


def _late(look: Look, supplier: str, settled: Mapping[date, datetime | None], zone: tzinfo) -> list[tuple[date, int]]:
    """Return date and days late of each order that came late.

    Orders whose date the marketplace changed later are left out, because by the old date they may have been on time.
    """
    days = [(day, at) for day, at in settled.items() if at is not None]
    if not days:
        return []
    rows = look.rows(
        f"""
        WITH settled (day, at) AS (VALUES {", ".join("(?, ?)" for _ in days)})
        SELECT order_date, first_seen_at FROM orders JOIN settled ON day = order_date
         WHERE supplier = ? AND first_seen_at > at
           AND NOT EXISTS (SELECT 1 FROM events WHERE order_id = orders.id AND what = 'changed'
                                                  AND detail LIKE '%order_date from%')
        """,  # noqa: S608 - question marks alone
        *(value for day, at in days for value in (day.isoformat(), text(at))), supplier,
    )  # fmt: skip
    return [
        (row.order_date, days_late(row.order_date, row.first_seen_at, settled[row.order_date], zone)) for row in rows
    ]


def usual_range(tx: Session | Look, settings: Settings, supplier: str, now: datetime) -> tuple[date, date]:
    """Return the days that sweeps cover: the last sweep_days and today, but not before the first sweep's days."""
    today = now.astimezone(settings.timezone).date()
    began = within(tx).first(
        "SELECT date_from FROM runs WHERE supplier = ? AND purpose = 'sweep' AND proof IN ('complete', 'partial') "
        "ORDER BY id LIMIT 1",
        supplier,
    )
    begins = today if began is None else began.date_from
    return min(today, max(begins, today - timedelta(days=settings.schedule.sweep_days))), today


def gaps(tx: Session | Look, settings: Settings, supplier: str, now: datetime) -> list[date]:
    """Return the days of the usual range that should be proved by now and are not."""
    first, last = usual_range(tx, settings, supplier, now)
    overdue = _overdue(within(tx), settings, supplier, first, last, now, NEWEST_RUNS)
    return overdue and _overdue(within(tx), settings, supplier, first, last, now, RECENT_RUNS)


def _overdue(
    look: Look, settings: Settings, supplier: str, first: date, last: date, now: datetime, most: int
) -> list[date]:
    """Return the overdue days that these runs do not prove. Normally the newest sweep proves every day."""
    readings, zone = _readings(look, settings, supplier, first, most), settings.timezone
    judged = (judge(day, readings, now, zone, patience(settings, supplier)) for day in _days(first, last))
    return [day.day for day in judged if day.is_overdue]


def proved_as_of(tx: Session | Look, settings: Settings, supplier: str) -> datetime | None:
    """Return the time as of which the last complete sweep proves its days; None: there was none yet."""
    rows = within(tx).rows(f"{RUNS} AND purpose = 'sweep' AND proof = 'complete' ORDER BY id DESC LIMIT 1", supplier)
    reading = next(iter(_taken(rows, settings.suppliers[supplier].cache_seconds)), None)
    return None if reading is None else reading.as_of


def patience(settings: Settings, supplier: str) -> timedelta:
    """Return how long after its end a day may stay unproved: two sweeps and the cache time."""
    return timedelta(seconds=2 * settings.schedule.sweep_seconds + settings.suppliers[supplier].cache_seconds)


RUNS = """
SELECT id, purpose, date_from, date_to, started_at, ended_at, proof, pages, listed, detail,
       (SELECT max(age_seconds) FROM reads WHERE run_id = runs.id AND age_seconds IS NOT NULL) AS age_seconds
  FROM runs
 WHERE supplier = ? AND purpose IN ('sweep', 'resync') AND started_at IS NOT NULL AND ended_at IS NOT NULL
"""
"""The finished sweeps and resyncs, each with the greatest `Age` of its answers."""


def _readings(look: Look, settings: Settings, supplier: str, since: date, most: int = ALL_RUNS) -> Sequence[Reading]:
    """Return the sweeps and resyncs that covered any day from `since` on, newest first."""
    rows = look.rows(f"{RUNS} AND date_to >= ? ORDER BY id DESC LIMIT ?", supplier, since.isoformat(), most)
    return list(_taken(rows, settings.suppliers[supplier].cache_seconds))


def _taken(rows: Iterable[Any], cache_seconds: float) -> Iterable[Reading]:
    for run in rows:
        first, last = missing_orders.days_of(run)
        yield Reading(
            run.id,
            run.purpose,
            first,
            last,
            run.started_at,
            run.ended_at,
            missing_orders.as_of(run.started_at, cache_seconds, run.age_seconds),
            run.proof or "failed",
            run.pages,
            run.listed,
            run.detail,
        )


def _count(look: Look, sql: str, supplier: str) -> int:
    return int(look.first(sql, supplier).number)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
