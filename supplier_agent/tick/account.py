"""What the loop keeps in memory for one supplier: what is in flight, the run it reads, its rate. It dies with the process."""

import math
from dataclasses import dataclass, field
from datetime import datetime

from supplier_agent.calls import Job, Tools
from supplier_agent.marketplace import Marketplace
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.reading.schedule import Due
from supplier_agent.suppliers.circuit_breakers import LABELS
from supplier_agent.suppliers.snapshot import Standing
from supplier_agent.tick.pull import OpenRun

READ = "read"
READ_EVERY = 5
"""A read that is due gets every fifth slot, so that a backlog of calls never stops the news."""
MOST_IN_FLIGHT = 4
"""Of one account in one lane, however long its answers take."""
MOST_LABELS = 4
"""Of one account, fetched or being fetched, and not checked yet: no other label is fetched before one of them is done."""


@dataclass(frozen=True)
class Flight:
    """A request that a worker has. `job` is None for a read."""

    kind: str
    lane: str
    started_at: datetime
    started: float  # monotonic seconds
    job: Job | None = None
    token: str = field(default="", repr=False)  # that it was sent with
    heard: list[float] = field(default_factory=list)  # seconds that each of its answers took on the network


@dataclass
class Account:
    """One supplier, as the loop sees it now."""

    name: str
    marketplace: Marketplace
    tools: Tools
    pace: Pace
    token: str | None = field(repr=False)  # None: it could not be read; `token_problem` says why
    token_problem: str | None = None
    refused: set[str] = field(default_factory=set, repr=False)  # tokens that the marketplace refused, since one worked
    proven: str | None = field(default=None, repr=False)  # the token that is known to work; None: to be seen
    standing: Standing | None = None  # what was last read of it; None: somebody may have written since
    in_flight: list[Flight] = field(default_factory=list)
    run: OpenRun | None = None
    longest_page: int = 0
    slots_since_read: int = 0
    checking: set[int] = field(default_factory=set)  # ids of the label calls that are fetched and not checked yet
    answer_seconds: dict[str, float] = field(default_factory=dict)  # by lane: what recent answers took on the network
    facts_changed: bool = True  # there may be orders whose calls are to be derived anew
    token_suspect: bool = True  # the token may be refused or missing: look before sending
    next_read: Due | None = None  # the run that comes next; None: not known, ask the database
    next_read_asked: float = 0.0  # monotonic: when the database was asked
    waits_for_rate: bool = False  # there may be more to send, and the rate alone holds it back
    reads_failing: bool = False  # then a read is not repeated within seconds: its lane paces it
    ships_wait: bool = False  # a person is asked about unusually many flags
    flags_changed: bool = False  # planned, and not looked at yet whether they are unusually many
    look_at: float = 0.0  # monotonic: when there may be something to do
    vain: tuple[int, int] = (0, 0)  # the call that was last claimed in vain, and how often in a row
    rests_until: float = 0.0  # monotonic: an internal error met it, so it is not served before

    def flying(self, lane: str) -> int:
        """Return how many requests of that lane are in flight."""
        return sum(flight.lane == lane for flight in self.in_flight)

    def under_way(self, lane: str) -> int:
        """Return how many calls of that lane are neither owed nor settled: in flight, or a label that is being checked."""
        return self.flying(lane) + (len(self.checking) if lane == LABELS else 0)

    def has_room(self, lane: str) -> bool:
        """Tell whether another request of that lane may start.

        As many as the rate fills while one answer takes (Little's law), and one more, but never more than MOST_IN_FLIGHT:
        all that is in flight when the marketplace falls silent is lost at once.
        """
        if lane == LABELS and self.under_way(lane) >= MOST_LABELS:
            return False
        fills_the_rate = math.ceil(self.answer_seconds.get(lane, 0.0) / self.pace.interval) + 1
        return self.flying(lane) < min(fills_the_rate, MOST_IN_FLIGHT)

    def landed(self, flight: Flight) -> None:
        """Take a request out of flight; learn from how long its answer took. Silence teaches nothing of that."""
        self.in_flight.remove(flight)
        if flight.heard:
            seconds, before = max(flight.heard), self.answer_seconds.get(flight.lane, 0.0)
            self.answer_seconds[flight.lane] = max(seconds, before * 0.8 + seconds * 0.2)
        self.look_at = 0.0
