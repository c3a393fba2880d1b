"""The request to BusinessOnBot: `POST {domain}/fulfillments-events-create`, and what its answers mean.

Source: BusinessOnBot, Notifications API ("Order Delivery"). It has no version. Documented: the header `x-guest-id`, the six fields,
the status words, {"status":"success","statusCode":200}, and failures with `statusCode` 400 and 500. Not documented: whether a
failure comes with the same HTTP status or with 200, what else may be answered, and what happens if a message arrives twice.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from supplier_agent.base.clock import Clock
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.answers import bare_verdict
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Answer, Wire
from supplier_agent.settings import Settings

PATH = "/fulfillments-events-create"
DISPATCHED = "Dispatched"
ANSWER_BYTES = 1 << 16
SUCCESS, FAILURE = "success", "failure"
BY_CODE = {401: Means.TOKEN_REFUSED, 403: Means.TOKEN_REFUSED, 429: Means.TOO_MANY}
"""What these `statusCode`s of a failure mean; the document has only 400 and 500."""
OF_THE_ADDRESS = frozenset({404, 405})
"""HTTP statuses with which nothing answers at this address, unless the body is a documented one."""


@dataclass(frozen=True)
class Bot:
    """The tools of a worker. `heard` gets the seconds that the answer took on the network."""

    url: str
    key: Callable[[], str]
    wire: Wire
    pace: Pace
    clock: Clock
    heard: Callable[[float], None] = field(default=lambda _seconds: None)

    def for_call(self, heard: Callable[[float], None]) -> "Bot":
        """Return a client for one call."""
        return replace(self, heard=heard)

    def dispatched(self, order: Mapping[str, object]) -> Verdict:
        """Send it, once. Only the documented success counts as one."""
        key, content = self.key(), json.dumps(body_of(order)).encode()
        reply = self.wire.exchange_in_turn(
            "POST",
            f"{self.url}{PATH}",
            headers={"Content-Type": "application/json", "Accept": "application/json", "x-guest-id": key},
            content=content,
            limit_bytes=ANSWER_BYTES,
            wait_turn=self.pace.wait_turn,
            heard=self.heard,
        )
        found = bare_verdict(reply, self.clock.now())
        return judged(found, reply) if isinstance(reply, Answer) else found


def make_client(settings: Settings, supplier: str, wire: Wire, clock: Clock, key: Callable[[], str]) -> Bot:
    """Return the client of a supplier's bot. Raises ValueError if it has none that is written to."""
    keys = settings.bot_of(supplier)
    if keys is None or keys.url is None:
        raise ValueError(f"{supplier} has no bot to write to")
    return Bot(keys.url, key, wire, Pace(clock, keys.requests_per_second), clock)


def body_of(order: Mapping[str, object]) -> dict[str, str]:
    """Return the documented body, without anything of the customer.

    id: the shop's id of the order; id_alias: its number, if that is another. delivery_id: of this message, the same however often
    it is sent. fulfillment_id: an order has one, so it is the order's. delivered_at: when the order got the status that is told, so
    here when it became fulfilled in the shop. The document wants it with every status; nothing is said about a delivery.
    """
    shop_id, number, at = str(order["shop_id"]), str(order["number"]), order["dispatched_at"]
    assert isinstance(at, datetime)  # noqa: S101 - a column that is never null
    return {
        "delivery_id": f"{shop_id}-dispatched",
        "id": shop_id,
        **({"id_alias": number} if number != shop_id else {}),
        "fulfillment_id": shop_id,
        "status": DISPATCHED,
        "delivered_at": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def judged(found: Verdict, answer: Answer) -> Verdict:
    """Return the verdict on an answer. found: its bare verdict, by its HTTP status. Nothing of the body is kept.

    1. The documented success, with a 2xx: done. 2. A failure with a `statusCode` from 400 to 499, by any HTTP status: refused.
    3. Any other failure may have come after the message: unclear. 4. A 2xx with anything else: unclear.
    5. Without a documented body, the HTTP status says it.
    """
    said = _object(answer.body)
    status, code = said.get("status"), said.get("statusCode")
    if status == FAILURE and type(code) is int and found.means not in {Means.TOKEN_REFUSED, Means.TOO_MANY}:
        means = BY_CODE.get(code) or (Means.REFUSED if HTTPStatus(400) <= code < HTTPStatus(500) else Means.FAILED)
        return Verdict(means, f"a failure with statusCode {code}", answer.status, found.retry_after_seconds)
    if HTTPStatus(200) <= answer.status < HTTPStatus(300):
        # True and 200.0 equal other numbers for Python, and mean nothing here.
        if status == SUCCESS and type(code) is int and code == HTTPStatus.OK and not said.get("error"):
            return Verdict(Means.CONFIRMED, "", answer.status)
        return Verdict(Means.UNCLEAR, f"HTTP {answer.status}, but not the documented success", answer.status)
    if answer.status in OF_THE_ADDRESS:
        return Verdict(Means.NOT_FOUND, f"nothing answers at this address (HTTP {answer.status})", answer.status)
    return found


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; {} if it is none, or has a key twice."""
    try:
        said = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found
