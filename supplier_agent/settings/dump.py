"""The settings in written form: a JSON schema of the file for editors, every effective value, and JSON for another process.

None of them contains a secret. The schema is built from the model; the example provides the meaning of keys and how values are
written (hours and days as text).
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, SecretStr

from supplier_agent.settings.layers import Place, key_lines, read_environment
from supplier_agent.settings.loading import load
from supplier_agent.settings.model import KNOWN_SUPPLIERS, Http, Settings
from supplier_agent.settings.schedule import written_days
from supplier_agent.settings.sections import Address, Station, written_time
from supplier_agent.settings.webhooks import Webhook

NAME = "supplier-agent.example.toml"
_PACKAGE = Path(__file__).parents[1]
_SECTION = re.compile(r"\A(?:# )?\[+([^\]]+)\]+\Z")
_KEY = re.compile(r"\A(?:# )?([a-z_]+) = ")


def example_text() -> str:
    """Return the example: from the package of an installation (see pyproject.toml), or from config/ of a checkout."""
    installed = _PACKAGE / NAME
    return (installed if installed.exists() else _PACKAGE.parent / "config" / NAME).read_text(encoding="utf-8")


def example_comments() -> dict[Place, str]:
    """Return the comment on each key, the lines right above it. Names of suppliers are left out."""
    found: dict[Place, str] = {}
    section: Place = ()
    block: list[str] = []
    for line in example_text().splitlines():
        if header := _SECTION.match(line):
            parts = header[1].split(".")
            section, block = (parts[0], *parts[2:]), []
        elif key := _KEY.match(line):
            if block:
                found.setdefault((*section, key[1]), " ".join(block))
        elif line.startswith("#"):
            block.append(line.lstrip("# "))
            continue
        elif line.strip():
            continue
        block = []
    return found


_TABLES: dict[str, Place] = {
    "Supplier": ("suppliers",),
    "Support": ("suppliers", "support"),
    "Shop": ("suppliers", "shop"),
    "LaPoste": ("suppliers", "laposte"),
    "Dhl": ("suppliers", "dhl"),
    "Ups": ("suppliers", "ups"),
    "FedEx": ("suppliers", "fedex"),
    "BusinessOnBot": ("suppliers", "businessonbot"),
    "Webhook": ("webhooks",),
    "Hook": ("hooks",),
}
"""Where the keys of the tables are that the user names, or that are optional."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema of the file."""
    whole = Settings.model_json_schema()
    tree, comments = tomllib.loads(example_text()), example_comments()
    whole["properties"] = {
        name: _told(each, (name,), tree.get(name), comments) for name, each in whole["properties"].items()
    }
    for name, table in whole["properties"].items():
        model = whole["$defs"].get(table.get("$ref", "").rpartition("/")[2])
        values = tree.get(name)
        if model is not None and isinstance(values, dict):
            model["properties"] = {
                key: _told(each, (name, key), values.get(key), comments) for key, each in model["properties"].items()
            }
    for name, place in _TABLES.items():
        table = whole["$defs"][name]
        table["properties"] = {
            key: _told(each, (*place, key), None, comments) for key, each in table["properties"].items()
        }
    return {
        "$schema": DIALECT,
        "title": "supplier-agent.toml",
        **{key: each for key, each in whole.items() if key != "title"},
    }


def _told(
    each: dict[str, Any], place: tuple[str, ...], written: object, comments: dict[tuple[str, ...], str]
) -> dict[str, Any]:
    """Return one key's schema, in the written form and with its meaning. A section keeps its references."""
    if isinstance(written, str) and each.get("type") != "string" and "enum" not in each:
        each = {"type": "string", "default": written}
    shown = {key: value for key, value in each.items() if key not in {"title", "writeOnly"}}
    if "$ref" in shown:
        shown.pop("default", None)
    return shown | ({"description": comments[place]} if place in comments else {})


# -- Every effective value and its source: default, FILE:LINE, or a variable. Secrets are hidden.

HIDDEN = '"(hidden)"'
_USER = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]*://)[^/]*@")
"""User and password in an address. They end at the last @ before the path."""


@dataclass(frozen=True)
class Shown:
    """One key. `value` is written as in the file, "" if it is not set."""

    key: str
    value: str
    source: str


def shown(path: Path | None, env: Mapping[str, str]) -> list[Shown]:
    """Return every key of the effective configuration, in the order of the example. Raises ConfigError, as `load` does."""
    settings = load(path, env)
    variables = read_environment(env).names
    file = settings.config_path
    lines = key_lines(file.read_text(encoding="utf-8-sig").replace("\r\n", "\n")) if file is not None else {}
    return [Shown(_dotted(place), text, _source(place, variables, file, lines)) for place, text in _keys(settings, ())]


def _keys(model: BaseModel, above: Place) -> Iterator[tuple[Place, str]]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _keys(value, (*above, name))
        elif isinstance(value, dict):
            for slug, each in value.items():
                if isinstance(each, BaseModel):
                    yield from _keys(each, (*above, name, slug))
                else:  # the keys of a call: only its own file knows which of them are secrets
                    yield from (((*above, name, slug, key), HIDDEN) for key in each)
        else:
            yield (*above, name), _written(value, hidden=not field.repr)


def _written(value: object, *, hidden: bool = False) -> str:
    """Return a value as it is written in TOML, with secrets hidden."""
    if value is None:
        return ""
    if isinstance(value, SecretStr) or (hidden and value):
        return HIDDEN
    if isinstance(value, BaseModel):
        fields = ((name, getattr(value, name)) for name in type(value).model_fields)
        return "{ " + ", ".join(f"{name} = {_written(each)}" for name, each in fields if each is not None) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_written(each) for each in value)}]"
    if isinstance(value, frozenset):
        return json.dumps(written_days(value))
    if isinstance(value, str):
        value = _USER.sub(r"\1(hidden)@", value)
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | float):
        return f"{value:.15g}"
    if isinstance(value, time):
        return json.dumps(written_time(value))
    return json.dumps(value.key if isinstance(value, ZoneInfo) else str(value), ensure_ascii=False)


def _source(place: Place, variables: Mapping[Place, str], file: Path | None, lines: Mapping[Place, int]) -> str:
    if place in variables:
        return variables[place]
    if place in lines:
        return f"{file}:{lines[place]}"
    known = KNOWN_SUPPLIERS.get(place[1], {}) if place[0] == "suppliers" else {}
    return f"default of {place[1]}" if place[-1] in known else "default"


def _dotted(place: Place) -> str:
    return ".".join(place)


# -- JSON for another process that must not have a token (the page).

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
    return Settings(**json.loads(text), network_env=env)


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
            if not found[name] and field.default is not None:  # an optional section says something by being there
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
    return _is_secret(value) or (isinstance(value, Address | Webhook) and _is_secret(value.url))
