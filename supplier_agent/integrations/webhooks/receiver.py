"""The request to a webhook: an event, signed as Standard Webhooks says (https://www.standardwebhooks.com)."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from supplier_agent.base.clock import Clock
from supplier_agent.base.standard_webhooks import VERSION, signature
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
        secret, content = self.secret(), body.encode()
        headers = {
            "Content-Type": "application/json",
            **signed(event_id, int(self.clock.now().timestamp()), content, keys_of(secret)),
        }
        reply = self.wire.exchange_in_turn(
            "POST",
            self.url,
            headers=headers,
            content=content,
            limit_bytes=ANSWER_BYTES,
            wait_turn=self.pace.wait_turn,
            heard=self.heard,
        )
        return plain_verdict(reply, self.clock.now(), [*secret.split(), self.url])


def signed(event_id: str, at: int, content: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Return the headers that prove who sent this content, when (seconds since 1970), and as which event."""
    signatures = (signature(key, event_id, str(at), content) for key in keys)
    shown = " ".join(f"{VERSION},{base64.b64encode(each).decode()}" for each in signatures)
    return {"webhook-id": event_id, "webhook-timestamp": str(at), "webhook-signature": shown}
