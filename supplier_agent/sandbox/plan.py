"""Which request meets which fault: rules, armed by a test or a rehearsal, tried in the order of their arming."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from supplier_agent.clock import Clock
from supplier_agent.sandbox.exchange import Endpoint, LogLine
from supplier_agent.sandbox.faults import Fault


@dataclass
class _Rule:
    fault: Fault
    matches: Callable[[LogLine], bool]
    skip: int
    left: int | None
    until: float | None


class FaultPlan:
    """The rules that are armed. Safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._connections = 0

    def arm(
        self,
        endpoint: Endpoint,
        fault: Fault,
        *,
        supplier: str | None = None,
        menzzo_order_id: str | None = None,
        when: Callable[[LogLine], bool] = lambda _: True,
        nth: int = 1,
        times: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Let the nth matching request from now meet the fault, and those after it until `times` have met it.

        `times`: 1 unless `seconds` is given, which ends the rule by then and otherwise lets it meet every request.
        A request that meets an earlier rule's fault is not counted by the later ones.
        """

        def matches(line: LogLine) -> bool:
            return (
                line.endpoint == endpoint
                and supplier in (None, line.supplier)
                and menzzo_order_id in (None, line.menzzo_order_id)
                and when(line)
            )

        until = None if seconds is None else self._clock.monotonic() + seconds
        left = 1 if times is None and seconds is None else times
        with self._lock:
            self._rules.append(_Rule(fault, matches, nth - 1, left, until))

    def reset_connections(self, times: int) -> None:
        """Reset that many of the next connections as soon as they are made, before anything is read."""
        with self._lock:
            self._connections += times

    def disarm(self) -> None:
        """Forget every rule."""
        with self._lock:
            self._rules.clear()
            self._connections = 0

    def take(self, line: LogLine) -> Fault | None:
        """Return the fault that this request meets, and count it as met."""
        with self._lock:
            now = self._clock.monotonic()
            self._rules = [r for r in self._rules if r.left != 0 and (r.until is None or now < r.until)]
            for rule in self._rules:
                if not rule.matches(line):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.left = None if rule.left is None else rule.left - 1
                return rule.fault
        return None

    def take_connection(self) -> bool:
        """Tell whether a new connection is to be reset, and count it."""
        with self._lock:
            if self._connections == 0:
                return False
            self._connections -= 1
            return True
