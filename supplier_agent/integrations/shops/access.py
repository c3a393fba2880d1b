"""Access tokens that a shop gives for its credentials, for a while. They are kept in memory alone."""

import threading
from dataclasses import dataclass, field

from supplier_agent.integrations.shops.protocol import Granted

MARGIN_SECONDS = 300.0
"""A token is asked for again this long before it ends: longer than a call may take."""


@dataclass
class AccessTokens:
    """The tokens of one shop, by credentials. Safe to use from any thread: two that ask at once get two, which both work."""

    _kept: dict[str, tuple[str, float]] = field(
        default_factory=dict, repr=False
    )  # the token, and when it is asked for again
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(self, credentials: str, now: float) -> str | None:
        """Return the token; None: there is none, or it ends soon. now: monotonic seconds."""
        with self._lock:
            token, until = self._kept.get(credentials, ("", 0.0))
            return token if token and now < until else None

    def keep(self, credentials: str, granted: Granted, now: float) -> None:
        """Keep a token that was granted at that time. Those of other credentials are forgotten: they were replaced."""
        until = now + granted.seconds - min(MARGIN_SECONDS, granted.seconds / 2)
        with self._lock:
            self._kept = {credentials: (granted.token, until)}

    def forget(self, token: str) -> None:
        """Forget a token that the shop has refused: the next request asks for another."""
        with self._lock:
            self._kept = {key: kept for key, kept in self._kept.items() if kept[0] != token}
