"""Reads a path and the environment into `Settings`, or raises one error that lists every mistake."""

import os
import re
import shlex
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import InitSettingsSource

from supplier_agent.errors import ConfigError
from supplier_agent.places import PATH_VARIABLE, PLACES, PREFIX, candidates, not_ours
from supplier_agent.settings.findings import Whereabouts, sentences
from supplier_agent.settings.layers import (
    FileLayer,
    Tree,
    key_lines,
    masked,
    read_environment,
    rooted,
)
from supplier_agent.settings.model import NETWORK_VARIABLES, Settings

_PROVE = "Correct this, then prove it with: supplier-agent check --offline"
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
            network_env={name: env[name] for name in NETWORK_VARIABLES if env.get(name)},
        )
    except ValidationError as error:
        invalid = error
    # Raised here, so that the exception that contains the input does not become its context.
    if settings is None or environment.unknown:
        where = Whereabouts(environment, file.path, key_lines(file.text)) if file else Whereabouts(environment)
        mistakes = sentences(invalid, where)
        raise ConfigError("The configuration cannot be used:" + "".join(f"\n  {line}" for line in mistakes), _PROVE)
    if file and not file.path.is_absolute() and not _named(path, env) and _lies_in(file.path, settings.state_dir):
        raise not_ours(file.path, f"it lies in {settings.state_dir}, the state folder that it names")
    return settings


def _named(path: Path | None, env: Mapping[str, str]) -> Path | None:
    """Return the file that a person named, if any."""
    return path or (Path(env[PATH_VARIABLE]) if env.get(PATH_VARIABLE) else None)


def _lies_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _find(path: Path | None, env: Mapping[str, str], places: tuple[Path, ...], *, needed: bool) -> _File | None:
    named = _named(path, env)
    for place in candidates(path, env, places):
        file = _read(place)
        if file:
            return file
    if named:
        told = "--config" if path else f"${PATH_VARIABLE}"
        raise ConfigError(
            f"The configuration file {named}, named by {told}, does not exist.",
            f"Correct {told}, or write the example there: supplier-agent config init {shlex.quote(str(named))}",
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
    raise ConfigError(f"{path}{line}: this is not TOML: {said}.", f'Text needs quotes: key = "text". {_PROVE}')


def _warnings(file: _File | None) -> tuple[str, ...]:
    suppliers = file.tree.get("suppliers") if file else None
    if not file or not file.open_to_others or not isinstance(suppliers, dict):
        return ()
    if not any(isinstance(supplier, dict) and "token" in supplier for supplier in suppliers.values()):
        return ()
    return (
        f"{file.path} holds a token and everybody on this machine may read it; run: chmod o-r {shlex.quote(str(file.path))}",
    )
