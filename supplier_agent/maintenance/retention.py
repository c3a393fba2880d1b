"""Retention: removes labels and history of finished orders after a while, in small batches. Never touches unfinished orders.

Orders stay for ever: one that was removed would look new when it is listed again. So do their calls with the last attempt of
each, every attempt with an unknown outcome, and one complete run per day, which proves that it was read. Of what was listed of an
order, the first and last time and the hash of the first content stay.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from supplier_agent.base import cells
from supplier_agent.base.clock import Clock
from supplier_agent.base.log import Log
from supplier_agent.db.plain_sql import ASIDE
from supplier_agent.db.plain_sql import text as as_stored
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Chore, Event
from supplier_agent.labels import LabelFolder
from supplier_agent.settings import Settings

CHORE = "retention"
EVERY = timedelta(days=1)
BATCH = 500
"""Rows examined in one transaction: a few milliseconds, because the loop's thread does this between turns."""
REMOVED, SHORTENED = "label removed", "journal shortened"
"""The entry in the history of an order."""
SPARE_DAYS = 2

FINISHED = f"""
    (o.ship_confirmed_at IS NOT NULL OR o.closed_reason IS NOT NULL) AND o.planned_at IS NOT NULL
    AND coalesce(o.ship_confirmed_at, o.planned_at) < :before
    AND (o.planned_at < :before OR o.after_sales_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM calls u WHERE u.order_id = o.id AND u.state NOT IN ('done', 'dropped')
                     AND u.kind NOT IN ({ASIDE}))
"""  # noqa: S608 - constants
"""Finished before that time, by every fact: planned_at is when the order last changed; none of its calls waits.

That after-sales cases are looked for after the shipping prolongs nothing, nor do calls that no order waits for: a label names a
customer.
"""
SOME = f"o.id > :after AND o.id <= :after + {BATCH} AND {FINISHED}"
LABELS = f"SELECT o.id, o.label_path, o.label_sha256 FROM orders o WHERE {SOME} AND o.label_path IS NOT NULL"  # noqa: S608 - constants
FORGET_LABEL = """
    UPDATE orders SET label_path = NULL, label_link = NULL, label_bytes = NULL, label_sha256 = NULL WHERE id = :id
"""
ATTEMPTS = f"""
    SELECT o.id, a.id FROM orders o JOIN calls c ON c.order_id = o.id JOIN attempts a ON a.call_id = c.id
     WHERE {SOME} AND a.number < c.attempts AND a.outcome IN ('done', 'later', 'not_sent', 'refused')
"""  # noqa: S608 - constants
EVENTS = f"""
    SELECT o.id, e.id FROM orders o JOIN events e ON e.order_id = o.id
     WHERE {SOME} AND e.at < :before AND e.what <> '{SHORTENED}'
"""  # noqa: S608 - constants
CASES = f"""
    SELECT s.id FROM orders o JOIN sav_requests s ON s.order_id = o.id
     WHERE {SOME} AND s.body <> '' AND s.asked_at < :before AND NOT EXISTS (SELECT 1 FROM calls WHERE order_id = o.id
       AND kind = 'sav' AND state NOT IN ('done', 'dropped'))
"""  # noqa: S608 - constants
"""What a lead wrote to the after-sales service: free text. One that may be sent again stays."""
READS = f"SELECT id FROM (SELECT id, started_at FROM reads ORDER BY id LIMIT {BATCH}) WHERE started_at < :before"  # noqa: S608 - constants
PAGES = f"""
    SELECT read_id FROM (SELECT p.read_id, r.ended_at FROM listed_pages p JOIN reads r ON r.id = p.read_id
                          ORDER BY p.read_id LIMIT {BATCH}) WHERE ended_at < :before
"""  # noqa: S608 - constants
CONTENTS = f"""
    SELECT r.id, r.id IN (SELECT min(id) FROM raw_entries f WHERE f.supplier = r.supplier AND f.menzzo_order_id = r.menzzo_order_id)
      FROM raw_entries r
     WHERE r.id > :after AND r.id <= :after + {BATCH} AND r.last_listed_at < :before AND r.body IS NOT NULL AND NOT EXISTS (
       SELECT 1 FROM orders o WHERE o.supplier = r.supplier AND o.menzzo_order_id = r.menzzo_order_id AND NOT ({FINISHED}))
"""  # noqa: S608 - constants
"""Listed entries of finished orders: whether each is the first of its order. Of that one, the times and the hash stay."""
RUNS = f"""
    SELECT id FROM runs
     WHERE id > :after AND id <= :after + {BATCH} AND started_at < :before AND ended_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM reads WHERE run_id = runs.id)
       AND id NOT IN (SELECT max(id) FROM runs WHERE proof IN ('complete', 'partial') GROUP BY supplier, purpose)
       AND id NOT IN (SELECT max(id) FROM runs WHERE proof = 'complete' AND purpose IN ('sweep', 'resync')
                       GROUP BY supplier, substr(started_at, 1, 10))
"""  # noqa: S608 - constants
ALERTS = f"SELECT id FROM alerts WHERE solved_told_at < :before ORDER BY id LIMIT {BATCH}"  # noqa: S608 - constants


class Retention:
    """Runs once a day. `settings` is called each time, because they may change while the agent runs."""

    def __init__(
        self, store: Store, labels: LabelFolder, clock: Clock, log: Log, settings: Callable[[], Settings]
    ) -> None:
        self._store, self._labels, self._clock, self._log, self._settings = store, labels, clock, log, settings
        self._asked_at: datetime | None = None  # None: not yet
        self._batches: Iterator[None] | None = None  # None: it is not running
        self._gone: Counter[str] = Counter()

    def step(self) -> bool:
        """Process one batch, if it is due; return whether there is more to do."""
        now = self._clock.now()
        if self._batches is None:
            if self._asked_at is not None and abs(now - self._asked_at) < EVERY / 24:
                return False
            self._asked_at = now
            with self._store.read() as tx:
                row = tx.get(Chore, CHORE)
            if row is not None and abs(now - row.done_at) < EVERY:
                return False
            self._batches, self._gone = self._go_round(now), Counter()
        try:
            over = next(self._batches, "over") == "over"
        except Exception:
            self._batches = None  # interrupted: not recorded as done, and tried again within the hour
            raise
        if over:
            self._batches = None
            self._note(now)
            return False
        return True

    def go_round(self, stopped: Callable[[], bool]) -> None:
        """Process everything, if it is due."""
        while not stopped() and self.step():
            pass

    def _note(self, now: datetime) -> None:
        gone = dict(sorted((+self._gone).items()))
        with self._store.write() as tx:
            detail = ", ".join(f"{number} {what}" for what, number in gone.items()) or None
            tx.merge(Chore(name=CHORE, done_at=now, detail=detail))
        if gone:
            self._log.info("retention.done", **gone)

    def _go_round(self, now: datetime) -> Iterator[None]:
        keep, schedule = self._settings().keep, self._settings().schedule
        with self._store.read() as tx:
            newest = _newest(tx, "orders")
        if keep.labels_days:
            before = as_stored(now - timedelta(days=keep.labels_days))
            for after in range(0, newest, BATCH):
                self._labels_of({"after": after, "before": before}, keep.labels_days, now)
                yield
        if keep.raw_days:
            yield from self._listed(as_stored(now - timedelta(days=keep.raw_days)))
        if not keep.journal_days:
            return
        days = max(keep.journal_days, schedule.sweep_days + SPARE_DAYS)
        before = as_stored(now - timedelta(days=days))
        for after in range(0, newest, BATCH):
            self._journal_of({"after": after, "before": before}, days, now)
            self._cases_of({"after": after, "before": before})
            yield
        yield from self._readings(before)
        while self._delete("alerts", ALERTS, {"before": before}):
            yield

    def _labels_of(self, some: Mapping[str, object], days: int, now: datetime) -> None:
        with self._store.read() as tx:
            if not _rows(tx, LABELS, some):
                return  # a round that finds nothing writes nothing
        with self._store.write() as tx:
            for order, path, sha256 in _rows(tx, LABELS, some):
                if cells.some_text(path) is cells.NO_TEXT or cells.text(sha256) is cells.NO_TEXT:
                    continue  # a person must check it first: `status` shows it
                try:  # files first: if interrupted here, the next round finds the row again
                    self._labels.remove(path)
                except OSError as error:
                    self._log.problem("retention", f"{path} cannot be removed: {error.strerror}")
                    continue
                _run(tx, FORGET_LABEL, {"id": order})
                for table in ("barcodes", "parcels", "label_facts"):
                    _run(tx, f"DELETE FROM {table} WHERE order_id = :id", {"id": order})  # noqa: S608 - constants
                detail = f"labels_days = {days} have passed since it was finished; its sha256 was {sha256}"
                tx.add(Event(order_id=order, at=now, who="agent", what=REMOVED, detail=detail))
                self._gone["labels"] += 1

    def _journal_of(self, some: Mapping[str, object], days: int, now: datetime) -> None:
        with self._store.read() as tx:
            if not _rows(tx, ATTEMPTS, some) and not _rows(tx, EVENTS, some):
                return
        with self._store.write() as tx:
            attempts, events = _rows(tx, ATTEMPTS, some), _rows(tx, EVENTS, some)
            _remove(tx, "attempts", [row for _, row in attempts])
            _remove(tx, "events", [row for _, row in events])
            tries, lines = Counter(order for order, _ in attempts), Counter(order for order, _ in events)
            for order in sorted({*tries, *lines}):
                detail = f"{tries[order]} earlier attempts and {lines[order]} lines of history removed; journal_days = {days}"
                tx.add(Event(order_id=order, at=now, who="agent", what=SHORTENED, detail=detail))
            self._gone["attempts"] += len(attempts)
            self._gone["events"] += len(events)

    def _cases_of(self, some: Mapping[str, object]) -> None:
        with self._store.read() as tx:
            if not _ids(tx, CASES, some):
                return
        with self._store.write() as tx:
            for case in (cases := _ids(tx, CASES, some)):
                _run(tx, "UPDATE sav_requests SET body = '' WHERE id = :id", {"id": case})
        self._gone["cases"] += len(cases)

    def _listed(self, before: str) -> Iterator[None]:
        """Remove old answers of get-sales, and what they listed of orders that are finished."""
        while self._delete("listed_pages", PAGES, {"before": before}, "read_id"):
            yield
        with self._store.read() as tx:
            newest = _newest(tx, "raw_entries")
        for after in range(0, newest, BATCH):
            some = {"after": after, "before": before}
            with self._store.read() as tx:
                found = _rows(tx, CONTENTS, some)
            if found:
                with self._store.write() as tx:
                    found = _rows(tx, CONTENTS, some)
                    _remove(tx, "raw_entries", [row for row, is_first in found if not is_first])
                    for row in (row for row, is_first in found if is_first):
                        _run(tx, "UPDATE raw_entries SET body = NULL WHERE id = :id", {"id": row})
                self._gone["raw_entries"] += len(found)
            yield

    def _readings(self, before: str) -> Iterator[None]:
        while self._delete("reads", READS, {"before": before}):
            yield
        with self._store.read() as tx:
            newest = _newest(tx, "runs")
        for after in range(0, newest, BATCH):
            self._delete("runs", RUNS, {"after": after, "before": before})
            yield

    def _delete(self, table: str, which: str, values: Mapping[str, object], column: str = "id") -> bool:
        with self._store.read() as tx:
            if not _ids(tx, which, values):
                return False
        with self._store.write() as tx:
            ids = _ids(tx, which, values)
            if table == "reads":
                _remove(tx, "listed_pages", ids, "read_id")
            _remove(tx, table, ids, column)
        self._gone[table] += len(ids)
        return bool(ids)


def _rows(tx: Session, sql: str, values: Mapping[str, object]) -> Sequence[Any]:
    return tx.connection().execute(text(sql), dict(values)).all()


def _ids(tx: Session, sql: str, values: Mapping[str, object]) -> list[int]:
    return [row[0] for row in _rows(tx, sql, values)]


def _newest(tx: Session, table: str) -> int:
    return _ids(tx, f"SELECT coalesce(max(id), 0) FROM {table}", {})[0]  # noqa: S608 - a name of ours


def _run(tx: Session, sql: str, values: Mapping[str, object]) -> None:
    tx.connection().execute(text(sql), dict(values))


def _remove(tx: Session, table: str, ids: Sequence[int], column: str = "id") -> None:
    if ids:
        _run(tx, f"DELETE FROM {table} WHERE {column} IN ({','.join(str(each) for each in ids)})", {})  # noqa: S608 - numbers
