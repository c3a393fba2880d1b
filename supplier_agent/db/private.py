"""`state_dir/private`: the ship ledger and the page's key, which only the agent may touch. Staff may write the folder above it.

So no file in it is opened by a path that others could change. The folder and its files are opened without following links, and
owner, type and mode of the opened file are checked.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from supplier_agent.base.errors import StateError

FOLDER = "private"
MODE = 0o700
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


@contextmanager
def opened(folder: Path) -> Iterator[Private]:
    """Open the private folder, and create it if it is missing.

    Anything else of that name (a link, a file, another user's folder) is renamed. Raises StateError if the folder cannot be
    used at all.
    """
    try:
        private = _opened(folder)
    except OSError as error:
        raise StateError(
            f"the folder {folder} cannot be used: {error.strerror}. Nothing is shipped without it.",
            f"give it to the agent's user alone: chown USER {folder}; chmod 700 {folder}",
        ) from error
    try:
        yield private
    finally:
        os.close(private.descriptor)


def _opened(folder: Path) -> Private:
    """Open the folder as its owner.

    1. For a user other than root, it must be that user's own folder. Only the owner of the state folder renames another user's
       folder: staff could rename it too, but must not do so just by running a command.
    2. Root opens it for the owner of the state folder.
    """
    with suppress(FileExistsError):
        _make(folder)
    found, state_dir, me = folder.lstat(), folder.parent.stat().st_uid, os.geteuid()
    owner = me or state_dir
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        if me not in {0, state_dir}:
            raise PermissionError(1, "it belongs to another user")
        folder.rename(folder.with_name(f"{folder.name}-not-ours-{found.st_ino}"))
        _make(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | SAFELY)
    found = os.fstat(descriptor)
    if found.st_uid != owner:  # replaced at this moment
        os.close(descriptor)
        raise PermissionError(1, "it belongs to another user")
    if stat.S_IMODE(found.st_mode) != MODE:
        os.fchmod(descriptor, MODE)
    return Private(descriptor, owner)


def _make(folder: Path) -> None:
    folder.mkdir(mode=MODE)
    if os.geteuid() == 0:
        found = folder.parent.stat()
        os.chown(folder, found.st_uid, found.st_gid, follow_symlinks=False)
    _sync(folder.parent)


def take_in(folder: Path, name: str) -> None:
    """Move a file from the state folder, where an older version kept it, into this folder.

    Nothing is moved if the file cannot be trusted, or if this folder already has one of that name. Calling it again does nothing.
    """
    old = folder.parent / name
    with opened(folder) as private:
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
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Flush the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
