"""`order ID`: for each situation one plain sentence about what happens next, and all that ever happened."""

from collections.abc import Callable
from typing import Any

import pytest

from supplier_agent import outbox
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Order
from supplier_agent.reports import orders
from supplier_agent.settings import Settings
from supplier_agent.suppliers import circuit_breakers, snapshot
from supplier_agent.suppliers.circuit_breakers import LABELS, WRITES, Patience
from tests.unit.conftest import SUPPLIER, at, order_of, ready, settings_of
from tests.world.clocks import NOW

ID = "15000012345_789"
Keep = Callable[..., int]
SETTINGS = settings_of()


def next_of(store: Store, order_id: int, settings: Settings = SETTINGS, seconds: float = 0) -> str:
    with store.read() as tx:
        order = tx.get_one(Order, order_id)
        return str(orders.whole(tx, order, settings, at(seconds))["next"])


def attempt(store: Store, order_id: int, kind: str, outcome: str | None, after: str, seconds: float = 0) -> None:
    """Try a call once; `outcome` None: the process died in it."""
    with store.write() as tx:
        call = outbox.find(tx, order_id, kind)
        assert call is not None
        assert call.id is not None
        number = outbox.claim(tx, call, at(seconds))
        assert number is not None
        if outcome is not None:
            due_at = at(seconds + 90) if after == "owed" else None
            answer = outbox.Outcome(outcome, "the answer", 503)
            outbox.settle(tx, call.id, number, answer, outbox.Next(after, due_at, why="the reason"), at(seconds + 1))
    if outcome is None:
        with store.write() as tx:
            outbox.recover(tx, at(seconds + 1), once={"ship"})


@pytest.mark.parametrize(
    ("order", "states", "sentence"),
    [
        (
            ready(ship_confirmed_at=NOW, ship_evidence="confirmed"),
            {},
            "Nothing: the marketplace has confirmed it as shipped.",
        ),
        (
            ready(ship_confirmed_at=NOW, ship_evidence="unverified"),
            {},
            "the answer neither denied nor confirmed it (unverified).",
        ),
        (ready(ship_confirmed_at=NOW, ship_evidence="person"), {}, "a person said that the marketplace has it"),
        (ready(ship_confirmed_at=NOW), {}, "the evidence was not recorded."),
        (
            ready(ship_confirmed_at=NOW, ship_evidence="confirmed", closed_reason="x"),
            {"label": "parked"},
            "Nothing: the marketplace has confirmed it",
        ),
        (
            ready(closed_reason="by hand"),
            {"ship": "unknown"},
            "it is closed (by hand). To open it again: supplier-agent reopen",
        ),
        (ready(shipped=1), {"ship": "unknown"}, f"supplier-agent resolve {ID} --supplier notio --shipped --by NAME"),
        (ready(shipped=1, held_reason="wait"), {"ship": "unknown"}, "A person decides"),
        (order_of(), {"acknowledge": "parked"}, f"supplier-agent retry {ID}"),
        (
            ready(held_reason="the customer called"),
            {},
            "it is on hold (the customer called). To release it: supplier-agent release",
        ),
        (order_of(), {"acknowledge": "sending"}, "Its acknowledge call is being sent at this moment."),
        (order_of(), {"acknowledge": "owed"}, "Its acknowledge call is due now, and is sent as soon as the agent runs"),
        (order_of(), {}, "Its acknowledge call is due now"),
        (order_of(acknowledged_at=NOW), {"label": "owed"}, "Its label call is due now"),
        (order_of(acknowledged_at=NOW, link_to_label=None), {}, "Its label call is due now"),
        (
            order_of(acknowledged_at=NOW, shipped=1),
            {"label": "sending"},
            "Its label call is being sent at this moment.",
        ),
        (ready(), {}, f"It waits in the warehouse. Once it has left the building: supplier-agent ship {ID}"),
        (ready(shipped=1, shipped_at=at(-500)), {"ship": "owed"}, "Its ship call is due now"),
        (
            ready(shipped=1, shipped_at=NOW),
            {},
            "is sent at 2026-11-21 12:02:00 UTC: until then the mark can be undone.",
        ),
    ],
)
def test_each_situation_has_its_sentence(
    store: Store, keep: Keep, order: Order, states: dict[str, str], sentence: str
) -> None:
    told = next_of(store, keep(Order(**order.model_dump()), **states))
    assert sentence in told
    assert "\n" not in told


def test_a_wait_names_its_reason_and_its_end(store: Store, keep: Keep) -> None:
    order_id = keep(order_of(), acknowledge="owed")
    attempt(store, order_id, "acknowledge", "unknown", "owed")
    assert next_of(store, order_id) == "Its acknowledge call is sent at 2026-11-21 12:01:30 UTC: the reason."


@pytest.mark.parametrize(("lane", "order"), [(WRITES, order_of()), (LABELS, order_of(acknowledged_at=NOW))])
def test_an_outage_is_named_with_the_moment_of_the_next_try(store: Store, keep: Keep, lane: str, order: Order) -> None:
    order_id = keep(Order(**order.model_dump()), acknowledge="owed", label="owed")
    with store.write() as tx:
        circuit_breakers.failed(
            tx, circuit_breakers.of(tx, SUPPLIER, lane), Patience(30, 3600, 0), NOW, "the connection was refused"
        )
    told = next_of(store, order_id)
    assert f"the {lane} of notio pause (the connection was refused)" in told
    assert "12:00:30 UTC" in told
    assert "due now" in next_of(store, order_id, seconds=31)


def test_silence_that_was_asked_for_is_named(store: Store, keep: Keep) -> None:
    order_id = keep(order_of(), acknowledge="owed")
    with store.write() as tx:
        supplier = snapshot.known_supplier(tx, SUPPLIER)
        supplier.quiet_until = at(600)
        tx.add(supplier)
    assert "12:10:00 UTC or soon after: the marketplace asked us to wait" in next_of(store, order_id)


def test_a_refused_token_is_named(store: Store, keep: Keep) -> None:
    order_id = keep(order_of(), acknowledge="owed")
    with store.write() as tx:
        supplier = snapshot.known_supplier(tx, SUPPLIER)
        supplier.token_refused_at = NOW
        tx.add(supplier)
    assert (
        next_of(store, order_id) == "Its acknowledge call waits until notio has a token that the marketplace accepts."
    )


def test_resend_says_when_and_only_once(store: Store, keep: Keep) -> None:
    order_id = keep(ready(shipped=1, shipped_at=at(-500)), ship="owed")
    attempt(store, order_id, "ship", "unknown", "unknown")
    resend = settings_of(ship={"after_lost_answer": "resend", "settle_seconds": 1800})
    assert "is sent once more at 2026-11-21 12:30:01 UTC" in next_of(store, order_id, resend)
    assert "A person decides" in next_of(store, order_id), "the default asks"
    with store.write() as tx:
        call = outbox.find(tx, order_id, "ship")
        assert call is not None
        outbox.owe_again(tx, call, at(1900))
    attempt(store, order_id, "ship", None, "unknown", seconds=1900)
    assert "A person decides" in next_of(store, order_id, resend, seconds=9999)


def test_the_whole_story_has_every_call_attempt_and_event(store: Store, keep: Keep) -> None:
    order_id = keep(ready(shipped=1, shipped_at=at(-500)), ship="owed", label="done")
    attempt(store, order_id, "ship", "not_sent", "owed")
    attempt(store, order_id, "ship", None, "unknown", seconds=100)
    with store.read() as tx:
        told: Any = orders.whole(tx, tx.get_one(Order, order_id), SETTINGS, NOW)
    assert (told["stage"], told["price"], told["order_date"]) == ("attention", "250.00", "2026-11-20")
    assert told["shipped"] is True
    calls = {call["kind"]: call for call in told["calls"]}
    assert (calls["ship"]["state"], calls["ship"]["due_at"]) == ("unknown", None)
    first, second = calls["ship"]["attempts"]
    assert (first["number"], first["outcome"], first["http_status"], first["detail"]) == (
        1,
        "not_sent",
        503,
        "the answer",
    )
    assert (first["started_at"], first["ended_at"]) == ("2026-11-21T12:00:00.000000Z", "2026-11-21T12:00:01.000000Z")
    assert (second["number"], second["outcome"], second["ended_at"]) == (2, None, None)
    assert told["problem"].endswith("the agent stopped while it was being sent")
    assert told["problem_codes"] == ["call_unknown"]


@pytest.mark.parametrize(
    ("cents", "text"), [(None, None), (0, "0.00"), (5, "0.05"), (25000, "250.00"), (100000000099, "1000000000.99")]
)
def test_money_has_two_decimals(cents: int | None, text: str | None) -> None:
    assert orders.price(cents) == text


def test_a_summary_has_the_keys_of_the_contract(store: Store, keep: Keep) -> None:
    keys = {"supplier", "menzzo_order_id", "increment_id", "sku", "quantity", "price", "carrier", "order_date", "stage"}
    keys |= {"acknowledged_at", "label_path", "shipped", "shipped_at", "ship_confirmed_at", "problem"}
    keys |= {"ship_evidence", "vanished_at", "blockers"}
    told = whole(store, keep(order_of(problem="price is missing"), label="parked"))
    assert keys <= set(told)
    assert told["problem"] == "label call: it waits for a person: ; price is missing"
    assert told["problem_codes"] == ["call_parked", "field_unreadable"]
    assert whole(store, keep(order_of("2_2", closed_reason="x"), label="parked"))["problem"] is None


def whole(store: Store, order_id: int) -> dict[str, Any]:
    with store.read() as tx:
        return orders.whole(tx, tx.get_one(Order, order_id), SETTINGS, NOW)


@pytest.mark.parametrize(
    ("order", "states", "codes"),
    [
        (ready(vanished_at=NOW), {}, ["vanished"]),
        (order_of(held_reason="x", vanished_at=NOW), {}, ["held", "not_acknowledged", "no_label", "vanished"]),
        (ready(shipped=1), {"ship": "parked"}, ["ship_parked"]),
        (order_of(closed_reason="x"), {}, []),
        (ready(ship_confirmed_at=NOW, fault="an internal error"), {}, ["damaged"]),
        (ready(supplier="renamed"), {}, ["supplier_unknown"]),
    ],
)
def test_its_blockers_are_those_of_the_verdict_and_a_closed_order_has_none(
    store: Store, keep: Keep, order: Order, states: dict[str, str], codes: list[str]
) -> None:
    assert whole(store, keep(Order(**order.model_dump()), **states))["blockers"] == codes


def test_a_vanished_order_is_never_advised_to_be_shipped(store: Store, keep: Keep) -> None:
    told = whole(store, keep(ready(vanished_at=NOW)))
    assert told["next_code"] == "vanished"
    assert "ship" not in told["may"]
    assert "override" in told["may"]
    assert f"Once it has left the building: supplier-agent ship {ID}" not in told["next"]


@pytest.mark.parametrize(
    ("order", "states", "code"),
    [
        (ready(ship_confirmed_at=NOW), {}, "shipped"),
        (ready(closed_reason="x"), {}, "closed"),
        (ready(fault="an internal error"), {}, "fault"),
        (ready(shipped=1, shipped_at=at(-500)), {"ship": "unknown"}, "unknown"),
        (ready(supplier="renamed"), {}, "supplier_unknown"),
        (ready(), {"label": "parked"}, "parked"),
        (ready(held_reason="x"), {}, "held"),
        (ready(), {}, "warehouse"),
        (ready(shipped=1, shipped_at=at(-500)), {"ship": "sending"}, "sending"),
        (ready(shipped=1, shipped_at=at(-60)), {}, "undo_window"),
        (ready(shipped=1, shipped_at=at(-500)), {}, "due"),
        (order_of(), {}, "due"),
    ],
)
def test_what_happens_next_has_a_code(
    store: Store, keep: Keep, order: Order, states: dict[str, str], code: str
) -> None:
    order_id = keep(order, **states)
    with store.read() as tx:
        told = orders.whole(tx, tx.get_one(Order, order_id), SETTINGS, NOW)
    assert told["next_code"] == code
