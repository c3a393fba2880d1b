"""Every outward call, one file each.

To add one:

1. a line in order.WANTED: when do an order's facts ask for it?
2. a file here (protocol.OutwardCall): when is it due, how is it made, what becomes of it after each ending?
3. a line in CALLS below.   4. a test file.   5. what still names the kinds by hand: CONTRIBUTING.md lists it.
"""

from collections.abc import Mapping

from supplier_agent.calls import acknowledge, label, ship
from supplier_agent.calls.protocol import Ending, Job, OutwardCall, Tools, Unfinished

CALLS: Mapping[str, OutwardCall] = {"ship": ship, "acknowledge": acknowledge, "label": label}
"""In the order in which they are served: what a customer waits for goes first."""

ONCE = frozenset(kind for kind, call in CALLS.items() if call.ONCE)
"""The kinds that are never repeated by themselves after a lost answer."""

__all__ = ["CALLS", "ONCE", "Ending", "Job", "OutwardCall", "Tools", "Unfinished"]
