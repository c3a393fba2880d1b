"""The journals of requests as histograms. They only ever grow, so what was summed up once is kept, up to the last row seen.

The sums are a copy of what the tables say, and are left in the table chores for the next process: summing up a million rows
takes seconds. So they also outlive what the retention takes out of the journals.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from supplier_agent.calls import CALLS, AnyCall
from supplier_agent.db.plain_sql import Look

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Seconds. The last is the deadline of a call as it is by default."""
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
    """How long requests took: how many in each bucket (the last has no bound), and the seconds of all."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


@dataclass
class Tally:
    """What the tables say up to `attempt`, `read` and `order`, the ids of the last rows that were taken in."""

    attempt: int = 0
    read: int = 0
    order: int = 0
    orders: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # ever, by supplier: none is ever deleted
    took: dict[Requests, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    outcomes: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    _open: set[int] = field(default_factory=set)  # attempts that had not ended when their turn came

    def catch_up(self, look: Look, most: int | None = None, kinds: Mapping[str, AnyCall] = CALLS) -> int:
        """Take in the rows that are new, and those that have ended since they were seen; return how many are left.

        `most`: at most so many new rows of each journal, so that a scrape of a million of them answers in time; None: all.
        """
        last_attempt, last_read = attempt, read = _last(look, "attempts"), _last(look, "reads")
        if attempt < self.attempt or read < self.read:  # another database: one that was restored
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
        # From the beginning an index alone is read, not the table.
        new_orders = "WHERE id > ? AND id <= ?" if self.order else "WHERE 0 = ? AND 0 < ?"
        counted = f"SELECT supplier, count(*) AS number FROM orders {new_orders} GROUP BY supplier"  # noqa: S608 - one of two texts
        for row in look.rows(counted, self.order, order):
            self.orders[row.supplier] += row.number
        self._open = self._still_open(look, attempt)
        self.attempt, self.read, self.order = attempt, read, order
        return last_attempt - attempt + last_read - read

    def as_json(self) -> str:
        """Return everything as text, for the next process."""
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
        """Return what another process left; from the beginning if it cannot be read, or was summed up in other buckets."""
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
