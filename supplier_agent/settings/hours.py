"""Business hours: which poll interval applies at a time, in the warehouse's time zone. Pure, and cheap to import."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Protocol


@dataclass(frozen=True)
class Hours:
    """From `start` to right before `end`. An end at or before the start is on the next day; equal means all day."""

    start: time
    end: time

    def __str__(self) -> str:
        """Return the spelling of the configuration."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def hold(self, days: Collection[int], now_utc: datetime, tz: tzinfo) -> bool:
        """Tell whether it is business time; Monday is 0. Hours after midnight belong to the day on which they began."""
        local = now_utc.astimezone(tz)
        time_of_day = local.time()
        if self.start < self.end:
            return self.start <= time_of_day < self.end and local.weekday() in days
        if time_of_day >= self.start:
            return local.weekday() in days
        return time_of_day < self.end and (local.date() - timedelta(days=1)).weekday() in days


class Rhythm(Protocol):
    """The keys of `[schedule]` that decide how often a supplier is read."""

    @property
    def poll_seconds(self) -> float:
        """In business hours."""

    @property
    def off_hours_poll_seconds(self) -> float:
        """Outside them."""

    @property
    def business_hours(self) -> Hours:
        """From and to."""

    @property
    def business_days(self) -> Collection[int]:
        """Monday is 0."""


def poll_interval(rhythm: Rhythm, now_utc: datetime, tz: tzinfo) -> float:
    """Return the seconds between two polls, as of now."""
    at_work = rhythm.business_hours.hold(rhythm.business_days, now_utc, tz)
    return rhythm.poll_seconds if at_work else rhythm.off_hours_poll_seconds
