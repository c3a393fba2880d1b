"""The receiver of webhooks: POST /webhooks/NAME. It verifies each event as Standard Webhooks says, and keeps it once.

Faults of the endpoint `webhook` make it fail. It shares no code with the agent, so that the two can agree through HTTP alone.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from supplier_agent.base.clock import Clock
from supplier_agent.sandbox.faults import Answer, Request, error_answer

SECRET = "whsec_" + base64.b64encode(b"the sandbox's secret, known to all").decode()
TOLERANCE_SECONDS = 300


@dataclass
class Receiver:
    """What has arrived. events: each once, by its id. repeated: how often one arrived again. heard: is called with each new one."""

    clock: Clock
    events: dict[str, Mapping[str, object]] = field(default_factory=dict)
    repeated: int = 0
    heard: Callable[[Mapping[str, object]], None] = lambda _event: None

    def receive(self, request: Request, *, applies: bool) -> Answer:
        """Return 204 for an event of ours, 401 for anything else. applies: it is kept."""
        body = request.body or b""
        why = self._fault(request.headers, body)
        if why:
            return error_answer(HTTPStatus.UNAUTHORIZED, why)
        event_id = request.headers["webhook-id"]
        if applies and event_id in self.events:
            self.repeated += 1
        elif applies:
            event = self.events[event_id] = json.loads(body)
            self.heard(event)
        return Answer(HTTPStatus.NO_CONTENT)

    def _fault(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return why the request is not an event of ours, or ""."""
        event_id, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not at.isdecimal() or abs(int(at) - self.clock.now().timestamp()) > TOLERANCE_SECONDS:
            return "the timestamp is missing, or not of now"
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mac = hmac.new(key, b".".join((event_id.encode(), at.encode(), body)), hashlib.sha256).digest()
        right = "v1," + base64.b64encode(mac).decode()
        is_right = any(hmac.compare_digest(each.encode(), right.encode()) for each in given.split())
        return "" if is_right else "the signature is wrong"
