"""The types of values in the configuration, each with its error message: numbers, days, paths, names, URLs.

A message never repeats the value: it may be a secret in the wrong line.
"""

import difflib
import ipaddress
import json
import re
import zoneinfo
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from supplier_agent.base.files import is_of_the_system

_YEAR_SECONDS = 366 * 86_400

_DATE = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_SLUG = re.compile(r"\A[a-z0-9][a-z0-9-]{0,40}\Z")


class Section(BaseModel):
    """A table of the configuration. An unknown key is an error, and no error repeats a value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def close(word: str, known: list[str], likeness: float = 0.7) -> str | None:
    """Return the known word that was probably meant, None if none is similar. `likeness` is from 0 to 1."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=likeness)
    return near[0] if near else None


def as_text(value: object) -> str:
    """Return the value, which has to be text. A ValueError: pydantic collects no TypeErrors."""
    if isinstance(value, str):
        return value
    raise ValueError("must be text in quotes")


class _Named(Protocol):
    @property
    def name(self) -> str:
        """Its name."""


_N = TypeVar("_N", bound=_Named)


def named_once(what: str) -> Callable[[tuple[_N, ...]], tuple[_N, ...]]:
    """Return a check of tables that each have a name. It raises ValueError if two have the same one."""

    def check(given: tuple[_N, ...]) -> tuple[_N, ...]:
        if len({each.name for each in given}) != len(given):
            raise ValueError(f"has two {what} of one name")
        return given

    return check


def parse_list(value: object, like: str, separator: str | None = ",") -> list[Any]:
    """Return the items of a list, or of text (a variable) as JSON or with separators. `like`: a list for the error message.

    separator: a regular expression; None: text is JSON.
    """
    problem = f"must be a list like {like}"
    if isinstance(value, str):
        text = value.strip()
        if separator is None or text.startswith("["):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                raise ValueError(problem) from None
        else:
            value = [part.strip() for part in re.split(separator, text) if part.strip()]
    if not isinstance(value, list | tuple):
        raise ValueError(problem)  # noqa: TRY004 - pydantic collects no TypeErrors
    return list(value)


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


def parse_field(value: object) -> str:
    """Return the name of a field of a listed entry; a field of an object within has a dot, like `customer.country`; "": none."""
    if isinstance(value, str) and len(value) <= LONGEST_FIELD and value.isprintable():
        return value.strip()
    raise ValueError('must be the name of a field like "comment" or "customer.country"')


def parse_fields(value: object) -> tuple[str, ...]:
    """Return names of fields."""
    return tuple(filter(None, map(parse_field, parse_list(value, '["comment", "customer.country"]'))))


LONGEST_FIELD = 200

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
FieldName = Annotated[str, BeforeValidator(parse_field)]
FieldNames = Annotated[tuple[str, ...], BeforeValidator(parse_fields)]
Location = Annotated[Path, BeforeValidator(parse_path)]
StateDir = Annotated[Path, BeforeValidator(parse_state_dir)]
Zone = Annotated[zoneinfo.ZoneInfo, BeforeValidator(parse_zone)]
Slug = Annotated[str, BeforeValidator(parse_slug)]


# -- URLs: where the token may be sent, where labels may come from, which heartbeat URL is pinged.

_VISIBLE = re.compile(r"\A[\x21-\x7e]{1,2000}\Z")
_HOST = re.compile(r"\A[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\Z")
_ODD_PATH = re.compile(r"//|/(\.|%2[eE]){1,2}(/|\Z)")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def parse_base_url(value: object) -> str:
    """Return the address of the API in one spelling: no trailing slash, no default port; a path prefix is kept.

    It must be https, because every request carries the token; http is allowed to loopback addresses only.
    """
    parts = _guarded(value)
    path = parts.path.rstrip("/")
    if _ODD_PATH.search(path):
        raise ValueError("has a path with empty or dotted parts; write it plainly")
    return _origin(parts) + path


def parse_origin(value: object) -> str:
    """Return an origin (scheme, host, port) in one spelling."""
    parts = _guarded(value)
    if parts.path not in {"", "/"}:
        raise ValueError('has a path; an origin is only scheme and host, like "https://files.example.com"')
    return _origin(parts)


def parse_origins(value: object) -> tuple[str, ...]:
    """Return origins without duplicates, from a list, or from text (a variable) as JSON or with commas."""
    return tuple(dict.fromkeys(parse_origin(item) for item in parse_list(value, '["https://files.example.com"]')))


def parse_heartbeat_url(value: object) -> str:
    """Return the heartbeat URL as written; empty means none. Anyone who knows it can fake our heartbeat."""
    if value == "":
        return ""
    parts = split(value)
    if parts.fragment:
        raise ValueError("has a fragment (#…), which is never sent; leave it out")
    return str(value)


def parse_proxy(value: object) -> str:
    """Return a proxy's address as written; empty means none. It may contain a user and a password."""
    if value == "":
        return ""
    try:
        parts = split(value)
    except ValueError:
        raise ValueError("is not the address of a proxy, like http://proxy.example.com:3128") from None
    if parts.scheme != "http" or parts.path not in {"", "/"} or {"?", "#"} & set(str(value)):
        raise ValueError("must be only http://HOST:PORT; what goes through it to https is encrypted all the same")
    return str(value)


def is_loopback(host: str) -> bool:
    """Tell whether this host is always this machine: `localhost`, 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split(value: object) -> SplitResult:
    """Return the parts of an http or https URL. Raises ValueError for anything else."""
    text = as_text(value)
    # urlsplit drops tabs and newlines and trims; so an address with such characters is refused first.
    if not _VISIBLE.match(text) or "\\" in text:
        raise ValueError("is not an address: no spaces, backslashes or accents, at most 2000 characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("has a host or port that cannot be") from None
    if parts.scheme not in _DEFAULT_PORTS or not text.lower().startswith(f"{parts.scheme}://"):
        raise ValueError("must start with https://")
    host = parts.hostname or ""
    if port == 0 or not (_is_address(host) if ":" in host else _HOST.match(host)):
        raise ValueError("has a host or port that cannot be")
    return parts


def _guarded(value: object) -> SplitResult:
    parts = split(value)
    if "@" in parts.netloc:
        raise ValueError("has a user or password before the host; leave it out, the token is all that is sent")
    # An empty query is not visible in the parts.
    if {"?", "#"} & set(as_text(value)):
        raise ValueError("has a query (?…) or fragment (#…); leave it out")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must start with https:// (http only goes to this machine, like http://127.0.0.1:8080)")
    return parts


def _origin(parts: SplitResult) -> str:
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{parts.scheme}://{shown}" + ("" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}")


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return "%" not in host


BaseUrl = Annotated[str, BeforeValidator(parse_base_url)]
Origins = Annotated[tuple[str, ...], BeforeValidator(parse_origins)]
HeartbeatUrl = Annotated[str, BeforeValidator(parse_heartbeat_url)]
ProxyUrl = Annotated[str, BeforeValidator(parse_proxy)]
