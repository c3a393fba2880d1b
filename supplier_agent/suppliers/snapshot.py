"""The snapshot of a supplier: its row and its lanes, read together.

The loop caches it until it is invalidated, because it needs it before every request. Writers read again, in their transaction.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from supplier_agent.db.tables import Lane, Supplier
from supplier_agent.learning import Careful
from supplier_agent.learning.estimates import careful_of
from supplier_agent.suppliers import circuit_breakers

NEVER = datetime.max.replace(tzinfo=UTC)
"""No fixed time: a person or a safety stop paused the supplier."""


@dataclass(frozen=True)
class Snapshot:
    """The state of a supplier at one time. Read-only."""

    supplier: Supplier
    lanes: Mapping[str, Lane]
    careful: Careful = field(default_factory=Careful)  # what is learned of its marketplace; only with `look_closely`

    def not_before(self, now: datetime) -> datetime:
        """Return when this supplier may be read again: after a pause, or after the silence that the marketplace asked for."""
        if self.supplier.paused_at is not None:
            return NEVER
        instants = (now, self.lanes[circuit_breakers.READS].resume_at, self.supplier.quiet_until)
        return max(each for each in instants if each is not None)

    def is_well(self, lane: str) -> bool:
        """Tell whether that lane works, so that a success changes nothing."""
        return self.lanes[lane].failing_since is None and self.supplier.token_refused_at is None

    def moments(self, now: datetime) -> list[datetime]:
        """Return every future time at which a pause ends."""
        instants = (self.supplier.quiet_until, *(lane.resume_at for lane in self.lanes.values()))
        return [instant for instant in instants if instant is not None and instant > now]


def known_supplier(tx: Session, name: str) -> Supplier:
    """Return the supplier's row; an empty one if it was never read."""
    return tx.get(Supplier, name) or Supplier(name=name)


_LANES = select(Lane).where(col(Lane.supplier) == bindparam("name"))


def look(tx: Session, name: str) -> Snapshot:
    """Return the present snapshot of a supplier."""
    found = {lane.lane: lane for lane in tx.exec(_LANES, params={"name": name})}
    known = {lane: found.get(lane) or Lane(supplier=name, lane=lane) for lane in circuit_breakers.ALL}
    return Snapshot(known_supplier(tx, name), known)


def look_closely(tx: Session, name: str) -> Snapshot:
    """Return the same with what is learned of its marketplace."""
    return replace(look(tx, name), careful=careful_of(tx, name))


def remember(tx: Session, name: str) -> None:
    """Create a supplier's rows at the start, so that they always exist."""
    tx.add(known_supplier(tx, name))
    for lane in circuit_breakers.ALL:
        tx.add(circuit_breakers.of(tx, name, lane))


def try_now(tx: Session, name: str, now: datetime, lane_name: str = circuit_breakers.READS) -> None:
    """End the pause of a failing lane, because a person started `run --once` or there is a new token."""
    lane = circuit_breakers.of(tx, name, lane_name)
    if lane.resume_at is not None:
        lane.resume_at = now
        tx.add(lane)


_ROWS = "SELECT name, * FROM suppliers", "SELECT supplier, * FROM lanes ORDER BY supplier, lane"
_TO_PLAN = "SELECT DISTINCT supplier FROM orders WHERE planned_at IS NULL"
_TO_READ = """
SELECT id, supplier FROM runs WHERE id > ? AND purpose IN ('resync', 'fetch') AND started_at IS NULL ORDER BY id
"""


@dataclass
class Changes:
    """Finds the suppliers that another program may have changed, so that the others need not be looked at."""

    _rows: Mapping[str, list[tuple[object, ...]]] = field(default_factory=dict)  # as at the last look
    _run: int = 0  # the newest request to read days again that was seen

    def look(self, tx: Session) -> set[str]:
        """Return suppliers with orders to plan, with new requests to read days again, or with other rows than at the last look.

        What the agent itself has changed since is among them; that does no harm.
        """
        ask, rows = tx.connection().exec_driver_sql, defaultdict[str, list[tuple[object, ...]]](list)
        for name, *cells in (row for query in _ROWS for row in ask(query)):
            rows[name].append(tuple(cells))
        to_read = [tuple(row) for row in ask(_TO_READ, (self._run,))]
        self._run = max([self._run, *(number for number, _ in to_read)])
        changed = {name for name in rows.keys() | self._rows.keys() if rows.get(name) != self._rows.get(name)}
        self._rows = dict(rows)
        return changed | {name for _, name in to_read} | {name for (name,) in ask(_TO_PLAN)}
