"""An account that this program does not have: what CONTRIBUTING.md asks for, its requests and its line in `make_accounts`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from supplier_agent.base.clock import Clock
from supplier_agent.calls import Ending, Job
from supplier_agent.calls.protocol import ending_of
from supplier_agent.marketplace import Verdict
from supplier_agent.marketplace.answers import plain_verdict
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.tick.context import Account
from tests.calls.new_call import Notify

RECEIVER = "receiver"
ANSWER_BYTES = 1 << 16


@dataclass(frozen=True)
class Receiver:
    """The tools of a worker: makes the request. `heard` gets the seconds that the answer took on the network."""

    url: str
    token: Callable[[], str]
    wire: Wire
    pace: Pace
    clock: Clock
    heard: Callable[[float], None]

    def post(self, content: Mapping[str, object]) -> Verdict:
        """POST, once. Any 2xx means that it has arrived."""
        token = self.token()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps(content).encode()
        reply = self.wire.exchange_in_turn(
            "POST",
            self.url,
            headers=headers,
            content=body,
            limit_bytes=ANSWER_BYTES,
            wait_turn=self.pace.wait_turn,
            heard=self.heard,
        )
        return plain_verdict(reply, self.clock.now(), [token])


class Deliver(Notify):
    """Notify, at the receiver's account."""

    def perform(self, job: Job, tools: Receiver) -> Ending:
        return ending_of(tools.post({"order": job.menzzo_order_id, **job.facts}))


def make_receiver(supplier: str, wire: Wire, clock: Clock, read_token: Callable[[], str], per_second: float) -> Account:
    """Return the account of this supplier at the receiver."""
    pace = Pace(clock, per_second)

    def tools(heard: Callable[[float], None]) -> Any:  # noqa: ANN401 - as in Account
        return Receiver("https://shop.example/hook", lambda: account.token or "", wire, pace, clock, heard)

    account = Account(f"{supplier}/{RECEIVER}", supplier, tools, pace, kind=RECEIVER, read_token=read_token)
    return account
