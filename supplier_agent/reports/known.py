"""What a look at the state needs to know beside the database, left there by the agent at its start.

Checking a configuration costs more CPU than all the rest of `status`. So whoever loads it for a run leaves these few values,
and how the file and the variables looked; while they look the same, `status` takes the values as they are. In any doubt it
loads the configuration like every other command. No secret is in here.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from datetime import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from supplier_agent import __version__
from supplier_agent.base import files
from supplier_agent.base.config_paths import PATH_VARIABLE, PREFIX, STATE_DIR, STATE_DIR_VARIABLE, candidates
from supplier_agent.settings.hours import Hours, poll_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from supplier_agent.settings import Settings

FILE = "known.json"
TOLD = (
    *(f"{PREFIX}SCHEDULE__", f"{PREFIX}TIMEZONE", f"{PREFIX}READ_ONLY", STATE_DIR_VARIABLE),
    *(f"{PREFIX}WEB__LISTEN", f"{PREFIX}METRICS__LISTEN"),
    *(f"{PREFIX}ALERTS__CLOCK_SECONDS", f"{PREFIX}ALERTS__DISK_FREE_BYTES"),
)
TOLD_OF_SUPPLIERS = ("__CACHE_SECONDS", "__TOKEN_FILE")
"""The variables whose values are among these facts. Of the others the name alone counts: a value might be a secret."""


@dataclass(frozen=True)
class Supplier:
    """One `[suppliers.SLUG]` section."""

    cache_seconds: float
    token_place: str


@dataclass(frozen=True)
class Known:
    """The settings that `status` and health.py look at, as plain values."""

    state_dir: str
    zone: str
    poll_seconds: float
    off_hours_poll_seconds: float
    opens: str
    closes: str
    business_days: Sequence[int]
    sweep_seconds: float
    suppliers: Mapping[str, Supplier]
    lanes: Mapping[str, str]  # which lane each kind of call goes in
    schema: str  # of the database
    listen: str  # where the page's process is to listen; "" for nowhere
    clock_seconds: float  # so far may this machine's clock be off
    disk_free_bytes: int  # so much is to be free
    read_only: bool = False

    @property
    def business_hours(self) -> Hours:
        """From and to."""
        return Hours(time.fromisoformat(self.opens), time.fromisoformat(self.closes))

    @cached_property
    def timezone(self) -> ZoneInfo:
        """The warehouse's own."""
        return ZoneInfo(self.zone)

    def interval(self, now: datetime) -> float:
        """Return the seconds between two polls, as of now."""
        return poll_interval(self, now, self.timezone)


def of(settings: Settings | Known) -> Known:
    """Return what is to be known of a configuration."""
    if isinstance(settings, Known):
        return settings
    from supplier_agent.calls import CALLS  # noqa: PLC0415 - brings HTTP along, which a look does without
    from supplier_agent.db.tables import SCHEMA  # noqa: PLC0415 - brings the ORM along

    schedule = settings.schedule
    return Known(
        state_dir=str(settings.state_dir),
        zone=settings.timezone.key,
        poll_seconds=schedule.poll_seconds,
        off_hours_poll_seconds=schedule.off_hours_poll_seconds,
        opens=schedule.business_hours.start.isoformat(),
        closes=schedule.business_hours.end.isoformat(),
        business_days=sorted(schedule.business_days),
        sweep_seconds=schedule.sweep_seconds,
        suppliers={
            name: Supplier(each.cache_seconds, _place(settings, name)) for name, each in settings.suppliers.items()
        },
        lanes={kind: call.LANE for kind, call in CALLS.items()},
        schema=SCHEMA,
        listen=settings.listen,
        clock_seconds=settings.alerts.clock_seconds,
        disk_free_bytes=settings.alerts.disk_free_bytes,
        read_only=settings.read_only,
    )


def _place(settings: Settings, name: str) -> str:
    """Return where a supplier's token is, for a person who brings a new one."""
    supplier = settings.suppliers[name]
    if supplier.token_file is not None:
        return str(supplier.token_file)
    return f"suppliers.{name}.token, then restart" if supplier.token is not None else f"the secret token-{name}"


def appearance(config: str, env: Mapping[str, str]) -> list[object]:
    """Return how the configuration looks from outside: while that stays the same, so do the settings. []: it cannot be told.

    The file counts by inode, size and times: its content may hold a token, so not even a hash of it is kept.
    """
    try:
        file = _file(config, env)
        found = file.stat() if file is not None else None
    except OSError:
        return []
    told = {name: value if _is_told(name) else "" for name, value in env.items() if name.startswith(PREFIX)}
    told.pop(PATH_VARIABLE, None)
    if found is None:
        return [__version__, None, told]
    return [__version__, [str(file), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns], told]


def _is_told(name: str) -> bool:
    return name.startswith(TOLD) or name.endswith(TOLD_OF_SUPPLIERS)


def _file(config: str, env: Mapping[str, str]) -> Path | None:
    places = candidates(Path(config) if config else None, env)
    return next((place.absolute() for place in places if place.exists()), None)


def remember(settings: Settings, seen: Sequence[object]) -> None:
    """Leave the facts in the state folder. `seen` is the appearance right before the configuration was loaded.

    Where that cannot be done, `status` takes a little longer, and that is all.
    """
    content = json.dumps({"seen": seen, "known": asdict(of(settings))}).encode()
    with contextlib.suppress(OSError):
        files.replace(settings.state_dir / FILE, content, 0o640)


def recall(config: str, env: Mapping[str, str]) -> Known | None:
    """Return the facts that a run left under a configuration that looks just like this one; None in any doubt."""
    try:
        seen = appearance(config, env)
        left = json.loads(files.read(_state_dir(config, env) / FILE))
        if not seen or left["seen"] != seen:
            return None
        suppliers = {name: Supplier(**each) for name, each in left["known"].pop("suppliers").items()}
        return Known(**left["known"], suppliers=suppliers)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _state_dir(config: str, env: Mapping[str, str]) -> Path:
    """Return where the state is, if the configuration is as it was: what it says is compared with nothing but itself."""
    import tomllib  # noqa: PLC0415 - a configuration of variables alone does without

    file = _file(config, env)
    if STATE_DIR_VARIABLE in env:
        return (file.parent if file else Path.cwd()) / env[STATE_DIR_VARIABLE]
    return file.parent / tomllib.loads(file.read_text()).get("state_dir", STATE_DIR) if file else STATE_DIR
