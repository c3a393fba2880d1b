"""How a supplier stands as a whole: its row and its lanes, read together at one moment.

The loop keeps what it read until somebody writes, for it asks at every slot. Whoever writes reads anew, in the same transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from supplier_agent.db.tables import Lane, Supplier
from supplier_agent.suppliers import circuit_breakers

NEVER = datetime.max.replace(tzinfo=UTC)
"""Not by itself: a person paused the supplier, or a brake did."""


@dataclass(frozen=True)
class Standing:
    """What was known of a supplier at one moment. Read only."""

    supplier: Supplier
    lanes: Mapping[str, Lane]

    def not_before(self, now: datetime) -> datetime:
        """Return when this supplier may be read again, whatever is due: after a failure, or silence that was asked for."""
        if self.supplier.paused_at is not None:
            return NEVER
        instants = (now, self.lanes[circuit_breakers.READS].resume_at, self.supplier.quiet_until)
        return max(each for each in instants if each is not None)

    def is_well(self, lane: str) -> bool:
        """Tell whether a success in that lane is no news."""
        return self.lanes[lane].failing_since is None and self.supplier.token_refused_at is None

    def moments(self, now: datetime) -> list[datetime]:
        """Return every instant still to come at which a pause ends."""
        instants = (self.supplier.quiet_until, *(lane.resume_at for lane in self.lanes.values()))
        return [instant for instant in instants if instant is not None and instant > now]


def known_supplier(tx: Session, name: str) -> Supplier:
    """Return what we know of the account; an account that was never read knows nothing yet."""
    return tx.get(Supplier, name) or Supplier(name=name)


_LANES = select(Lane).where(col(Lane.supplier) == bindparam("name"))


def look(tx: Session, name: str) -> Standing:
    """Return how a supplier stands now."""
    found = {lane.lane: lane for lane in tx.exec(_LANES, params={"name": name})}
    known = {lane: found.get(lane) or Lane(supplier=name, lane=lane) for lane in circuit_breakers.ALL}
    return Standing(known_supplier(tx, name), known)


def remember(tx: Session, name: str) -> None:
    """Give a supplier its rows at the start, so that each later look finds them at once."""
    tx.add(known_supplier(tx, name))
    for lane in circuit_breakers.ALL:
        tx.add(circuit_breakers.of(tx, name, lane))


def try_now(tx: Session, name: str, now: datetime) -> None:
    """End the pause of failing reads: a person started a round, or there is a new token."""
    lane = circuit_breakers.of(tx, name, circuit_breakers.READS)
    if lane.resume_at is not None:
        lane.resume_at = now
        tx.add(lane)
