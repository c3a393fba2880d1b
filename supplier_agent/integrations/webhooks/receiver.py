"""The request to a webhook: an event, signed as Standard Webhooks says (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from supplier_agent.base.clock import Clock
from supplier_agent.marketplace import Verdict
from supplier_agent.marketplace.answers import plain_verdict
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.settings.webhooks import keys_of

ANSWER_BYTES = 1 << 16
"""The longest answer that counts. What it says is not used, but for the log of deliveries."""


@dataclass(frozen=True)
class Receiver:
    """The tools of a worker. `heard` gets the seconds that the answer took on the network."""

    url: str
    secret: Callable[[], str]
    wire: Wire
    pace: Pace
    clock: Clock
    heard: Callable[[float], None]

    def post(self, event_id: str, body: str) -> Verdict:
        """POST an event, once. Any 2xx means that it has arrived."""
        began, secret = 0.0, self.secret()

        def turn() -> None:
            nonlocal began
            self.pace.wait_turn()
            began = self.clock.monotonic()

        content = body.encode()
        headers = {
            "Content-Type": "application/json",
            **signed(event_id, int(self.clock.now().timestamp()), content, keys_of(secret)),
        }
        reply = self.wire.exchange(
            "POST", self.url, headers=headers, content=content, limit_bytes=ANSWER_BYTES, turn=turn
        )
        self.heard(self.clock.monotonic() - began)
        return plain_verdict(reply, self.clock.now(), [*secret.split(), self.url])


def signed(event_id: str, at: int, content: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Return the headers that prove who sent this content, when (seconds since 1970), and as which event."""
    signatures = (hmac.digest(key, f"{event_id}.{at}.".encode() + content, hashlib.sha256) for key in keys)
    shown = " ".join(f"v1,{base64.b64encode(each).decode()}" for each in signatures)
    return {"webhook-id": event_id, "webhook-timestamp": str(at), "webhook-signature": shown}
