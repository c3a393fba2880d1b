"""Instants, durations and money as text for people. All times of one output are in one zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

MINUTE, HOUR, DAY = 60, 3600, 86400


def instant(at: datetime, zone: tzinfo = UTC) -> str:
    """Return an instant in this zone. Only UTC is named here; any other zone is named once per output."""
    text = f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return f"{text} UTC" if zone is UTC else text


def clock(at: datetime, zone: tzinfo, now: datetime) -> str:
    """Return a short instant for people in the warehouse: the time, and the day unless it is today."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%d.%m. %H:%M}"


def iso(at: datetime) -> str:
    """Return an instant for JSON: ISO 8601, UTC."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def iso_or_null(at: object) -> str | None:
    """Return an instant for JSON; None if it is null, or cannot be read."""
    return iso(at) if isinstance(at, datetime) else None


def size(count: int) -> str:
    """Return a size in a suitable unit."""
    for unit, name in ((1 << 20, "MB"), (1 << 10, "kB")):
        if count >= unit:
            return f"{count / unit:.0f} {name}"
    return f"{count} bytes"


def duration(seconds: float) -> str:
    """Return a duration, rounded to one unit: 45 s, 12 min, 5 h, 3 d. Hours and days are used from two on."""
    for size, unit, least in ((DAY, "d", 2 * DAY), (HOUR, "h", 2 * HOUR), (MINUTE, "min", MINUTE)):
        if seconds >= least:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def money(cents: int) -> str:
    """Return an amount with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}"


def and_more(ids: Iterable[str], most: int = 5) -> str:
    """Name the first orders, and count the rest: "1_1, 1_2 + 7"."""
    named = list(ids)
    more = f" + {len(named) - most}" if len(named) > most else ""
    return ", ".join(named[:most]) + more
