"""Sends one test event to a webhook, without the agent, and returns the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import random

from supplier_agent.base.clock import Clock
from supplier_agent.integrations.webhooks import body
from supplier_agent.integrations.webhooks.receiver import Receiver
from supplier_agent.marketplace import Means
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.marketplace.wire import Wire
from supplier_agent.settings import Settings, egress
from supplier_agent.settings.webhooks import TEST, Webhook, secret_of


@dataclass(frozen=True)
class Tried:
    """What came of it. http_status: None: no answer came. detail: the answer word for word, or what happened instead."""

    event_id: str
    accepted: bool
    http_status: int | None
    detail: str


def try_one(webhook: Webhook, settings: Settings, env: Mapping[str, str], clock: Clock) -> Tried:
    """Send a test event, as the agent sends events. Raises ConfigError if the secret cannot be read."""
    secret = secret_of(webhook, env)
    wire = Wire(clock, settings.http.timeout_seconds, egress=egress.of(settings))
    at_once = Pace(clock, per_second=1e6)
    url = webhook.url.get_secret_value()
    receiver = Receiver(url, lambda: secret, wire, at_once, clock, heard=lambda _seconds: None)
    event_id = body.new_id(random)
    verdict = receiver.post(event_id, body.of_test(TEST, event_id, clock.now()))
    return Tried(event_id, verdict.means is Means.CONFIRMED, verdict.http_status, verdict.detail)
