"""Access tokens that expire (OAuth 2.0 client credentials, RFC 6749, 4.4). Kept in memory alone; asked for again when needed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from supplier_agent.base.clock import Clock
from supplier_agent.marketplace import Verdict
from supplier_agent.marketplace.wire import Answer, Reply

EARLY_SECONDS = 300.0
"""A token is not used so shortly before its end: that is longer than a call may take, and the other side's clock may be ahead."""


@dataclass(frozen=True)
class Granted:
    """An access token. seconds: how long it is accepted."""

    token: str = field(repr=False)
    seconds: float


@dataclass
class AccessTokens:
    """The access token of one account. Its workers share it, and only one of them asks for a new one."""

    clock: Clock
    _token: str = field(default="", repr=False)
    _of: str = field(default="", repr=False)  # the credentials that it was granted for
    _until: float = 0.0  # monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def send(
        self, credentials: str, ask: Callable[[], Granted | Verdict], send: Callable[[str], Reply]
    ) -> Reply | Verdict:
        """Send a request with the token of these credentials; a verdict: there is no token, and nothing was sent.

        A token that was granted before may have been revoked: after a 401, which does nothing, the request is sent once more with a
        new one.
        """
        while True:
            found = self._get(credentials, ask)
            if isinstance(found, Verdict):
                return found
            token, is_new = found
            reply = send(token)
            if not isinstance(reply, Answer) or reply.status != HTTPStatus.UNAUTHORIZED:
                return reply
            self._forget(token)
            if is_new:
                return reply

    def _get(self, credentials: str, ask: Callable[[], Granted | Verdict]) -> tuple[str, bool] | Verdict:
        """Return a token, and whether it was asked for now."""
        with self._lock:
            if self._token and self._of == credentials and self.clock.monotonic() < self._until:
                return self._token, False
            asked_at = self.clock.monotonic()
            granted = ask()
            if isinstance(granted, Verdict):
                return granted
            self._token, self._of = granted.token, credentials
            self._until = asked_at + max(granted.seconds - EARLY_SECONDS, granted.seconds / 2)
            return granted.token, True

    def _forget(self, token: str) -> None:
        """Forget a token that was refused, unless another worker has replaced it already."""
        with self._lock:
            if self._token == token:
                self._token = ""
