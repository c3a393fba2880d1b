"""One instance per state: an flock on a file that is never deleted. It is freed by the kernel, even after kill -9.

The lock stops a second start early. What prevents two agents from sending the same call is the claim (outbox.py).
"""

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from supplier_agent import trusted
from supplier_agent.clock import Clock
from supplier_agent.errors import BusyError, StateError

TRIES, PAUSE_SECONDS = 5, 0.05
"""`is_held` takes the lock for a moment to find out; a start at that moment must not give up."""


class InstanceLock:
    """Held from construction until `release`. Raises BusyError, with the holder's name, if another instance holds it."""

    def __init__(self, path: Path, command: str, clock: Clock) -> None:
        try:
            self._fd = trusted.opened(path, os.O_RDWR | os.O_CREAT, 0o660)
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
        with contextlib.suppress(OSError):  # for information only: a full disk is no error here
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
    """Which process holds a state. None: not recorded yet."""

    command: str | None = None
    pid: int | None = None
    since: datetime | None = None


def note(path: Path) -> Holder:
    """Return what the last holder of the lock recorded, whether or not it still holds the lock."""
    try:
        said = json.loads(trusted.read(path))
        return Holder(str(said["command"]), int(said["pid"]), datetime.fromisoformat(said["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


def holder(path: Path) -> str:
    """Return who holds the lock, in words."""
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
        descriptor = trusted.opened(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
