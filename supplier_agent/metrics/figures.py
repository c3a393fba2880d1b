"""The gauges, read from the tables in plain SQL (plain_sql.py). Their cost does not grow with the years."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from supplier_agent.db.plain_sql import OPEN, VANISHED, Look, supplier_of, text, within
from supplier_agent.db.tables import DIGEST
from supplier_agent.order import STAGES, WANTED, sound_stage
from supplier_agent.reading import coverage
from supplier_agent.reports import businessonbot, health, scans, status, supplier_facts, support, webhooks
from supplier_agent.reports.shops import shops
from supplier_agent.reports.status import damaged
from supplier_agent.reports.vitals import Signs
from supplier_agent.settings import Settings
from supplier_agent.suppliers import read_log
from supplier_agent.verdict import Problem, Severity
from supplier_agent.verdict.codes import severity_of
from supplier_agent.verdict.webhooks import Endpoint

LAST_READS = 200


@dataclass(frozen=True)
class Gauge:
    """One metric: its meaning, and its values by labels."""

    name: str  # without the prefix
    meaning: str
    labels: tuple[str, ...]
    values: Iterable[tuple[tuple[str, ...], float]]


def gauges(
    tx: Session, settings: Settings, orders_ever: Mapping[str, int], now: datetime, signs: Signs | None = None
) -> Iterator[Gauge]:
    """Yield every gauge. Instants are Unix times; an unknown one has no value.

    orders_ever: how many orders of each supplier were ever stored. signs: the signs of life of the agent; None: not checked.
    """
    look, names = within(tx), tuple(settings.suppliers)
    rows = {name: supplier_of(look, name) for name in names}
    orders = dict(_orders(look, names, orders_ever))
    yield Gauge("orders", "Orders by stage.", ("supplier", "stage"), orders.items())
    yield Gauge(
        "shipped_orders",
        "Shipped orders by evidence: confirmed by the marketplace, an answer that did not deny it, or a person's statement.",
        ("supplier", "evidence"),
        _evidence(look, {name: int(orders[name, "shipped"]) for name in names}),
    )
    yield Gauge(
        "calls", "Calls that are not over, by kind and state.", ("supplier", "kind", "state"), _calls(look, names)
    )
    yield Gauge(
        "oldest_order_timestamp_seconds",
        "Since when the oldest order waits to be acknowledged (new) or reported (flagged).",
        ("supplier", "stage"),
        _oldest(look, names),
    )
    yield Gauge(
        "last_success_timestamp_seconds",
        "When the last complete reading ended.",
        ("supplier",),
        _instants((name, rows[name].last_success_at) for name in names),
    )
    yield Gauge(
        "next_read_timestamp_seconds",
        "When the next reading is due; none while the supplier is paused.",
        ("supplier",),
        _instants((name, read_log.due(tx, name, settings, now).at) for name in names if rows[name].paused_at is None),
    )
    yield Gauge(
        "read_interval_seconds",
        "The current interval between reads; longer outside business hours and on holidays.",
        ("supplier",),
        (
            ((name,), max(settings.poll_interval(name, now), each.cache_seconds))
            for name, each in settings.suppliers.items()
        ),
    )
    yield Gauge(
        "token_refused",
        "1 while the marketplace refuses the token.",
        ("supplier",),
        (((name,), float(rows[name].token_refused_at is not None)) for name in names),
    )
    yield Gauge(
        "token_age_seconds",
        "How long the current token has been in use.",
        ("supplier",),
        (
            ((name,), max(0.0, (now - row.token_since).total_seconds()))
            for name, row in rows.items()
            if row.token_since is not None
        ),
    )
    yield Gauge(
        "paused",
        "1 while a person, or a safety stop, has paused the supplier.",
        ("supplier",),
        (((name,), float(rows[name].paused_at is not None)) for name in names),
    )
    yield Gauge("failing", "1 while reads, writes or labels fail.", ("supplier", "lane"), _failing(look, settings))
    yield from _wrong(tx, look, settings, now, signs)
    yield from _webhooks(webhooks.endpoints(look))
    yield from _support(look, settings, now)
    yield from _carriers(look, settings, now)
    yield from _shops(look, settings)
    yield from _bots(look, settings)
    free = _disk_free_bytes(settings)
    yield Gauge(
        "disk_free_bytes", "Free on the disk of the state folder.", (), [((), free)] if free is not None else []
    )


def _webhooks(found: Iterable[Endpoint]) -> Iterator[Gauge]:
    """Yield the gauges of webhooks; without one, they have no values."""
    endpoints = list(found)
    yield Gauge(
        "webhook_events",
        "Events for a webhook by state: owed (next of their order), parked (given up), lost (removed before a delivery).",
        ("webhook", "state"),
        (
            ((each.name, state), float(getattr(each, state)))
            for each in endpoints
            for state in ("owed", "parked", "lost")
        ),
    )
    yield Gauge(
        "webhook_last_delivery_timestamp_seconds",
        "When the last event was delivered to a webhook.",
        ("webhook",),
        _instants((each.name, each.delivered_at) for each in endpoints),
    )
    yield Gauge(
        "webhook_failing",
        "1 while a webhook cannot be reached or refuses events.",
        ("webhook",),
        (((each.name,), float(each.state == "failing")) for each in endpoints),
    )


def _bots(look: Look, settings: Settings) -> Iterator[Gauge]:
    """Yield the gauges of the suppliers' own bots; without one, they have no values."""
    yield Gauge(
        "businessonbot_messages",
        "Messages to a supplier's own bot by state; parked and unknown wait for a person.",
        ("supplier", "state"),
        (
            ((each.supplier, state), float(each.calls.get(state, 0)))
            for each in businessonbot.bots(look, settings)
            if each.sends
            for state in ("owed", "done", "parked", "unknown")
        ),
    )


def _shops(look: Look, settings: Settings) -> Iterator[Gauge]:
    found = shops(look, settings)
    yield Gauge(
        "shop_read_timestamp_seconds",
        "When the supplier's own shop was last read completely.",
        ("supplier",),
        _instants((each.supplier, each.read_at) for each in found),
    )
    yield Gauge(
        "shop_orders",
        "Orders in the supplier's own shop: made there, read as fulfilled, marked for that, not marked, no longer fulfilled.",
        ("supplier", "state"),
        (
            ((each.supplier, state), float(number))
            for each in found
            for state, number in {
                "made": each.calls.get("done", 0),
                "fulfilled": each.fulfilled,
                "marked": each.marked,
                "refused": each.refused,
                "undone": each.undone,
            }.items()
        ),
    )


def _wrong(tx: Session, look: Look, settings: Settings, now: datetime, signs: Signs | None) -> Iterator[Gauge]:
    names = tuple(settings.suppliers)
    yield Gauge(
        "problems",
        "Problems that `status` lists, by severity; without a supplier: of the whole installation.",
        ("supplier", "severity"),
        _problems(names, health.judged(look, settings, now, signs=signs)),
    )
    yield Gauge(
        "rejected_entries",
        "All listed entries without a usable id so far; each is stored.",
        ("supplier",),
        _per(names, lambda name: status.rejected_entries(look, name)),
    )
    yield Gauge(
        "vanished_orders",
        "Orders that are no longer listed, though they are not shipped.",
        ("supplier",),
        _vanished(look, names),
    )
    yield Gauge(
        "coverage_gap_days",
        "Days that should be proved complete by now, but are not.",
        ("supplier",),
        _per(names, lambda name: len(coverage.gaps(tx, settings, name, now))),
    )
    yield Gauge(
        "coverage_proved_timestamp_seconds",
        "As of when the last complete sweep proves its days.",
        ("supplier",),
        _instants((name, coverage.proved_as_of(tx, settings, name)) for name in names),
    )
    yield Gauge("alerts", "Open alerts, by cause.", ("cause", "supplier", "severity"), _alerts(look))
    yield Gauge(
        "clock_ahead_seconds",
        "The marketplace's clock minus ours, by its last answer.",
        ("supplier",),
        _clock(look, names),
    )


def _support(look: Look, settings: Settings, now: datetime) -> Iterator[Gauge]:
    """Yield what the support API says, for the suppliers that use it; nothing is read if none does."""
    names = [name for name in settings.suppliers if settings.support_of(name) is not None]
    stopped, cases = dict[str, int](), dict[str, int]()
    if names:
        sql = f"SELECT supplier, count(*) AS number FROM orders WHERE held_code = 'sale_stopped' AND {OPEN} GROUP BY supplier"  # noqa: S608 - constants
        stopped = {row.supplier: row.number for row in look.rows(sql)}
        since = text(now - timedelta(days=60))
        for row in support.counts(look, None, since):
            cases[str(row["supplier"])] = cases.get(str(row["supplier"]), 0) + int(str(row["cases"]))
    yield Gauge(
        "sales_stopped",
        "Open orders on hold because of the status of their sale; only of suppliers that use the support API.",
        ("supplier",),
        _per(names, lambda name: stopped.get(name, 0)),
    )
    yield Gauge(
        "after_sales_cases",
        "After-sales cases first seen in the last 60 days; only of suppliers that use the support API.",
        ("supplier",),
        _per(names, lambda name: cases.get(name, 0)),
    )


def _carriers(look: Look, settings: Settings, now: datetime) -> Iterator[Gauge]:
    """Yield what carriers say of parcels, for the suppliers that ask one; nothing is read if none does."""
    every = [(name, each) for name, lines in scans.carriers(look, settings, now).items() for each in lines]
    yield Gauge(
        "orders_unscanned",
        "Orders reported as shipped with a parcel that the carrier had not scanned when it answered last, however recent.",
        ("supplier", "carrier"),
        [((name, each.carrier), float(each.unscanned)) for name, each in every],
    )
    yield Gauge(
        "carrier_codes_asked_today",
        "Codes that a carrier has answered about today (UTC); codes_per_day is the most.",
        ("supplier", "carrier"),
        [((name, each.carrier), float(each.asked_today)) for name, each in every],
    )


def _orders(
    look: Look, names: Iterable[str], orders_ever: Mapping[str, int]
) -> Iterator[tuple[tuple[str, ...], float]]:
    """Count the open orders by their facts. Closed orders are counted; shipped ones are the rest."""
    found: dict[tuple[str, str], int] = {(name, each): 0 for name in names for each in STAGES}
    is_open, closed = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for alike in look.rows(ALIKE):
        if alike.supplier in is_open:
            found[alike.supplier, sound_stage(alike, status.calls_in(alike.states))] += alike.number
            is_open[alike.supplier] += alike.number
    for row in look.rows(CLOSED):
        closed[row.supplier] = row.number
    for name in is_open:
        found[name, "closed"] = closed.get(name, 0)
        found[name, "shipped"] = orders_ever.get(name, 0) - is_open[name] - closed.get(name, 0)
    for each in damaged(look):  # counted above by its other facts
        name = each.order.supplier
        if name in is_open:
            found[name, each.seems] -= 1
            found[name, "attention"] += 1
    yield from ((key, float(number)) for key, number in found.items())


def _evidence(look: Look, shipped: Mapping[str, int]) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, number in shipped.items():
        for evidence, orders in status.evidence(look, name, number).items():
            yield (name, evidence), float(orders)


ALIKE = f"""
  WITH stuck AS (SELECT order_id, group_concat(DISTINCT kind || ' ' || state) AS states FROM calls
                  WHERE state IN ('sending', 'parked', 'unknown') GROUP BY order_id)
SELECT supplier, NULL AS ship_confirmed_at, NULL AS closed_reason, max(held_reason) AS held_reason,
       max(acknowledged_at) AS acknowledged_at, max(label_path) AS label_path, shipped, states, count(*) AS number
  FROM orders LEFT JOIN stuck ON order_id = orders.id
 WHERE {OPEN}
 GROUP BY supplier, held_reason IS NULL, acknowledged_at IS NULL, label_path IS NULL, shipped, states
"""  # noqa: S608 - a constant
CLOSED = """
SELECT supplier, count(*) AS number FROM orders
 WHERE ship_confirmed_at IS NULL AND closed_reason IS NOT NULL GROUP BY supplier
"""
"""Both use a partial index and do not read the shipped orders."""


def _calls(look: Look, names: Iterable[str]) -> Iterator[tuple[tuple[str, ...], float]]:
    states, known = ("owed", "sending", "parked", "unknown"), set(names)
    found = {(name, kind, state): 0 for name in names for kind in WANTED for state in states}
    for which in ("state = 'owed'", "state IN ('sending', 'parked', 'unknown')"):
        sql = f"SELECT supplier, kind, state, count(*) AS number FROM calls WHERE {which} GROUP BY 1, 2, 3"  # noqa: S608 - one of two texts
        found |= {(row.supplier, row.kind, row.state): row.number for row in look.rows(sql) if row.supplier in known}
    yield from ((key, float(number)) for key, number in found.items())


def _oldest(look: Look, names: Iterable[str]) -> Iterator[tuple[tuple[str, ...], float]]:
    rows = look.rows(
        f"""
        SELECT supplier, min(CASE WHEN acknowledged_at IS NULL THEN first_seen_at END) AS new_since,
               min(CASE WHEN shipped = 1 THEN shipped_at END) AS flagged_since
          FROM orders WHERE {OPEN} AND held_reason IS NULL GROUP BY supplier
        """  # noqa: S608 - a constant
    )
    known = set(names)
    for row in rows:
        for each, since in (("new", row.new_since), ("flagged", row.flagged_since)):
            if row.supplier in known and since is not None:
                yield (row.supplier, each), since.timestamp()


def _failing(look: Look, settings: Settings) -> Iterator[tuple[tuple[str, ...], float]]:
    states = supplier_facts.suppliers(look, settings)
    lanes = health.lane_of(states.values())
    for name in settings.suppliers:
        failing = {lane.lane for lane in states[name].failing(lanes)}
        yield from (((name, lane), float(lane in failing)) for lane in ("reads", "writes", "labels"))


def _problems(names: Iterable[str], problems: Iterable[Problem]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Count problems. An unconfigured supplier has a row only while it has a problem."""
    found = Counter((problem.supplier or "", problem.severity.value) for problem in problems)
    rows = {(name, each.value): 0 for name in ("", *names) for each in (Severity.WARNING, Severity.URGENT)}
    yield from ((key, float(number)) for key, number in (rows | found).items())


def _vanished(look: Look, names: Iterable[str]) -> Iterator[tuple[tuple[str, ...], float]]:
    sql = f"SELECT supplier, count(*) AS number FROM orders WHERE {OPEN} AND {VANISHED} GROUP BY supplier"  # noqa: S608 - constants
    found = {row.supplier: row.number for row in look.rows(sql)}
    yield from _per(names, lambda name: found.get(name, 0))


def _alerts(look: Look) -> Iterator[tuple[tuple[str, ...], float]]:
    rows = look.rows("SELECT cause, supplier FROM alerts WHERE solved_at IS NULL AND cause <> ?", DIGEST)
    yield from (((row.cause, row.supplier or "", severity_of(row.cause).value), 1.0) for row in rows)


def _clock(look: Look, names: Iterable[str]) -> Iterator[tuple[tuple[str, ...], float]]:
    rows = look.rows(
        "SELECT supplier, ahead_seconds FROM reads WHERE id > (SELECT max(id) FROM reads) - ? AND ahead_seconds IS NOT NULL "
        "ORDER BY id",
        LAST_READS,
    )
    last: Mapping[str, int] = {row.supplier: row.ahead_seconds for row in rows}
    yield from (((name,), float(last[name])) for name in names if name in last)


def _disk_free_bytes(settings: Settings) -> float | None:
    try:
        return float(shutil.disk_usage(settings.state_dir).free)
    except OSError:
        return None


def _instants(pairs: Iterable[tuple[str, datetime | None]]) -> Iterator[tuple[tuple[str, ...], float]]:
    yield from (((name,), at.timestamp()) for name, at in pairs if at is not None)


def _per(names: Iterable[str], count: Callable[[str], int]) -> Iterator[tuple[tuple[str, ...], float]]:
    yield from (((name,), float(count(name))) for name in names)
