"""The sections for people and monitoring: `[web]` with its stations, `[metrics]` and `[alerts]`."""

import ipaddress
import re
from datetime import time
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
)

from supplier_agent.settings.values import (
    Bytes,
    DaysOrForEver,
    NotNegative,
    Positive,
    Section,
    as_text,
    is_loopback,
    named_once,
    parse_list,
    parse_origin,
)

Language = Literal["en", "fr", "pl", "tr"]

_PAGE = re.compile(r"\A([1-9][0-9]{1,3}) ?x ?([1-9][0-9]{1,3})\Z")
_LONGEST_NAME = 40


def _like(pattern: str, problem: str) -> BeforeValidator:
    """Return the check of a text that may be empty."""

    def parse(value: object) -> str:
        text = as_text(value)
        if text and not re.fullmatch(pattern, text):
            raise ValueError(problem)
        return text

    return BeforeValidator(parse)


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


def parse_own_origin(value: object) -> str:
    """Return the page's address in browsers, behind a proxy; empty: the address in `listen`."""
    return "" if value == "" else parse_origin(value)


def parse_proxies(value: object) -> tuple[str, ...]:
    """Return addresses, from a list or from text with commas."""
    given = parse_list(value, '["127.0.0.1"]')
    try:
        return tuple(str(ipaddress.ip_address(str(each).strip())) for each in given if str(each).strip())
    except ValueError:
        raise ValueError('must be a list of addresses like ["127.0.0.1"]') from None


def parse_name(value: object) -> str:
    """Return the name of a station."""
    text = as_text(value).strip()
    if not text or not text.isprintable() or len(text) > _LONGEST_NAME:
        raise ValueError("must be 1 to 40 letters, as on the bench")
    return text


def parse_page(value: object) -> str:
    """Return WIDTHxHEIGHT in millimetres; empty means that it is not known."""
    text = as_text(value).strip()
    found = _PAGE.match(text)
    if text and not found:
        raise ValueError('must be millimetres like "100x150"')
    return f"{found[1]}x{found[2]}" if found else ""


class Station(Section):
    """A place with a browser: its printer, paper and way of scanning."""

    name: Annotated[str, BeforeValidator(parse_name)]
    language: Language | None = None  # None: the language of [web]
    printer: Annotated[
        str, _like(r"(ipps?|https?)://[\x21-\x7e]{1,300}", 'must be an address like "ipp://127.0.0.1/printers/zebra"')
    ] = Field(default="", repr=False)  # may contain a password; "": this station prints with its browser
    page: Annotated[str, BeforeValidator(parse_page)] = ""
    one_scan: bool = False
    print_on_scan: bool = False
    sound: bool = True

    @property
    def page_mm(self) -> tuple[int, int] | None:
        """Return width and height of the paper; None: not configured."""
        width, _, height = self.page.partition("x")
        return (int(width), int(height)) if height else None


def _stations(value: object) -> list[object]:
    return parse_list(value, '[{ name = "Bench 1" }]', separator=None)


class Listener(Section):
    """A section with an address to listen on."""

    listen: Annotated[str, BeforeValidator(parse_listen)] = ""

    @property
    def address(self) -> tuple[str, int] | None:
        """Return host and port to listen on; None: nowhere."""
        host, _, port = self.listen.rpartition(":")
        return (host.removeprefix("[").removesuffix("]"), int(port)) if self.listen else None


class Web(Listener):
    """The `[web]` section."""

    language: Language = "en"
    origin: Annotated[str, BeforeValidator(parse_own_origin)] = ""
    proxy_header: Annotated[str, _like(r"[A-Za-z][A-Za-z0-9-]{0,60}", 'is no header, like "X-Remote-User"')] = ""
    proxies: Annotated[tuple[str, ...], BeforeValidator(parse_proxies)] = ("127.0.0.1", "::1")
    session_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 12
    stations: Annotated[tuple[Station, ...], BeforeValidator(_stations), AfterValidator(named_once("stations"))] = ()

    @property
    def is_open(self) -> bool:
        """Tell whether other machines can reach the page."""
        return self.address is not None and not is_loopback(self.address[0])

    @property
    def is_https(self) -> bool:
        """Tell whether browsers reach the page over https."""
        return self.origin.startswith("https:")

    def station(self, name: str) -> Station | None:
        """Return the station of that name. If none is configured, there is one, without a printer."""
        return next((each for each in self.benches if each.name == name), None)

    @property
    def benches(self) -> tuple[Station, ...]:
        """Return the stations to choose from, at least one."""
        return self.stations or (Station(name="Page"),)


class Metrics(Listener):
    """The `[metrics]` section: a separate address for monitoring, with its own limits. Served by the page's process."""


# -- Where alerts are sent, and when. An address may contain a password, so it is a secret like a token.

_URL = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://[\x21-\x7e]{1,4000}\Z")
_TIME = re.compile(r"\A([01][0-9]|2[0-3]):([0-5][0-9])\Z")
SEVERITIES = ("info", "warning", "urgent")


class Address(Section):
    """One address of apprise. `severity`: the least that is sent to it; only with "info" it gets the daily report."""

    url: SecretStr
    severity: Literal["info", "warning", "urgent"] = "info"


def parse_alert_urls(value: object) -> tuple[Address, ...]:
    """Return the addresses, from a list, or from text (a variable) as JSON or with blanks between. No sentence repeats one.

    Each is a text, or a table with `url` and `severity`.
    """
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    items = parse_list(value, '["mailto://…", { url = "ntfy://…", severity = "urgent" }]', separator=r"\s+")
    return tuple(_address(number, each) for number, each in enumerate(items, 1))


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


class Alerts(Section):
    """The `[alerts]` section. Without `urls`, nothing is sent; `alerts list` shows the alerts all the same."""

    urls: Addresses = ()
    group_seconds: NotNegative = 60
    again_seconds: NotNegative = 3600
    digest_at: Annotated[time | None, BeforeValidator(parse_time_of_day), PlainSerializer(written_time)] = time(7, 30)
    failing_seconds: NotNegative = 1800
    waiting_seconds: Positive = 86_400
    unflagged_seconds: Positive = 259_200
    age_counts: Literal["every_day", "business_days", "business_hours"] = "every_day"
    letter_urls: Addresses = ()
    letters_at: Annotated[time, BeforeValidator(parse_time_of_day), PlainSerializer(written_time)] = time(7, 30)
    letter_again_days: DaysOrForEver = 7
    silence: bool = True
    disk_free_bytes: Bytes = 536_870_912
    clock_seconds: Positive = 120
