"""The real request to a real socket: signed as the library expects, bounded in time and size, and never redirected."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from supplier_agent.base.clock import SystemClock
from supplier_agent.integrations.webhooks import body
from supplier_agent.integrations.webhooks.receiver import Receiver
from supplier_agent.integrations.webhooks.trial import try_one
from supplier_agent.marketplace import Means, Verdict
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.api import Handled
from supplier_agent.sandbox.faults import Fault, Request
from supplier_agent.sandbox.receiver import SECRET
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.settings.webhooks import Webhook

SECONDS = 0.6


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World(SystemClock(), ("notio",))) as one:
        yield one


def send(sandbox: Sandbox, secret: str = SECRET) -> Verdict:
    clock = SystemClock()
    wire = Wire(clock, SECONDS)
    url = f"{sandbox.url}/webhooks/erp?key=hidden"
    receiver = Receiver(url, lambda: secret, wire, Pace(clock, 1e6), clock, lambda _seconds: None)
    return receiver.post("evt_1", body.of_test("webhook.test", "evt_1", clock.now()))


def test_what_is_sent_is_verified_by_the_library(sandbox: Sandbox) -> None:
    seen: list[Request] = []
    handle = sandbox.api.handle

    def note(request: Request, base_url: str) -> Handled:
        seen.append(request)
        return handle(request, base_url)

    sandbox.api.handle = note  # type: ignore[method-assign]
    assert send(sandbox).means is Means.CONFIRMED
    event = Verifier(SECRET).verify(seen[0].body or b"", dict(seen[0].headers))
    assert event["type"] == "webhook.test"
    with pytest.raises(Exception, match="signature"):
        Verifier(SECRET).verify((seen[0].body or b"") + b" ", dict(seen[0].headers))


def test_the_sandbox_keeps_an_event_once_and_takes_none_that_is_not_signed(sandbox: Sandbox) -> None:
    other = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
    assert send(sandbox, other).means is Means.TOKEN_REFUSED
    assert not sandbox.api.receiver.events
    send(sandbox)
    send(sandbox)
    assert (list(sandbox.api.receiver.events), sandbox.api.receiver.repeated) == (["evt_1"], 1)


@pytest.mark.parametrize(
    ("fault", "means"),
    [
        (lambda: faults.status(400), Means.REFUSED),
        (lambda: faults.status(404), Means.NOT_FOUND),
        (lambda: faults.status(410), Means.REFUSED),
        (lambda: faults.status(429, headers=(("Retry-After", "7"),)), Means.TOO_MANY),
        (lambda: faults.status(500), Means.FAILED),
        (lambda: faults.redirect("https://elsewhere.example/"), Means.REDIRECTED),
        (lambda: faults.status(200, body=b"x" * 100_000), Means.UNCLEAR),
        (faults.gzip_bomb, Means.UNCLEAR),
        (lambda: faults.hang(applied=False), Means.LOST),
        (lambda: faults.late(30), Means.LOST),
        (lambda: faults.drip_head(0.2), Means.LOST),
        (lambda: faults.close(applied=False), Means.LOST),
        (lambda: faults.reset(applied=False), Means.LOST),
        (lambda: faults.garbage(applied=False), Means.LOST),
        (faults.html, Means.CONFIRMED),
    ],
)
def test_a_receiver_that_misbehaves(sandbox: Sandbox, fault: Callable[[], Fault], means: Means) -> None:
    sandbox.world.faults.arm("webhook", fault())
    began = time.monotonic()
    found = send(sandbox)
    assert found.means is means
    assert time.monotonic() - began < 10 * SECONDS, "the time of one call is bounded, however slow the machine"
    assert SECRET not in found.detail


def test_one_that_is_closed(sandbox: Sandbox) -> None:
    sandbox.stop()
    assert send(sandbox).means is Means.NOT_SENT


def test_a_trial_tells_the_answer(sandbox: Sandbox) -> None:
    webhook = Webhook.model_validate({"name": "erp", "url": f"{sandbox.url}/webhooks/erp", "secret": SECRET})
    settings = Settings(suppliers={"notio": {"token": "t"}})
    found = try_one(webhook, settings, {}, SystemClock())
    assert (found.accepted, found.http_status) == (True, 204)
    assert json.dumps(list(sandbox.api.receiver.events.values())).count("webhook.test") == 1
    sandbox.world.faults.arm("webhook", faults.status(503))
    again = try_one(webhook, settings, {}, SystemClock())
    assert (again.accepted, again.http_status) == (False, 503)
