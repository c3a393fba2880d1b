"""The state folder: its permissions (the umask does not matter), the lock, and `private`, which only the agent may touch.

state_dir/            2770   agent.db, *.lock  0660   labels/…, health.json, page.json  0640
state_dir/private/     700   shipped.jsonl (the ship ledger), page.key, mask.key, page.tries  0600

Staff are members of the agent's group and may write the upper folder. So nothing in `private` is opened by a path that others
could change: the folder and its files are opened without following links, and checked by owner, type and mode once open.
"""

import fcntl
import json
import os
import pwd
import secrets
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from supplier_agent.base import files
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import BusyError, StateError
from supplier_agent.base.files import DATABASE, STATE_DIR

PRIVATE = "private"
PRIVATE_MODE = 0o700
KEY_BYTES = 32
MASK_KEY = "mask.key"
"""The key of what replaces personal data in listed entries (marketplace/masking.py)."""
MISSING = "it is not there"
SAFELY = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Do not follow links, and do not wait for a pipe in the file's place."""


@dataclass(frozen=True)
class Private:
    """The open folder. Names are looked up in this folder only. Each method may raise OSError."""

    descriptor: int
    owner: int  # the user to whom every file in it must belong

    def fault(self, found: os.stat_result) -> str:
        """Return why a file cannot be trusted, in a few words, or ""."""
        if stat.S_ISLNK(found.st_mode):
            return "it is a link"
        if not stat.S_ISREG(found.st_mode):
            return "it is not a regular file"
        if found.st_uid != self.owner:
            return "it belongs to another user"
        if found.st_nlink != 1:
            return "it has a hard link elsewhere"
        return "users other than the agent may write it" if found.st_mode & 0o022 else ""

    def look(self, name: str) -> str:
        """Return why the file of that name cannot be trusted, MISSING if there is none, or ""."""
        try:
            return self.fault(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False))
        except FileNotFoundError:
            return MISSING

    def create(self, name: str) -> int:
        """Create a file and return its descriptor. An existing file of that name is renamed."""
        if self.look(name) != MISSING:
            self.put_aside(name)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | SAFELY
        descriptor = os.open(name, flags, 0o600, dir_fd=self.descriptor)
        if os.geteuid() == 0:
            os.fchown(descriptor, self.owner, -1)
        os.fsync(self.descriptor)
        return descriptor

    def write(self, name: str, content: bytes) -> None:
        """Put a complete file in its place. A file of that name that is not ours is renamed."""
        part = f"{name}.part-{os.getpid()}"
        with os.fdopen(self.create(part), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if self.look(name) not in {"", MISSING}:
            self.put_aside(name)
        os.rename(part, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        os.fsync(self.descriptor)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        with os.fdopen(os.open(name, os.O_RDONLY | SAFELY, dir_fd=self.descriptor), "rb") as file:
            return file.read()

    def put_aside(self, name: str) -> None:
        """Rename a file, so that it is not used, and a person can still look at it."""
        number = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_ino
        aside = f"{name}-not-ours-{number}"
        os.rename(name, aside, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)


def secret_key(folder: Path, name: str) -> str:
    """Return the key in this file of the private folder, created at the first use.

    A key that another user could have written is renamed, and replaced. Raises OSError, or StateError as `open_private`.
    """
    with open_private(folder) as private:
        if private.look(name):
            private.write(name, secrets.token_hex(KEY_BYTES).encode())
        return private.read(name).decode("ascii", "replace").strip()


def masking_key(state_dir: Path) -> bytes:
    """Return the key of the masks. If its file cannot be used: one for this process, with which every masked value changes once."""
    try:
        return secret_key(state_dir / PRIVATE, MASK_KEY).encode()
    except (OSError, StateError):
        return secrets.token_bytes(KEY_BYTES)


@contextmanager
def open_private(folder: Path) -> Iterator[Private]:
    """Open the private folder, and create it if it is missing.

    Anything else of that name (a link, a file, another user's folder) is renamed. Raises StateError if the folder cannot be
    used at all.
    """
    try:
        private = _open_private(folder)
    except OSError as error:
        raise StateError(
            f"the folder {folder} cannot be used: {error.strerror}. Nothing is shipped without it.",
            f"give it to the agent's user alone: chown USER {folder}; chmod 700 {folder}",
        ) from error
    try:
        yield private
    finally:
        os.close(private.descriptor)


def _open_private(folder: Path) -> Private:
    """Open the folder as its owner.

    1. For a user other than root, it must be that user's own folder. Only the owner of the state folder renames another user's
       folder: staff could rename it too, but must not do so just by running a command.
    2. Root opens it for the owner of the state folder.
    """
    with suppress(FileExistsError):
        _make_private(folder)
    found, state_dir, me = folder.lstat(), folder.parent.stat().st_uid, os.geteuid()
    owner = me or state_dir
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        if me not in {0, state_dir}:
            raise PermissionError(1, "it belongs to another user")
        folder.rename(folder.with_name(f"{folder.name}-not-ours-{found.st_ino}"))
        _make_private(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | SAFELY)
    found = os.fstat(descriptor)
    if found.st_uid != owner:  # replaced at this moment
        os.close(descriptor)
        raise PermissionError(1, "it belongs to another user")
    if stat.S_IMODE(found.st_mode) != PRIVATE_MODE:
        os.fchmod(descriptor, PRIVATE_MODE)
    return Private(descriptor, owner)


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=PRIVATE_MODE)
    if os.geteuid() == 0:
        found = folder.parent.stat()
        os.chown(folder, found.st_uid, found.st_gid, follow_symlinks=False)
    files.flush(folder.parent)


def adopt(folder: Path, name: str) -> None:
    """Move a file from the state folder, where an older version kept it, into this folder.

    Nothing is moved if the file cannot be trusted, or if this folder already has one of that name. Calling it again does nothing.
    """
    old = folder.parent / name
    with open_private(folder) as private:
        if private.look(name) != MISSING:
            return
        try:
            found = old.lstat()
            if private.fault(found):
                return
            os.rename(old, name, dst_dir_fd=private.descriptor)
        except FileNotFoundError:
            return
        moved = os.stat(name, dir_fd=private.descriptor, follow_symlinks=False)
        if moved.st_ino != found.st_ino:  # replaced at this moment
            private.put_aside(name)
        os.fsync(private.descriptor)
        files.flush(folder.parent)


FOLDER_MODE = 0o2770
LOCK, PAGE_LOCK, LABELS = "agent.lock", "page.lock", "labels"
LEDGER = f"{PRIVATE}/shipped.jsonl"
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
        with suppress(OSError):  # for information only, so a full disk does not matter
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

    def __enter__(self) -> Self:
        """Hold it during a block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Free it at the end of the block."""
        self.release()

    def release(self) -> None:
        """Free the lock."""
        with suppress(OSError):
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
