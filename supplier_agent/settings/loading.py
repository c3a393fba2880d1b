"""Reads a path and the environment into `Settings`, or raises one error that lists every mistake."""

import operator
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import InitSettingsSource

from supplier_agent.base.errors import ConfigError
from supplier_agent.base.files import PATH_VARIABLE, PLACES, PREFIX, candidates, not_ours
from supplier_agent.settings.layers import (
    Environment,
    FileLayer,
    Place,
    Tree,
    fixed_keys,
    key_lines,
    masked,
    read_environment,
    rooted,
    sections,
    supplier_sections,
)
from supplier_agent.settings.model import KNOWN_SUPPLIERS, Settings, Supplier
from supplier_agent.settings.sections import Station
from supplier_agent.settings.values import close
from supplier_agent.settings.webhooks import Webhook

_NUMBER = "must be a number"
_WHOLE = "must be a whole number"
_TEXT = "must be text in quotes"
_TABLE = "must be a section of keys"
_SENTENCES: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": _TABLE,
    "finite_number": _NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "must be a smaller number",
    "int_type": _WHOLE,
    "less_than_equal": "must be at most {le:.10g}",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_attributes_type": _TABLE,
    "model_type": _TABLE,
    "string_type": _TEXT,
}
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Whereabouts:
    """Where each key was written."""

    environment: Environment
    path: Path | None = None
    lines: Mapping[Place, int] = field(default_factory=dict)

    def of(self, place: Place) -> tuple[int, str]:
        """Return the line (0: none) and the variable or FILE:LINE of a key, else of the nearest table around it."""
        for length in range(len(place), 0, -1):
            part = place[:length]
            for named, name in self.environment.names.items():
                if named == part or (named[:length] == part and part not in self.lines):
                    return 0, name
            if part in self.lines:
                return self.lines[part], f"{self.path}:{self.lines[part]}"
        return 0, str(self.path) if self.path else "environment"


def sentences(error: ValidationError | None, where: Whereabouts) -> list[str]:
    """Return one line for each mistake: those of the environment first, then those of the file from top to bottom."""
    found = [
        f"{_shown(name)}: there is no such setting" + (f"; did you mean {meant}?" if meant else "; unset it")
        for name, meant in where.environment.unknown.items()
    ]
    # The details of an error contain its input, so they are requested without it and stay here.
    details = error.errors(include_url=False, include_input=False) if error else []
    said = dict.fromkeys(_sentence(detail, where) for detail in details)
    return found + [sentence for _, sentence in sorted(said, key=operator.itemgetter(0))]


def _sentence(detail: ErrorDetails, where: Whereabouts) -> tuple[int, str]:
    place = tuple(str(part) for part in detail["loc"] if part != "[key]")
    key = _dotted(place)
    if detail["type"] == "extra_forbidden":
        said = f"is not a key of the configuration{_meant(place)}"
    elif detail["type"] == "value_error":
        said = str(detail["ctx"]["error"])
    else:
        said = _SENTENCES.get(detail["type"], "cannot be used").format_map(detail.get("ctx", {}))
    line, written = where.of(place)
    return line, f"{written}: {key} {said}"


def _meant(place: Place) -> str:
    table, name = place[:-1], place[-1]
    if name in KNOWN_SUPPLIERS and table == ():
        return f"; did you mean [suppliers.{name}]?"
    of_suppliers = table[:1] == ("suppliers",)
    of_tables = Station if table[:2] == ("web", "stations") else Webhook if table[:1] == ("webhooks",) else None
    nested = supplier_sections().get(table[2]) if of_suppliers and len(table) == 3 else None  # noqa: PLR2004 - suppliers.NAME.SECTION
    model = nested or Supplier if of_suppliers else of_tables or sections().get(table)
    own = [(*table, key) for key in model.model_fields] if model else []
    elsewhere = [*fixed_keys(), *(("suppliers", "NAME", key) for key in Supplier.model_fields)]
    meant = _finding_of(_close(name, own), own) if of_tables else None
    meant = (
        meant
        or _finding_of(name, elsewhere)
        or _finding_of(_close(name, own), own)
        or _finding_of(_close(name, elsewhere), elsewhere)
    )
    if meant is None:
        return "; leave it out"
    hint = ", which belongs before the first [section]" if table and len(meant) == 1 else ""
    return f"; did you mean {_dotted(meant)}{hint}?"


def _finding_of(name: str | None, places: list[Place]) -> Place | None:
    return next((place for place in places if place[-1] == name), None)


def _close(name: str, places: list[Place]) -> str | None:
    return close(name, [place[-1] for place in places])


def _dotted(place: Place) -> str:
    return ".".join(_shown(part) for part in place)


def _shown(name: str) -> str:
    shown = name if name.isprintable() else ascii(name)
    return shown if len(shown) <= _LONGEST_NAME else shown[:_LONGEST_NAME] + "…"


PROVE = "Correct this, then prove it with: supplier-agent check --offline"
_LARGEST_FILE = 1024 * 1024
_POSITION = re.compile(r" \(at line ([0-9]+), column ([0-9]+)\)\Z")


@dataclass(frozen=True)
class _File:
    path: Path
    text: str
    tree: Tree
    open_to_others: bool


def load(path: Path | None, env: Mapping[str, str], places: tuple[Path, ...] = PLACES) -> Settings:
    """Read and check the configuration. No token file is read, and nothing is written.

    None: use $SUPPLIER_AGENT_CONFIG, then `places`; suppliers that are set by variables need no file.
    Relative paths start at the folder of the file (without a file, at the current folder).
    """
    environment = read_environment(env)
    file = _find(path, env, places, needed="suppliers" not in environment.tree and not environment.unknown)
    folder = file.path.absolute().parent if file else Path.cwd()
    layers = [InitSettingsSource(Settings, rooted(environment.tree, folder))]
    if file:
        layers.append(FileLayer(Settings, file.tree))
    settings, invalid = None, None
    try:
        settings = Settings(
            *layers,
            config_path=file.path if file else None,
            warnings=_warnings(file),
            network_env=env,
        )
    except ValidationError as error:
        invalid = error
    # Raised here, so that the exception that contains the input does not become its context.
    if settings is None or environment.unknown:
        where = Whereabouts(environment, file.path, key_lines(file.text)) if file else Whereabouts(environment)
        mistakes = sentences(invalid, where)
        raise ConfigError("The configuration cannot be used:" + "".join(f"\n  {line}" for line in mistakes), PROVE)
    if file and not file.path.is_absolute() and not _named(path, env) and _is_in(file.path, settings.state_dir):
        raise not_ours(file.path, f"it is in {settings.state_dir}, the state folder that it names")
    return settings


def _named(path: Path | None, env: Mapping[str, str]) -> Path | None:
    """Return the file that a person named, if any."""
    return path or (Path(env[PATH_VARIABLE]) if env.get(PATH_VARIABLE) else None)


def _is_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _find(path: Path | None, env: Mapping[str, str], places: tuple[Path, ...], *, needed: bool) -> _File | None:
    named = _named(path, env)
    for place in candidates(path, env, places):
        file = _read(place)
        if file:
            return file
    if named:
        option = "--config" if path else f"${PATH_VARIABLE}"
        raise ConfigError(
            f"The configuration file {named}, named by {option}, does not exist.",
            f"Correct {option}, or write the example there: supplier-agent config init {shlex.quote(str(named))}",
        )
    if needed:
        raise ConfigError(
            f"There is no configuration: neither {' nor '.join(str(place) for place in places)} exists, "
            f"${PATH_VARIABLE} is not set, and no {PREFIX}SUPPLIERS__… variable either.",
            "Write one, with every key explained: supplier-agent config init",
        )
    return None


def _read(path: Path) -> _File | None:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
            mode = os.fstat(stream.fileno()).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, not a configuration file.", "Name the file in it.") from None
    except OSError as error:
        raise ConfigError(
            f"The configuration file {path} cannot be read: {error.strerror or type(error).__name__}.",
            "Let the user that runs this command read it, or run the command as the agent's user.",
        ) from None
    if len(content) > _LARGEST_FILE:
        raise ConfigError(f"{path} is larger than 1 MiB; that is no configuration.", "Name the right file.")
    text = _decoded(path, content)
    return _File(path, text, _parsed(path, text), bool(mode & stat.S_IROTH))


def _decoded(path: Path, content: bytes) -> str:
    # Editors on Windows write a byte order mark and CR LF; both are accepted.
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    broken = text.find("\N{REPLACEMENT CHARACTER}")
    if broken >= 0 or "\0" in text:
        line = text.count("\n", 0, max(broken, 0)) + 1
        raise ConfigError(f"{path}:{line}: the file is not UTF-8 text.", "Save it again with the encoding UTF-8.")
    return text


def _parsed(path: Path, text: str) -> Tree:
    try:
        return rooted(masked(tomllib.loads(text)), path.absolute().parent)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
    except (ValueError, RecursionError):
        said = "A value is too long or too deep"
    # Raised here, because the parser's exception contains the text of the file, and that may contain a token.
    position = _POSITION.search(said)
    line = f":{position[1]}" if position else ""
    raise ConfigError(f"{path}{line}: this is not TOML: {said}.", f'Text needs quotes: key = "text". {PROVE}')


def _warnings(file: _File | None) -> tuple[str, ...]:
    suppliers = file.tree.get("suppliers") if file else None
    if not file or not file.open_to_others or not isinstance(suppliers, dict):
        return ()
    if not any(isinstance(supplier, dict) and "token" in supplier for supplier in suppliers.values()):
        return ()
    return (
        f"{file.path} holds a token and everyone on this machine may read it; run: chmod o-r {shlex.quote(str(file.path))}",
    )
