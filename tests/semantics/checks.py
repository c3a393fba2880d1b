"""What must hold after any life, whatever the marketplace means: each check returns its faults in words."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

from supplier_agent.db.store import open_store
from supplier_agent.reports.health import problems
from supplier_agent.sandbox.exchange import LogLine
from supplier_agent.sandbox.orders import Order
from tests.semantics.cases import CACHE_SECONDS, Life

ROUNDING_SECONDS = 0.000_01
WINDOW = timedelta(days=14)


def all_faults(life: Life) -> list[str]:
    """Return everything that should not be."""
    checks = (unread, lies, acknowledgements, shipments, asked_twice, too_fast, disturbed_reads, wasted_polls)
    return [f"{check.__name__}: {fault}" for check in checks for fault in check(life)]


def _listed(life: Life) -> list[Order]:
    site = life.site
    return [order for order in site.world.orders(life.case.supplier) if order.visible(site.clock.now())]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def unread(life: Life) -> list[str]:
    """Lose no order, unless the marketplace shows no way to it; then `status` says so."""
    stored = {each for (each,) in life.site.ask("SELECT menzzo_order_id FROM orders")}
    lost = [order.menzzo_order_id for order in _listed(life) if order.menzzo_order_id not in stored]
    if not lost:
        return []
    if life.case.can_be_read:
        return [f"{each} was listed and is not stored" for each in lost]
    store = open_store(life.site.database)
    try:
        with store.read() as tx:
            found = problems(tx, life.site.settings, now=life.site.clock.now())
    finally:
        store.close()
    said = any("not fully read" in problem.what for problem in found)
    return [] if said else [f"{len(lost)} orders are lost, and status does not say: not fully read"]


def lies(life: Life) -> list[str]:
    """Hold each reading that says complete to all that was listed when it began."""
    seen = {each: _at(at) for each, at in life.site.ask("SELECT menzzo_order_id, first_seen_at FROM orders")}
    query = "SELECT id, date_from, started_at, ended_at FROM runs WHERE purpose = 'sweep' AND proof = 'complete'"
    found = []
    for number, date_from, started_at, ended_at in life.site.ask(query):
        missed = [
            order.menzzo_order_id
            for order in _listed(life)
            if order.visible(_at(started_at))
            and order.order_date >= date.fromisoformat(date_from)
            and seen.get(order.menzzo_order_id, datetime.max.replace(tzinfo=UTC)) > _at(ended_at)
        ]
        if missed:
            found.append(f"run {number} ({started_at}) says complete and missed {len(missed)}: {missed[:3]}")
    return found


def acknowledgements(life: Life) -> list[str]:
    """Let what is stored be acknowledged and, where nothing goes wrong, once."""
    stored = {each for (each,) in life.site.ask("SELECT menzzo_order_id FROM orders")}
    return [
        f"{order.menzzo_order_id} was acknowledged {len(order.acknowledged_at)} times"
        for order in _listed(life)
        if len(order.acknowledged_at) != int(order.menzzo_order_id in stored)
    ]


def shipments(life: Life) -> list[str]:
    """Let what was flagged be shipped once, and nothing else."""
    return [
        f"{order.menzzo_order_id} was shipped {len(order.shipped_at)} times"
        for order in _listed(life)
        if len(order.shipped_at) != int(order.menzzo_order_id in life.flagged)
    ]


def asked_twice(life: Life) -> list[str]:
    """Ask no URL again within the cache's life."""
    cache_seconds = CACHE_SECONDS[life.case.supplier]
    last: dict[str, LogLine] = {}
    found = []
    for line in life.site.world.requests("get-sales"):
        before = last.get(line.target)
        if before is not None and line.monotonic - before.monotonic < cache_seconds:
            found.append(f"{line.target} again after {line.monotonic - before.monotonic:.0f} s, at {line.at}")
        if line.status == 200:
            last[line.target] = line
    return found


def too_fast(life: Life) -> list[str]:
    """Keep two requests at least an interval of the rate apart, over restarts too."""
    least = 1 / life.site.settings.requests_per_second - ROUNDING_SECONDS
    return [
        f"{after.target} {after.monotonic - before.monotonic:.4f} s after {before.target}"
        for before, after in pairwise(life.site.world.requests())
        if after.monotonic - before.monotonic < least
    ]


def disturbed_reads(life: Life) -> list[str]:
    """Acknowledge nothing between two pages of one reading: the list would shift under it."""
    found, acknowledged = [], False
    for line in life.site.world.requests():
        if line.endpoint == "get-sales":
            page = int(dict(parse_qsl(urlsplit(line.target).query))["page"])
            if page > 1 and acknowledged:
                found.append(f"{line.target} follows an acknowledge, at {line.at}")
            acknowledged = False
        acknowledged = acknowledged or line.endpoint == "acknowledge-sale"
    return found


def wasted_polls(life: Life) -> list[str]:
    """Let a poll with nothing new cost one request, if the cursor means something."""
    case = life.case
    if case.cursor not in {"exclusive", "inclusive", "refused_when_unknown"}:
        return []
    odd = case.cursor == "inclusive" and case.page_size == 1
    most = 3 if odd else 1
    return [
        f"a poll with nothing new took {pages} requests, at {started_at}"
        for pages, started_at in life.site.ask(
            "SELECT pages, started_at FROM runs WHERE purpose = 'poll' AND added = 0 AND proof IN ('complete', 'partial') "
            "AND id IN (SELECT run_id FROM reads WHERE url LIKE '%last_menzzo_order_number%') AND listed <= ?",
            (1 if case.cursor == "inclusive" else 0),
        )
        if pages > most
    ]


def numbers(life: Life) -> dict[str, float]:
    """Return what a class of marketplaces costs: requests a day by kind, and answers that came from the server's cache."""
    by_kind: dict[str, float] = defaultdict(float)
    for line in life.site.world.requests():
        by_kind[line.endpoint] += 24 / life.hours
        by_kind["cached"] += line.cached
    for purpose, runs, pages, most in life.site.ask(
        "SELECT purpose, count(*), sum(pages), max(pages) FROM runs GROUP BY purpose"
    ):
        by_kind[f"{purpose}s"] = runs * 24 / life.hours
        by_kind[f"pages per {purpose}"] = round(pages / runs, 1)
        by_kind[f"most pages of a {purpose}"] = most
    return dict(by_kind)
