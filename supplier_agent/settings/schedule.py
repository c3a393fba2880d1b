"""The `[schedule]` section: when the warehouse works (hours, days, holidays), and how often orders are read. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property, lru_cache
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from supplier_agent.settings.values import Days, Positive, Section, as_text, parse_list

EVERY_DAY, BUSINESS_DAYS, BUSINESS_HOURS = "every_day", "business_days", "business_hours"
"""What counts when the age of an order is measured. A holiday never counts."""
DAY = timedelta(days=1)
LONGEST_DAYS = 366
"""A range of holidays is no longer: it would be a mistyped year."""
LEAP_YEAR = 2000
"""Any: a holiday of every year may be the 29th of February."""
LOOKED_BACK_DAYS = 4000
"""How far back an age is measured: if everything is a holiday, nothing ever counts."""
_HOLIDAY = re.compile(r"\A\s*(?:(\d{4})-)?(\d\d)-(\d\d)(?:\s+to\s+(?:(\d{4})-)?(\d\d)-(\d\d))?\s*\Z", re.ASCII)


@dataclass(frozen=True)
class Hours:
    """From `start` to right before `end`. An end at or before the start is on the next day; equal means all day."""

    start: time
    end: time

    def __str__(self) -> str:
        """Return the spelling of the configuration."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def on(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """Return when the hours that begin on this day begin and end, in UTC."""
        last = day if self.start < self.end else day + DAY
        return _instant(day, self.start, zone), _instant(last, self.end, zone)


@dataclass(frozen=True)
class Holiday:
    """From `first` to `last`, both included. `yearly`: in every year; their own year means nothing then."""

    first: date
    last: date
    yearly: bool = False

    def __str__(self) -> str:
        """Return the spelling of the configuration."""
        spelling = "%m-%d" if self.yearly else "%Y-%m-%d"
        days = dict.fromkeys((self.first.strftime(spelling), self.last.strftime(spelling)))
        return " to ".join(days)

    def days(self) -> Iterator[date]:
        """Yield each day. A yearly range that ends before it starts goes past the new year."""
        day = self.first
        while True:
            yield day
            if (day.month, day.day) == (self.last.month, self.last.day) and (self.yearly or day == self.last):
                return
            day += DAY


def parse_holiday(text: str) -> Holiday:
    """Return the days that are written as "2026-12-25", "12-25" (every year), or a range of either, like "12-24 to 01-02".

    A ValueError says what is wrong, as the end of a sentence.
    """
    found = _HOLIDAY.match(text)
    if found is None:
        raise ValueError('is not a day like "2026-12-25" or "12-25" (every year), nor a range like "12-24 to 01-02"')
    year, month, day, last_year, last_month, last_day = found.groups()
    if last_day is not None and (year is None) != (last_year is None):
        raise ValueError("has a year on one side only")
    try:
        first = date(int(year or LEAP_YEAR), int(month), int(day))
        last = date(int(last_year or LEAP_YEAR), int(last_month), int(last_day)) if last_day is not None else first
    except ValueError:
        raise ValueError("names a day that does not exist") from None
    if year is None:
        return Holiday(first, last, yearly=True)
    if last < first:
        raise ValueError("ends before it starts")
    if (last - first).days >= LONGEST_DAYS:
        raise ValueError("is longer than a year")
    return Holiday(first, last)


@dataclass(frozen=True)
class Calendar:
    """When one supplier's warehouse works. `days`: Monday is 0."""

    hours: Hours
    days: Collection[int]
    holidays: tuple[Holiday, ...]
    zone: tzinfo

    @cached_property
    def _dated(self) -> frozenset[date]:
        return frozenset(day for each in self.holidays if not each.yearly for day in each.days())

    @cached_property
    def _yearly(self) -> frozenset[tuple[int, int]]:
        return frozenset((day.month, day.day) for each in self.holidays if each.yearly for day in each.days())

    def is_holiday(self, day: date) -> bool:
        """Tell whether this day is a holiday. A Sunday is not one."""
        return day in self._dated or (day.month, day.day) in self._yearly

    def works_on(self, day: date) -> bool:
        """Tell whether people work on this day."""
        return day.weekday() in self.days and not self.is_holiday(day)

    def is_open(self, at: datetime) -> bool:
        """Tell whether people work at this instant. The hours after midnight belong to the day on which they began."""
        local = at.astimezone(self.zone)
        day, time_of_day = local.date(), local.time()
        if self.hours.start < self.hours.end:
            return self.hours.start <= time_of_day < self.hours.end and self.works_on(day)
        if time_of_day >= self.hours.start:
            return self.works_on(day)
        return time_of_day < self.hours.end and self.works_on(day - DAY)

    def ago(self, now: datetime, seconds: float, counts: str = EVERY_DAY) -> datetime:
        """Return the instant since which so many seconds have counted: what is from before it is older than that.

        counts: EVERY_DAY (all but holidays), BUSINESS_DAYS (whole ones), or BUSINESS_HOURS.
        """
        rest = timedelta(seconds=seconds)
        if counts == EVERY_DAY and not self.holidays:
            return now - rest
        day = now.astimezone(self.zone).date()
        for _ in range(LOOKED_BACK_DAYS):
            begun, ended = self._counted(day, counts)
            ended = min(ended, now)
            if ended > begun:
                if ended - begun >= rest:
                    return ended - rest
                rest -= ended - begun
            day -= DAY
        return _instant(day, time(), self.zone)

    def ship_by(self, seen: datetime, days: int, latest: time | None) -> datetime:
        """Return until when an order that was first seen then must leave: so many working days after that day.

        latest: the latest time on that day; None: the end of the business hours. With no days: the first latest time to come.
        """
        day, left = seen.astimezone(self.zone).date() - DAY * (days == 0), days
        for _ in range(LOOKED_BACK_DAYS):
            day += DAY * (days > 0)
            if self.works_on(day):
                left -= 1
                if left <= 0 and (days or self._latest(day, latest) > seen):
                    break
            day += DAY * (days == 0)
        return self._latest(day, latest)

    def overdue_before(self, now: datetime, days: int, latest: time | None) -> datetime:
        """Return the instant before which an order was first seen if it must have left by now: the reverse of `ship_by`."""
        day, left = now.astimezone(self.zone).date(), max(days, 1)
        for _ in range(LOOKED_BACK_DAYS):
            if self.works_on(day) and self._latest(day, latest) <= now:
                left -= 1
                if left == 0:
                    break
            day -= DAY
        return _instant(day, time(), self.zone) if days else self._latest(day, latest)

    def _latest(self, day: date, latest: time | None) -> datetime:
        return self.hours.on(day, self.zone)[1] if latest is None else _instant(day, latest, self.zone)

    def _counted(self, day: date, counts: str) -> tuple[datetime, datetime]:
        """Return from when to when a day counts, in UTC; nothing of it if both are the same."""
        midnight = _instant(day, time(), self.zone)
        if self.is_holiday(day) or (counts != EVERY_DAY and not self.works_on(day)):
            return midnight, midnight
        return (
            self.hours.on(day, self.zone)
            if counts == BUSINESS_HOURS
            else (midnight, _instant(day + DAY, time(), self.zone))
        )


def _instant(day: date, at: time, zone: tzinfo) -> datetime:
    """Return an instant of the wall clock, in UTC: spans between local times would ignore the nights of the change."""
    return datetime.combine(day, at, zone).astimezone(UTC)


@lru_cache(maxsize=256)
def calendar(hours: Hours, days: frozenset[int], holidays: tuple[Holiday, ...], zone: tzinfo) -> Calendar:
    """Return a calendar, the same one for the same values: it keeps its days sorted out."""
    return Calendar(hours, days, holidays, zone)


def dated_until(holidays: Iterable[Holiday]) -> date | None:
    """Return the last of the days that have a year; None if none has."""
    return max((each.last for each in holidays if not each.yearly), default=None)


# -- The `[schedule]` section.

_HOURS = re.compile(r"\A\s*([0-9]{1,2}):([0-9]{2})\s*[-–]\s*([0-9]{1,2}):([0-9]{2})\s*\Z")
_DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIDNIGHT = time(0)
_LAST_HOUR = 24
_LAST_MINUTE = 59


def parse_hours(value: object) -> Hours:
    """Return the hours that `08:00-19:00` names; 24:00 is the midnight at the end of the day."""
    if isinstance(value, Hours):
        return value
    found = _HOURS.match(value) if isinstance(value, str) else None
    if not found:
        raise ValueError('must be two times like "08:00-19:00"')
    start_hour, start_minute, end_hour, end_minute = (int(group) for group in found.groups())
    return Hours(_time(start_hour, start_minute), _time(end_hour, end_minute))


def _time(hour: int, minute: int) -> time:
    if hour == _LAST_HOUR and minute == 0:
        return _MIDNIGHT
    if hour >= _LAST_HOUR or minute > _LAST_MINUTE:
        raise ValueError("has a time outside 00:00 to 24:00")
    return time(hour, minute)


def parse_days(value: object) -> frozenset[int]:
    """Return weekdays (Monday is 0) from `mon-sat`, `mon,tue,fri`, `fri-mon`, or a mixture."""
    if isinstance(value, frozenset):
        return value
    days: set[int] = set()
    for part in as_text(value).lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in _DAY_NAMES or (dash and last not in _DAY_NAMES):
            raise ValueError('must be days like "mon-sat" or "mon,tue,fri" (mon tue wed thu fri sat sun)')
        start = _DAY_NAMES.index(first)
        end = _DAY_NAMES.index(last) if dash else start
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(days)


def written_days(days: frozenset[int]) -> str:
    """Return the spelling of the configuration, which `parse_days` reads."""
    return ",".join(_DAY_NAMES[day] for day in sorted(days))


def parse_holidays(value: object) -> tuple[Holiday, ...]:
    """Return days and ranges, from a list (of texts, or dates of TOML), or from text (a variable) as JSON or with commas."""
    items = parse_list(value, '["12-25", "2026-08-03 to 2026-08-21"]')
    return tuple(_holiday(number, each) for number, each in enumerate(items, 1))


def _holiday(number: int, value: object) -> Holiday:
    if isinstance(value, Holiday):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return Holiday(value, value)
    try:
        return parse_holiday(as_text(value))
    except ValueError as error:
        raise ValueError(f"has something at place {number} that {error}") from None


def written_holidays(holidays: tuple[Holiday, ...] | None) -> list[str] | None:
    """Return the spelling of the configuration, which `parse_holidays` reads."""
    return None if holidays is None else [str(each) for each in holidays]


BusinessHours = Annotated[Hours, BeforeValidator(parse_hours), PlainSerializer(str)]
BusinessDays = Annotated[frozenset[int], BeforeValidator(parse_days), PlainSerializer(written_days)]
Holidays = Annotated[
    tuple[Holiday, ...],
    BeforeValidator(parse_holidays),
    PlainSerializer(written_holidays),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""Public holidays and company leave."""


class Schedule(Section):
    """The `[schedule]` section."""

    poll_seconds: Positive = 900
    off_hours_poll_seconds: Positive = 3600
    business_hours: BusinessHours = Hours(time(8), time(19))
    business_days: BusinessDays = frozenset(range(6))
    holidays: Holidays = ()
    sweep_seconds: Positive = 21_600
    sweep_days: Days = 14


class OwnSchedule(Section):
    """The keys of `[schedule]` that a supplier may replace. None: as in `[schedule]`."""

    poll_seconds: Positive | None = None
    off_hours_poll_seconds: Positive | None = None
    business_hours: BusinessHours | None = None
    business_days: BusinessDays | None = None
    holidays: Holidays | None = None

    def over(self, schedule: Schedule) -> Schedule:
        """Return the schedule of this supplier."""
        own = {name: value for name in OwnSchedule.model_fields if (value := getattr(self, name)) is not None}
        return schedule.model_copy(update=own) if own else schedule
