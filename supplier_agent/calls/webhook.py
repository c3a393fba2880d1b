"""webhook: send an event to a program of the user. At least once: the receiver knows a repeated event by its id.

One kind for each configured webhook, `webhook.NAME`. The call is about an event, not about an order: it never holds an order, never
makes one need attention, and is made for orders in every state. The events of an order are sent one after the other: the call of
the next is owed when the one before is done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sqlmodel import Session, col, func, select

from supplier_agent import outbox
from supplier_agent.calls.protocol import Ending, Job, OutwardCall, ending_of
from supplier_agent.db.tables import Attempt, Call
from supplier_agent.db.webhooks import WebhookEndpoint, WebhookEvent
from supplier_agent.marketplace import Verdict
from supplier_agent.order import ASIDE, Rule
from supplier_agent.outbox import DONE, REFUSED, Next, backoff
from supplier_agent.settings import Settings
from supplier_agent.settings.webhooks import Webhook as Configured
from supplier_agent.suppliers.circuit_breakers import OTHERS

RULE = Rule(lambda _order: False, by_row=True, attention=ASIDE)
"""No fact of an order asks for it: events do."""
GONE = 410
WRONG_ADDRESS = frozenset({404, 405})
UNFINISHED = ("owed", "sending", "parked", "unknown")


class Receiver(Protocol):
    """What a worker uses."""

    def post(self, event_id: str, body: str) -> Verdict:
        """Send an event, signed, and return the verdict on the answer."""


class Webhook(OutwardCall[Receiver]):
    """The call to one webhook; see the module."""

    LANE, PRIORITY, BRAKES_ON_404 = OTHERS, 9, False
    ENDPOINT, REHEARSED = "webhook", "send an event to a webhook:"

    def __init__(self, configured: Configured) -> None:
        self.configured = configured
        self.ACCOUNT = configured.kind
        self.WORDS = {f"kind.{configured.kind}": f"webhook {configured.name}"}

    def of_event(self, tx: Session, call: Call) -> Mapping[str, object] | None:
        """Return the event, and since when this delivery fails."""
        event = tx.exec(select(WebhookEvent).where(WebhookEvent.event_id == call.subject)).first()
        if event is None:
            return None
        since = select(func.min(Attempt.started_at)).where(Attempt.call_id == call.id)
        first = tx.exec(since.where(col(Attempt.started_at) >= call.owed_at)).first()
        return {"event_id": event.event_id, "body": event.body, "first_at": first}

    def perform(self, job: Job, tools: Receiver) -> Ending:
        """Send the event. Source: Standard Webhooks 1.0; any 2xx means that it has arrived."""
        ending = ending_of(tools.post(str(job.facts["event_id"]), str(job.facts["body"])))
        # Any other 4xx is about this event alone, so the next orders need not wait.
        return replace(ending, outage=True) if ending.outcome.http_status in WRONG_ADDRESS else ending

    def after(self, job: Job, ending: Ending, settings: Settings, now: datetime, chance: float) -> Next:
        """Return the next state: any failure is tried again with growing intervals, up to `give_up_seconds` since the first."""
        outcome, retry = ending.outcome, settings.retry
        if outcome.kind == DONE:
            return Next("done")
        if outcome.http_status == GONE:
            return Next("parked", strike=True, why="410 Gone: the receiver wants no more events at this address")
        first = job.facts.get("first_at")
        since = first if isinstance(first, datetime) else now
        said = f"HTTP {outcome.http_status}" if outcome.kind == REFUSED and not outcome.detail else outcome.detail
        if (now - since).total_seconds() >= self.configured.give_up_seconds:
            return Next("parked", strike=True, why=f"given up after {job.number} attempts: {said}"[:500])
        wait = backoff(retry.first_seconds, retry.max_seconds, job.strikes + 1, chance)
        left = since + timedelta(seconds=self.configured.give_up_seconds) - now
        return Next("owed", now + min(wait, max(left, timedelta(seconds=1))), strike=True, why=said[:500])

    def keep(self, tx: Session, job: Job, ending: Ending, settings: Settings, now: datetime) -> bool:  # noqa: ARG002 - as in OutwardCall
        """Owe the next event of the same order."""
        if ending.outcome.kind != DONE:
            return False
        endpoint = tx.get(WebhookEndpoint, self.configured.name)
        if endpoint is not None:
            endpoint.delivered_at = now
            tx.add(endpoint)
        event = tx.exec(select(WebhookEvent).where(WebhookEvent.event_id == job.facts["event_id"])).first()
        if event is not None:
            owe_next(tx, self.configured, event.supplier, event.order_id, now)
        return False


class Event(NamedTuple):
    """An event of one order, and the state of the call that sends it to a webhook; None: it was never owed."""

    event_id: str
    type: str
    at: datetime
    state: str | None


def next_event(events: Sequence[Event], takes: Callable[[str], bool], since: datetime) -> str | None:
    """Return the event of an order that a webhook gets next, by its id; None: there is none, or one is on its way.

    events: of one order, oldest first. The next is the oldest that was put back, to be sent again; else the first after all that
    were ever owed, from the time on since which the webhook is configured.
    """
    if any(each.state in UNFINISHED for each in events):
        return None
    last = max((place for place, each in enumerate(events) if each.state is not None), default=-1)
    for place, each in enumerate(events):
        is_new = each.state is None and place > last and each.at >= since and takes(each.type)
        if is_new or each.state == "dropped":
            return each.event_id
    return None


def events_of(tx: Session, kind: str, supplier: str, order_id: int | None) -> list[Event]:
    """Return the events of one order (None: of the supplier as a whole), oldest first."""
    call = (col(Call.subject) == col(WebhookEvent.event_id)) & (col(Call.kind) == kind) & col(Call.order_id).is_(None)
    query = select(WebhookEvent.event_id, WebhookEvent.type, WebhookEvent.at, Call.state).join(Call, call, isouter=True)
    query = query.where(WebhookEvent.supplier == supplier, col(WebhookEvent.order_id).is_not_distinct_from(order_id))
    return [Event(*row) for row in tx.exec(query.order_by(col(WebhookEvent.id))).all()]


def owe_next(tx: Session, configured: Configured, supplier: str, order_id: int | None, now: datetime) -> bool:
    """Owe the next event of this order (None: of the supplier as a whole) to a webhook; tell whether there was one."""
    tx.flush()
    endpoint = tx.get(WebhookEndpoint, configured.name)
    if endpoint is None:
        return False
    if endpoint.since > now:  # the clock was ahead when it was configured, and has been set back
        endpoint.since = now
        tx.add(endpoint)
    events = events_of(tx, configured.kind, supplier, order_id)
    found = next_event(events, lambda type_: configured.takes(type_, supplier), endpoint.since)
    if found is not None:
        outbox.owe_event(tx, configured.kind, configured.kind, found, now)
    return found is not None
