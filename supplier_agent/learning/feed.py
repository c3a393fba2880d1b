"""Learns from what is new in the journal, step by step: one run, and some answers to calls, in each. Makes no request.

How far it has come is one row of `chores` for each supplier. A step may be repeated or left out: it only counts observations.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from supplier_agent.base.cells import known
from supplier_agent.db.journal import pages_of, versions_of
from supplier_agent.db.plain_sql import Look, text, within
from supplier_agent.learning import answers
from supplier_agent.learning.answers import Answered
from supplier_agent.learning.estimates import estimates_of
from supplier_agent.learning.listed import AT_LEAST, Facts, Listed, Page, Versions, query_of, trust
from supplier_agent.learning.numbers import made_afresh
from supplier_agent.learning.observing import Known, after_all, after_call, after_run
from supplier_agent.learning.questions import Question
from supplier_agent.learning.written import save
from supplier_agent.reading.missing_orders import WHOLE, days_of
from supplier_agent.settings import Settings

CHORE = "learning of "
"""With the supplier's name, the name of the row of `chores`: the last read and the last attempt that were looked at."""
MOST_PAGES = 60
"""The pages of one run that are looked at. A longer run proves nothing about whole days here."""
MOST_CALLS = 100
MOST_ORDERS = 2000
MOST_ENTRIES = 100
"""The orders of one run whose entries are looked at: the newest."""
FORMER_CALLS = 1000
"""How many earlier attempts are looked at when learning begins on a journal that exists."""
DAY = timedelta(days=1)
COVERED = timedelta(hours=12)
"""A day counts as read shortly before if a complete run of so many hours covered it."""
ABANDONED = timedelta(hours=1)
"""An attempt that has no end after so long will never have one."""
LABEL = "label"


def step(tx: Session, supplier: str, settings: Settings, now: datetime, heard: Sequence[answers.Heard]) -> bool:
    """Learn from the next run of a supplier, its next answered calls, and how long answers took; return whether there is more."""
    look = within(tx)
    at = _position(look, supplier)
    before = estimates_of(look, supplier)
    after, read, more_reads = _after_reads(tx, look, supplier, settings, at[0], before)
    after, attempt, more_calls = _after_calls(look, supplier, settings, at[1], now, after)
    after = after_all(after, answers.times(heard))
    save(tx, supplier, (each for question, each in after.items() if each != before[question]))
    _move(tx, supplier, read, attempt, now)
    return more_reads or more_calls


def skip(tx: Session, supplier: str, now: datetime) -> None:
    """Leave out everything up to now, because a step failed."""
    look = within(tx)
    _move(tx, supplier, _newest(look, "reads"), _newest(look, "attempts"), now)


def _position(look: Look, supplier: str) -> tuple[int, int]:
    row = look.first("SELECT detail FROM chores WHERE name = ?", f"{CHORE}{supplier}")
    try:
        read, attempt = json.loads(row.detail)
        return int(read), int(attempt)
    except (AttributeError, ValueError, TypeError):
        # Runs before the first listed page have no list of ids, so they show nothing.
        first = look.first("SELECT min(read_id) AS row FROM listed_pages").row
        read = _newest(look, "reads") if first is None else first - 1
        return read, max(0, _newest(look, "attempts") - FORMER_CALLS)


def _move(tx: Session, supplier: str, read: int, attempt: int, now: datetime) -> None:
    values = f"{CHORE}{supplier}", text(now), json.dumps([read, attempt])
    tx.connection().exec_driver_sql("INSERT OR REPLACE INTO chores (name, done_at, detail) VALUES (?, ?, ?)", values)


def _newest(look: Look, table: str) -> int:
    return int(look.first(f"SELECT coalesce(max(id), 0) AS row FROM {table}").row)  # noqa: S608 - our own names


# Runs


def _after_reads(
    tx: Session, look: Look, supplier: str, settings: Settings, position: int, before: Known
) -> tuple[Known, int, bool]:
    """Return the estimates after the next run, the last row that was looked at, and whether there are more."""
    newest = _newest(look, "reads")
    # The `+` makes SQLite go by the id: few rows are newer, and many have the supplier.
    first = look.first(
        "SELECT id, run_id FROM reads WHERE id > ? AND +supplier = ? ORDER BY id LIMIT 1", position, supplier
    )
    if first is None:
        return before, newest, False
    run = None if first.run_id is None else look.first("SELECT * FROM runs WHERE id = ?", first.run_id)
    if run is None:
        rows = look.rows("SELECT * FROM reads WHERE id = ?", first.id)
    elif run.ended_at is None:
        return before, position, False
    elif known(run.ended_at) is None or known(run.started_at) is None:
        return before, first.id, True  # a damaged row
    else:
        rows = look.rows("SELECT * FROM reads WHERE run_id = ? ORDER BY id LIMIT ?", run.id, MOST_PAGES + 1)
    last = first.id if run is None else look.first("SELECT max(id) AS row FROM reads WHERE run_id = ?", run.id).row
    listed = listed_of(tx, supplier, settings, run, rows, made_afresh(before[Question.CACHE_SECONDS]))
    return after_run(before, listed, settings.timezone), last, last < newest


def listed_of(
    tx: Session,
    supplier: str,
    settings: Settings,
    run: Any | None,  # noqa: ANN401 - a row
    rows: Sequence[Any],
    cached: float | None = None,
    stored: Mapping[int, Sequence[tuple[str, str]]] | None = None,
) -> Listed:
    """Return what these requests listed.

    run: their run; None: they belong to none. cached: for how many seconds an answer may be cached; None: it is not known yet.
    stored: the entries of each answer, as of `pages_of`; None: those of the journal.
    """
    look, is_whole = within(tx), len(rows) <= MOST_PAGES
    configured = settings.suppliers[supplier].cache_seconds
    life = max(AT_LEAST, 2 * configured) if cached is None else max(configured, cached)
    rows = rows[:MOST_PAGES]
    stored = pages_of(tx, [row.id for row in rows]) if stored is None else stored
    pages = _pages(look, supplier, rows, life, stored)
    began = rows[0].started_at if run is None else run.started_at
    ended = rows[-1].ended_at if run is None else run.ended_at
    days = days_of(run) if run is not None and run.purpose in WHOLE and is_whole else None
    names = {each for page in pages for each in page.ids or ()}
    names |= {page.query.cursor for page in pages if page.query.cursor is not None}
    words = () if (support := settings.support_of(supplier)) is None else support.stop_words
    orders = _orders(look, supplier, names, words)
    if days is not None and run is not None and run.proof == "complete" and all(page.fresh for page in pages):
        orders |= _listed_before(look, supplier, days, began, words)
    return Listed(
        0 if run is None else run.id,
        "" if run is None else run.purpose,
        "" if run is None else run.proof or "",
        began,
        ended,
        days,
        pages,
        orders,
        _covered(look, supplier, began),
        is_whole,
        _entries(tx, supplier, pages),
    )


def _entries(tx: Session, supplier: str, pages: Iterable[Page]) -> tuple[Versions, ...]:
    names = sorted({each for page in pages for each in page.ids or ()})[-MOST_ENTRIES:]
    found = versions_of(tx, supplier, names).values()
    return tuple(Versions(now, None if first == now else first) for first, now in found if isinstance(now, dict))


def _pages(
    look: Look, supplier: str, rows: Sequence[Any], life: float, stored: Mapping[int, Sequence[tuple[str, str]]]
) -> tuple[Page, ...]:
    pages = []
    for row in rows:
        query, ids = query_of(row.url), stored.get(row.id)
        if query is None:
            continue
        is_list = row.outcome == "listed"
        ids = ids if ids is not None and len(ids) == row.listed else None  # not kept, or not all of them
        settled, fresh = trust(row.age_seconds, _asked_ago(look, supplier, row), row.added, life)
        pages.append(
            Page(
                row.id,
                query,
                row.started_at,
                tuple(name or f"#{digest}" for name, digest in ids) if is_list and ids is not None else None,
                row.http_status,
                row.sha256,
                row.age_seconds,
                settled,
                fresh,
                (row.detail or "").lstrip().startswith("<"),
            )
        )
    return tuple(pages)


def _asked_ago(look: Look, supplier: str, row: Any) -> float | None:  # noqa: ANN401 - a row
    """Return how many seconds before this request an equal one was made; None: not within a day. The cursor does not count."""
    key = _without_cursor(row.url)
    found = look.rows(
        "SELECT url, started_at FROM reads WHERE supplier = ? AND url >= ? AND url < ? AND started_at > ? AND id < ?",
        supplier, key, f"{key}~", text(row.started_at - DAY), row.id,
    )  # fmt: skip
    times = [each.started_at for each in found if _without_cursor(each.url) == key]
    return (row.started_at - max(times)).total_seconds() if times else None


def _without_cursor(url: str) -> str:
    return url.partition("&last_menzzo_order_number=")[0]


ORDER = """
SELECT o.id, o.menzzo_order_id, o.first_seen_at, o.order_date, o.last_listed_at, o.acknowledged_at, o.ship_confirmed_at,
       o.ship_evidence, o.closed_reason, s.status, s.checked_at,
       EXISTS (SELECT 1 FROM calls WHERE order_id = o.id AND kind = 'ship' AND attempts > 0) AS ship_tried
  FROM orders o LEFT JOIN sale_checks s ON s.order_id = o.id
"""


def _orders(look: Look, supplier: str, names: Iterable[str], words: Collection[str]) -> dict[str, Facts]:
    found: dict[str, Facts] = {}
    wanted = sorted(names)
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        marks = ", ".join("?" * len(some))
        rows = look.rows(f"{ORDER} WHERE o.supplier = ? AND o.menzzo_order_id IN ({marks})", supplier, *some)
        found |= {row.menzzo_order_id: _facts(row, words) for row in rows if known(row.first_seen_at) is not None}
    return found


def _listed_before(
    look: Look, supplier: str, days: tuple[date, date], began: datetime, words: Collection[str]
) -> dict[str, Facts]:
    """Return the orders of these days that were listed before the run, and neither by it nor since."""
    rows = look.rows(
        f"""{ORDER} WHERE o.order_date BETWEEN ? AND ? AND o.supplier = ?
                      AND coalesce(o.last_listed_at, o.first_seen_at) < ? ORDER BY o.id DESC LIMIT ?""",
        days[0].isoformat(), days[1].isoformat(), supplier, text(began), MOST_ORDERS,
    )  # fmt: skip
    return {row.menzzo_order_id: _facts(row, words) for row in rows if known(row.first_seen_at) is not None}


def _facts(row: Any, words: Collection[str]) -> Facts:  # noqa: ANN401 - a row
    stopped = isinstance(row.status, str) and row.status.casefold() in words
    yes = row.ship_evidence in {"confirmed", "unverified"}
    return Facts(
        row.id,
        row.first_seen_at,
        _sound(row.order_date),
        _sound(row.last_listed_at),
        _sound(row.acknowledged_at),
        _sound(row.ship_confirmed_at) if yes else None,
        bool(row.ship_tried) or row.ship_confirmed_at is not None,
        _sound(row.checked_at) if stopped else None,
        row.closed_reason is not None,
    )


def _sound(value: Any) -> Any:  # noqa: ANN401 - of any column
    return known(value)


def _covered(look: Look, supplier: str, began: datetime) -> tuple[tuple[date, date], ...]:
    rows = look.rows(
        "SELECT * FROM runs WHERE supplier = ? AND purpose IN ('sweep', 'resync') AND proof = 'complete' AND started_at > ?"
        " AND ended_at <= ? AND listed > 0 ORDER BY id DESC LIMIT 8",
        supplier, text(began - COVERED), text(began),
    )  # fmt: skip
    return tuple(days_of(row) for row in rows)


# Calls


def _after_calls(
    look: Look, supplier: str, settings: Settings, position: int, now: datetime, before: Known
) -> tuple[Known, int, bool]:
    """Return the estimates after the next calls, the last attempt that was looked at, and whether there are more."""
    newest = _newest(look, "attempts")
    rows = look.rows(
        """
        SELECT a.id, a.started_at, a.ended_at, a.outcome, a.http_status, a.detail, c.kind, o.link_to_label
          FROM attempts a JOIN calls c ON c.id = a.call_id LEFT JOIN orders o ON o.id = c.order_id
         WHERE a.id > ? AND +c.supplier = ? AND +c.kind IN ('acknowledge', 'ship', 'label') ORDER BY a.id LIMIT ?
        """,
        position, supplier, MOST_CALLS,
    )  # fmt: skip
    after, own = before, urlsplit(settings.base_url).netloc
    for row in rows:
        if row.ended_at is None:
            if now - row.started_at < ABANDONED:
                return after, row.id - 1, False  # it is being made
            continue
        if row.http_status is None:
            continue
        elsewhere = row.kind == LABEL and urlsplit(row.link_to_label or "").netloc not in {"", own}
        body = "" if row.kind == LABEL else answers.body_of(row.detail or "")
        after = after_call(
            after, Answered(row.id, row.kind, row.ended_at, row.outcome, row.http_status, body, elsewhere)
        )
    if len(rows) == MOST_CALLS:
        return after, rows[-1].id, True
    return after, newest, False
