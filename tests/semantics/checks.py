"""What must hold after any life, whatever the list means to the marketplace: the common rules, and what reading alone may cost."""

from collections import defaultdict
from datetime import UTC, date, datetime

from supplier_agent.db.store import open_store
from supplier_agent.reports.health import problems
from tests.semantics.cases import CACHE_SECONDS, ReadLife
from tests.world.harness import MONDAY
from tests.world.invariants import (
    AT_REST,
    asked_within,
    broken,
    no_read_is_disturbed,
    nothing_is_lost,
    the_rate_is_kept,
)

RULES = {*AT_REST, the_rate_is_kept, no_read_is_disturbed} - {nothing_is_lost}


def all_faults(life: ReadLife) -> list[str]:
    """Return everything that should not be."""
    checks = (lost_in_silence, false_completes, acknowledged_again, asked_again, wasted_polls)
    own = [f"{check.__name__}: {fault}" for check in checks for fault in check(life)]
    return broken(RULES, life.books()) + own


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lost_in_silence(life: ReadLife) -> list[str]:
    """Lose no order, unless the marketplace shows no way to it; then `status` says so."""
    lost = nothing_is_lost(life.books())
    if life.case.can_be_read or not lost:
        return lost
    store = open_store(life.site.database)
    try:
        with store.read() as tx:
            found = problems(tx, life.site.settings, now=life.site.clock.now())
    finally:
        store.close()
    said = any("not fully read" in problem.what for problem in found)
    return [] if said else [f"{len(lost)} orders are lost, and status does not say: not fully read"]


def false_completes(life: ReadLife) -> list[str]:
    """Hold each reading that says complete to all that was listed when it began."""
    seen = {each: _at(at) for each, at in life.ask("SELECT menzzo_order_id, first_seen_at FROM orders")}
    query = "SELECT id, date_from, started_at, ended_at FROM runs WHERE purpose = 'sweep' AND proof = 'complete'"
    found = []
    for number, date_from, started_at, ended_at in life.ask(query):
        missed = [
            order.menzzo_order_id
            for order in life.books().listed().values()
            if order.visible(_at(started_at))
            and order.order_date >= date.fromisoformat(date_from)
            and seen.get(order.menzzo_order_id, datetime.max.replace(tzinfo=UTC)) > _at(ended_at)
        ]
        if missed:
            found.append(f"run {number} ({started_at}) says complete and missed {len(missed)}: {missed[:3]}")
    return found


def acknowledged_again(life: ReadLife) -> list[str]:
    """Acknowledge once where nothing goes wrong."""
    listed = life.books().listed()
    return [
        f"{this} {len(each.acknowledged_at)} times" for this, each in listed.items() if len(each.acknowledged_at) > 1
    ]


def asked_again(life: ReadLife) -> list[str]:
    """Ask no URL again while the server would answer from its cache."""
    lines = life.world.requests("get-sales")
    return asked_within(
        CACHE_SECONDS[life.case.supplier],
        [(line.target, line.monotonic, line.monotonic if line.status == 200 else None) for line in lines],
    )


def wasted_polls(life: ReadLife) -> list[str]:
    """Let a poll with nothing new cost one request, if the cursor means something."""
    case = life.case
    if case.cursor not in {"exclusive", "inclusive", "refused_when_unknown"}:
        return []
    odd = case.cursor == "inclusive" and case.page_size == 1
    most = 3 if odd else 1
    return [
        f"a poll with nothing new took {pages} requests, at {started_at}"
        for pages, started_at in life.ask(
            "SELECT pages, started_at FROM runs WHERE purpose = 'poll' AND added = 0 AND proof IN ('complete', 'partial') "
            "AND id IN (SELECT run_id FROM reads WHERE url LIKE '%last_menzzo_order_number%') AND listed <= ?",
            (1 if case.cursor == "inclusive" else 0),
        )
        if pages > most
    ]


def numbers(life: ReadLife) -> dict[str, float]:
    """Return what a class of marketplaces costs: requests a day by kind, and answers that came from the server's cache."""
    by_kind: dict[str, float] = defaultdict(float)
    days = (life.clock.now() - MONDAY).total_seconds() / 86400
    for line in life.world.requests():
        by_kind[line.endpoint] += 1 / days
        by_kind["cached"] += line.cached
    for purpose, runs, pages, most in life.ask(
        "SELECT purpose, count(*), sum(pages), max(pages) FROM runs GROUP BY purpose"
    ):
        by_kind[f"{purpose}s"] = runs / days
        by_kind[f"pages per {purpose}"] = round(pages / runs, 1)
        by_kind[f"most pages of a {purpose}"] = most
    return dict(by_kind)
