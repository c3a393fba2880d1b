"""One supplier's rate: at most `per_second` requests leave, whoever sends them and however long they take to connect.

The loop plans with `free_in`; the worker passes `wait_turn` with the connection open, right before the first byte,
so that a slow handshake cannot push two requests into the same second.
"""

import threading

from supplier_agent.clock import Clock


class Pace:
    """Slots of one supplier, `1 / per_second` seconds apart. The first is one interval after the start.

    The process before us may have sent its last request a moment ago; waiting one interval keeps the promise
    across restarts without writing every request's time to disk.
    """

    MARGIN = 1.005
    """Timer and scheduler noise, so that the server's clock agrees with ours."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self.interval = self.MARGIN / per_second
        self._lock = threading.Lock()
        self._next_turn = clock.monotonic() + self.interval
        self._booked_until = self._next_turn

    def free_in(self) -> float:
        """Return the seconds until another request may be handed to a worker; 0 when now."""
        with self._lock:
            return max(0.0, max(self._booked_until, self._next_turn) - self._clock.monotonic())

    def book(self) -> None:
        """Take the slot that `free_in` said is free: the next one is an interval later."""
        with self._lock:
            self._booked_until = self._clock.monotonic() + self.interval

    def wait_turn(self) -> None:
        """Wait until a request may leave, and count it as having left now."""
        while True:
            with self._lock:
                now = self._clock.monotonic()
                wait = self._next_turn - now
                if wait <= 0:
                    self._next_turn = now + self.interval
                    return
            self._clock.sleep(wait)
