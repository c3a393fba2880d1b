"""The sections for people and monitoring: `[web]` with its stations, `[metrics]` and `[alerts]`."""

import ipaddress
import json
import re
from datetime import time
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
)

from supplier_agent.settings.values import Bytes, NotNegative, Positive, as_text, is_loopback, parse_origin

Language = Literal["en", "fr", "pl", "tr"]

_HEADER = re.compile(r"\A[A-Za-z][A-Za-z0-9-]{0,60}\Z")
_PAGE = re.compile(r"\A([1-9][0-9]{1,3}) ?x ?([1-9][0-9]{1,3})\Z")
_PRINTER = re.compile(r"\A(ipps?|https?)://[\x21-\x7e]{1,300}\Z")
_LONGEST_NAME = 40


def parse_listen(value: object) -> str:
    """Return HOST:PORT with an IP address (a name could mean several); empty means nowhere."""
    text = as_text(value)
    if text == "":
        return ""
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError('must be an address and a port, like "127.0.0.1:8080"') from None
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the largest port
        raise ValueError('must end in a port, like "127.0.0.1:8080"')
    return text


def address_of(listen: str) -> tuple[str, int] | None:
    """Return host and port of a `listen`; None: nowhere."""
    host, _, port = listen.rpartition(":")
    return (host.removeprefix("[").removesuffix("]"), int(port)) if listen else None


def parse_own_origin(value: object) -> str:
    """Return the page's address in browsers, behind a proxy; empty: the address in `listen`."""
    return "" if value == "" else parse_origin(value)


def parse_header(value: object) -> str:
    """Return the name of a header; empty means none is trusted."""
    text = as_text(value)
    if text and not _HEADER.match(text):
        raise ValueError('is no header, like "X-Remote-User"')
    return text


def parse_proxies(value: object) -> tuple[str, ...]:
    """Return addresses, from a list or from text with commas."""
    given = value.split(",") if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise ValueError('must be a list like ["127.0.0.1"]')  # noqa: TRY004 - pydantic collects no TypeErrors
    try:
        return tuple(str(ipaddress.ip_address(str(each).strip())) for each in given if str(each).strip())
    except ValueError:
        raise ValueError('must be a list of addresses like ["127.0.0.1"]') from None


def parse_name(value: object) -> str:
    """Return the name of a station."""
    text = as_text(value).strip()
    if not text or not text.isprintable() or len(text) > _LONGEST_NAME:
        raise ValueError("must be 1 to 40 letters, as they stand on the bench")
    return text


def parse_printer(value: object) -> str:
    """Return the address of a printer; empty: this station prints with its browser."""
    text = as_text(value)
    if text and not _PRINTER.match(text):
        raise ValueError('must be an address like "ipp://127.0.0.1/printers/zebra"')
    return text


def parse_page(value: object) -> str:
    """Return WIDTHxHEIGHT in millimetres; empty means that it is not known."""
    text = as_text(value).strip()
    found = _PAGE.match(text)
    if text and not found:
        raise ValueError('must be millimetres like "100x150"')
    return f"{found[1]}x{found[2]}" if found else ""


class Station(BaseModel):
    """A place with a browser: its printer, paper and way of scanning."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, BeforeValidator(parse_name)]
    language: Language | None = None  # None: the language of [web]
    printer: Annotated[str, BeforeValidator(parse_printer)] = Field(default="", repr=False)  # may contain a password
    page: Annotated[str, BeforeValidator(parse_page)] = ""
    one_scan: bool = False
    print_on_scan: bool = False
    sound: bool = True

    @property
    def page_mm(self) -> tuple[int, int] | None:
        """Return width and height of the paper; None: not configured."""
        width, _, height = self.page.partition("x")
        return (int(width), int(height)) if height else None


def _from_text(value: object) -> object:
    """Return the list that an environment variable holds as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError('must be a list like [{ name = "Bench 1" }]') from None


def _named_once(stations: tuple[Station, ...]) -> tuple[Station, ...]:
    if len({station.name for station in stations}) != len(stations):
        raise ValueError("has two stations of one name")
    return stations


class Web(BaseModel):
    """The `[web]` section."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: Annotated[str, BeforeValidator(parse_listen)] = ""
    language: Language = "en"
    origin: Annotated[str, BeforeValidator(parse_own_origin)] = ""
    proxy_header: Annotated[str, BeforeValidator(parse_header)] = ""
    proxies: Annotated[tuple[str, ...], BeforeValidator(parse_proxies)] = ("127.0.0.1", "::1")
    session_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 12
    stations: Annotated[tuple[Station, ...], BeforeValidator(_from_text), AfterValidator(_named_once)] = ()

    @property
    def address(self) -> tuple[str, int] | None:
        """Return host and port to listen on; None: nowhere."""
        return address_of(self.listen)

    @property
    def is_open(self) -> bool:
        """Tell whether other machines can reach the page."""
        return self.address is not None and not is_loopback(self.address[0])

    def station(self, name: str) -> Station | None:
        """Return the station of that name. If none is configured, there is one, without a printer."""
        return next((each for each in self.benches if each.name == name), None)

    @property
    def benches(self) -> tuple[Station, ...]:
        """Return the stations to choose from, at least one."""
        return self.stations or (Station(name="Page"),)


class Metrics(BaseModel):
    """The `[metrics]` section: a separate address for monitoring, with its own limits. Served by the page's process."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: Annotated[str, BeforeValidator(parse_listen)] = ""

    @property
    def address(self) -> tuple[str, int] | None:
        """Return host and port to listen on; None: nowhere."""
        return address_of(self.listen)


# -- Where alerts are sent, and when. An address may contain a password, so it is a secret like a token.

_URL = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://[\x21-\x7e]{1,4000}\Z")
_TIME = re.compile(r"\A([01][0-9]|2[0-3]):([0-5][0-9])\Z")
_LIST = 'must be a list like ["mailto://…", { url = "ntfy://…", severity = "urgent" }]'
SEVERITIES = ("info", "warning", "urgent")


class Address(BaseModel):
    """One address of apprise. `severity`: the least that is sent to it; only with "info" it gets the daily report."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    severity: Literal["info", "warning", "urgent"] = "info"


def parse_alert_urls(value: object) -> tuple[Address, ...]:
    """Return the addresses, from a list, or from text (a variable) as JSON or with blanks between. No sentence repeats one.

    Each is a text, or a table with `url` and `severity`.
    """
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, str):
        text = value.strip()
        value = _json(text) if text.startswith("[") else text.split()
    if not isinstance(value, list | tuple):
        raise ValueError(_LIST)  # noqa: TRY004 - pydantic collects no TypeErrors
    return tuple(_address(number, each) for number, each in enumerate(value, 1))


def _address(number: int, value: object) -> Address:
    if isinstance(value, Address):
        return value
    given = value if isinstance(value, dict) else {"url": value}
    url, severity = given.get("url"), given.get("severity", "info")
    plain = url.get_secret_value() if isinstance(url, SecretStr) else url
    if not isinstance(plain, str) or not _URL.match(plain):
        raise ValueError(f"has something at place {number} that is no address of apprise, like mailto://… or slack://…")
    if given.keys() - {"url", "severity"}:
        raise ValueError(f"has a key at place {number} that is neither url nor severity")
    if severity not in SEVERITIES:
        raise ValueError(f'has a severity at place {number} that is not "info", "warning" or "urgent"')
    return Address.model_validate({"url": plain, "severity": severity})


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(_LIST) from None


def parse_time_of_day(value: object) -> time | None:
    """Return the time of day that `07:30` names; None for an empty text."""
    if value is None or isinstance(value, time):
        return value
    text = as_text(value).strip()
    if not text:
        return None
    found = _TIME.match(text)
    if found is None:
        raise ValueError('must be a time like "07:30", or empty')
    return time(int(found[1]), int(found[2]))


def written_time(at: time | None) -> str:
    """Return the spelling of the configuration, which `parse_time_of_day` reads."""
    return "" if at is None else f"{at:%H:%M}"


_OF_ADDRESS = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"url": {"type": "string"}, "severity": {"enum": list(SEVERITIES), "default": "info"}},
            "required": ["url"],
            "additionalProperties": False,
        },
    ]
}
Addresses = Annotated[
    tuple[Address, ...], BeforeValidator(parse_alert_urls), WithJsonSchema({"type": "array", "items": _OF_ADDRESS})
]
"""Where alerts go."""


class Alerts(BaseModel):
    """The `[alerts]` section. Without `urls`, nothing is sent; `alerts list` shows the alerts all the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    urls: Addresses = ()
    group_seconds: NotNegative = 60
    again_seconds: NotNegative = 3600
    digest_at: Annotated[time | None, BeforeValidator(parse_time_of_day), PlainSerializer(written_time)] = time(7, 30)
    failing_seconds: NotNegative = 1800
    waiting_seconds: Positive = 86_400
    unflagged_seconds: Positive = 259_200
    age_counts: Literal["every_day", "business_days", "business_hours"] = "every_day"
    silence: bool = True
    disk_free_bytes: Bytes = 536_870_912
    clock_seconds: Positive = 120
