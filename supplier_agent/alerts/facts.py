"""What is wrong now, cause by cause, read from the state in plain SQL (plain_sql.py): one question for all suppliers at once.

A text names no span of time that grows, so that a trouble which merely lasts is not written again and again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from sqlmodel import Session

from supplier_agent.alerts.decide import Fact
from supplier_agent.alerts.silence import Habits, is_unusual
from supplier_agent.db.plain_sql import Look, supplier_of, text, within
from supplier_agent.reading import coverage, missing_orders
from supplier_agent.reports import facts, health, vitals
from supplier_agent.settings import Settings
from supplier_agent.verdict import ProblemCode, judge_installation, judge_supplier
from supplier_agent.words import Worded, Words

WORDS = Words()
NAMED = 5
MOST = 5000
TOKEN, PAUSED, TOKEN_OLD, FAILING, UNKNOWN, PARKED = "token", "paused", "token_old", "failing", "unknown", "parked"
WAITING, UNFLAGGED, GONE, NOT_READ, REJECTED = "waiting", "unflagged", "gone", "not_read", "rejected"
SILENCE, DISK, CLOCK = "silence", "disk", "clock"
CAUSES: Mapping[str, str] = {
    TOKEN: "the marketplace refuses the token",
    PAUSED: "a person, or a brake, has stopped the supplier, or its ship calls",
    TOKEN_OLD: "the token is nearly 90 days old",
    FAILING: "reads or calls have failed for failing_seconds",
    UNKNOWN: "nobody knows whether a ship call was taken in",
    PARKED: "a call was refused, or tried too often",
    WAITING: "an order has waited for waiting_seconds to be acknowledged, or to be reported after its flag",
    UNFLAGGED: "a label has lain ready for unflagged_seconds, and nobody has flagged the order",
    GONE: "an order vanished from the list, though we have not shipped it",
    NOT_READ: "a day should be proved complete by now, and is not (supplier-agent coverage)",
    REJECTED: "an entry of the list has no usable id",
    SILENCE: "nothing comes in, at an hour of the week at which this supplier always had orders",
    DISK: "less than disk_free_bytes is free on the disk of the state folder",
    CLOCK: "this machine's clock is off by clock_seconds",
    vitals.AGENT_HUNG: "the agent's loop has not turned for a minute",
    vitals.WORKERS_HUNG: "a request hangs far beyond its deadline",
    vitals.PAGE: "the warehouse page is wanted, and does not listen",
    vitals.CONFIGURATION: "a new configuration was refused, and the one before stays",
    ProblemCode.READ_LATE.value: "a read is later than twice its interval, though the agent runs",
    ProblemCode.SUPPLIER_UNKNOWN.value: "a supplier that is not in the configuration has open orders",
    ProblemCode.HELD_THOUGH_MARKED.value: "orders that are marked as shipped are held, and not reported",
}
"""Every cause, and when it holds."""
BY_HEALTH = frozenset({
    vitals.AGENT_HUNG, vitals.WORKERS_HUNG, vitals.PAGE, vitals.CONFIGURATION, ProblemCode.READ_LATE.value,
    ProblemCode.SUPPLIER_UNKNOWN.value, ProblemCode.HELD_THOUGH_MARKED.value,
})  # fmt: skip
"""The causes that are judged in one place alone, for `status`, the health checks and the alerts."""


def quick(
    look: Look, settings: Settings, now: datetime, disk_free_bytes: int | None, signs: vitals.Signs | None = None
) -> Iterator[Fact]:
    """Yield what is wrong now. `disk_free_bytes`: None where it cannot be told. `signs`: how the agent looks from outside."""
    yield from _found_by_health(look, settings, now, signs)
    yield from _suppliers(look, settings, now)
    yield from _failing(look, settings, now)
    yield from _stuck(look)
    yield from _waiting(look, settings, now)
    yield from _unflagged(look, settings, now)
    yield from _gone(look, settings)
    yield from _clock(look, settings)
    least = settings.alerts.disk_free_bytes
    if disk_free_bytes is not None and disk_free_bytes < least:
        low = WORDS.worded(vitals.disk_low(str(settings.state_dir), least))
        yield Fact(DISK, None, low.what, low.cure)


def _found_by_health(look: Look, settings: Settings, now: datetime, signs: vitals.Signs | None) -> Iterator[Fact]:
    """Yield what `status` finds, and no rule here does, with the same words: orders of one trouble are put together."""
    groups: dict[tuple[str, str], list[Worded]] = defaultdict(list)
    for problem in health.problems(look, settings, {}, now=now, signs=signs):
        if problem.code in BY_HEALTH:
            groups[problem.code, problem.supplier].append(problem)
    for (code, supplier), found in sorted(groups.items()):
        ids = [problem.order for problem in found if problem.order is not None]
        what, cure = (
            (f"{found[0].what}: {_named(ids)}", "supplier-agent status") if ids else (found[0].what, found[0].cure)
        )
        yield Fact(code, supplier or None, _steady(code, what), cure, len(found))


def _steady(code: str, what: str) -> str:
    return "the agent hangs: its loop has not turned for a minute" if code == vitals.AGENT_HUNG else what


def slow(tx: Session, settings: Settings, habits: Mapping[str, Habits | None], now: datetime) -> Iterator[Fact]:
    """Yield what changes with the hours, not with the minutes. `habits`: of each supplier; None: too little is known."""
    look = within(tx)
    entries = [problem for problem in health.problems(look, settings, now=now) if _is_entry(problem)]
    for name in settings.suppliers:
        gaps = coverage.gaps(tx, settings, name, now)
        if gaps:
            days = f"{gaps[0]}" if len(gaps) == 1 else f"{len(gaps)} days from {gaps[0]} to {gaps[-1]}"
            cure = f"supplier-agent coverage --supplier {name}"
            yield Fact(NOT_READ, name, f"not proved to be read in full: {days}", cure, len(gaps))
        rejected = [entry for entry in entries if entry.supplier == name]
        if rejected:
            said = f"{len(rejected)} listed entries cannot be used: {rejected[0].what}"
            yield Fact(REJECTED, name, said, rejected[0].cure, len(rejected))
        silent_since = _silent_since(look, settings, name, habits.get(name))
        if silent_since is not None:
            local = silent_since.astimezone(settings.timezone)
            what = f"no order has come in since {local:%Y-%m-%d %H:%M}, which is unusual for these hours"
            yield Fact(SILENCE, name, what, "ask technique@menzzo.fr whether the import runs, if nobody knows why")


def _is_entry(problem: Worded) -> bool:
    return problem.code == ProblemCode.ENTRY_REJECTED


def _suppliers(look: Look, settings: Settings, now: datetime) -> Iterator[Fact]:
    causes = {
        ProblemCode.TOKEN_REFUSED: TOKEN,
        ProblemCode.PAUSED: PAUSED,
        ProblemCode.FLAGS_UNUSUAL: PAUSED,
        ProblemCode.TOKEN_OLD: TOKEN_OLD,
        ProblemCode.TOKEN_NEXT_IN_USE: TOKEN_OLD,
    }
    states = facts.suppliers(look, settings)
    for name in settings.suppliers:
        for problem in judge_supplier(states[name], settings, now, lane_of={}).problems:
            if problem.code in causes:
                yield Fact(causes[problem.code], name, WORDS.problem(problem), WORDS.fix(problem))


def _failing(look: Look, settings: Settings, now: datetime) -> Iterator[Fact]:
    before = now - timedelta(seconds=settings.alerts.failing_seconds)
    rows = look.rows(
        "SELECT DISTINCT supplier FROM lanes WHERE failing_since <= ? AND supplier IN "
        "(SELECT name FROM suppliers WHERE token_refused_at IS NULL AND paused_at IS NULL)",
        text(before),
    )
    states = facts.suppliers(look, settings) if rows else {}
    lane_of = health.lane_of(states.values())
    for name in sorted(row.supplier for row in rows if row.supplier in settings.suppliers):
        failing = states[name].failing(lane_of)
        lanes = [lane for lane in failing if lane.failing_since is not None and lane.failing_since <= before]
        if lanes:
            said = "; ".join(
                f"{lane.lane} fail since {lane.failing_since:%Y-%m-%d %H:%M} UTC: {lane.reason}" for lane in lanes
            )
            yield Fact(FAILING, name, said, "nothing to do if the marketplace is down: it is tried again by itself")


def _stuck(look: Look) -> Iterator[Fact]:
    rows = look.rows(
        """
        SELECT orders.supplier, menzzo_order_id, state FROM calls JOIN orders ON orders.id = order_id
         WHERE state IN ('sending', 'parked', 'unknown') AND state <> 'sending'  -- as the index calls_stuck has it
           AND closed_reason IS NULL AND ship_confirmed_at IS NULL
         ORDER BY calls.id LIMIT ?
        """,
        MOST,
    )
    said = {
        UNKNOWN: "it is not known whether the marketplace took the shipment in",
        PARKED: "a call was refused and waits for a person",
    }
    for (supplier, state), ids in _grouped((row.supplier, row.state, row.menzzo_order_id) for row in rows):
        yield Fact(state, supplier, f"{said[state]}: {_named(ids)}", "supplier-agent status", len(ids))


def _waiting(look: Look, settings: Settings, now: datetime) -> Iterator[Fact]:
    before = text(now - timedelta(seconds=settings.alerts.waiting_seconds))
    rows = look.rows(
        """
        SELECT supplier, menzzo_order_id FROM orders
         WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL AND held_reason IS NULL
           AND (acknowledged_at IS NULL AND first_seen_at < ?1 OR shipped = 1 AND shipped_at < ?1)
           AND NOT EXISTS (SELECT 1 FROM calls WHERE order_id = orders.id AND state IN ('sending', 'parked', 'unknown'))
         ORDER BY id LIMIT ?2
        """,
        before, MOST,
    )  # fmt: skip
    for (supplier, _), ids in _grouped((row.supplier, "", row.menzzo_order_id) for row in rows):
        what = f"waiting for long to be acknowledged or reported: {_named(ids)}"
        yield Fact(WAITING, supplier, what, f"supplier-agent order {ids[0]} --supplier {supplier}", len(ids))


def _unflagged(look: Look, settings: Settings, now: datetime) -> Iterator[Fact]:
    before = text(now - timedelta(seconds=settings.alerts.unflagged_seconds))
    rows = look.rows(
        """
        SELECT supplier, menzzo_order_id FROM orders
         WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL AND held_reason IS NULL
           AND shipped = 0 AND label_path IS NOT NULL AND acknowledged_at < ?1
           AND coalesce((SELECT max(ended_at) FROM attempts JOIN calls ON calls.id = call_id
                          WHERE order_id = orders.id AND kind = 'label' AND outcome = 'done'), acknowledged_at) < ?1
         ORDER BY id LIMIT ?2
        """,
        before, MOST,
    )  # fmt: skip
    for (supplier, _), ids in _grouped((row.supplier, "", row.menzzo_order_id) for row in rows):
        what = f"the label is there, but nobody has flagged it as shipped: {_named(ids)}"
        cure = "if it has left: supplier-agent ship ID; if it cannot: supplier-agent hold ID --reason TEXT"
        yield Fact(UNFLAGGED, supplier, what, cure, len(ids))


def _gone(look: Look, settings: Settings) -> Iterator[Fact]:
    rows = look.rows(
        "SELECT DISTINCT supplier FROM orders "
        "WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL AND vanished_at IS NOT NULL"
    )
    for name in sorted(row.supplier for row in rows if row.supplier in settings.suppliers):
        missing = missing_orders.missing(look, name, settings.suppliers[name].cache_seconds)
        ids = [order.menzzo_order_id for order in missing]
        if ids:
            what = f"no longer listed, though we have not shipped it: {_named(ids)}"
            yield Fact(GONE, name, what, "supplier-agent status", len(ids))


def _clock(look: Look, settings: Settings) -> Iterator[Fact]:
    for problem in judge_installation(facts.installation(look), settings):
        if problem.code is ProblemCode.CLOCK_OFF:
            yield Fact(CLOCK, None, WORDS.problem(problem), WORDS.fix(problem))


def _silent_since(look: Look, settings: Settings, name: str, habits: Habits | None) -> datetime | None:
    """Return since when nothing came in, if that is unusual. A supplier that cannot be read is no silent one."""
    if habits is None or not settings.alerts.silence:
        return None
    last = look.first("SELECT ended_at FROM runs WHERE supplier = ? AND added > 0 ORDER BY id DESC LIMIT 1", name)
    read = supplier_of(look, name)
    if last is None or last.ended_at is None or read.last_success_at is None:
        return None
    unusual = is_unusual(habits, last.ended_at, read.last_success_at, settings.timezone)
    arrived_at: datetime = last.ended_at
    return arrived_at if unusual else None


def arrivals(look: Look, supplier: str, since: datetime) -> list[datetime]:
    """Return when readings of this supplier brought something new."""
    rows = look.rows(
        "SELECT ended_at FROM runs WHERE supplier = ? AND purpose IN ('poll', 'sweep') AND added > 0 AND ended_at >= ?",
        supplier, text(since),
    )  # fmt: skip
    return [row.ended_at for row in rows]


def _grouped(rows: Iterable[tuple[str, str, str]]) -> list[tuple[tuple[str, str], list[str]]]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for supplier, state, menzzo_order_id in rows:
        groups[supplier, state].append(menzzo_order_id)
    return sorted(groups.items())


def _named(ids: list[str]) -> str:
    """Name some orders, and count the rest."""
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more
