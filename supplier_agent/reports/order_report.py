"""Facts in words: an order as JSON, everything ever done for it, what happens next and why. Reads, never writes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from supplier_agent import outbox
from supplier_agent.base.cells import Unreadable, known
from supplier_agent.calls import CALLS
from supplier_agent.db.tables import Call, Event, Order
from supplier_agent.order import blockers, damage, in_words, shipped_on, stage, wanted
from supplier_agent.settings import Settings
from supplier_agent.suppliers import circuit_breakers, snapshot
from supplier_agent.suppliers.safety_stops import ships_wait
from supplier_agent.suppliers.warnings import why_paused

MANY_ATTEMPTS = 5


class Next(NamedTuple):
    """What happens next: a code that stays, and a sentence that says why."""

    code: str
    said: str


def instant(at: datetime | None) -> str | None:
    """Return an instant as JSON has it: ISO 8601, UTC; None if it is not known."""
    return (
        None
        if at is None or isinstance(at, Unreadable)
        else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )


def price(cents: int | None) -> str | None:
    """Return money as a string with two decimals; None if it is not known."""
    return None if cents is None or isinstance(cents, Unreadable) else f"{cents // 100}.{cents % 100:02d}"


def calls_of(tx: Session, orders: Iterable[Order]) -> dict[int, list[Call]]:
    """Return the calls of many orders at once, by the order's row id."""
    found: dict[int, list[Call]] = defaultdict(list)
    ids = [order.id for order in orders]
    for start in range(0, len(ids), 500):
        for call in tx.exec(
            select(Call).where(col(Call.order_id).in_(ids[start : start + 500])).order_by(col(Call.id))
        ):
            found[call.order_id].append(call)
    return found


def summary(order: Order, calls: Sequence[Call]) -> dict[str, object]:
    """Return the object of `orders --json` (public contract, "JSON")."""
    facts = {
        "supplier": order.supplier,
        "menzzo_order_id": order.menzzo_order_id,
        "increment_id": order.increment_id,
        "sale_product_id": order.sale_product_id,
        "sku": order.sku,
        "quantity": order.quantity,
        "price": price(order.price_cents),
        "carrier": order.carrier,
        "order_date": order.order_date.isoformat() if order.order_date and known(order.order_date) else None,
        "link_to_label": order.link_to_label,
        "stage": stage(order, calls),
        "first_seen_at": instant(order.first_seen_at),
        "acknowledged_at": instant(order.acknowledged_at),
        "acknowledge_evidence": order.acknowledge_evidence,
        "label_path": order.label_path,
        "label_sha256": order.label_sha256,
        "shipped": order.shipped == 1,
        "shipped_at": instant(order.shipped_at),
        "ship_confirmed_at": instant(order.ship_confirmed_at),
        "ship_evidence": order.ship_evidence,
        "override_by": order.override_by,
        "override_covers": order.override_covers,
        "held_reason": order.held_reason,
        "held_code": order.held_code,
        "closed_reason": order.closed_reason,
        "vanished_at": instant(order.vanished_at),
        "blockers": obstacles(order, calls),
        "problem": problem(order, calls),
    }
    return {name: known(value) for name, value in facts.items()} | {"menzzo_order_id": order.menzzo_order_id}


def obstacles(order: Order, calls: Sequence[Call]) -> list[str]:
    """Return all that keeps an order from being reported as shipped, as codes: what an override lifts, and what it does not."""
    damaged = ["damaged"] if damage(order, calls) else []
    if order.ship_confirmed_at is not None or order.closed_reason is not None:
        return damaged
    stuck = [f"ship_{call.state}" for call in calls if call.kind == "ship" and call.state in {"parked", "unknown"}]
    return [*damaged, *(["held"] if order.held_reason is not None else []), *blockers(order), *stuck]


def problem(order: Order, calls: Sequence[Call]) -> str | None:
    """Return what is wrong with an order in one plain sentence, or None."""
    damaged = damage(order, calls)
    if not damaged and (order.ship_confirmed_at is not None or order.closed_reason is not None):
        return order.problem
    said = [damaged] if damaged else []
    said += [f"{call.kind} is {call.state}: {call.detail}" for call in calls if call.state in {"parked", "unknown"}]
    said += [f"{call.kind} was tried {call.attempts} times: {call.detail}" for call in calls if _drags_on(call)]
    if known(order.problem) is not None and order.problem is not None:
        said.append(order.problem)
    return "; ".join(said) or None


def _drags_on(call: Call) -> bool:
    """Tell whether a call has been tried so often that somebody may want to know."""
    return call.state == "owed" and call.attempts >= MANY_ATTEMPTS


def whole(tx: Session, order: Order, settings: Settings, now: datetime) -> dict[str, object]:
    """Return the object of `order ID --json`: the summary, every call and attempt, the history, what happens next."""
    calls = outbox.of_order(tx, order.id or 0)
    following = what_next(tx, order, calls, settings, now)
    return summary(order, calls) | {
        "calls": [
            {
                "kind": call.kind,
                "state": call.state,
                "due_at": instant(call.due_at),
                "detail": call.detail,
                "attempts": [
                    {
                        "number": attempt.number,
                        "started_at": instant(attempt.started_at),
                        "ended_at": instant(attempt.ended_at),
                        "outcome": attempt.outcome,
                        "http_status": attempt.http_status,
                        "detail": attempt.detail,
                    }
                    for attempt in outbox.attempts_of(tx, call)
                ],
            }
            for call in calls
        ],
        "history": [
            {"at": instant(event.at), "who": event.who, "what": event.what, "detail": event.detail}
            for event in tx.exec(select(Event).where(Event.order_id == order.id).order_by(col(Event.id)))
        ],
        "next": following.said,
        "next_code": following.code,
    }


def _ending(order: Order, calls: Sequence[Call]) -> Next | None:
    """Return why nothing happens to an order by itself any more: it is damaged, shipped or closed; else None."""
    if order.fault is not None and known(order.fault) is not None:
        return Next("fault", f"Nothing: {order.fault}. To try again: supplier-agent retry {order.menzzo_order_id}")
    if damaged := damage(order, calls):
        return Next("damaged", f"Nothing until it is corrected: {damaged} (row {order.id}).")
    if order.ship_confirmed_at is not None:
        return Next("shipped", f"Nothing: {shipped_on(order)}.")
    if order.closed_reason is not None:
        reopen = f"supplier-agent reopen {order.menzzo_order_id}"
        return Next("closed", f"Nothing: it is closed ({order.closed_reason}). To take it up again: {reopen}")
    return None


def what_next(tx: Session, order: Order, calls: Sequence[Call], settings: Settings, now: datetime) -> Next:
    """Return what happens next and why."""
    this = order.menzzo_order_id
    if (ending := _ending(order, calls)) is not None:
        return ending
    states = {call.kind: call for call in calls}
    unknown = next((call for call in calls if call.state == "unknown"), None)
    if unknown is not None:
        kind = CALLS.get(unknown.kind)
        again = kind and kind.by_itself(unknown, list(outbox.attempts_of(tx, unknown)), settings, now)
        if again is not None and order.supplier in settings.suppliers:
            lost = f"The answer to its {unknown.kind} call was lost"
            return Next("resend", f"{lost}; it is sent once more at {again:%H:%M:%S} UTC (resend).")
        return Next(
            "unknown",
            f"A person decides: nobody here knows whether its {unknown.kind} call was taken in. Ask Menzzo, then: "
            f"supplier-agent resolve {this} --shipped --by NAME (or --send-again --by NAME)",
        )
    if order.supplier not in settings.suppliers:
        return Next(
            "supplier_unknown",
            f"Nothing: {order.supplier} is not in the configuration, so no call is made for this order. "
            f"Put [suppliers.{order.supplier}] into it, or: supplier-agent close {this} --supplier {order.supplier} --reason TEXT",
        )
    parked = next((call for call in calls if call.state == "parked"), None)
    if parked is not None:
        return Next(
            "parked",
            f"A person decides about the {parked.kind} call: {parked.detail}. To try again: supplier-agent retry {this}",
        )
    if order.held_reason is not None:
        release = f"To release it: supplier-agent release {this}"
        return Next("held", f"Nothing until it is released: it is held ({order.held_reason}). {release}")
    wants = wanted(order)
    if wants:
        missing = blockers(order) if order.shipped == 1 else []
        flagged = f"It is flagged, and is reported as shipped once it has {in_words(missing)}. " if missing else ""
        code, said = _when(tx, order, wants[0].kind, states.get(wants[0].kind), settings, now)
        return Next(code, flagged + said)
    return Next("warehouse", f"It waits in the warehouse. Once it has left the building: supplier-agent ship {this}")


def _when(tx: Session, order: Order, kind: str, call: Call | None, settings: Settings, now: datetime) -> Next:
    if call is not None and call.state == "sending":
        return Next("sending", f"Its {kind} call is being sent at this moment.")
    supplier = snapshot.known_supplier(tx, order.supplier)
    if supplier.paused_at is not None:
        paused = f"{order.supplier} is paused {why_paused(supplier)}"
        return Next("paused", f"Nothing while {paused}. To let it go on: supplier-agent resume {order.supplier}")
    if settings.read_only:
        return Next(
            "read_only", f"Its {kind} call waits while the agent only reads: read_only = true in the configuration."
        )
    if kind == "ship" and ships_wait(supplier):
        return Next(
            "many_flags",
            f"Its ship call waits for a person's word, since unusually many orders were flagged within a minute. "
            f"If they have left: supplier-agent approve {order.supplier}",
        )
    if supplier.token_refused_at is not None:
        return Next(
            "token_refused", f"Its {kind} call waits until {order.supplier} has a token that the marketplace accepts."
        )
    at = call.due_at if call is not None and call.due_at is not None else CALLS[kind].due_at(order, settings)
    lane = circuit_breakers.of(tx, order.supplier, CALLS[kind].LANE)
    pauses = {
        f"the {lane.lane} of {order.supplier} pause ({lane.reason})": lane.resume_at,
        f"the marketplace asked for silence towards {order.supplier}": supplier.quiet_until,
    }
    for why, until in pauses.items():
        if until is not None and until > max(at, now):
            return Next("outage", f"Its {kind} call goes at {until:%H:%M:%S} UTC or soon after: {why}.")
    if at > now:
        code, reason = "later", call.detail if call is not None else None
        if kind == "ship" and (call is None or call.attempts == 0):
            code, reason = "undo_window", "until then the flag can be taken back"
        return Next(code, f"Its {kind} call goes at {at:%Y-%m-%d %H:%M:%S} UTC{f': {reason}' if reason else ''}.")
    return Next("due", f"Its {kind} call is due now, and goes as soon as the agent runs and the rate allows.")
