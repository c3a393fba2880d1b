"""How the suppliers are, and what needs a person: each problem with the one command that cures it. Reads, never writes.

In plain SQL (glance.py), so that `status` costs next to nothing; who has a transaction open hands that in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from supplier_agent import absence, cautions, glance, known
from supplier_agent.exits import EXIT_ORDER, worst
from supplier_agent.glance import Look
from supplier_agent.known import Known
from supplier_agent.order import stage
from supplier_agent.timetable import GOOD

if TYPE_CHECKING:
    from sqlmodel import Session

    from supplier_agent.settings import Settings

MOST = 500
"""Problems are listed up to here; the counts are always whole."""
OF_SUPPLIER = (
    *("cursor", "cursor_refused", "cursor_distrusted_at", "token_refused_at", "quiet_until", "last_success_at"),
    *("paused_at", "paused_by", "paused_reason", "flags_asked_at", "token_since", "token_key"),
)
"""What is looked at of a supplier; all of it null before the first read."""
NEVER_OLD = datetime.min.replace(tzinfo=UTC)
"""Who asks without the time hears nothing of the age of things."""
READS = "reads"
"""The lane that always has something to do."""


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be. `order` is None for a matter of the whole supplier."""

    supplier: str
    order: str | None
    what: str
    cure: str
    exit_code: int


def problems(
    tx: "Session | Look",
    settings: "Settings | Known",
    no_token: Mapping[str, str | None],
    since: datetime | None = None,
    now: datetime | None = None,
) -> list[Problem]:
    """Return what needs a person or the marketplace, the most urgent first. `since`: only what a round that began then has met."""
    look, what = glance.within(tx), known.of(settings)
    found: list[Problem] = []
    if what.read_only and since is None:
        found.append(_caution("", cautions.read_only()))
    if since is None:
        found += refused_configuration(look)
    for name in what.suppliers:
        supplier = supplier_of(look, name)
        told = cautions.of(supplier, now or since or NEVER_OLD)
        found += [_caution(name, each) for each in told if each.holds_up or since is None]
        if supplier.paused_at is None:
            found += _of_supplier(look, what, name, no_token.get(name))
        found += _rejected(look, name, since)
        found += _missing(look, name, what.suppliers[name].cache_seconds)
    found += _stuck(look)
    return sorted(found, key=lambda problem: EXIT_ORDER.index(problem.exit_code))


def refused_configuration(look: Look) -> list[Problem]:
    """Return the configuration that a running agent would not take up (reload.py)."""
    row = look.first("SELECT done_at, detail FROM chores WHERE name = 'configuration' AND detail IS NOT NULL")
    if row is None:
        return []
    what = (
        f"a new configuration was refused at {row.done_at:%Y-%m-%d %H:%M} UTC, and the one before stays: {row.detail}"
    )
    return [
        Problem("", None, what, "correct it (supplier-agent config check), then: systemctl reload supplier-agent", 78)
    ]


def _caution(name: str, caution: cautions.Caution) -> Problem:
    return Problem(name, None, caution.what, caution.cure, 1)


def exit_code(found: list[Problem]) -> int:
    """Return the exit code of the contract for these problems."""
    return worst({problem.exit_code for problem in found})


def supplier_of(look: Look, name: str) -> Any:  # noqa: ANN401 - a row
    """Return what we know of the account; an account that was never read knows nothing yet."""
    found = look.first("SELECT * FROM suppliers WHERE name = ?", name)
    return found or SimpleNamespace(name=name, **dict.fromkeys(OF_SUPPLIER))


def last_good(look: Look, name: str, *purposes: str) -> Any:  # noqa: ANN401 - a row
    """Return the last run for one of these purposes that was read to its end, or None."""
    marks = ", ".join("?" * len(purposes))
    return look.first(
        f"SELECT * FROM runs WHERE supplier = ? AND purpose IN ({marks}) AND proof IN (?, ?) ORDER BY id DESC LIMIT 1",  # noqa: S608 - question marks alone
        name, *purposes, *GOOD,
    )  # fmt: skip


def _of_supplier(look: Look, what: Known, name: str, no_token: str | None) -> list[Problem]:
    supplier = supplier_of(look, name)
    if no_token is not None:
        return [Problem(name, None, no_token.partition("\n")[0], "supplier-agent check --offline", 78)]
    found = []
    if supplier.token_refused_at is not None:
        since = f"{supplier.token_refused_at:%Y-%m-%d %H:%M} UTC"
        text = f"{refusal(look, name)} (since {since}); nothing is sent for {name}"
        cure = f"ask technique@menzzo.fr for a new token, and put it where the old one is: {what.suppliers[name].token_place}"
        found.append(Problem(name, None, text, cure, 77))
    else:
        for lane in failing_lanes(look, what, name):
            text = f"{lane.lane} fail since {lane.failing_since:%Y-%m-%d %H:%M} UTC: {lane.reason}"
            again = f"nothing to do: it is tried again at {lane.resume_at:%H:%M:%S} UTC" if lane.resume_at else ""
            found.append(Problem(name, None, text, again, 69))
    sweep = last_good(look, name, "sweep", "resync")
    if sweep is not None and sweep.proof == "partial" and sweep.started_at is not None:
        days = f"{sweep.date_from} to {sweep.date_to} (read {sweep.started_at:%Y-%m-%d %H:%M} UTC)"
        cure = "ask technique@menzzo.fr how get-sales pages its answers, and compare these days with them"
        found.append(Problem(name, None, f"not fully read: {days}: {sweep.detail}", cure, 1))
    return found


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
    listed_from = "" if begun is None else glance.text(min(begun, since or begun))
    rows = look.rows(
        "SELECT reason FROM rejected_entries WHERE supplier = ? AND last_listed_at >= ? ORDER BY id LIMIT ?",
        name, listed_from, MOST,
    )  # fmt: skip
    cure = "ask technique@menzzo.fr to correct it; it is kept word for word in the table rejected_entries"
    return [Problem(name, None, f"an entry of the list cannot be used: {entry.reason}", cure, 1) for entry in rows]


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
        )
        for order in absence.missing(look, name, cache_seconds)[:MOST]
    ]


def _stuck(look: Look) -> list[Problem]:
    """Return the calls that wait for a person. Those whose outcome is unknown come first."""
    rows = look.rows(
        """
        SELECT orders.supplier, menzzo_order_id, kind, state, detail FROM calls JOIN orders ON orders.id = order_id
         WHERE state IN ('sending', 'parked', 'unknown') AND state <> 'sending'  -- as the index calls_stuck has it
           AND closed_reason IS NULL AND ship_confirmed_at IS NULL
         ORDER BY state DESC, calls.id LIMIT ?
        """,
        MOST,
    )
    return [Problem(row.supplier, row.menzzo_order_id, _in_words(row), _cure(row), 1) for row in rows]


def _in_words(call: Any) -> str:  # noqa: ANN401 - a row
    what = {"acknowledge": "acknowledge", "label": "label", "ship": "ship call"}.get(call.kind, call.kind)
    state = "it is not known whether the marketplace took it in" if call.state == "unknown" else "waits for a person"
    return f"{what}: {state}: {call.detail}"


def _cure(call: Any) -> str:  # noqa: ANN401 - a row
    this = f"{call.menzzo_order_id} --supplier {call.supplier}"
    if call.state == "unknown":
        return f"ask Menzzo whether it is shipped, then: supplier-agent resolve {this} --shipped (or --send-again) --by NAME"
    return f"supplier-agent retry {this} (or: supplier-agent close {this} --reason TEXT)"


def counts(tx: "Session | Look", supplier: str) -> dict[str, int]:
    """Return how many orders are in each stage. SQL puts orders with the same facts together; which stage it is, order.py says."""
    found: dict[str, int] = {}
    for alike in glance.within(tx).rows(ALIKE, supplier):
        calls: list[Any] = [SimpleNamespace(state=state) for state in (alike.states or "").split(",") if state]
        name = stage(alike, calls)
        found[name] = found.get(name, 0) + alike.number
    return found


ALIKE = """
  WITH stuck AS (SELECT order_id, group_concat(DISTINCT state) AS states FROM calls
                  WHERE state IN ('sending', 'parked', 'unknown') GROUP BY order_id)
SELECT ship_confirmed_at, closed_reason, max(held_reason) AS held_reason, max(acknowledged_at) AS acknowledged_at,
       max(label_path) AS label_path, shipped, states, count(*) AS number
  FROM orders LEFT JOIN stuck ON order_id = orders.id
 WHERE supplier = ?1 AND ship_confirmed_at IS NULL AND closed_reason IS NULL
 GROUP BY held_reason IS NULL, acknowledged_at IS NULL, label_path IS NULL, shipped, states
 UNION ALL
SELECT max(ship_confirmed_at), max(closed_reason), NULL, NULL, NULL, 0, NULL, count(*)
  FROM orders
 WHERE supplier = ?1 AND NOT (ship_confirmed_at IS NULL AND closed_reason IS NULL)
 GROUP BY ship_confirmed_at IS NULL, closed_reason IS NULL
"""
"""Orders whose facts are alike for order.stage, with an example of each fact; of one that is over, no other fact counts.

Both halves of the calls and orders that matter have an index of their own, so this stays quick as finished orders pile up.
"""


def rejected_entries(tx: "Session | Look", supplier: str) -> int:
    """Return how many entries were ever kept word for word."""
    row = glance.within(tx).first("SELECT count(*) AS number FROM rejected_entries WHERE supplier = ?", supplier)
    return int(row.number)


def last_round_at(tx: "Session | Look") -> datetime | None:
    """Return when the last run of any supplier ended, well or not; None before the first."""
    at: datetime | None = glance.within(tx).first("SELECT max(ended_at) AS ended_at FROM runs").ended_at
    return at


def is_stale(tx: "Session | Look", settings: "Settings | Known", now: datetime) -> bool:
    """Tell whether the last round is older than twice the poll interval."""
    last, what = last_round_at(tx), known.of(settings)
    slowest = max([what.interval(now), *(supplier.cache_seconds for supplier in what.suppliers.values())])
    return last is None or now - last > 2 * timedelta(seconds=slowest)
