"""One supplier's rate limit: at most `per_second` requests are sent per second, from any thread, however slow the connections.

All suppliers may share a second limit, that of the host (`requests_per_second_total`). Its turns go to writes before reads before
labels, whichever supplier they are of; but each turn that a request waits makes it more urgent, so every supplier gets turns.

The loop plans with `free_in`. The worker calls `wait_turn` when the connection is open, right before the first byte, so that a
slow handshake cannot move two requests into the same second.
"""

import threading
from collections.abc import Mapping

from supplier_agent.base.clock import Clock

PATIENCE: Mapping[str, int] = {"writes": 0, "reads": 10, "labels": 20}
"""How many turns of the host a request of each lane leaves to more urgent ones. A lane that is not here is as patient as labels."""


class Pace:
    """Turns of one supplier, `1 / per_second` seconds apart. The first turn is one interval after the start.

    The previous process may just have sent its last request. Waiting one interval keeps the limit across restarts, without
    writing the time of every request to disk.
    """

    MARGIN = 1.005
    """Tolerance for timers and schedulers, so that the limit also holds by the server's clock."""

    MOST_BOOKED = 64
    """A request that gets no connection does not use its turn. An outage must not accumulate these turns."""

    def __init__(self, clock: Clock, per_second: float, host: "Pace | None" = None) -> None:
        self._clock = clock
        self._host = host  # the limit that all suppliers share; None: there is none
        self._since: float | None = None  # since when it waits for a turn of the host; None: it does not
        self._patience = 0.0
        self.is_ranked = False  # the loop has looked which request waits, and nothing has changed since
        self.interval = self.MARGIN / per_second
        self._lock = threading.Lock()
        self._next_turn = self._free_at = clock.monotonic() + self.interval
        self._booked = 0  # turns that the loop has booked and no worker has used yet

    def free_in(self) -> float:
        """Return the seconds until another request may be given to a worker; 0: now."""
        own = self._own_free_in()
        return own if self._host is None else max(own, self._host.free_in())

    def _own_free_in(self) -> float:
        with self._lock:
            return max(0.0, self._free_at - self._clock.monotonic())

    def book(self) -> None:
        """Book the turn that `free_in` reported as free.

        The next turn is one interval after this one became free, not after it was booked, so that delays do not lower the rate.
        """
        with self._lock:
            self._booked = min(self._booked + 1, self.MOST_BOOKED)
            self._move_on()
        self._since, self.is_ranked = None, False
        if self._host is not None:
            self._host.book()

    def wait_turn(self) -> None:
        """Wait until a request may leave, and count it as sent now."""
        while (wait := self._take_turn()) > 0:
            self._clock.sleep(wait)

    def _take_turn(self) -> float:
        """Take a turn, of the host too, if both are free; else return the seconds to wait. Never one without the other."""
        with self._lock:
            now = self._clock.monotonic()
            wait = self._next_turn - now
            if wait <= 0 and self._host is not None:
                wait = self._host._take_turn()  # noqa: SLF001 - of the same class
            if wait <= 0:
                self._next_turn = now + self.interval
                if self._booked:
                    self._booked -= 1
                else:  # one more than was planned: a second try, a redirect
                    self._move_on()
            return wait

    def _move_on(self) -> None:
        self._free_at = max(self._free_at, self._clock.monotonic() - self.interval) + self.interval

    # -- The queue for the host's turns. Only the loop's thread uses it.

    @property
    def is_shared(self) -> bool:
        """Whether the host has a limit that all suppliers share."""
        return self._host is not None

    @property
    def waits_for_host(self) -> bool:
        """Whether only the host's limit holds back the next request."""
        return self._host is not None and self._own_free_in() == 0 and self._host.free_in() > 0

    @property
    def is_called(self) -> bool:
        """Whether it is queued, and the host has a turn now."""
        return self._since is not None and self.free_in() == 0

    @property
    def place(self) -> float:
        """Its place in the queue: the lowest comes first. 0 if there is no limit for the host."""
        if self._host is None:
            return 0.0
        return self._clock.monotonic() if self._since is None else self._since + self._patience

    def queue(self, lane: str | None) -> None:
        """Wait for a turn of the host with a request of this lane, since the first such call. None: nothing is to be sent."""
        if self._host is None or lane is None:
            self._since = None
        else:
            self._since = self._clock.monotonic() if self._since is None else self._since
            self._patience = PATIENCE.get(lane, max(PATIENCE.values())) * self._host.interval
        self.is_ranked = True
