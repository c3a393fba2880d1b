"""The state folder, its permissions, and the lock. The umask does not matter. Staff are members of the agent's group.

state_dir/            2770   agent.db, *.lock  0660   labels/…, health.json, page.json  0640
state_dir/private/     700   shipped.jsonl (the ship ledger), page.key, page.tries  0600   (private.py)
"""

import contextlib
import fcntl
import json
import os
import pwd
import shlex
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from supplier_agent.base import files
from supplier_agent.base.clock import Clock
from supplier_agent.base.config_paths import DATABASE, STATE_DIR
from supplier_agent.base.errors import BusyError, StateError
from supplier_agent.db import private

FOLDER_MODE = 0o2770
LOCK, PAGE_LOCK, LABELS = "agent.lock", "page.lock", "labels"
LEDGER = f"{private.FOLDER}/shipped.jsonl"
SERVICE_USER = "supplier-agent"
"""The account that install.sh makes."""

__all__ = ["DATABASE", "FOLDER_MODE", "LABELS", "LEDGER", "LOCK", "PAGE_LOCK", "SERVICE_USER", "prepare"]


def prepare(state_dir: Path) -> None:
    """Create the folder if necessary, and set the permissions above on it and on the database, if this user may.

    The permissions of a folder with other content are not changed: `check` reports what is wrong with it.
    """
    os.umask(0o007)  # otherwise SQLite and mkdir would give other users more rights
    try:
        _make(state_dir)
        with files.as_owner_of(state_dir):
            # The administrator may make the folder a link; links inside it are not followed.
            if (state_dir / DATABASE).exists() or not any(state_dir.iterdir()):
                _allow(state_dir.resolve(), FOLDER_MODE)
            files.folder(state_dir / LABELS)
            for name in (DATABASE, LOCK):
                _allow(state_dir / name, 0o660)
    except OSError as error:
        raise StateError(
            f"the state folder {state_dir} cannot be used: {error.strerror}",
            f"create it for the agent's user (install -d -m 2770 {shlex.quote(str(state_dir))}), "
            "or set state_dir in the configuration",
        ) from error


def _make(state_dir: Path) -> None:
    """Create the folder if it is missing. The service's folder belongs to its user, even if root creates it."""
    if state_dir.exists():
        return
    state_dir.mkdir(mode=0o770, parents=True, exist_ok=True)
    if os.geteuid() == 0 and state_dir == STATE_DIR:
        with suppress(KeyError):
            account = pwd.getpwnam(SERVICE_USER)
            os.chown(state_dir, account.pw_uid, account.pw_gid)


def _allow(path: Path, mode: int) -> None:
    with suppress(FileNotFoundError, PermissionError):
        # It belongs to another user, or systemd forbids the setgid bit; then tmpfiles or StateDirectoryMode set it.
        files.allow(path, mode)


# -- One instance per state: an flock on a file that is never deleted. The kernel frees it, even after kill -9.

TRIES, PAUSE_SECONDS = 5, 0.05
"""`is_held` takes the lock for a moment. An instance that starts at that moment has to try again."""


class InstanceLock:
    """The lock, held from construction until `release`. Raises BusyError, with the holder's name, if another instance holds it."""

    def __init__(self, path: Path, command: str, clock: Clock) -> None:
        try:
            self._fd = files.opened(path, os.O_RDWR | os.O_CREAT, 0o660)
        except OSError as error:
            raise StateError(
                f"the lock file {path} cannot be opened: {error.strerror}",
                "run it as the agent's user or a member of its group",
            ) from error
        if not self._taken(clock):
            who = holder(path)
            os.close(self._fd)
            raise BusyError(
                f"another supplier-agent works on this state: {who}",
                "stop it first (systemctl stop supplier-agent), or let it do the work",
            )
        note = json.dumps({"pid": os.getpid(), "command": command, "since": clock.now().isoformat(timespec="seconds")})
        with contextlib.suppress(OSError):  # for information only, so a full disk does not matter
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, note.encode(), 0)

    def _taken(self, clock: Clock) -> bool:
        for _ in range(TRIES):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                clock.sleep(PAUSE_SECONDS)
            else:
                return True
        return False

    def release(self) -> None:
        """Free the lock."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
        os.close(self._fd)


@dataclass(frozen=True)
class Holder:
    """The process that holds a state. None: not recorded yet."""

    command: str | None = None
    pid: int | None = None
    since: datetime | None = None


def note(path: Path) -> Holder:
    """Return what the last holder of the lock recorded, whether or not it still holds the lock."""
    try:
        said = json.loads(files.read(path))
        return Holder(str(said["command"]), int(said["pid"]), datetime.fromisoformat(said["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


def holder(path: Path) -> str:
    """Return which process holds the lock, as text."""
    who = note(path)
    if who.command is None or who.since is None:
        return "it has not written its name yet"
    return f"`{who.command}`, pid {who.pid}, since {who.since.isoformat(timespec='seconds')}"


def holder_now(path: Path) -> Holder | None:
    """Return which process holds this state now, or None."""
    return note(path) if is_held(path) else None


def is_held(path: Path) -> bool:
    """Tell whether a process holds this state now."""
    try:
        descriptor = files.opened(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
