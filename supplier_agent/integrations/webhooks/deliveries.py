"""The deliveries of events: who is configured, sending again, and what is removed after a while."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, delete, select

from supplier_agent import outbox
from supplier_agent.calls.webhook import events_of, owe_next
from supplier_agent.db.tables import Attempt, Call
from supplier_agent.db.webhooks import WebhookEndpoint, WebhookEvent
from supplier_agent.settings import Settings
from supplier_agent.settings.webhooks import Webhook, kind_of
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.suppliers.snapshot import known_supplier, try_now

BATCH = 500
"""How many old events are removed at once."""
WAITING = frozenset({"owed", "parked", "unknown"})
TABLES = ("webhook_baseline", "webhook_endpoints", "webhook_states", "webhook_events")


# -- who is configured


def configure(tx: Session, settings: Settings, now: datetime) -> None:
    """Store the configured webhooks. A new one gets events from now on; of one that is gone, the deliveries are removed."""
    known = {each.name: each for each in tx.exec(select(WebhookEndpoint)).all()}
    names = {each.name for each in settings.webhooks}
    for name in names - known.keys():
        tx.add(WebhookEndpoint(name=name, since=now))
    for name in known.keys() - names:
        _remove_calls(tx, "kind = :kind", {"kind": kind_of(name)})
        tx.delete(known[name])
    tx.flush()


def forget(tx: Session) -> None:
    """Remove everything, because no webhook is configured any more: one that comes later gets events from then on."""
    _remove_calls(tx, "kind LIKE 'webhook.%'", {})
    for table in TABLES:
        tx.connection().execute(text(f"DELETE FROM {table}"))  # noqa: S608 - constants


def _remove_calls(tx: Session, which: str, values: Mapping[str, object]) -> None:
    these = f"SELECT id FROM calls WHERE order_id IS NULL AND {which}"  # noqa: S608 - our own texts
    tx.connection().execute(text(f"DELETE FROM attempts WHERE call_id IN ({these})"), dict(values))  # noqa: S608 - as above
    tx.connection().execute(text(f"DELETE FROM calls WHERE id IN ({these})"), dict(values))  # noqa: S608 - as above


# -- sending again


@dataclass(frozen=True)
class Replay:
    """What is sent again. events: how many; orders: of how many orders (the supplier as a whole counts as one)."""

    events: int
    orders: int


def replay(tx: Session, webhook: Webhook, event_ids: Collection[str], now: datetime) -> Replay:
    """Send these events to a webhook again, each order's in order.

    An event that is parked holds back the later ones of its order, so it is sent again with them.
    """
    streams: dict[tuple[str, int | None], set[str]] = defaultdict(set)
    for event_id, _, supplier, order_id in _known(tx, event_ids):
        streams[supplier, order_id].add(event_id)
    events = 0
    for (supplier, order_id), again in streams.items():
        for event in events_of(tx, webhook.kind, supplier, order_id):
            call = outbox.of_event(tx, webhook.kind, event.event_id)
            if call is not None and (event.event_id in again or call.state in WAITING):
                outbox.put_back(tx, call)
                events += 1
            elif event.event_id in again:
                outbox.owe_event(tx, webhook.kind, webhook.kind, event.event_id, now)
                tx.flush()
                put_back = outbox.of_event(tx, webhook.kind, event.event_id)
                assert put_back is not None  # noqa: S101 - it was just written
                outbox.put_back(tx, put_back)
                events += 1
        owe_next(tx, webhook, supplier, order_id, now)
    _try_now(tx, webhook, now)
    return Replay(events, len(streams))


def _try_now(tx: Session, webhook: Webhook, now: datetime) -> None:
    """End the pause of a failing webhook. The loop sees the changed row, and looks for calls."""
    row = known_supplier(tx, webhook.kind)
    row.resumed_at = now
    tx.add(row)
    try_now(tx, webhook.kind, now, OTHERS)


def chosen_by(tx: Session, since: datetime | None, order_id: int | None) -> list[str]:
    """Return the ids of the stored events since that time, or of that order; both if both are given."""
    query = select(WebhookEvent.event_id)
    if since is not None:
        query = query.where(WebhookEvent.at >= since)
    if order_id is not None:
        query = query.where(WebhookEvent.order_id == order_id)
    return list(tx.exec(query.order_by(col(WebhookEvent.id))).all())


def parked(tx: Session, webhook: Webhook) -> list[str]:
    """Return the ids of the events that were given up."""
    query = select(Call.subject).where(Call.kind == webhook.kind, Call.state == "parked", col(Call.order_id).is_(None))
    return list(tx.exec(query).all())


def taken(tx: Session, webhook: Webhook, event_ids: Collection[str]) -> list[str]:
    """Return those of these events that exist and that the webhook takes."""
    return [event_id for event_id, type_, supplier, _ in _known(tx, event_ids) if webhook.takes(type_, supplier)]


def _known(tx: Session, event_ids: Collection[str]) -> Iterator[tuple[str, str, str, int | None]]:
    """Yield id, type, supplier and order of each of these events that is stored."""
    of_event = select(WebhookEvent.event_id, WebhookEvent.type, WebhookEvent.supplier, WebhookEvent.order_id)
    ids = sorted(event_ids)
    for start in range(0, len(ids), BATCH):
        some = col(WebhookEvent.event_id).in_(ids[start : start + BATCH])
        rows = tx.exec(of_event.where(some).order_by(col(WebhookEvent.id))).all()
        yield from ((row[0], row[1], row[2], row[3]) for row in rows)


# -- what is removed


def remove_old(tx: Session, settings: Settings, now: datetime) -> dict[str, int]:
    """Remove events older than `[keep] webhooks_days`, with their calls; return how many were lost, by the name of the webhook.

    The events after a removed one are sent. One that is being sent now stays for this time.
    """
    before = now - timedelta(days=settings.keep.webhooks_days)
    first = tx.exec(select(WebhookEvent.at).order_by(col(WebhookEvent.id)).limit(1)).first()
    if first is None or first >= before:
        return {}
    oldest = select(WebhookEvent).order_by(col(WebhookEvent.id)).limit(BATCH)  # by the key: without reading all of them
    old = [each for each in tx.exec(oldest).all() if each.at < before]
    of_them = col(Call.subject).in_([each.event_id for each in old])
    kinds = col(Call.kind).in_([each.kind for each in settings.webhooks])
    calls = tx.exec(select(Call).where(col(Call.order_id).is_(None), kinds, of_them)).all()
    sending = {call.subject for call in calls if call.state == "sending"}
    removed = [each for each in old if each.event_id not in sending]
    states = {(call.kind, call.subject): call.state for call in calls}
    lost: dict[str, int] = {}
    for webhook in settings.webhooks:
        endpoint = tx.get(WebhookEndpoint, webhook.name)
        mine = [each for each in removed if webhook.takes(each.type, each.supplier)]
        since = endpoint.since if endpoint is not None else now
        number = sum(states.get((webhook.kind, each.event_id)) != "done" and each.at >= since for each in mine)
        if number and endpoint is not None:
            endpoint.lost, endpoint.lost_at = endpoint.lost + number, now
            tx.add(endpoint)
            lost[webhook.name] = number
    for call in calls:
        if call.subject not in sending:
            tx.exec(delete(Attempt).where(col(Attempt.call_id) == call.id))
            tx.delete(call)
    tx.flush()
    for event in removed:
        tx.delete(event)
    tx.flush()
    for webhook in settings.webhooks:
        for supplier, order_id in dict.fromkeys((each.supplier, each.order_id) for each in removed):
            owe_next(tx, webhook, supplier, order_id, now)
    return lost
