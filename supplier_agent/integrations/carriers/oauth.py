"""Access tokens that expire (OAuth 2.0 client credentials, RFC 6749, 4.4): kept in memory, and asked for again when needed."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from supplier_agent.base.clock import Clock
from supplier_agent.integrations.carriers.protocol import AnswerError, object_of, parsed
from supplier_agent.marketplace import Verdict
from supplier_agent.marketplace.wire import Answer

EARLY_SECONDS = 60.0
"""A token is not used in the last minute of its life: the carrier's clock may be ahead."""
LEAST_SECONDS, USUAL_SECONDS = 60.0, 3600.0
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}", re.ASCII)


@dataclass(frozen=True)
class Granted:
    """An access token. seconds: how long it lasts."""

    token: str = field(repr=False)
    seconds: float


def read_grant(answer: Answer) -> Granted:
    """Return the token of an answer (RFC 6749, 5.1). Raises AnswerError. UPS writes the number of seconds as text."""
    body = object_of(parsed(answer), "access token")
    token = body.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise AnswerError("the answer has no usable access token")
    try:
        seconds = float(body.get("expires_in") or USUAL_SECONDS)
    except (TypeError, ValueError):
        seconds = USUAL_SECONDS
    return Granted(token, min(max(seconds, LEAST_SECONDS), 86_400.0))


@dataclass
class Tokens:
    """The access token of one account. Its workers share it, and only one of them asks for a new one."""

    clock: Clock
    _token: str = field(default="", repr=False)
    _of: str = field(default="", repr=False)  # the credentials that it was granted for
    _until: float = 0.0  # monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(self, credentials: str, ask: Callable[[], Granted | Verdict]) -> str | Verdict:
        """Return a token that is not about to expire, or the verdict on the answer that refused one."""
        with self._lock:
            if self._token and self._of == credentials and self.clock.monotonic() < self._until:
                return self._token
            granted = ask()
            if isinstance(granted, Verdict):
                return granted
            self._token, self._of = granted.token, credentials
            self._until = self.clock.monotonic() + max(granted.seconds - EARLY_SECONDS, granted.seconds / 2)
            return self._token

    def forget(self, token: str) -> None:
        """Forget a token that was refused, unless another worker has replaced it already."""
        with self._lock:
            if self._token == token:
                self._token = ""
