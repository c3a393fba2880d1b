"""Rights in the state folder, tested as the real user: root passes every check, so it becomes that user first."""

import os
import pwd
import shlex
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from supplier_agent.base import files
from supplier_agent.base.files import groups_of, is_of_the_system
from supplier_agent.base.process import ended
from supplier_agent.check.report import Report
from supplier_agent.db import state_folder

NOBODY = 65534
SOFTWARE_ERROR = 70
DATABASE_FILES = tuple(state_folder.DATABASE + suffix for suffix in ("", "-wal", "-shm"))
READ, WRITE, ENTER = 4, 2, 1
PRIVATE = (state_folder.PRIVATE, state_folder.LEDGER)
NEARLY_EMPTY = {"lost+found"}


@dataclass(frozen=True)
class User:
    """A user by numbers. `str` is for people."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return the name of the account, or its number."""
        return files.user_name(self.uid)


def user_to_become(state_dir: Path) -> User | None:
    """Return the agent's user, if this is root and the agent is not; else None."""
    if os.geteuid() != 0:
        return None
    try:
        found = state_dir.stat()
    except OSError:
        found = None
    if found is not None:
        return User(found.st_uid, found.st_gid, groups_of(found.st_uid, found.st_gid)) if found.st_uid else None
    try:
        account = pwd.getpwnam(state_folder.SERVICE_USER)
    except KeyError:
        return None
    return User(account.pw_uid, account.pw_gid, groups_of(account.pw_uid, account.pw_gid))


def run_as(user: User, act: Callable[[], int]) -> int:
    """Run something in a child process as this user, and return its exit code."""
    sys.stdout.flush()  # buffered output would be printed twice
    child = os.fork()
    if child == 0:
        code = SOFTWARE_ERROR
        try:
            os.setgroups(user.groups or (user.gid,))
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
            code = ended(act)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def configuration(report: Report, path: Path | None) -> None:
    """Warn if others may replace the configuration, which decides where the token is sent. None: there is no file."""
    with suppress(OSError):  # this user may not see it: reported when it is read
        why = files.doubt(path) if path is not None else None
        if why is not None:
            what = f"the configuration {path} could be replaced by users other than root and {files.user_name(os.geteuid())}: {why}"
            report.doubt(what, "keep it where root alone writes: /etc/supplier-agent/supplier-agent.toml")


def pasted(*words: str | Path) -> str:
    """Return a command that can be pasted into a shell."""
    return shlex.join(str(word) for word in words)


def is_plain(path: Path) -> bool:
    """Tell whether that name is a plain file or folder: no link, no device, no hard link to another file."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1)


def is_ours(state_dir: Path) -> bool:
    """Tell whether a folder is the agent's: empty except for what a new disk has, or with its database in it."""
    if is_of_the_system(state_dir) or not state_dir.is_dir():
        return False
    with suppress(OSError):
        return (
            is_plain(state_dir / state_folder.DATABASE) or {each.name for each in state_dir.iterdir()} <= NEARLY_EMPTY
        )
    return False


def staff(report: Report, state_dir: Path) -> None:
    """Check that a member of the folder's group may mark an order, and that others see nothing."""
    if not state_dir.is_dir() or not os.access(state_dir, os.X_OK):
        return  # missing, not a folder, or not readable: the next layer reports which
    if not is_ours(state_dir):
        what = f"{state_dir} contains other files, and no database of the agent: it is not the agent's own folder"
        report.doubt(what, 'use a separate folder: state_dir = "/var/lib/supplier-agent"')
        return
    for path in _ours(state_dir)[1:]:
        if not is_plain(path):
            what = f"{path} is a link, has a second name, or is not a plain file or folder: the agent did not create it"
            report.doubt(what, f"find out what it is, then remove it: {pasted('ls', '-ld', path)}")
    group = state_dir.stat().st_gid
    called = files.group_name(group)
    wrong = list(_locked_doors(state_dir, User(NOBODY, group, (group,)), group))
    for path, cure in wrong:
        report.doubt(f"staff (group {called}) cannot write {path}: they cannot mark orders in the database", cure)
    if not wrong and (state_dir / state_folder.DATABASE).exists():
        report.good(f"staff (group {called}) may read everything and mark orders in the database")
    _closed_to_others(report, state_dir)


def _locked_doors(state_dir: Path, member: User, group: int) -> Iterator[tuple[Path, str]]:
    """Yield what a member cannot write, with its fix. SQLite creates and writes -wal and -shm next to the database."""
    mode = stat.S_IMODE(state_dir.stat().st_mode)
    if not mode & stat.S_ISGID:
        yield state_dir, f"{pasted('chmod', '2770', state_dir)}  # new files then belong to its group"
    elif not _can(member, state_dir, READ | WRITE | ENTER):
        yield state_dir, pasted("chmod", "2770", state_dir)
    for name in DATABASE_FILES:
        path = state_dir / name
        if not is_plain(path):
            continue  # missing, or already reported
        if path.stat().st_gid != group:
            yield path, pasted("chgrp", str(group), path)
        elif not _can(member, path, READ | WRITE):
            yield path, pasted("chmod", "660", path)


def _can(user: User, path: Path, wanted: int) -> bool:
    """Tell whether a user may use a file: tested if this is root, else derived from the mode."""
    if os.geteuid() == 0:
        return run_as(user, lambda: 0 if os.access(path, wanted) else 1) == 0
    found = path.stat()
    allowed = found.st_mode >> 3 if found.st_gid in user.groups else found.st_mode
    return allowed & wanted == wanted


def _closed_to_others(report: Report, state_dir: Path) -> None:
    for path in filter(is_plain, _ours(state_dir)):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & stat.S_IRWXO:
            report.doubt(
                f"{path} has mode {mode:04o}: everyone on this machine may use it", pasted("chmod", "o-rwx", path)
            )
        elif path in {state_dir.resolve() / name for name in PRIVATE} and mode & stat.S_IRWXG:
            report.doubt(
                f"{path} has mode {mode:04o}: only the agent may use the ship ledger",
                pasted("chmod", "700" if path.is_dir() else "600", path),
            )


def _ours(state_dir: Path) -> list[Path]:
    """Return the folder, with links resolved, and the agent's files in it, as far as they exist."""
    folder, named = state_dir.resolve(), (*DATABASE_FILES, state_folder.LOCK, *PRIVATE, state_folder.LABELS)
    return [folder, *(path for name in named if os.path.lexists(path := folder / name))]
