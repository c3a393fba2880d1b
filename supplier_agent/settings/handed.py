"""The settings for another process that must not have a token: as JSON, without all secrets."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from supplier_agent.settings.alerts import Address
from supplier_agent.settings.model import NETWORK_VARIABLES, Http, Settings
from supplier_agent.settings.web import Station

FOR_PRINTING: frozenset[tuple[type[BaseModel], str]] = frozenset({(Station, "printer"), (Http, "proxy")})
"""Passed on nevertheless: printing needs the printer's password, and that of the proxy on the way to it."""

SUPERVISED = "--supervised"
"""The child then gives a sign of life on stdout, which no full disk holds up, and ends with its stdin."""


def without_secrets(settings: Settings, calls_on: Iterable[str]) -> str:
    """Return the settings as JSON. The path of a token file is included, its content is not.

    calls_on: the kinds of calls that are switched on, because the keys of `[calls]` are left out: they may be secrets.
    """
    return json.dumps({**_open(settings), "calls_on": sorted(calls_on)})


def read_back(text: str, env: Mapping[str, str]) -> Settings:
    """Return the settings from JSON; of `env`, only proxy and certificates are used. Raises ValueError if they are not valid."""
    return Settings(**json.loads(text), network_env={name: env[name] for name in NETWORK_VARIABLES if env.get(name)})


def _open(model: BaseModel) -> dict[str, Any]:
    """Return everything that is not secret: a secret is a SecretStr, or a field that is left out of `repr`.

    Defaults are left out too, so that the other process cannot see whether a secret was given.
    """
    found = model.model_dump(mode="json")
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        is_hidden = not field.repr and (type(model), name) not in FOR_PRINTING
        if is_hidden or _is_secret(value) or value == field.get_default(call_default_factory=True):
            del found[name]
        elif isinstance(value, BaseModel):
            found[name] = _open(value)
            if not found[name]:
                del found[name]
        elif isinstance(value, dict):
            found[name] = {key: _open(each) for key, each in value.items()}
        elif isinstance(value, tuple) and any(isinstance(each, BaseModel) for each in value):
            found[name] = [_open(each) for each in value]
        elif isinstance(value, Path):
            found[name] = str(value.absolute())  # the other process works in another folder
    return found


def _is_secret(value: object) -> bool:
    return isinstance(value, SecretStr) or (isinstance(value, tuple) and any(map(_holds_one, value)))


def _holds_one(value: object) -> bool:
    return _is_secret(value) or (isinstance(value, Address) and _is_secret(value.url))
