"""A clock that a test moves, and waiting for what other threads and processes do."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from supplier_agent.base.clock import SystemClock

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class HandClock:
    """Time that passes when the test moves it, or when the code sleeps."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)
    start: datetime = NOW

    def now(self) -> datetime:
        """Return the instant."""
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Return the seconds, and a thousand: zero would hide mistakes."""
        return 1000 + self.seconds

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        self.slept.append(seconds)
        self.seconds += seconds


def until(true: Callable[[], object], what: str = "it never came true", seconds: float = 60.0) -> None:
    """Wait until something holds; fail if it never does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)


class AheadClock(SystemClock):
    """The machine's clock, so many seconds ahead."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        """Return the present instant, and the seconds."""
        return super().now() + timedelta(seconds=self.ahead)
