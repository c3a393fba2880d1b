"""Silence that is unusual for this weekday and hour, told from the supplier's own history. Pure.

Time is measured in arrivals: an hour counts as much as usually comes in during it, so nights and Sundays count next to nothing.
By that measure silence is unusual once it has lasted for as much as LEAST arrivals, and half as long again as any before it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

HOUR = timedelta(hours=1)
HISTORY = timedelta(weeks=8)
LEAST_HISTORY = timedelta(weeks=3)
LEAST_ARRIVALS = 40
LEAST = 12.0
"""If arrivals were independent, a gap worth 12 of them would come once in 160,000; they are not, hence LONGER."""
LONGER = 1.5


@dataclass(frozen=True)
class Habits:
    """How many arrivals each hour of the week usually brings, and the longest silence so far, measured in arrivals."""

    per_hour: tuple[float, ...]  # 168, Monday 00:00 first
    longest: float

    def worth(self, since: datetime, until: datetime, zone: tzinfo) -> float:
        """Return how many arrivals usually come between two instants."""
        worth, at = 0.0, since
        while at < until:
            step = min(until, at + HOUR)
            worth += self.per_hour[_hour_of_week(at, zone)] * ((step - at) / HOUR)
            at = step
        return worth


def learn(arrivals: Iterable[datetime], now: datetime, zone: tzinfo) -> Habits | None:
    """Return the habits of the last weeks; None where there is too little to learn from.

    `arrivals`: when a reading brought something new. A burst counts once: customers order in baskets, marketplaces in batches.
    """
    known = sorted(each for each in arrivals if now - HISTORY <= each <= now)
    if len(known) < LEAST_ARRIVALS or now - known[0] < LEAST_HISTORY:
        return None
    weeks = (now - known[0]) / timedelta(weeks=1)
    in_hour = Counter(_hour_of_week(each, zone) for each in known)
    habits = Habits(tuple(in_hour[hour] / weeks for hour in range(7 * 24)), 0.0)
    gaps = (habits.worth(before, after, zone) for before, after in pairwise(known))
    return Habits(habits.per_hour, max(gaps, default=0.0))


def is_unusual(habits: Habits, last_arrival: datetime, until: datetime, zone: tzinfo) -> bool:
    """Tell whether nothing has come for unusually long. `until`: when the list was last read, for later is not silence."""
    return habits.worth(last_arrival, until, zone) >= max(LEAST, LONGER * habits.longest)


def _hour_of_week(at: datetime, zone: tzinfo) -> int:
    local = at.astimezone(zone)
    return local.weekday() * 24 + local.hour
