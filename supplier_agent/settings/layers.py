"""The two layers of a configuration, a TOML file and the environment over it, each value with its place."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic_settings import InitSettingsSource

from supplier_agent.base.files import PATH_VARIABLE, PREFIX
from supplier_agent.settings.model import KNOWN_SUPPLIERS, Settings, Supplier
from supplier_agent.settings.values import Section, close

Place = tuple[str, ...]
"""A dotted key, taken apart: ("ship", "undo_seconds")."""

Tree = dict[str, object]

_INJECTED: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(rf"\ASUPPLIER_AGENT(_[A-Z0-9]+)*_{name}\Z"), re.compile(rf"\A({value})\Z"))
    for name, value in (
        ("SERVICE_HOST", r"[0-9a-fA-F:.]+"),
        (r"SERVICE_PORT(_[A-Z0-9]+)*", r"[0-9]+"),
        (r"PORT(_[0-9]+_(TCP|UDP|SCTP))?", r"(tcp|udp|sctp)://[0-9a-fA-F:.\[\]]+:[0-9]+"),
        (r"PORT_[0-9]+_(TCP|UDP|SCTP)_PROTO", "tcp|udp|sctp"),
        (r"PORT_[0-9]+_(TCP|UDP|SCTP)_PORT", "[0-9]+"),
        (r"PORT_[0-9]+_(TCP|UDP|SCTP)_ADDR", r"[0-9a-fA-F:.]+"),
    )
)
"""Variables that Kubernetes sets in each pod for a Service called supplier-agent or supplier-agent-SOMETHING."""

TOKEN_PAIRS = ({"token", "token_file"}, {"token_next", "token_next_file"})
"""Two keys for one token: setting one overrides the other."""

_SUPPLIERS_PREFIX = f"{PREFIX}SUPPLIERS__"
_CALLS_PREFIX = f"{PREFIX}CALLS__"
_DEEPEST_KEY = 3
"""Parts, as in suppliers.notio.token."""

_LONGEST_STATEMENT = 200
"""Lines. A longer statement, and what follows it, is reported without line numbers, because finding them would be slow."""


def sections() -> dict[Place, type[BaseModel]]:
    """Return the fixed tables of a configuration, the top one included, with their models."""
    found: dict[Place, type[BaseModel]] = {(): Settings}
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            found[(name,)] = info.annotation
    return found


def fixed_keys() -> list[Place]:
    """Return every key that belongs neither to a supplier nor to a call, in the order of the model."""
    tables = sections()
    return [
        (*table, name)
        for table, model in tables.items()
        for name in model.model_fields
        if (*table, name) not in tables and name not in {"suppliers", "calls"}
    ]


class FileLayer(InitSettingsSource):
    """The values of a file. A token from the environment replaces the file's, whichever key has it."""

    def __call__(self) -> Tree:
        """Return the file's tree without the keys that the environment overrides by another key."""
        tree: Tree = super().__call__()
        own, above = tree.get("suppliers"), self.current_state.get("suppliers")
        if not isinstance(own, dict) or not isinstance(above, dict):
            return tree
        return tree | {"suppliers": {slug: _without_token(own[slug], above.get(slug)) for slug in own}}


def _without_token(supplier: object, above: object) -> object:
    if not isinstance(supplier, dict) or not isinstance(above, dict):
        return supplier
    replaced = {key for pair in TOKEN_PAIRS if pair & above.keys() for key in pair}
    return {key: value for key, value in supplier.items() if key not in replaced}


@dataclass
class Environment:
    """The variables with the prefix, as a tree. `unknown` maps a name to the one that was probably meant."""

    tree: Tree = field(default_factory=dict)
    names: dict[Place, str] = field(default_factory=dict)
    unknown: dict[str, str | None] = field(default_factory=dict)


def read_environment(env: Mapping[str, str]) -> Environment:
    """Sort the agent's variables into a tree; values stay text, which the model accepts."""
    keys = {PREFIX + "__".join(place).upper(): place for place in fixed_keys()}
    found = Environment()
    for name in sorted(env):
        if not name.startswith(PREFIX) or name == PATH_VARIABLE:
            continue
        place = keys.get(name) or _supplier_place(name) or _call_place(name)
        if place is None and _is_injected(name, env[name]):
            continue
        if place is None:
            found.unknown[name] = _meant(name, [PATH_VARIABLE, *keys, *_supplier_names(name)])
            continue
        found.names[place] = name
        table = found.tree
        for part in place[:-1]:
            below = table.setdefault(part, {})
            assert isinstance(below, dict)  # noqa: S101, no key is both a value and a table
            table = below
        table[place[-1]] = _masked(place[-1], env[name])
    return found


def _is_injected(name: str, value: str) -> bool:
    """Tell whether Kubernetes set it. Name and value must match: SUPPLIER_AGENT_PORT=8080 was set by a person, and is an error."""
    return any(names.match(name) and values.match(value) for names, values in _INJECTED)


def _supplier_place(name: str) -> Place | None:
    # A slug has no underscore and a key no double one, so the last double underscore separates them.
    slug, dash, key = name.removeprefix(_SUPPLIERS_PREFIX).rpartition("__")
    if not name.startswith(_SUPPLIERS_PREFIX) or not dash or not slug or name != name.upper():
        return None
    slug, _, section = slug.partition("__")  # "": a key of the supplier's own table
    model = supplier_sections().get(section.lower()) if section else Supplier
    if model is None or key.lower() not in model.model_fields:
        return None
    return ("suppliers", slug.lower().replace("_", "-"), *([section.lower()] if section else []), key.lower())


def supplier_sections() -> dict[str, type[BaseModel]]:
    """Return the sections within `[suppliers.SLUG]`, by name."""
    found: dict[str, type[BaseModel]] = {}
    for name, info in Supplier.model_fields.items():
        kinds = get_args(info.annotation)  # a section that may be missing: `Shop | None`
        if type(None) in kinds:
            found |= {name: each for each in kinds if isinstance(each, type) and issubclass(each, Section)}  # noqa: B035 - one
    return found


def _call_place(name: str) -> Place | None:
    kind, dash, key = name.removeprefix(_CALLS_PREFIX).rpartition("__")
    is_one = name.startswith(_CALLS_PREFIX) and dash and kind and name == name.upper()
    return ("calls", kind.lower(), key.lower()) if is_one else None


def _meant(name: str, known: list[str]) -> str | None:
    # Without the prefix, which all of them share.
    near = close(name.upper().removeprefix(PREFIX), [word.removeprefix(PREFIX) for word in known])
    return PREFIX + near if near else None


def _supplier_names(name: str) -> list[str]:
    given = name.upper().removeprefix(_SUPPLIERS_PREFIX).rpartition("__")[0]
    slugs = {slug.upper().replace("-", "_") for slug in KNOWN_SUPPLIERS} | (
        {given} if given and name.upper().startswith(_SUPPLIERS_PREFIX) else set()
    )
    sections = supplier_sections()
    keys = [key for key in Supplier.model_fields if key not in sections]
    keys += [f"{section}__{key}" for section, model in sections.items() for key in model.model_fields]
    return [f"{_SUPPLIERS_PREFIX}{slug}__{key.upper()}" for slug in sorted(slugs) for key in keys]


def _masked(key: str, value: object) -> object:
    # pydantic-settings prints its sources when PYDANTIC_SETTINGS_DEBUG is set; a masked token stays masked there.
    return SecretStr(value) if key in {"token", "token_next"} and isinstance(value, str) else value


def masked(tree: Tree) -> Tree:
    """Return the tree with the tokens in types that print as asterisks."""
    return {key: masked(value) if isinstance(value, dict) else _masked(key, value) for key, value in tree.items()}


PATH_KEYS = frozenset({
    "state_dir", "token_file", "token_next_file", "ca_file", "key_file", "secret_file", "sku_map",
})  # fmt: skip
"""The keys whose values are paths."""


def rooted(tree: Tree, folder: Path) -> Tree:
    """Return the tree with absolute paths: relative ones start at the folder of the file, not the current folder."""
    return {
        key: rooted(value, folder) if isinstance(value, dict) else _below(folder, value) if key in PATH_KEYS else value
        for key, value in tree.items()
    }


def _below(folder: Path, value: object) -> object:
    # Anything else is left as it is, and the model refuses it.
    if not isinstance(value, str) or not value.strip() or value.startswith(("/", "~", "$")):
        return value
    return str(folder / value)


def key_lines(text: str) -> dict[Place, int]:
    """Return the line of each key in a TOML text that parses as a whole.

    The parser gives no positions, so it is run statement by statement: a statement is the smallest number of lines that
    parse below their table's header.
    """
    lines: dict[Place, int] = {}
    header = statement = ""
    first = 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        is_header = statement.lstrip().startswith("[")
        try:
            tree = tomllib.loads(statement if is_header else header + statement)
        except ValueError:
            if number - first > _LONGEST_STATEMENT:
                break
            continue
        if is_header:
            header = statement
        for place in _places(tree):
            lines.setdefault(place, first)
        statement, first = "", number + 1
    return lines


def _places(tree: Mapping[str, object], above: Place = ()) -> Iterator[Place]:
    for key, value in tree.items():
        yield (*above, key)
        if isinstance(value, dict) and len(above) < _DEEPEST_KEY:
            yield from _places(value, (*above, key))
