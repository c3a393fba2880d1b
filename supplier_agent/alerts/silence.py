"""Silence that is unusual for this weekday and hour, judged by the supplier's own history. Pure.

Time is measured in arrivals: an hour counts as much as usually comes in during it, so nights and Sundays count next to nothing.
A holiday counts nothing at all: nothing is learnt from it, and no alarm begins on it. By that measure silence is unusual once it
has lasted for as much as LEAST arrivals, and half as long again as any before it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from supplier_agent.settings.hours import DAY, Calendar

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

    def worth(self, since: datetime, until: datetime, calendar: Calendar) -> float:
        """Return how many arrivals usually come between two instants."""
        worth, at = 0.0, since
        while at < until:
            step = min(until, at + HOUR)
            local = at.astimezone(calendar.zone)
            if not calendar.is_holiday(local.date()):
                worth += self.per_hour[_hour_of_week(local)] * ((step - at) / HOUR)
            at = step
        return worth


def learn(arrivals: Iterable[datetime], now: datetime, calendar: Calendar) -> Habits | None:
    """Return the habits of the last weeks; None where there is too little to learn from.

    `arrivals`: when a reading brought something new. A burst counts once: customers order in baskets, marketplaces in batches.
    """
    known = sorted(each for each in arrivals if now - HISTORY <= each <= now)
    if len(known) < LEAST_ARRIVALS or now - known[0] < LEAST_HISTORY:
        return None
    weeks = (now - known[0]) / timedelta(weeks=1)
    first, last = (at.astimezone(calendar.zone).date() for at in (known[0], now))
    off = [day for day in (first + step * DAY for step in range((last - first).days + 1)) if calendar.is_holiday(day)]
    holidays = Counter(day.weekday() for day in off)
    local = [each.astimezone(calendar.zone) for each in known]
    in_hour = Counter(_hour_of_week(each) for each in local if each.date() not in off)
    worked = [max(weeks - holidays[day], 1.0) for day in range(7)]
    habits = Habits(tuple(in_hour[hour] / worked[hour // 24] for hour in range(7 * 24)), 0.0)
    gaps = (habits.worth(before, after, calendar) for before, after in pairwise(known))
    return Habits(habits.per_hour, max(gaps, default=0.0))


def is_unusual(habits: Habits, last_arrival: datetime, until: datetime, calendar: Calendar) -> bool:
    """Tell whether nothing has come for unusually long. `until`: when the list was last read, for later is not silence."""
    return habits.worth(last_arrival, until, calendar) >= max(LEAST, LONGER * habits.longest)


def _hour_of_week(local: datetime) -> int:
    return local.weekday() * 24 + local.hour
