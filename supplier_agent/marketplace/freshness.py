"""What the headers of an answer say about time: its age in a cache, and the server's clock. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MOST_DIGITS = 9
LONGEST = timedelta(days=3660)


def age_seconds(headers: Mapping[str, str]) -> int | None:
    """Return the seconds of the header `Age` (RFC 9111, 5.1); None if it is missing or unreadable."""
    text = headers.get("age", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def ahead_seconds(headers: Mapping[str, str], now: datetime) -> int | None:
    """Return the server's clock minus ours, by the header `Date`; None if it is missing or unreadable.

    A cache keeps the `Date` at which it stored the answer, so the answer's age is added.
    """
    try:
        at = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    stored = timedelta(seconds=age_seconds(headers) or 0)
    ahead = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now + stored
    return round(ahead.total_seconds()) if abs(ahead) < LONGEST else None
