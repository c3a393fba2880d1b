"""How the suppliers are, and what needs a person: each problem with the one command that cures it. Reads, never writes.

In plain SQL (plain_sql.py), so that `status` costs next to nothing; who has a transaction open hands that in.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from supplier_agent.base import cells
from supplier_agent.base.process import EXIT_ORDER
from supplier_agent.db import plain_sql
from supplier_agent.db.plain_sql import READS, Look, last_good, supplier_of
from supplier_agent.reading import missing_orders
from supplier_agent.reports import counts, known, overdue, vitals
from supplier_agent.reports.known import Known
from supplier_agent.reports.vitals import Problem, Signs, exit_code
from supplier_agent.suppliers import warnings

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.settings import Settings

# fmt: off
__all__ = [
    "ENTRY", "HELD", "MOST", "STRANGERS", "Problem", "exit_code", "failing_lanes", "is_stale", "last_good",
    "last_round_at", "problems", "refusal", "strangers", "supplier_of",
]
# fmt: on

MOST = 500
"""Problems are listed up to here; the counts are always whole."""
STRANGERS, HELD, ENTRY = "supplier_unknown", "held_though_marked", "entry_rejected"
LASTING = ("silence", "waiting", "unflagged", "not_read")
"""The causes of alerts that take longer to find out than a look may: they are taken from where the alerts are kept."""
NEVER_OLD = datetime.min.replace(tzinfo=UTC)
"""Who asks without the time hears nothing of the age of things."""


def problems(
    tx: "Session | Look",
    settings: "Settings | Known",
    no_token: Mapping[str, str | None],
    since: datetime | None = None,
    now: datetime | None = None,
    signs: Signs | None = None,
) -> list[Problem]:
    """Return what needs a person or the marketplace, the most urgent first.

    `since`: only what a round that began then has met. `signs`: what can be seen of the agent from outside (heartbeat.py); with
    them this is all that `status` says, and without them what the database alone can prove.
    """
    look, what = plain_sql.within(tx), known.of(settings)
    found: list[Problem] = [] if signs is None else vitals.judge(signs)
    if what.read_only and since is None:
        found.append(_caution("", warnings.read_only()))
    if since is None:
        said = {problem.code for problem in found}  # by the agent itself, which may see it without the database
        kept = [*_refused_configuration(look), *overdue.clock_off(look, what.clock_seconds)]
        found += [problem for problem in kept if problem.code not in said]
    found += _held_after_restore(look)
    late = overdue.late_reads(look, what, signs)
    for name in what.suppliers:
        supplier = supplier_of(look, name)
        told = warnings.of(supplier, now or since or NEVER_OLD)
        found += [_caution(name, each) for each in told if each.holds_up or since is None]
        if supplier.paused_at is None:
            found += _of_supplier(look, what, name, no_token.get(name), now)
        if name in late:
            found.append(late[name])
        found += _rejected(look, name, since)
        found += _missing(look, name, what.suppliers[name].cache_seconds)
    found += _stuck(look)
    if since is None:
        found += [*_held(look), *strangers(look, what.suppliers), *_lasting(look, what.suppliers)]
    found += [_damage(each) for each in counts.damaged(look)[:MOST]]
    return sorted(found, key=lambda problem: EXIT_ORDER.index(problem.exit_code))


def _refused_configuration(look: Look) -> list[Problem]:
    """Return the configuration that a running agent would not take up (reload.py)."""
    row = look.first("SELECT done_at, detail FROM chores WHERE name = 'configuration' AND detail IS NOT NULL")
    if row is None:
        return []
    detail = "; ".join(line.strip() for line in row.detail.splitlines())
    what = f"a new configuration was refused at {row.done_at:%Y-%m-%d %H:%M} UTC, and the one before stays: {detail}"
    return [Problem("", None, what, vitals.CORRECT_IT, 78, vitals.CONFIGURATION)]


def _held_after_restore(look: Look) -> list[Problem]:
    """Return that the ship ledger is lost, and what the agent holds since then, or since a restore."""
    row = look.first("SELECT ledger_lost_at, ledger_lost_why FROM installation WHERE ledger_lost_at IS NOT NULL")
    found = []
    if row is not None:
        what = (
            f"the ship ledger is lost since {row.ledger_lost_at:%Y-%m-%d %H:%M} UTC: {row.ledger_lost_why}; nothing is "
            "reported as shipped until a person releases it"
        )
        found.append(Problem("", None, what, f"ask Menzzo what is shipped; {warnings.RELEASE}", 1, "ledger_lost"))
    held = look.first(
        "SELECT count(*) AS number FROM orders"
        " WHERE held_code IS NOT NULL AND ship_confirmed_at IS NULL AND closed_reason IS NULL"
    ).number
    if held:
        what = f"{held} orders are held since a restore: they may have been shipped, or taken back, after the copy was made"
        found.append(Problem("", None, what, f"ask Menzzo about each; {warnings.RELEASE}", 1, "held_after_restore"))
    return found


def _caution(name: str, caution: warnings.Caution) -> Problem:
    return Problem(name, None, caution.what, caution.cure, 1, caution.code)


def _of_supplier(look: Look, what: Known, name: str, no_token: str | None, now: datetime | None) -> list[Problem]:
    supplier = supplier_of(look, name)
    if no_token is not None:
        return [Problem(name, None, no_token.partition("\n")[0], "supplier-agent check --offline", 78, "token_missing")]
    found = []
    if supplier.token_refused_at is not None:
        since = f"{supplier.token_refused_at:%Y-%m-%d %H:%M} UTC"
        text = f"{refusal(look, name)} (since {since}); nothing is sent for {name}"
        cure = f"ask technique@menzzo.fr for a new token, and put it where the old one is: {what.suppliers[name].token_place}"
        found.append(Problem(name, None, text, cure, 77, "token_refused"))
    else:
        for lane in failing_lanes(look, what, name):
            text = f"{lane.lane} fail since {lane.failing_since:%Y-%m-%d %H:%M} UTC: {lane.reason}"
            again = ELSEWHERE if lane.redirected_to else _again(lane.resume_at, now)
            found.append(Problem(name, None, text, again, 69, f"{lane.lane}_failing"))
    sweep = last_good(look, name, "sweep", "resync")
    if sweep is not None and sweep.proof == "partial" and sweep.started_at is not None:
        days = f"{sweep.date_from} to {sweep.date_to} (read {sweep.started_at:%Y-%m-%d %H:%M} UTC)"
        cure = "ask technique@menzzo.fr how get-sales pages its answers, and compare these days with them"
        found.append(Problem(name, None, f"not fully read: {days}: {sweep.detail}", cure, 1, "not_fully_read"))
    return found


def _again(resume_at: datetime | None, now: datetime | None) -> str:
    """Return what becomes of an outage by itself. An instant that has passed is no news: it is being tried, or nothing runs."""
    if resume_at is None or (now is not None and resume_at <= now):
        return "nothing to do: it is tried again as soon as the agent runs"
    return f"nothing to do: it is tried again at {resume_at:%H:%M:%S} UTC"


ELSEWHERE = (
    "compare base_url with what technique@menzzo.fr says, and look for a proxy or a sign-in page in between: "
    "supplier-agent check; then: supplier-agent retry --all"
)


def refusal(look: Look, name: str) -> str:
    """Return how the marketplace refused the token."""
    lane = look.first("SELECT reason FROM lanes WHERE supplier = ? AND lane = ?", name, READS)
    return str(lane.reason) if lane is not None and lane.reason else "the marketplace refused the token"


def failing_lanes(look: Look, what: Known, name: str) -> list[Any]:
    """Return the lanes in which something waits for an outage to end. Where nothing is owed, nothing is tried, nor failing."""
    failing = look.rows("SELECT * FROM lanes WHERE supplier = ? AND failing_since IS NOT NULL", name)
    failing.sort(key=lambda lane: (lane.lane != READS, lane.lane))
    return [lane for lane in failing if lane.lane == READS or _is_owed(look, what, name, lane.lane)]


def _is_owed(look: Look, what: Known, name: str, lane: str) -> bool:
    owed = look.rows("SELECT DISTINCT kind FROM calls WHERE supplier = ? AND state = 'owed'", name)
    return any(what.lanes.get(call.kind) == lane for call in owed)


def _rejected(look: Look, name: str, since: datetime | None) -> list[Problem]:
    """Return the entries without a usable id that the last sweep still listed; once the marketplace mends one, it is no problem."""
    sweep = last_good(look, name, "sweep")
    begun = sweep.started_at if sweep is not None else None
    listed_from = "" if begun is None else plain_sql.text(min(begun, since or begun))
    rows = look.rows(
        "SELECT reason FROM rejected_entries WHERE supplier = ? AND last_listed_at >= ? ORDER BY id LIMIT ?",
        name, listed_from, MOST,
    )  # fmt: skip
    cure = "ask technique@menzzo.fr to correct it; it is kept word for word in the table rejected_entries"
    return [
        Problem(name, None, f"an entry of the list cannot be used: {entry.reason}", cure, 1, ENTRY) for entry in rows
    ]


def _missing(look: Look, name: str, cache_seconds: float) -> list[Problem]:
    """Return the orders that vanished from the list though we have not shipped them."""
    return [
        Problem(
            name,
            order.menzzo_order_id,
            f"it is no longer listed since {order.vanished_at:%Y-%m-%d %H:%M} UTC, though we have not shipped it"
            + ("; it is flagged: get the parcel back until this is clear" if order.shipped else ""),
            "ask Menzzo whether it was cancelled; if so: "
            f"supplier-agent close {order.menzzo_order_id} --supplier {name} --reason TEXT",
            1,
            "order_vanished",
        )
        for order in missing_orders.missing(look, name, cache_seconds)[:MOST]
    ]


def _stuck(look: Look) -> list[Problem]:
    """Return the calls that wait for a person. Those whose outcome is unknown come first."""
    rows = look.rows(
        """
        SELECT calls.supplier, coalesce(menzzo_order_id, 'row ' || order_id || ', which is missing') AS menzzo_order_id,
               kind, state, detail
          FROM calls LEFT JOIN orders ON orders.id = order_id
         WHERE state IN ('sending', 'parked', 'unknown') AND state <> 'sending'  -- as the index calls_stuck has it
           AND closed_reason IS NULL AND ship_confirmed_at IS NULL
         ORDER BY state DESC, calls.id LIMIT ?
        """,
        MOST,
    )
    return [
        Problem(row.supplier, row.menzzo_order_id, _in_words(row), _cure(row), 1, f"call_{row.state}") for row in rows
    ]


def _held(look: Look) -> list[Problem]:
    """Return the orders that are marked as shipped, and held: a parcel has left, and nothing is reported until a person says so."""
    rows = look.rows(
        """
        SELECT supplier, menzzo_order_id, held_reason FROM orders
         WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL AND shipped = 1 AND held_reason IS NOT NULL
         ORDER BY +id LIMIT ?  -- not along the ids of all: the open ones have an index
        """,
        MOST,
    )
    return [
        Problem(
            row.supplier,
            row.menzzo_order_id,
            f"it is marked as shipped, and held: nothing is reported ({row.held_reason})",
            f"if it has left: supplier-agent release {row.menzzo_order_id} --supplier {row.supplier}; "
            f"if not: supplier-agent unship {row.menzzo_order_id} --supplier {row.supplier}",
            1,
            HELD,
        )
        for row in rows
    ]


def strangers(tx: "Session | Look", configured: Collection[str]) -> list[Problem]:
    """Return the suppliers that are not configured, and have open orders: no call is ever made for these."""
    rows = plain_sql.within(tx).rows(
        """
        SELECT supplier, count(*) AS number, sum(shipped) AS marked, min(menzzo_order_id) AS example FROM orders
         WHERE ship_confirmed_at IS NULL AND closed_reason IS NULL GROUP BY supplier
        """
    )
    return [
        Problem(
            row.supplier,
            None,
            f"it is not in the configuration, and has {row.number} open orders (such as {row.example}): none of them is "
            f"acknowledged or reported as shipped; {row.marked} are marked as shipped",
            f"put [suppliers.{row.supplier}] into the configuration, or close them: "
            f"supplier-agent close ID --supplier {row.supplier} --reason TEXT",
            1,
            STRANGERS,
        )
        for row in rows
        if row.supplier not in configured
    ]


def _lasting(look: Look, configured: Collection[str]) -> list[Problem]:
    """Return what the alerts found out in their own time (alerts/): with what is found here, all that `alerts list` calls wrong."""
    marks = ", ".join("?" * len(LASTING))
    rows = look.rows(
        f"SELECT cause, supplier, text FROM alerts WHERE solved_at IS NULL AND cause IN ({marks}) ORDER BY id",  # noqa: S608 - question marks alone
        *LASTING,
    )
    found = []
    for row in rows:
        what, _, cure = row.text.partition("\n")
        if row.supplier is None or row.supplier in configured:
            found.append(Problem(row.supplier or "", None, what, cure, 1, row.cause))
    return found


def _damage(each: counts.Damaged) -> Problem:
    order = each.order
    this = f"{order.menzzo_order_id} --supplier {order.supplier}"
    cure = f"supplier-agent retry {this}"
    if cells.known(order.fault) is None:  # cells that cannot be read, not an internal error
        cure = f"correct it, then: UPDATE orders SET planned_at = NULL, fault = NULL WHERE id = {order.id}"  # noqa: S608 - for a person to type
    what = f"{each.why} (row {order.id}); nothing is sent for this order until it is corrected"
    return Problem(order.supplier, order.menzzo_order_id, what, cure, 1, "order_damaged")


def _in_words(call: Any) -> str:  # noqa: ANN401 - a row
    what = {"acknowledge": "acknowledge", "label": "label", "ship": "ship call"}.get(call.kind, call.kind)
    state = "it is not known whether the marketplace took it in" if call.state == "unknown" else "waits for a person"
    return f"{what}: {state}: {call.detail}"


def _cure(call: Any) -> str:  # noqa: ANN401 - a row
    this = f"{call.menzzo_order_id} --supplier {call.supplier}"
    if call.state == "unknown":
        return f"ask Menzzo whether it is shipped, then: supplier-agent resolve {this} --shipped (or --send-again) --by NAME"
    return f"supplier-agent retry {this} (or: supplier-agent close {this} --reason TEXT)"


def last_round_at(tx: "Session | Look") -> datetime | None:
    """Return when the last run of any supplier ended, well or not; None before the first."""
    at: datetime | None = plain_sql.within(tx).first("SELECT max(ended_at) AS ended_at FROM runs").ended_at
    return at


def is_stale(tx: "Session | Look", settings: "Settings | Known", now: datetime) -> bool:
    """Tell whether the last round is older than twice the poll interval."""
    last, what = last_round_at(tx), known.of(settings)
    slowest = max([what.interval(now), *(supplier.cache_seconds for supplier in what.suppliers.values())])
    # Not only too old: an instant that lies far ahead was written before somebody set the clock back.
    return last is None or abs(now - last) > 2 * timedelta(seconds=slowest)
