"""The heartbeat: a small file in the state folder that a process touches while it works, with its own problems.

`health.json` is the agent's, `page.json` the page's. For display in `status` and health checks only, never trusted: staff may
write in this folder. It must work even if database and disk do not. So the heartbeat is the file's time, which needs no space to
set; and the text is padded to a block, so that it can be changed in place if there is no space for another file.

The age is measured on the monotonic clock, because the wall clock can be set: the file also contains the difference between the
two clocks when it was written. The monotonic clock stops while the machine sleeps.
"""

import contextlib
import errno
import json
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from supplier_agent.base.clock import Clock
from supplier_agent.db import state_folder
from supplier_agent.reports.vitals import RUNNING, SLACK_SECONDS, STARTING, STOPPED, Pulse, Signs, Trouble

if TYPE_CHECKING:
    from supplier_agent.base.log import Log
    from supplier_agent.settings import Settings

AGENT, PAGE = "health.json", "page.json"
MODE = 0o640
EVERY_SECONDS = 5.0
JUMP_SECONDS = 1.0
"""If wall time and monotonic time differ by more than this, the clock was set."""
BLOCK = 4096
MOST_CHARACTERS = 300
NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Staff may put links and pipes in this folder: do not follow links, and do not wait for pipes."""


class Heartbeat:
    """The writer, in the working process. Errors here are never raised to the caller."""

    def __init__(self, path: Path, clock: Clock, command: str) -> None:
        self._path, self._clock, self._command = path, clock, command
        self._steady_since, self._ahead = clock.now(), _ahead(clock)
        self._kept: dict[str, tuple[Trouble, ...]] = {}
        self._places: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self._said: object = None  # None: the present content is not on disk yet
        self._tried_at: float | None = None
        self._phase = STARTING

    def keep(self, source: str, troubles: Sequence[Trouble]) -> None:
        """Set the present problems of one source; shown from the next beat. Thread safe."""
        with self._lock:
            self._kept[source] = tuple(troubles)

    def serve(self, places: Mapping[str, str]) -> None:
        """Set what is served now, and at which URLs; shown from the next beat."""
        self._places = dict(places)

    def beat(self, phase: str = RUNNING) -> None:
        """Show that the process works. Can be called at any rate: the file is touched every few seconds."""
        with self._lock:
            troubles = tuple(each for source in sorted(self._kept) for each in self._kept[source])
        now, ahead = self._clock.monotonic(), _ahead(self._clock)
        if abs(ahead - self._ahead) > JUMP_SECONDS:
            self._steady_since, self._said = self._clock.now(), None
            self._ahead = ahead
        to_say = (phase, troubles, self._places)
        changed = to_say != self._said
        self._phase = phase
        rested = self._tried_at is None or now - self._tried_at >= EVERY_SECONDS
        if not rested and (not changed or self._said is None):
            return
        self._tried_at = now
        if changed or not self._touch():
            written = self._write(self._text(troubles))
            self._said = to_say if written else None
            if not written:  # the old text with a new time is still a heartbeat
                self._touch()

    def end(self) -> None:
        """Show that the process ended cleanly and will not beat any more."""
        self._tried_at = None
        self.beat(STOPPED)

    def _touch(self) -> bool:
        at = round(self._clock.now().timestamp() * 1e9)
        try:
            os.utime(self._path, ns=(at, at), follow_symlinks=False)
        except OSError:
            return False
        return True

    def _text(self, troubles: Sequence[Trouble]) -> bytes:
        said = {
            "schema": 1,
            "pid": os.getpid(),
            "command": self._command,
            "phase": self._phase,
            "steady_since": self._steady_since.isoformat(timespec="seconds"),
            "ahead": self._ahead,
            "serves": self._places,
            "troubles": [{"code": each.code, "what": _cut(each.what), "cure": _cut(each.cure)} for each in troubles],
        }
        text = json.dumps(said, ensure_ascii=False).encode(errors="replace")
        return text.ljust(BLOCK) if len(text) <= BLOCK else self._text(troubles[:-1])

    def _write(self, text: bytes) -> bool:
        """Replace the file; on a full disk, change it in place."""
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
            self._fill(part, os.O_CREAT | os.O_EXCL, text)
            part.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                return False
        else:
            return True
        try:
            self._fill(self._path, 0, text)
        except OSError:
            return False
        return True

    def _fill(self, path: Path, flags: int, text: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | NO_LINK | flags, MODE)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:  # never write to a file with another hard link
                raise OSError(errno.EPERM, "not ours", str(path))
            os.fchmod(descriptor, MODE)
            if os.pwrite(descriptor, text, 0) < len(text):
                raise OSError(errno.ENOSPC, "no space", str(path))
            os.ftruncate(descriptor, len(text))
            at = round(self._clock.now().timestamp() * 1e9)
            os.utime(descriptor, ns=(at, at))
        finally:
            os.close(descriptor)


def _ahead(clock: Clock) -> float:
    return clock.now().timestamp() - clock.monotonic()


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def read(path: Path, clock: Clock) -> Pulse | None:
    """Return what a heartbeat shows; None if there is none. An unreadable one counts as touched, without content."""
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_LINK)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        text = os.read(descriptor, BLOCK)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    touched = found.st_mtime_ns / 1e9
    try:
        said = json.loads(text)
        ahead, steady_since = float(said["ahead"]), datetime.fromisoformat(said["steady_since"]).astimezone(UTC)
        if abs(_ahead(clock) - ahead) > SLACK_SECONDS:
            steady_since = clock.now()  # the clock was just set; the next beat will show it
        return Pulse(
            age_seconds=clock.monotonic() - (touched - ahead),
            pid=int(said["pid"]),
            command=str(said["command"]),
            phase=str(said["phase"]),
            steady_since=steady_since,
            troubles=tuple(
                Trouble(str(each["code"]), str(each["what"]), str(each["cure"])) for each in said["troubles"]
            ),
            serves={str(name): str(url) for name, url in said["serves"].items()},
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
        return Pulse(abs(clock.now().timestamp() - touched))


def signs(folder: Path, clock: Clock, *, listen: str = "", least_free_bytes: int = 0) -> Signs:
    """Collect the signs from outside. `listen`: where the page's process should listen, "": nowhere."""
    return Signs(
        now=clock.now(),
        holder=state_folder.holder_now(folder / state_folder.LOCK),
        agent=read(folder / AGENT, clock),
        listen=listen,
        page=read(folder / PAGE, clock) if listen else None,
        free_bytes=_free_bytes(folder),
        least_free_bytes=least_free_bytes,
        folder=str(folder),
    )


def signs_of(settings: "Settings", clock: Clock) -> Signs:
    """Collect the signs of life of the agent and the page of this configuration."""
    least = settings.alerts.disk_free_bytes
    return signs(settings.state_dir, clock, listen=settings.listen, least_free_bytes=least)


def _free_bytes(folder: Path) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def tell(log: "Log", troubles: Sequence[Trouble], serves: Mapping[str, str], before: Mapping[str, str]) -> None:
    """Log the state of the page's process. `before`: what it served when this was last logged."""
    if troubles:
        log.problem("page", "; ".join(f"{each.what} ({each.cure})" for each in troubles))
    else:
        log.solved("page")
    if serves.get("page", "") not in {"", before.get("page")}:
        log.info("page.started", at=serves["page"])
    if serves.get("metrics", "") not in {"", before.get("metrics")}:
        log.info("metrics.started", at=serves["metrics"])
