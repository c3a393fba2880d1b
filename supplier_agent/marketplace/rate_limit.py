"""One supplier's rate limit: at most `per_second` requests are sent per second, from any thread, however slow the connections.

The loop plans with `free_in`. The worker calls `wait_turn` when the connection is open, right before the first byte, so that a
slow handshake cannot move two requests into the same second.
"""

import threading

from supplier_agent.base.clock import Clock


class Pace:
    """Turns of one supplier, `1 / per_second` seconds apart. The first turn is one interval after the start.

    The previous process may just have sent its last request. Waiting one interval keeps the limit across restarts, without
    writing the time of every request to disk.
    """

    MARGIN = 1.005
    """Tolerance for timers and schedulers, so that the limit also holds by the server's clock."""

    MOST_BOOKED = 64
    """A request that gets no connection does not use its turn. An outage must not accumulate these turns."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self.interval = self.MARGIN / per_second
        self._lock = threading.Lock()
        self._next_turn = self._free_at = clock.monotonic() + self.interval
        self._booked = 0  # turns that the loop has booked and no worker has used yet

    def free_in(self) -> float:
        """Return the seconds until another request may be given to a worker; 0: now."""
        with self._lock:
            return max(0.0, self._free_at - self._clock.monotonic())

    def book(self) -> None:
        """Book the turn that `free_in` reported as free.

        The next turn is one interval after this one became free, not after it was booked, so that delays do not lower the rate.
        """
        with self._lock:
            self._booked = min(self._booked + 1, self.MOST_BOOKED)
            self._move_on()

    def wait_turn(self) -> None:
        """Wait until a request may leave, and count it as sent now."""
        while True:
            with self._lock:
                now = self._clock.monotonic()
                wait = self._next_turn - now
                if wait <= 0:
                    self._next_turn = now + self.interval
                    if self._booked:
                        self._booked -= 1
                    else:  # one more than was planned: a second try, a redirect
                        self._move_on()
                    return
            self._clock.sleep(wait)

    def _move_on(self) -> None:
        self._free_at = max(self._free_at, self._clock.monotonic() - self.interval) + self.interval
