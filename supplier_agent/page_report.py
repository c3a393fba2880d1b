"""What the page's process says of itself, in state_dir/page.json: whether it listens, and what keeps it from that.

The file's mtime is its heartbeat, so that a full disk cannot stop it. Written by the process, or by the agent while there is
none. A display for `status` and for the agent's log: never trusted.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE = "page.json"
LOCK = "page.lock"
"""Held by the process that serves the page. It is the page's own: the agent's lock is another file."""
BEAT_SECONDS = 10.0
SILENT_SECONDS = 60.0
"""A process that has given no sign for so long hangs."""


@dataclass(frozen=True)
class Report:
    """How the page's process is. Addresses are empty where nothing is served."""

    listening: bool
    trouble: str | None = None  # null: none
    cure: str = ""  # of the trouble
    url: str = ""
    metrics_url: str = ""
    pid: int = 0  # 0: the agent writes, because the page has no process


@dataclass(frozen=True)
class Left:
    """A report as it was found, and when its writer last gave a sign."""

    report: Report
    at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether its writer is alive."""
        return (now - self.at).total_seconds() <= SILENT_SECONDS


def write(state_dir: Path, report: Report, now: datetime) -> None:
    """Leave a report, or only its heartbeat where the disk refuses more. Never raises OSError: this is a display."""
    path = state_dir / FILE
    if _read(path) != report:
        with contextlib.suppress(OSError):
            part = path.with_name(f"{FILE}.part")
            descriptor = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
            with os.fdopen(descriptor, "w") as file:
                json.dump(asdict(report) | {"at": now.isoformat(timespec="seconds")}, file)
            part.replace(path)
    with contextlib.suppress(OSError):
        os.utime(path, (now.timestamp(), now.timestamp()))


def _read(path: Path) -> Report | None:
    try:
        said = json.loads(path.read_text())
        trouble = said["trouble"]
        return Report(
            bool(said["listening"]),
            None if trouble is None else str(trouble)[:500],
            str(said["cure"])[:500],
            str(said["url"]),
            str(said["metrics_url"]),
            int(said["pid"]),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None


def read(state_dir: Path) -> Left | None:
    """Return what was left last, or None if nothing was."""
    path = state_dir / FILE
    report = _read(path)
    try:
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
    return Left(report, at) if report is not None else None


def remove(state_dir: Path) -> None:
    """Take the report away: there is nothing to serve."""
    with contextlib.suppress(OSError):
        (state_dir / FILE).unlink(missing_ok=True)
