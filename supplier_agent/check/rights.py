"""Who may do what in the state folder, tried as the real user would: root passes every check, so it becomes that user first."""

import grp
import os
import pwd
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from supplier_agent import private, state
from supplier_agent.check.report import Report
from supplier_agent.exits import ended

SERVICE_USER = "supplier-agent"
"""The account that install.sh makes."""
NOBODY = 65534
SOFTWARE_ERROR = 70
DATABASE_FILES = tuple(state.DATABASE + suffix for suffix in ("", "-wal", "-shm"))
READ, WRITE, ENTER = 4, 2, 1
PRIVATE = (private.FOLDER, state.LEDGER)


@dataclass(frozen=True)
class User:
    """Somebody by numbers. `str` is for people."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return the name of the account, or its number."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"


def user_to_become(state_dir: Path) -> User | None:
    """Return the agent's own user, if this is root and the agent is somebody else; else None."""
    if os.geteuid() != 0:
        return None
    try:
        found = state_dir.stat()
    except OSError:
        found = None
    if found is not None:
        return User(found.st_uid, found.st_gid, _groups(found.st_uid, found.st_gid)) if found.st_uid else None
    try:
        account = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None
    return User(account.pw_uid, account.pw_gid, _groups(account.pw_uid, account.pw_gid))


def _groups(uid: int, gid: int) -> tuple[int, ...]:
    try:
        return tuple(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return (gid,)


def run_as(user: User, act: Callable[[], int]) -> int:
    """Run something in a child that is this user for good, and return its exit code."""
    sys.stdout.flush()  # what waits there would be printed twice
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


def staff(report: Report, state_dir: Path) -> None:
    """Prove that a member of the folder's group may flag an order, and that nobody else may look in."""
    if not os.access(state_dir, os.X_OK):
        return  # not there yet, or not for us: the next layer says which
    group = state_dir.stat().st_gid
    called = _name_of(group)
    wrong = list(_locked_doors(state_dir, User(NOBODY, group, (group,)), group))
    for path, cure in wrong:
        report.doubt(f"staff (group {called}) cannot write {path}: they cannot flag orders in the database", cure)
    if not wrong and (state_dir / state.DATABASE).exists():
        report.good(f"staff (group {called}) may read everything and flag orders in the database")
    _closed_to_others(report, state_dir)


def _name_of(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def _locked_doors(state_dir: Path, member: User, group: int) -> Iterator[tuple[Path, str]]:
    """Yield what a member cannot write, with its cure. SQLite writes -wal and -shm beside the database, and makes them."""
    mode = stat.S_IMODE(state_dir.stat().st_mode)
    if not mode & stat.S_ISGID:
        yield state_dir, f"chmod 2770 {state_dir}  (new files then belong to its group)"
    elif not _can(member, state_dir, READ | WRITE | ENTER):
        yield state_dir, f"chmod 2770 {state_dir}"
    for name in DATABASE_FILES:
        path = state_dir / name
        if path.exists() and path.stat().st_gid != group:
            yield path, f"chgrp {group} {path}"
        elif path.exists() and not _can(member, path, READ | WRITE):
            yield path, f"chmod 660 {path}"


def _can(user: User, path: Path, wanted: int) -> bool:
    """Tell whether somebody may use a file: tried by root, else worked out from the mode."""
    if os.geteuid() == 0:
        return run_as(user, lambda: 0 if os.access(path, wanted) else 1) == 0
    found = path.stat()
    allowed = found.st_mode >> 3 if found.st_gid in user.groups else found.st_mode
    return allowed & wanted == wanted


def _closed_to_others(report: Report, state_dir: Path) -> None:
    for path in _ours(state_dir):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & stat.S_IRWXO:
            report.doubt(f"{path} has mode {mode:04o}: everybody on this machine may use it", f"chmod o-rwx {path}")
        elif path in {state_dir / name for name in PRIVATE} and mode & stat.S_IRWXG:
            right = 700 if path.is_dir() else 600
            report.doubt(f"{path} has mode {mode:04o}: the ship ledger is the agent's alone", f"chmod {right} {path}")


def _ours(state_dir: Path) -> Iterable[Path]:
    named = (*DATABASE_FILES, state.LOCK, *PRIVATE, state.LABELS)
    return [state_dir, *(path for name in named if os.path.exists(path := state_dir / name))]  # noqa: PTH110 - False also where we may not look
