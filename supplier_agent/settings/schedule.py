"""The `[schedule]` section: when people work, and how often orders are read then, and otherwise. Pure."""

import json
import re
from datetime import date, datetime, time
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from supplier_agent.settings.hours import Holiday, Hours, parse_holiday
from supplier_agent.settings.values import Days, Positive, as_text

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


_HOLIDAYS = 'must be a list like ["12-25", "2026-08-03 to 2026-08-21"]'


def parse_holidays(value: object) -> tuple[Holiday, ...]:
    """Return days and ranges, from a list (of texts, or dates of TOML), or from text (a variable) as JSON or with commas."""
    if isinstance(value, str):
        text = value.strip()
        value = _json(text) if text.startswith("[") else [part for part in text.split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise ValueError(_HOLIDAYS)  # noqa: TRY004 - pydantic collects no TypeErrors
    return tuple(_holiday(number, each) for number, each in enumerate(value, 1))


def _holiday(number: int, value: object) -> Holiday:
    if isinstance(value, Holiday):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return Holiday(value, value)
    try:
        return parse_holiday(as_text(value))
    except ValueError as error:
        raise ValueError(f"has something at place {number} that {error}") from None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(_HOLIDAYS) from None


def written_holidays(holidays: tuple[Holiday, ...] | None) -> list[str] | None:
    """Return the spelling of the configuration, which `parse_holidays` reads."""
    return None if holidays is None else [str(each) for each in holidays]


Holidays = Annotated[
    tuple[Holiday, ...],
    BeforeValidator(parse_holidays),
    PlainSerializer(written_holidays),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""Public holidays and company leave."""


class Schedule(BaseModel):
    """The `[schedule]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    poll_seconds: Positive = 900
    off_hours_poll_seconds: Positive = 3600
    business_hours: Annotated[Hours, BeforeValidator(parse_hours), PlainSerializer(str)] = Hours(time(8), time(19))
    business_days: Annotated[frozenset[int], BeforeValidator(parse_days), PlainSerializer(written_days)] = frozenset(
        range(6)
    )
    holidays: Holidays = ()
    sweep_seconds: Positive = 21_600
    sweep_days: Days = 14
