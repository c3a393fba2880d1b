"""A log that no stranger can flood: of each event a few at once, then one a minute, with the number of those left out."""

import threading

from structlog.typing import FilteringBoundLogger

from supplier_agent.clock import Clock
from supplier_agent.log import Log

AT_ONCE = 20
EVERY_SECONDS = 60.0
"""With a dozen events of 300 bytes that is below 1 MB in any attack, and below 6 MB on a day of attacks."""


class RationedLog(Log):
    """What the page's process writes to."""

    def __init__(self, logger: FilteringBoundLogger | None, clock: Clock) -> None:
        super().__init__(logger, None)
        self._clock, self._lock = clock, threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}  # how many may be said, as of when
        self._unsaid: dict[str, int] = {}

    def _say(self, level: str, event: str, facts: dict[str, object]) -> None:
        with self._lock:
            now = self._clock.monotonic()
            left, at = self._left.get(event, (float(AT_ONCE), now))
            left = min(float(AT_ONCE), left + (now - at) / EVERY_SECONDS)
            if left < 1:
                self._left[event] = left, now
                self._unsaid[event] = self._unsaid.get(event, 0) + 1
                return
            self._left[event] = left - 1, now
            unsaid = self._unsaid.pop(event, None)
        super()._say(level, event, facts | {"unsaid": unsaid})
