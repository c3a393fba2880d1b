"""The stand-ins of carriers: what a carrier knows of parcels (depot.py), and one file for each carrier's API."""

from supplier_agent.base.clock import Clock
from supplier_agent.sandbox.carriers.depot import Depot, Scans, StandIn
from supplier_agent.sandbox.carriers.dhl import DhlDesk
from supplier_agent.sandbox.carriers.fedex import FedExDesk
from supplier_agent.sandbox.carriers.laposte import LaPosteDesk
from supplier_agent.sandbox.carriers.ups import UpsDesk

DESKS: dict[str, type[LaPosteDesk] | type[DhlDesk] | type[UpsDesk] | type[FedExDesk]] = {
    "laposte": LaPosteDesk,
    "dhl": DhlDesk,
    "ups": UpsDesk,
    "fedex": FedExDesk,
}


def open_carrier(name: str, clock: Clock, semantics: Scans | None = None) -> StandIn:
    """Return the stand-in of that carrier."""
    return DESKS[name](Depot(clock, semantics or Scans()))


__all__ = ["DESKS", "Depot", "Scans", "StandIn", "open_carrier"]
