"""Files: where configuration and state are, which files can be trusted, and how to write in a folder shared with staff.

Staff may write the state folder, so any name in it may be a link to a file of the agent or of root, a pipe, or a folder.
Whatever is written there goes through `create`, `opened` or `replace`, which follow no link in the last part of a path;
and root works there as the folder's owner (`as_owner_of`), so that no trick with a name reaches more than that user may.
"""

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from supplier_agent.base.errors import ConfigError

MOST_LINKS = 40
"""As many as the kernel follows in one path."""
_ACL = "system.posix_acl_access"


def doubt(path: Path, uid: int | None = None) -> str | None:
    """Return why others than root and this user could have put a file there (or in that folder), as a sentence; None: nobody could.

    Every folder on the way, every link, and the file itself must belong to root or this user, and only they may write it:
    not the group, unless it is a private one (`_is_private`), and not everyone. A sticky folder like /tmp, where nobody can
    replace another user's files, may be on the way; but a file directly in it is not trusted.
    Raises OSError if the path cannot be looked at.
    """
    owners = {0, os.geteuid() if uid is None else uid}
    steps = list(_steps(path))
    last = steps[-1] if path.is_dir() else steps[-1].parent
    for step in steps:
        found = step.lstat()
        if found.st_uid not in owners:
            return f"{step} belongs to {user_name(found.st_uid)}"
        if stat.S_ISLNK(found.st_mode):
            continue  # its mode means nothing; where it leads comes next
        if found.st_mode & stat.S_ISVTX and step != last:
            continue
        if found.st_mode & stat.S_IWOTH:
            return f"everyone may write {step}"
        if found.st_mode & stat.S_IWGRP and not _is_private(step, found.st_gid, owners):
            return f"the group {group_name(found.st_gid)} may write {step}"
    return None


def _steps(path: Path) -> Iterator[Path]:
    """Yield what a path leads through, from the root on: each folder, each link and what it leads to. The file is the last."""
    at, links = Path("/"), 0
    rest = list(reversed(path.absolute().parts[1:]))
    yield at
    while rest:
        part = rest.pop()
        if part == "..":
            at = at.parent
            continue
        step = at / part
        yield step
        if not step.is_symlink():
            at = step
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = step.readlink()
        at = Path("/") if target.is_absolute() else at
        rest += reversed(target.parts[1:] if target.is_absolute() else target.parts)


def _is_private(path: Path, gid: int, owners: set[int]) -> bool:
    """Tell whether a group is private: it has the name of one of these users and no other member.

    An ACL shows in the mode as the group's rights, so with an ACL it is not only the group that may write.
    """
    with suppress(OSError):
        os.getxattr(path, _ACL)
        return False
    try:
        group = grp.getgrgid(gid)
    except KeyError:  # a group without a name: its members are unknown
        return False
    accounts = pwd.getpwall()
    own = {account.pw_name for account in accounts if account.pw_uid in owners and account.pw_gid == gid}
    members = {*group.gr_mem, *(account.pw_name for account in accounts if account.pw_gid == gid)}
    return group.gr_name in own and members == {group.gr_name}


def user_name(uid: int) -> str:
    """Return the name of a user, or the number."""
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"uid {uid}"


def group_name(gid: int) -> str:
    """Return the name of a group, or its number."""
    with suppress(KeyError):
        return grp.getgrgid(gid).gr_name
    return str(gid)


# ------------------------------------------------------------------------------- files in a folder that others may write


def create(path: Path, mode: int = 0o600) -> int:
    """Create a new, empty file with exactly that mode, whatever the umask, and return it open for reading and writing.

    A file or link with that name is removed first; nothing is ever written through it. Raises OSError.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, mode)
    return descriptor


def opened(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a plain file like `os.open`, and create it with exactly that mode if it is missing (O_CREAT).

    A link, a folder or a pipe under that name is an OSError, and never waits.
    """
    plain = flags & ~os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, plain)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
        try:
            descriptor = os.open(path, plain | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process created it at this moment
            return opened(path, flags & ~os.O_CREAT)
        os.fchmod(descriptor, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a plain file", str(path))
    return descriptor


def read(path: Path, most: int = 1 << 20) -> bytes:
    """Return what a plain file holds, at most so many bytes of it. Follows no link, and never waits. Raises OSError."""
    with os.fdopen(opened(path, os.O_RDONLY), "rb") as file:
        return file.read(most)


def replace(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace the file of this name, completely and flushed to disk, or not at all. Raises OSError."""
    part = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(create(part, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def allow(path: Path, mode: int) -> None:
    """Set the mode of a plain file or folder; a link under that name is an OSError, because its target is not ours."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(found) or stat.S_ISDIR(found)):
            raise OSError(errno.EINVAL, "it is neither a plain file nor a folder", str(path))
        if stat.S_IMODE(found) != mode:
            os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def folder(path: Path, mode: int = 0o770) -> None:
    """Create a folder if it is missing. A link under that name is an OSError."""
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "it is a link or a file, not a folder", str(path)) from None


def flush(path: Path) -> None:
    """Flush the names in a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ------------------------------------------------------------------------------------------------ root, in another's folder


@contextmanager
def as_owner_of(path: Path) -> Iterator[None]:
    """Act as the owner of a folder within this block, if this process is root: new files then belong to that user.

    Nothing changes for other users, or if the folder is missing. Blocks can be nested. It applies to all threads, and
    a program started in the block remains that user.
    """
    uids, gids, groups = os.getresuid(), os.getresgid(), os.getgroups()
    if uids[2] != 0:
        yield
        return
    os.setresuid(0, 0, 0)  # from an outer block, whose user may not be allowed to see this folder
    try:
        with suppress(OSError):
            found = path.stat()
            _become(found.st_uid, found.st_gid)
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setgroups(groups)
        os.setresgid(*gids)
        os.setresuid(*uids)


def _become(uid: int, gid: int) -> None:
    if uid == 0:
        return
    os.setgroups(groups_of(uid, gid))
    os.setresgid(gid, gid, 0)
    os.setresuid(uid, uid, 0)


def groups_of(uid: int, gid: int) -> tuple[int, ...]:
    """Return the groups of a user, this one among them."""
    try:
        return tuple(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return (gid,)


# ------------------------------------------------------- the configuration file, and folders that cannot hold the state

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
        *("", "dev", "dev/shm", "home", "media", "mnt", "opt", "root", "run", "run/lock", "run/user", "srv", "tmp"),
        *("usr", "usr/local", "usr/local/bin", "usr/local/etc", "usr/local/lib", "usr/local/sbin", "usr/local/share"),
        *("usr/src", "var", "var/backups", "var/cache", "var/crash", "var/lib", "var/local", "var/lock", "var/log"),
        *("var/mail", "var/opt", "var/run", "var/spool", "var/tmp"),
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
        why = f"{inside} is a state folder" if inside else doubt(place) or doubt(Path.cwd())
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
