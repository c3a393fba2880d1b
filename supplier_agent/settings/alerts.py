"""The `[alerts]` section: where alerts are sent, and when. An address may contain a password, so it is a secret like a token."""

import json
import re
from datetime import time
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, SecretStr, WithJsonSchema

from supplier_agent.settings.values import Bytes, NotNegative, Positive, as_text

_URL = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://[\x21-\x7e]{1,4000}\Z")
_TIME = re.compile(r"\A([01][0-9]|2[0-3]):([0-5][0-9])\Z")
_LIST = 'must be a list like ["mailto://…", { url = "ntfy://…", severity = "urgent" }]'
SEVERITIES = ("info", "warning", "urgent")


class Address(BaseModel):
    """One address of apprise. `severity`: the least that is sent to it; only with "info" it gets the daily report."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    severity: Literal["info", "warning", "urgent"] = "info"


def parse_addresses(value: object) -> tuple[Address, ...]:
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
    tuple[Address, ...], BeforeValidator(parse_addresses), WithJsonSchema({"type": "array", "items": _OF_ADDRESS})
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
