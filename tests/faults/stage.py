"""One request of each kind, made by the real calls over a real socket, at a server that misbehaves; how it ended, and when."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from supplier_agent.base.clock import SystemClock
from supplier_agent.calls import CALLS, Job, Tools, Unfinished
from supplier_agent.labels import LabelFolder
from supplier_agent.labels.pdf_worker import flaw
from supplier_agent.marketplace import Listing
from supplier_agent.marketplace.client import Marketplace
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reading.strategy import Query
from supplier_agent.sandbox.orders import draw
from supplier_agent.settings import Settings
from tests.marketplace.raw_server import Peer, Script
from tests.world.clocks import NOW

SUPPLIER, TOKEN = "notio", "secret-token"
IDS = ("15000012345_789", "15000012345_790")
"""The order of which the effect does not take place, and the one of which it does."""
LABEL_BYTES = 1 << 20
PDF = draw(IDS[0], "SOFA-1", 1, "GLS")
ROWS = json.dumps([{"menzzo_order_id": IDS[0], "sku": "SOFA-1", "quantity": 1, "price": 2.5}]).encode()
GOOD_BODIES: Mapping[str, bytes] = {
    "read": ROWS,
    "acknowledge": b'{"success": true}',
    "label": PDF,
    "ship": b'{"success": true}',
}


class Impatient(SystemClock):
    """A clock on which waiting takes no time: the pauses between the tries of a read are none of this test."""

    def sleep(self, seconds: float) -> None:
        """Do not wait."""
        assert seconds >= 0


@dataclass(frozen=True)
class Ended:
    """How one request ended. `ending` is (outcome, next state) of a call, the meaning of a read."""

    ending: str | tuple[str, str]
    seconds: float
    tries: int
    text: str


class Shelf:
    """What the server keeps: the orders on which a call took effect, and how often each request came."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.requests: list[bytes] = []

    def script(self, act: Callable[[Peer, bytes], None], kind: str, *, unread: bool) -> Script:
        """Return what the server does with each connection. The effect, if any, takes place as soon as the request is read."""

        def serve(peer: Peer) -> None:
            if unread:
                act(peer, GOOD_BODIES[kind])
                return
            request = peer.read_request()
            self.requests.append(request)
            if IDS[1].encode() in request:
                self.effects.append(IDS[1])
            act(peer, GOOD_BODIES[kind])

        return serve


def settings(folder: Path) -> Settings:
    """Return settings like those of life."""
    return Settings(state_dir=folder, suppliers={SUPPLIER: {"token": TOKEN}})


def marketplace(base_url: str, deadline_seconds: float) -> Marketplace:
    """Return an account at that server."""
    clock = Impatient()
    return Marketplace(
        supplier=SUPPLIER,
        base_url=base_url,
        token=lambda: TOKEN,
        wire=Wire(clock, deadline_seconds),
        pace=Pace(clock, 1e9),
        max_label_bytes=LABEL_BYTES,
        label_origins=(),
        clock=clock,
        stopping=lambda: False,
    )


def job(kind: str, menzzo_order_id: str, link: str = "/label.pdf", *, maybe_sent: bool = False) -> Job:
    """Return the first attempt of a call."""
    return Job(
        kind=kind,
        call_id=1,
        number=1,
        order_id=1,
        supplier=SUPPLIER,
        menzzo_order_id=menzzo_order_id,
        increment_id=menzzo_order_id.partition("_")[0],
        order_date=date(2026, 11, 20),
        link_to_label=link,
        owed_at=NOW - timedelta(minutes=1),
        strikes=0,
        lane_was_failing=False,
        not_found_since=None,
        maybe_sent_at=NOW if maybe_sent else None,
        asked=frozenset(),
    )


def request(kind: str, market: Marketplace, folder: Path, menzzo_order_id: str, *, maybe_sent: bool = False) -> Ended:
    """Make one request as a worker does, and decide about its call as the loop does."""
    began = time.monotonic()
    if kind == "read":
        answer = market.get_sales(Query(order_number=menzzo_order_id))
        means = "listed" if isinstance(answer, Listing) else answer.means.value
        return Ended(means, time.monotonic() - began, answer.tries, repr(answer))
    attempt = job(kind, menzzo_order_id, f"/label.pdf?{menzzo_order_id}", maybe_sent=maybe_sent)
    folder.mkdir(exist_ok=True)
    tools = Tools(market, LabelFolder(folder), settings(folder))
    ending = CALLS[kind].perform(attempt, tools)
    if isinstance(ending, Unfinished):
        ending = ending.finish(lambda path: flaw(path) or None)
    seconds = time.monotonic() - began
    after = CALLS[kind].after(attempt, ending, settings(folder), NOW, 0.0)
    return Ended((ending.outcome.kind, after.state), seconds, 1, repr((ending, after)))
