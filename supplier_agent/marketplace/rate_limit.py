"""One supplier's rate: at most `per_second` requests leave, whoever sends them and however long they take to connect.

The loop plans with `free_in`; the worker passes `wait_turn` with the connection open, right before the first byte,
so that a slow handshake cannot push two requests into the same second.
"""

import threading

from supplier_agent.base.clock import Clock


class Pace:
    """Slots of one supplier, `1 / per_second` seconds apart. The first is one interval after the start.

    The process before us may have sent its last request a moment ago; waiting one interval keeps the promise
    across restarts without writing every request's time to disk.
    """

    MARGIN = 1.005
    """Timer and scheduler noise, so that the server's clock agrees with ours."""

    MOST_BOOKED = 64
    """Requests that never got a connection leave their turns behind; an outage must not hoard them."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self._clock = clock
        self.interval = self.MARGIN / per_second
        self._lock = threading.Lock()
        self._next_turn = self._free_at = clock.monotonic() + self.interval
        self._booked = 0  # turns handed out by the loop, and not taken by a worker yet

    def free_in(self) -> float:
        """Return the seconds until another request may be handed to a worker; 0 when now."""
        with self._lock:
            return max(0.0, self._free_at - self._clock.monotonic())

    def book(self) -> None:
        """Hand out the turn that `free_in` said is free.

        The next is free an interval after this one was, not after it was noticed: or each lateness would cost rate.
        """
        with self._lock:
            self._booked = min(self._booked + 1, self.MOST_BOOKED)
            self._move_on()

    def wait_turn(self) -> None:
        """Wait until a request may leave, and count it as having left now."""
        while True:
            with self._lock:
                now = self._clock.monotonic()
                wait = self._next_turn - now
                if wait <= 0:
                    self._next_turn = now + self.interval
                    if self._booked:
                        self._booked -= 1
                    else:  # one more than was booked: a second try, a redirect
                        self._move_on()
                    return
            self._clock.sleep(wait)

    def _move_on(self) -> None:
        self._free_at = max(self._free_at, self._clock.monotonic() - self.interval) + self.interval
