"""The metrics in the text format of Prometheus. Names, labels and meanings are part of the public surface.

Requests are summed up as histograms from the request logs. These only grow, so the sums up to the last row seen are kept. They
are stored in the table chores for the next process, because a million rows take seconds; so they also survive when retention
removes rows.
"""

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any, Self

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import gzip_accepted
from prometheus_client.registry import Collector
from sqlmodel import Session

from supplier_agent import __version__
from supplier_agent.base import files
from supplier_agent.base.errors import StateError
from supplier_agent.calls import CALLS, AnyCall
from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import Look, within
from supplier_agent.db.store import LockedError, Store
from supplier_agent.db.tables import Chore
from supplier_agent.metrics.figures import gauges
from supplier_agent.reports import programs
from supplier_agent.reports.vitals import Signs
from supplier_agent.settings import Settings

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Seconds. The last bucket is the default deadline of a call."""
READ = "get-sales"
LISTED, DONE = "listed", "done"
MOST_OPEN = 500

SECONDS = "round(max(0, (julianday(ended_at) - julianday(started_at)) * 86400), 3)"
BUCKET = (
    "CASE "
    + " ".join(f"WHEN s <= {bound} THEN {place}" for place, bound in enumerate(BOUNDS))
    + f" ELSE {len(BOUNDS)} END"
)

ATTEMPTS = f"""
SELECT supplier, kind, outcome, {BUCKET} AS bucket, count(*) AS number, sum(s) AS seconds
  FROM (SELECT call_id, outcome, {SECONDS} AS s FROM attempts WHERE ended_at IS NOT NULL AND {{which}})
  CROSS JOIN calls ON calls.id = call_id
 GROUP BY supplier, kind, outcome, bucket
"""  # noqa: S608 - constants of this file; CROSS JOIN: the attempts lead, the calls are looked up
READS = f"""
SELECT supplier, outcome, {BUCKET} AS bucket, count(*) AS number, sum(s) AS seconds
  FROM (SELECT supplier, outcome, {SECONDS} AS s FROM reads WHERE id > ? AND id <= ?)
 GROUP BY supplier, outcome, bucket
"""  # noqa: S608 - as above
STILL_OPEN = """
SELECT id FROM attempts WHERE id > ? AND id <= ? AND ended_at IS NULL UNION
SELECT id FROM attempts WHERE id IN ({which}) AND ended_at IS NULL
"""

Requests = tuple[str, str]
"""Supplier and endpoint."""


@dataclass
class Histogram:
    """The durations of requests: the number in each bucket (the last has no limit), and the total seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


@dataclass
class Tally:
    """The sums of the tables up to `attempt`, `read` and `order`, the ids of the last rows that were counted."""

    attempt: int = 0
    read: int = 0
    order: int = 0
    orders: dict[str, int] = field(
        default_factory=lambda: defaultdict(int)
    )  # total by supplier: orders are never deleted
    took: dict[Requests, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    outcomes: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    _open: set[int] = field(default_factory=set)  # attempts that had not ended when they were counted

    def catch_up(self, look: Look, most: int | None = None, kinds: Mapping[str, AnyCall] = CALLS) -> int:
        """Count the new rows, and attempts that have ended since they were seen; return how many rows are left.

        `most`: the maximum number of new rows of each log, so that a scrape of a million rows answers in time; None: all.
        """
        last_attempt, last_read = attempt, read = _last(look, "attempts"), _last(look, "reads")
        if attempt < self.attempt or read < self.read:  # another database: it was restored
            self.attempt, self.read, self.order = 0, 0, 0
            self.orders.clear()
            self.took.clear()
            self.outcomes.clear()
            self._open.clear()
        if most is not None:
            attempt, read = min(attempt, self.attempt + most), min(read, self.read + most)
        marks = ", ".join("?" * len(self._open))
        before = look.rows(ATTEMPTS.format(which=f"id IN ({marks})"), *self._open) if self._open else []
        new = look.rows(ATTEMPTS.format(which="id > ? AND id <= ?"), self.attempt, attempt)
        for row in (*before, *new):
            endpoint = kinds[row.kind].ENDPOINT if row.kind in kinds else row.kind
            self._add(row.supplier, endpoint, row.outcome or "unknown", row)
        for row in look.rows(READS, self.read, read):
            self._add(row.supplier, READ, DONE if row.outcome == LISTED else row.outcome, row)
        order = _last(look, "orders")
        # From the beginning, only an index is read, not the table.
        new_orders = "WHERE id > ? AND id <= ?" if self.order else "WHERE 0 = ? AND 0 < ?"
        counted = f"SELECT supplier, count(*) AS number FROM orders {new_orders} GROUP BY supplier"  # noqa: S608 - one of two texts
        for row in look.rows(counted, self.order, order):
            self.orders[row.supplier] += row.number
        self._open = self._still_open(look, attempt)
        self.attempt, self.read, self.order = attempt, read, order
        return last_attempt - attempt + last_read - read

    def as_json(self) -> str:
        """Return the sums as text, for the next process."""
        return json.dumps(
            {
                "bounds": BOUNDS,
                "last": [self.attempt, self.read, self.order],
                "open": sorted(self._open),
                "orders": self.orders,
                "took": [[*key, each.buckets, each.seconds] for key, each in self.took.items()],
                "outcomes": [[*key, number] for key, number in self.outcomes.items()],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the sums of an earlier process; empty if they cannot be read, or have other buckets."""
        tally = cls()
        try:
            left = json.loads(text)
            if left["bounds"] != list(BOUNDS):
                return tally
            tally.attempt, tally.read, tally.order = left["last"]
            tally._open.update(left["open"])
            tally.orders.update(left["orders"])
            tally.took.update({(name, to): Histogram(buckets, s) for name, to, buckets, s in left["took"]})
            tally.outcomes.update({(name, to, outcome): number for name, to, outcome, number in left["outcomes"]})
        except (ValueError, LookupError, TypeError):
            return cls()
        return tally

    def _still_open(self, look: Look, attempt: int) -> set[int]:
        marks = ", ".join("?" * len(self._open))
        rows = look.rows(STILL_OPEN.format(which=marks), self.attempt, attempt, *self._open)
        return set(sorted(row.id for row in rows)[-MOST_OPEN:])

    def _add(self, supplier: str, endpoint: str, outcome: str, row: Any) -> None:  # noqa: ANN401 - a row
        histogram = self.took[supplier, endpoint]
        histogram.buckets[row.bucket] += row.number
        histogram.seconds += row.seconds
        self.outcomes[supplier, endpoint, outcome] += row.number


def _last(look: Look, table: str) -> int:
    return int(look.first(f"SELECT coalesce(max(id), 0) AS number FROM {table}").number)  # noqa: S608 - one of two words


PREFIX = "supplier_agent_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CHORE = "metrics"
MOST_ROWS = 200_000
"""How many new rows of each log one scrape counts: this takes about a second, and Prometheus waits for ten."""
GZIP_LEVEL = 5
LEAVE_ROWS = 5000
"""The sums are stored only after this many new rows, not at every scrape; the next process counts the rest again."""


class Exposition:
    """The metrics of one installation. It keeps the sums of the request logs between scrapes."""

    def __init__(self, store: Store, settings: Settings, most_rows: int | None = MOST_ROWS) -> None:
        self._store, self._settings, self._most_rows = store, settings, most_rows
        self._tally: Tally | None = None
        self._left = 0
        self._lock = Lock()  # two simultaneous scrapes would count the same rows twice

    def at(self, now: datetime, signs: Signs | None = None) -> bytes:
        """Return the current metrics, in the text format 0.0.4. `signs`: the signs of life of the agent."""
        with self._lock:
            try:
                with self._store.read() as tx:
                    tally, rows_left = self._caught_up(tx)
                    registry = CollectorRegistry()
                    registry.register(_Collected([*_families(tx, self._settings, tally, now, rows_left, signs)]))
                    _add_the_process(registry, self._settings)
                    text = generate_latest(registry)
            except BaseException:
                self._tally = None  # it may have counted only some rows: start again from the stored sums
                raise
            if tally.attempt + tally.read - self._left >= LEAVE_ROWS:
                self._leave(tally, now)
            return text

    def _caught_up(self, tx: Session) -> tuple[Tally, int]:
        if self._tally is None:
            left = tx.get(Chore, CHORE)
            self._tally = Tally.from_json(left.detail) if left is not None and left.detail is not None else Tally()
            self._left = self._tally.attempt + self._tally.read
        return self._tally, self._tally.catch_up(within(tx), self._most_rows)

    def _leave(self, tally: Tally, now: datetime) -> None:
        """Store the sums for the next process. If the database is busy, a later scrape does it."""
        with suppress(LockedError), self._store.write() as tx:
            tx.merge(Chore(name=CHORE, done_at=now, detail=tally.as_json()))
            self._left = tally.attempt + tally.read


class _Collected(Collector):
    """A collector for a registry, with given metric families."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the metric families."""
        return self._families


def exposition(store: Store, settings: Settings, now: datetime, signs: Signs | None = None) -> bytes:
    """Return the current metrics, for a single request."""
    return Exposition(store, settings, most_rows=None).at(now, signs)


def encoded(text: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a response. `accepted`: the request's Accept-Encoding."""
    headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
    if not gzip_accepted(accepted):
        return text, headers
    return gzip.compress(text, GZIP_LEVEL, mtime=0), headers | {"Content-Encoding": "gzip"}


def _add_the_process(registry: CollectorRegistry, settings: Settings) -> None:
    """Add process_* (CPU, memory, open files, start) of the agent, whichever process answers the scrape."""
    agent = state_folder.holder_now(settings.state_dir / state_folder.LOCK)
    if agent is not None and agent.pid is not None:
        pid = agent.pid
        ProcessCollector(pid=lambda: pid, registry=registry)


def leave(file: Path, store: Store, settings: Settings, now: datetime, signs: Signs | None = None) -> None:
    """Write the metrics to a file, completely or not at all, for a textfile collector. Raises StateError."""
    content = exposition(store, settings, now, signs)
    try:
        with files.as_owner_of(file.parent):
            files.replace(file, content, 0o644)
    except OSError as error:
        raise StateError(
            f"the metrics file {file} could not be written: {os.strerror(error.errno or 0)}",
            "name a file in a folder that the agent's user may write",
        ) from error


def _families(
    tx: Session, settings: Settings, tally: Tally, now: datetime, rows_left: int = 0, signs: Signs | None = None
) -> Iterator[Metric]:
    info = GaugeMetricFamily(f"{PREFIX}build_info", "Always 1; which version runs.", labels=("version",))
    info.add_metric((__version__,), 1)
    yield info
    for gauge in gauges(tx, settings, tally.orders, now, signs):
        family = GaugeMetricFamily(f"{PREFIX}{gauge.name}", gauge.meaning, labels=gauge.labels)
        for labels, value in gauge.values:
            family.add_metric(labels, value)
        yield family
    yield _asked(within(tx))
    meaning = (
        "Rows of the journals that still have to be summed up after an upgrade; until then the two below are left out."
    )
    left = GaugeMetricFamily(f"{PREFIX}journal_rows_left", meaning)
    left.add_metric((), rows_left)
    yield left
    if not rows_left:  # an incomplete counter would later look like a burst of requests
        yield _requests(tally)
        yield _durations(tally)


def _asked(look: Look) -> Metric:
    meaning = (
        "Requests to the HTTP API by program and HTTP status, up to a minute old. `unknown`: no valid key or signature."
    )
    counter = CounterMetricFamily(f"{PREFIX}api_requests", meaning, labels=("program", "answer"))
    for labels, number in programs.asked(look):
        counter.add_metric(labels, number)
    return counter


def _requests(tally: Tally) -> Metric:
    meaning = "Requests that have ended, by endpoint and outcome (done, later, not_sent, refused, unknown, or how a read failed)."
    counter = CounterMetricFamily(f"{PREFIX}requests", meaning, labels=("supplier", "endpoint", "outcome"))
    for labels, number in sorted(tally.outcomes.items()):
        counter.add_metric(labels, number)
    return counter


def _durations(tally: Tally) -> Metric:
    meaning = "Seconds from the moment a request was ready to its ending, waiting for the rate included."
    family = HistogramMetricFamily(f"{PREFIX}request_duration_seconds", meaning, labels=("supplier", "endpoint"))
    bounds = [*map(str, BOUNDS), "+Inf"]
    for labels, histogram in sorted(tally.took.items()):
        family.add_metric(labels, list(zip(bounds, accumulate(histogram.buckets), strict=True)), histogram.seconds)
    return family
