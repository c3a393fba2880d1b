"""How the suppliers are, and what needs a person: each problem with the one command that cures it. Reads, never writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, exists
from sqlmodel import Session, col, func, select

from supplier_agent import lanes, pull, standing
from supplier_agent.calls import CALLS
from supplier_agent.settings import Settings
from supplier_agent.tables import Call, Lane, Order, RejectedEntry, Run

EXIT_ORDER = (78, 74, 75, 77, 69, 1)
"""Contract: where several hold, the first of these is returned."""
MOST = 500
"""Problems are listed up to here; the counts are always whole."""


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be. `order` is None for a matter of the whole supplier."""

    supplier: str
    order: str | None
    what: str
    cure: str
    exit_code: int


def problems(
    tx: Session, settings: Settings, no_token: Mapping[str, str | None], since: datetime | None = None
) -> list[Problem]:
    """Return what needs a person or the marketplace, the most urgent first. `since`: only what a round that began then has met."""
    found: list[Problem] = []
    for name in settings.suppliers:
        found += _of_supplier(tx, settings, name, no_token.get(name))
        found += _rejected(tx, name, since)
    query = select(Call, Order).join(Order).where(col(Call.state).in_(("parked", "unknown")))
    query = query.where(col(Order.closed_reason).is_(None), col(Order.ship_confirmed_at).is_(None))
    for call, order in tx.exec(query.order_by(col(Call.state).desc(), col(Call.id)).limit(MOST)):
        found.append(Problem(order.supplier, order.menzzo_order_id, _in_words(call), _cure(call, order), 1))
    return sorted(found, key=lambda problem: EXIT_ORDER.index(problem.exit_code))


def exit_code(found: list[Problem]) -> int:
    """Return the exit code of the contract for these problems."""
    codes = {problem.exit_code for problem in found}
    return next((code for code in EXIT_ORDER if code in codes), 0)


def _of_supplier(tx: Session, settings: Settings, name: str, no_token: str | None) -> list[Problem]:
    supplier = standing.known_supplier(tx, name)
    if no_token is not None:
        return [Problem(name, None, no_token.partition("\n")[0], "supplier-agent check --offline", 78)]
    found = []
    if supplier.token_refused_at is not None:
        since = f"{supplier.token_refused_at:%Y-%m-%d %H:%M} UTC"
        why = lanes.of(tx, name, lanes.READS).reason or "the marketplace refused the token"
        what = f"{why} (since {since}); nothing is sent for {name}"
        cure = (
            f"ask technique@menzzo.fr for a new token, and put it where the old one is: {_token_place(settings, name)}"
        )
        found.append(Problem(name, None, what, cure, 77))
    else:
        for lane in failing_lanes(tx, name):
            what = f"{lane.lane} fail since {lane.failing_since:%Y-%m-%d %H:%M} UTC: {lane.reason}"
            again = f"nothing to do: it is tried again at {lane.resume_at:%H:%M:%S} UTC" if lane.resume_at else ""
            found.append(Problem(name, None, what, again, 69))
    sweep = pull.last_good(tx, name, "sweep", "resync")
    if sweep is not None and sweep.proof == "partial" and sweep.started_at is not None:
        what = f"not fully read: {sweep.date_from} to {sweep.date_to} (read {sweep.started_at:%Y-%m-%d %H:%M} UTC): {sweep.detail}"
        found.append(
            Problem(
                name,
                None,
                what,
                "ask technique@menzzo.fr how get-sales pages its answers, and compare these days with them",
                1,
            )
        )
    return found


def failing_lanes(tx: Session, name: str) -> list[Lane]:
    """Return the lanes in which something waits for an outage to end. Where nothing is owed, nothing is tried, nor failing."""
    failing = [lane for each in lanes.ALL if (lane := lanes.of(tx, name, each)).failing_since is not None]
    return [lane for lane in failing if lane.lane == lanes.READS or _is_owed(tx, name, lane.lane)]


def _is_owed(tx: Session, name: str, lane: str) -> bool:
    kinds = [kind for kind, call in CALLS.items() if lane == call.LANE]
    query = select(Call.id).where(Call.supplier == name, Call.state == "owed", col(Call.kind).in_(kinds))
    return tx.exec(query.limit(1)).first() is not None


def _token_place(settings: Settings, name: str) -> str:
    supplier = settings.suppliers[name]
    if supplier.token_file is not None:
        return str(supplier.token_file)
    return f"suppliers.{name}.token, then restart" if supplier.token is not None else f"the secret token-{name}"


def _rejected(tx: Session, name: str, since: datetime | None) -> list[Problem]:
    """Return the entries without a usable id that the last sweep still listed; once the marketplace mends one, it is no problem."""
    sweep = pull.last_good(tx, name, "sweep")
    query = select(RejectedEntry).where(RejectedEntry.supplier == name)
    if sweep is not None and sweep.started_at is not None:
        query = query.where(col(RejectedEntry.last_listed_at) >= min(sweep.started_at, since or sweep.started_at))
    cure = "ask technique@menzzo.fr to correct it; it is kept word for word in the table rejected_entries"
    return [
        Problem(name, None, f"an entry of the list cannot be used: {entry.reason}", cure, 1)
        for entry in tx.exec(query.order_by(col(RejectedEntry.id)).limit(MOST))
    ]


def _in_words(call: Call) -> str:
    what = {"acknowledge": "acknowledge", "label": "label", "ship": "ship call"}.get(call.kind, call.kind)
    state = "it is not known whether the marketplace took it in" if call.state == "unknown" else "waits for a person"
    return f"{what}: {state}: {call.detail}"


def _cure(call: Call, order: Order) -> str:
    this = f"{order.menzzo_order_id} --supplier {order.supplier}"
    if call.state == "unknown":
        return f"ask Menzzo whether it is shipped, then: supplier-agent resolve {this} --shipped (or --send-again) --by NAME"
    return f"supplier-agent retry {this} (or: supplier-agent close {this} --reason TEXT)"


def counts(tx: Session, supplier: str) -> dict[str, int]:
    """Return how many orders are in each stage. One statement: the same precedence as order.stage, a test holds them equal."""
    stuck = exists().where(col(Call.order_id) == Order.id, col(Call.state).in_(("parked", "unknown")))
    stage = case(
        (col(Order.ship_confirmed_at).is_not(None), "shipped"),
        (col(Order.closed_reason).is_not(None), "closed"),
        (stuck, "attention"),
        (col(Order.held_reason).is_not(None), "held"),
        (col(Order.shipped) == 1, "flagged"),
        (col(Order.acknowledged_at).is_(None), "new"),
        (col(Order.label_path).is_(None), "acknowledged"),
        else_="ready",
    )
    return dict(tx.exec(select(stage, func.count()).where(Order.supplier == supplier).group_by(stage)).all())


def rejected_entries(tx: Session, supplier: str) -> int:
    """Return how many entries were ever kept word for word."""
    return tx.exec(select(func.count()).select_from(RejectedEntry).where(RejectedEntry.supplier == supplier)).one()


def last_round_at(tx: Session) -> datetime | None:
    """Return when the last run of any supplier ended, well or not; None before the first."""
    return tx.exec(select(func.max(Run.ended_at))).one()


def is_stale(tx: Session, settings: Settings, now: datetime) -> bool:
    """Tell whether the last round is older than twice the poll interval."""
    last = last_round_at(tx)
    interval = settings.schedule.poll_interval(now, settings.timezone)
    slowest = max([interval, *(supplier.cache_seconds for supplier in settings.suppliers.values())])
    return last is None or now - last > 2 * timedelta(seconds=slowest)
