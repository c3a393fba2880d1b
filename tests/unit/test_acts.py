"""What people say about an order: each act states one fact, leaves a line in the history, and never calls out."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import Session

from supplier_agent import actions, outbox
from supplier_agent.base.errors import AgentError, UsageError
from supplier_agent.db.ship_ledger import Ledger
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Call, Installation, Order
from supplier_agent.order import stage, wanted
from supplier_agent.outbox import Next, Outcome
from supplier_agent.tick import plan
from tests.unit.conftest import SUPPLIER, at, context_of, order_of, ready
from tests.world.clocks import NOW

ID = "15000012345_789"
LATER = at(60)
Keep = Callable[..., int]
Planned = Callable[[Order], tuple[str, datetime | None]]
Sql = Callable[..., list[Any]]


@pytest.fixture
def planned(tx: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    """Return what plans an order again as the agent does, and tells state and instant of its ship call."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "shipped.jsonl")

    def planned(order: Order) -> tuple[str, datetime | None]:
        assert order.planned_at is None, "the agent has something to look at"
        plan.derive(context_of(ledger, LATER), tx, [order])
        call = outbox.find(tx, order.id or 0, "ship")
        assert call is not None
        return call.state, call.due_at

    yield planned
    ledger.close()


@pytest.fixture
def tx(store: Store) -> Iterator[Session]:
    with store.write() as tx:
        yield tx


def kept(tx: Session, order: Order, **states: str) -> Order:
    tx.add(order)
    tx.flush()
    assert order.id is not None
    for kind, state in states.items():
        due_at = NOW if state == "owed" else None
        tx.add(Call(order_id=order.id, supplier=order.supplier, kind=kind, state=state, owed_at=NOW, due_at=due_at))
    tx.flush()
    return order


def state(tx: Session, order: Order, kind: str = "ship") -> str:
    call = outbox.find(tx, order.id or 0, kind)
    return "" if call is None else call.state


def stage_of(tx: Session, order: Order) -> str:
    return stage(order, outbox.of_order(tx, order.id or 0))


def told(tx: Session, order: Order) -> list[tuple[str, str]]:
    tx.flush()
    rows = tx.connection().exec_driver_sql("SELECT who, what FROM events WHERE order_id = ? ORDER BY id", (order.id,))
    return [(str(who), str(what)) for who, what in rows]


# ----------------------------------------------------------------------------------------------------- ship, unship


def test_ship_flags_by_name_and_moment(tx: Session) -> None:
    order = kept(tx, ready(planned_at=NOW))
    assert actions.ship(tx, order, LATER, "Ana") == "marked as shipped"
    assert (order.shipped, order.shipped_at, order.planned_at) == (1, LATER, None)
    assert told(tx, order) == [("Ana", "flagged as shipped")]
    assert actions.ship(tx, order, at(99), "Ben") == "it is already marked as shipped"
    assert (order.shipped_at, len(told(tx, order))) == (LATER, 1)


@pytest.mark.parametrize(
    ("order", "waits"),
    [
        (order_of(), "its acknowledgement and its label"),
        (order_of(acknowledged_at=NOW), "its label"),
        (ready(held_reason="the customer called"), "on hold (the customer called)"),
    ],
)
def test_ship_says_what_the_order_waits_for(tx: Session, order: Order, waits: str) -> None:
    assert waits in actions.ship(tx, kept(tx, Order(**order.model_dump())), LATER, "Ana")


def test_an_override_lets_one_order_go_and_records_who_said_so(tx: Session) -> None:
    order = kept(tx, order_of())
    said = actions.ship(tx, order, LATER, "Ana", override_by="Chef")
    assert "Chef ships it without its acknowledgement and its label; nothing else is overridden" in said
    assert (order.override_by, order.override_covers) == ("Chef", "no_label,not_acknowledged")
    assert ("Chef", "override") in told(tx, order)
    actions.unship(tx, order, LATER, "Ana")
    assert (order.override_by, order.override_covers) == (None, None), "taken back with the flag"


def test_an_override_covers_the_blockers_of_its_moment_never_a_later_one_nor_a_hold(tx: Session) -> None:
    order = kept(tx, order_of(acknowledged_at=NOW, held_reason="scratched", vanished_at=NOW))
    said = actions.ship(tx, order, LATER, "Ana", override_by="Chef")
    assert "its label and its place in the marketplace's list" in said
    assert "it is on hold (scratched)" in said
    assert "ship" not in {want.kind for want in wanted(order)}
    order.held_reason, order.acknowledged_at = None, None
    assert "ship" not in {want.kind for want in wanted(order)}, "a later blocker"
    assert "its acknowledgement" in actions.ship(tx, order, LATER, "Ana", override_by="Ben")
    assert (order.override_by, order.override_covers) == ("Ben", "no_label,not_acknowledged,vanished")
    assert "ship" in {want.kind for want in wanted(order)}


def test_a_label_that_comes_and_goes_again_is_another_blocker(tx: Session) -> None:
    order = kept(tx, order_of(acknowledged_at=NOW))
    actions.ship(tx, order, LATER, "Ana", override_by="Chef")
    assert "ship" in {want.kind for want in wanted(order)}
    plan.forget_label(tx, order, "it is gone", LATER)
    assert "ship" not in {want.kind for want in wanted(order)}


def test_an_override_that_is_not_needed_is_not_recorded(tx: Session) -> None:
    order = kept(tx, ready())
    actions.ship(tx, order, LATER, "Ana", override_by="Chef")
    assert order.override_by is None
    assert order.override_covers is None


def test_a_flagged_order_can_be_let_go_later(tx: Session) -> None:
    order = kept(tx, order_of(shipped=1, shipped_at=NOW, planned_at=NOW))
    assert "already marked as shipped" in actions.ship(tx, order, LATER, "Ana", override_by="Chef")
    assert (order.override_by, order.planned_at) == ("Chef", None)


def test_ship_leaves_alone_what_is_over(tx: Session) -> None:
    shipped = kept(tx, ready("1_1", ship_confirmed_at=NOW, ship_evidence="confirmed"))
    assert "confirmed" in actions.ship(tx, shipped, LATER, "Ana")
    unverified = kept(tx, ready("1_2", ship_confirmed_at=NOW, ship_evidence="unverified"))
    assert "has confirmed" not in actions.ship(tx, unverified, LATER, "Ana")
    with pytest.raises(AgentError, match="closed: cancelled") as caught:
        actions.ship(tx, kept(tx, ready("2_2", closed_reason="cancelled")), LATER, "Ana")
    assert caught.value.cure == "supplier-agent reopen 2_2"


def test_unship_takes_the_flag_back_before_the_call(tx: Session) -> None:
    order = kept(tx, ready(shipped=1, shipped_at=NOW), ship="owed")
    assert "nothing is reported" in actions.unship(tx, order, LATER, "Ana")
    assert (order.shipped, order.shipped_at, state(tx, order)) == (0, None, "dropped")
    assert told(tx, order) == [("Ana", "flag taken back")]
    assert actions.unship(tx, order, LATER, "Ana") == "it is not marked as shipped"


@pytest.mark.parametrize("begun", ["sending", "unknown", "done"])
def test_unship_too_late_is_a_persons_matter_and_not_a_broken_database(store: Store, keep: Keep, begun: str) -> None:
    order_id = keep(ready(shipped=1, shipped_at=NOW), ship=begun)
    with pytest.raises(AgentError, match="too late to undo") as caught, store.write() as tx:
        actions.unship(tx, tx.get_one(Order, order_id), LATER, "Ana")
    assert caught.value.exit_code == 1


# ---------------------------------------------------------------------------------------------------------- resolve


def test_resolve_shipped_records_who_found_out_and_sends_nothing(tx: Session) -> None:
    order = kept(tx, ready(shipped=1, shipped_at=NOW), ship="unknown")
    assert "nothing is sent" in actions.resolve(tx, order, LATER, "Ana", shipped=True)
    assert (order.ship_confirmed_at, state(tx, order), stage_of(tx, order)) == (LATER, "done", "shipped")
    assert told(tx, order) == [("Ana", "resolved: shipped")]


def test_resolve_send_again_owes_the_call_after_a_new_undo_window(tx: Session, planned: Planned) -> None:
    order = kept(tx, ready(shipped=1, shipped_at=NOW), ship="unknown")
    said = actions.resolve(tx, order, LATER, "Ana", shipped=False)
    assert "twice" in said, "it names the risk"
    assert "new undo window" in said
    assert (planned(order), order.ship_confirmed_at) == (("owed", at(180)), None)


Act = Callable[[Session, Order], str]
GOES_ON: list[tuple[Order, str, Act]] = [
    (ready(shipped=1, shipped_at=NOW, held_reason="x"), "", lambda tx, it: actions.release(tx, it, LATER, "Ana")),
    (ready(shipped=1, shipped_at=NOW, closed_reason="x"), "", lambda tx, it: actions.reopen(tx, it, LATER, "Ana")),
    (ready(shipped=1, shipped_at=NOW), "parked", lambda tx, it: actions.retry(tx, it, LATER, "Ana")),
    (ready(shipped=1, shipped_at=NOW), "unknown", lambda tx, it: actions.resolve(tx, it, LATER, "Ana", shipped=False)),
]


@pytest.mark.parametrize(("order", "ship", "act"), GOES_ON, ids=["release", "reopen", "retry", "resolve"])
def test_whoever_lets_a_marked_order_go_on_opens_a_new_undo_window_and_is_told_so(
    tx: Session, planned: Planned, order: Order, ship: str, act: Act
) -> None:
    order = kept(tx, Order(**order.model_dump()), **({"ship": ship} if ship else {}))
    said = act(tx, order)
    assert "new undo window" in said
    assert f"supplier-agent unship {ID} --supplier {SUPPLIER}" in said
    assert planned(order) == ("owed", at(180)), "not from the flag, which is long ago"
    assert order.shipped_at == NOW, "when it was flagged stays a fact"
    actions.unship(tx, order, LATER, "Ana")
    assert order.undo_opened_at is None


def test_of_an_order_that_nobody_marked_no_window_is_told(tx: Session) -> None:
    assert actions.release(tx, kept(tx, ready(held_reason="x")), LATER, "Ana") == "released"


@pytest.mark.parametrize("present", ["", "owed", "sending", "done", "parked", "dropped"])
@pytest.mark.parametrize("shipped", [True, False])
def test_only_the_unknown_can_be_resolved(tx: Session, present: str, shipped: bool) -> None:  # noqa: FBT001 - a person's answer
    order = kept(tx, ready(shipped=1, shipped_at=NOW), **({"ship": present} if present else {}))
    with pytest.raises(AgentError, match="nothing to resolve"):
        actions.resolve(tx, order, LATER, "Ana", shipped=shipped)
    assert (state(tx, order), order.ship_confirmed_at) == (present, None)


def test_an_answer_that_comes_after_a_person_decided_changes_nothing(tx: Session) -> None:
    order = kept(tx, ready(shipped=1, shipped_at=NOW), ship="unknown")
    actions.resolve(tx, order, LATER, "Ana", shipped=True)
    call = outbox.find(tx, order.id or 0, "ship")
    assert call is not None
    assert call.id is not None
    assert not outbox.settle(tx, call.id, call.attempts, Outcome("refused"), Next("parked"), LATER)


# --------------------------------------------------------------------------------------------- retry, hold, close …


def test_retry_takes_up_all_that_was_parked_and_nothing_else(tx: Session) -> None:
    order = kept(tx, order_of(), acknowledge="parked", label="parked", ship="unknown")
    assert actions.retry(tx, order, LATER, "Ana") == "tried again: acknowledge and label"
    assert (state(tx, order, "acknowledge"), state(tx, order, "label"), state(tx, order)) == ("owed", "owed", "unknown")
    assert actions.retry(tx, order, LATER, "Ana") == "it has no parked call"
    assert told(tx, order) == [("Ana", "retry")]


def test_a_persons_retry_holds_although_the_order_is_still_unusable(
    tx: Session, tmp_path_factory: pytest.TempPathFactory
) -> None:
    order = kept(tx, order_of(sku=None))
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "shipped.jsonl")
    plan.derive(context_of(ledger, NOW), tx, [order])
    assert state(tx, order, "acknowledge") == "parked"
    actions.retry(tx, order, LATER, "Ana")
    plan.derive(context_of(ledger, LATER), tx, [order])
    ledger.close()
    assert state(tx, order, "acknowledge") == "owed"


def test_parked_orders_are_found_once_each(tx: Session) -> None:
    kept(tx, order_of("1_1"), acknowledge="parked", label="parked")
    kept(tx, order_of("2_2"), acknowledge="owed")
    kept(tx, order_of("3_3", "asir-group"), label="parked")
    assert [order.menzzo_order_id for order in actions.parked_orders(tx, None)] == ["1_1", "3_3"]
    assert [order.menzzo_order_id for order in actions.parked_orders(tx, "asir-group")] == ["3_3"]


@pytest.mark.parametrize("code", ["restored", "ledger_lost", "sale_stopped"])
def test_a_persons_hold_on_top_of_the_agents_keeps_what_its_release_must_settle(tx: Session, code: str) -> None:
    order = kept(tx, ready(held_reason="by the agent", held_code=code))
    actions.hold(tx, order, NOW, "Ana", "scratched")
    assert (order.held_reason, order.held_code) == ("scratched", code)


def test_a_hold_after_one_that_was_ended_by_sql_has_no_code_of_that(tx: Session) -> None:
    order = kept(tx, ready(held_reason=None, held_code="restored"))
    actions.hold(tx, order, NOW, "Ana", "scratched")
    assert (order.held_reason, order.held_code) == ("scratched", None)


def test_hold_and_release(tx: Session) -> None:
    order = kept(tx, ready(planned_at=NOW))
    assert actions.hold(tx, order, LATER, "Ana", "the customer called") == "held"
    assert (order.held_reason, order.planned_at, stage_of(tx, order)) == ("the customer called", None, "held")
    assert actions.release(tx, order, LATER, "Ben") == "released"
    assert actions.release(tx, order, LATER, "Ben") == "it is not held"
    assert told(tx, order) == [("Ana", "held"), ("Ben", "released")]


@pytest.mark.parametrize("act", [actions.hold, actions.close])
def test_what_is_being_sent_cannot_be_stopped_and_that_is_said(tx: Session, act: Callable[..., str]) -> None:
    order = kept(tx, ready(shipped=1, shipped_at=NOW), ship="sending")
    assert "cannot be stopped" in act(tx, order, LATER, "Ana", "wait")


def test_what_is_confirmed_is_neither_held_nor_closed(tx: Session) -> None:
    order = kept(tx, ready(ship_confirmed_at=NOW))
    with pytest.raises(AgentError, match="nothing left to hold"):
        actions.hold(tx, order, LATER, "Ana", "wait")
    assert "nothing left to close" in actions.close(tx, order, LATER, "Ana", "by hand")
    assert (order.held_reason, order.closed_reason) == (None, None)


def test_close_and_reopen(tx: Session) -> None:
    order = kept(tx, ready())
    assert "no further call" in actions.close(tx, order, LATER, "Ana", "by hand")
    assert (order.closed_reason, stage_of(tx, order)) == ("by hand", "closed")
    assert actions.reopen(tx, order, LATER, "Ana") == "reopened"
    assert actions.reopen(tx, order, LATER, "Ana") == "it is not closed"
    assert (order.closed_reason, stage_of(tx, order)) == (None, "ready")


@pytest.mark.parametrize("lost", [True, False])
def test_who_releases_what_waits_for_a_lost_ledger_lets_a_new_one_begin(tx: Session, lost: bool) -> None:  # noqa: FBT001 - a case
    tx.add(Installation(ledger_id="x", ledger_lost_at=NOW if lost else None))
    order = kept(tx, ready(shipped=1, shipped_at=NOW, held_reason="lost", held_code="ledger_lost"))
    assert actions.held_by_agent(tx, None) == [order]
    actions.release(tx, order, LATER, "Ana")
    assert (order.held_reason, order.held_code, actions.held_by_agent(tx, None)) == (None, None, [])
    assert tx.get_one(Installation, 1).new_ledger_by == ("Ana" if lost else None)


# ------------------------------------------------------------------------------------------------------------- find


def test_an_id_that_two_suppliers_have_needs_the_supplier(tx: Session) -> None:
    kept(tx, order_of(ID))
    assert actions.find(tx, ID).supplier == "notio"
    kept(tx, order_of(ID, "asir-group"))
    with pytest.raises(UsageError, match="both have") as caught:
        actions.find(tx, ID)
    assert "--supplier" in caught.value.cure
    assert actions.find(tx, ID, "asir-group").supplier == "asir-group"
    with pytest.raises(UsageError, match="there is no order") as caught:
        actions.find(tx, "nope_1")
    assert caught.value.exit_code == 2


def test_a_mistake_leaves_no_half_act(store: Store, keep: Keep, sql: Sql) -> None:
    order_id = keep(ready(shipped=1, shipped_at=NOW), ship="sending")
    before = [dict(row) for row in sql("SELECT * FROM orders")]

    def hold_and_unship() -> None:
        with store.write() as tx:
            order = tx.get_one(Order, order_id)
            actions.hold(tx, order, LATER, "Ana", "wait")
            actions.unship(tx, order, LATER, "Ana")

    with pytest.raises(AgentError):
        hold_and_unship()
    assert [dict(row) for row in sql("SELECT * FROM orders")] == before
    assert not sql("SELECT 1 FROM events")
