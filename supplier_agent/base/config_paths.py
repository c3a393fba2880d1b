"""Where the configuration is looked for. Cheap to import: `status` uses it before anything else is loaded."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from supplier_agent.base import files
from supplier_agent.base.errors import ConfigError

PREFIX = "SUPPLIER_AGENT_"
PATH_VARIABLE = "SUPPLIER_AGENT_CONFIG"
PLACES = (Path("config/supplier-agent.toml"), Path("/etc/supplier-agent/supplier-agent.toml"))
"""Where the file is looked for if none was named; the first is below the current folder."""
STATE_DIR = Path("/var/lib/supplier-agent")
"""Where the state is, unless the configuration says otherwise."""
STATE_DIR_VARIABLE = f"{PREFIX}STATE_DIR"
DATABASE = "agent.db"
"""A folder with one of these is a state folder."""


SYSTEM_TREES = tuple(
    Path(each)
    for each in (
        *("/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys"),
        *("/usr/bin", "/usr/include", "/usr/lib", "/usr/libexec", "/usr/sbin", "/usr/share"),
    )
)
"""Folders that belong to the system."""
SYSTEM_FOLDERS = frozenset(
    Path("/", each)
    for each in (
        *(
            "",
            "dev",
            "dev/shm",
            "home",
            "media",
            "mnt",
            "opt",
            "root",
            "run",
            "run/lock",
            "run/user",
            "srv",
            "tmp",
            "usr",
        ),
        *(
            "usr/local",
            "usr/local/bin",
            "usr/local/etc",
            "usr/local/lib",
            "usr/local/sbin",
            "usr/local/share",
            "usr/src",
        ),
        *("var", "var/backups", "var/cache", "var/crash", "var/lib", "var/local", "var/lock", "var/log", "var/mail"),
        *("var/opt", "var/run", "var/spool", "var/tmp"),
    )
)
"""Folders that the whole machine shares; a folder below them may be a user's own."""


def is_of_the_system(path: Path) -> bool:
    """Tell whether a path is, or leads to, a folder of the system or one that the whole machine shares."""
    for each in {Path(os.path.normpath(path)), Path(os.path.realpath(path))}:
        if each in SYSTEM_FOLDERS or any(each.is_relative_to(tree) for tree in SYSTEM_TREES):
            return True
    return False


def candidates(path: Path | None, env: Mapping[str, str], places: Sequence[Path] = PLACES) -> Sequence[Path]:
    """Return where the file may be: the first that exists is read; a file that was named has to exist.

    Raises ConfigError if there is a file below the current folder that someone else may have put there, because it decides
    where the token is sent. Using the next place instead would be a guess.
    """
    if path is not None:
        return (path,)
    if env.get(PATH_VARIABLE):
        return (Path(env[PATH_VARIABLE]),)
    # Started in a folder that this user may not read: nobody named that file.
    found = tuple(place for place in places if os.access(place.parent, os.X_OK))
    for place in found:
        if not place.is_absolute() and os.path.lexists(place):
            _must_be_ours(place, env)
    return found


def _must_be_ours(place: Path, env: Mapping[str, str]) -> None:
    states = {STATE_DIR, *([Path(env[STATE_DIR_VARIABLE])] if env.get(STATE_DIR_VARIABLE) else [])}
    inside = next(
        (each for each in place.absolute().parents if each in states or os.path.lexists(each / DATABASE)), None
    )
    try:
        why = f"{inside} is a state folder" if inside else files.doubt(place) or files.doubt(Path.cwd())
    except OSError as error:
        why = f"{error.filename or place} cannot be looked at ({error.strerror})"
    if why is not None:
        raise not_ours(place, why)


def not_ours(place: Path, why: str) -> ConfigError:
    """Return the error about a file that was not named and cannot be trusted."""
    return ConfigError(
        f"The configuration {place.absolute()} is not used: {why}, so someone else may have put it there.",
        f"If it is the right one, name it: supplier-agent --config {place} …; else name yours, "
        f"by --config FILE or ${PATH_VARIABLE}, or call supplier-agent from another folder (cd /).",
    )
