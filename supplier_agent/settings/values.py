"""The types of values in the configuration, each with its error message.

A message never repeats the value: it may be a secret in the wrong line.
"""

import difflib
import re
import zoneinfo
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from supplier_agent.base.config_paths import is_of_the_system

_YEAR_SECONDS = 366 * 86_400

_DATE = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_SLUG = re.compile(r"\A[a-z0-9][a-z0-9-]{0,40}\Z")


def close(word: str, known: list[str], likeness: float = 0.7) -> str | None:
    """Return the known word that was probably meant, None if none is similar. `likeness` is from 0 to 1."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=likeness)
    return near[0] if near else None


def as_text(value: object) -> str:
    """Return the value, which has to be text. A ValueError: pydantic collects no TypeErrors."""
    if isinstance(value, str):
        return value
    raise ValueError("must be text in quotes")


def _number(value: object) -> object:
    # pydantic accepts true as 1, and nobody who writes `true` means one second.
    if value is True or value is False:
        raise ValueError("must be a number")
    return value


def parse_date(value: object) -> date:
    """Return the day that `2026-11-21` names, with or without quotes in TOML."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("names a day that does not exist") from None
    raise ValueError('must be a day like "2026-11-21"')


def parse_path(value: object) -> Path:
    """Return the path as written; ~ and $VARIABLES are refused, because nothing expands them here."""
    if isinstance(value, Path):
        return value
    text = as_text(value)
    if not text.strip():
        raise ValueError("is empty; write a path")
    if not text.isprintable():
        raise ValueError("has control characters; write a plain path")
    if text.startswith("~") or "$" in text:
        raise ValueError("is taken literally: ~ and $ are not expanded; write the full path")
    return Path(text)


def parse_state_dir(value: object) -> Path:
    """Return the state folder, of which the agent sets owner and modes."""
    path = parse_path(value)
    if is_of_the_system(path):
        raise ValueError("is a folder of the system; name one of its own, like /var/lib/supplier-agent")
    return path


def parse_zone(value: object) -> zoneinfo.ZoneInfo:
    """Return the zone of an IANA name like `Europe/Paris`."""
    if isinstance(value, zoneinfo.ZoneInfo):
        return value
    name = as_text(value)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    sentence = 'is not an IANA time zone like "Europe/Paris"'
    zones = sorted(zoneinfo.available_timezones())
    by_town = [zone for zone in zones if zone.rpartition("/")[2].casefold() == name.strip().casefold()]
    meant = by_town[0] if by_town else close(name, zones)
    raise ValueError(f'{sentence}; did you mean "{meant}"?' if meant else sentence)


def parse_slug(value: object) -> str:
    """Return a supplier's name. URLs and folders are built from it, so it is checked strictly."""
    if isinstance(value, str):
        if _SLUG.match(value):
            return value
        meant = value.lower().replace("_", "-")
        if _SLUG.match(meant):
            raise ValueError(f'is no supplier name; did you mean "{meant}"?')
    raise ValueError("is no supplier name: 1 to 41 of a-z, 0-9 and -, as in the address /api/NAME/get-sales")


Positive = Annotated[float, Field(gt=0, le=_YEAR_SECONDS, allow_inf_nan=False), BeforeValidator(_number)]
"""Seconds, more than 0."""

NotNegative = Annotated[float, Field(ge=0, le=_YEAR_SECONDS, allow_inf_nan=False), BeforeValidator(_number)]
"""Seconds, 0 or more."""

Rate = Annotated[float, Field(ge=0.0001, le=10_000, allow_inf_nan=False), BeforeValidator(_number)]
"""Per second; the lower bound keeps waits within the range of timers."""

Deadline = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False), BeforeValidator(_number)]
"""Seconds for one call."""

Count = Annotated[int, Field(ge=1, le=2**30), BeforeValidator(_number)]
Bytes = Annotated[int, Field(ge=1, le=2**50), BeforeValidator(_number)]
Days = Annotated[int, Field(ge=1, le=3660), BeforeValidator(_number)]

DaysOrForEver = Annotated[int, Field(ge=0, le=36_600), BeforeValidator(_number)]
"""0: for ever."""

CountOrOff = Annotated[int, Field(ge=0, le=2**30), BeforeValidator(_number)]
"""0: off."""

Day = Annotated[date, BeforeValidator(parse_date)]
Location = Annotated[Path, BeforeValidator(parse_path)]
StateDir = Annotated[Path, BeforeValidator(parse_state_dir)]
Zone = Annotated[zoneinfo.ZoneInfo, BeforeValidator(parse_zone)]
Slug = Annotated[str, BeforeValidator(parse_slug)]
