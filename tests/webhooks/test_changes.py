"""Which events follow from two looks at an order. Pure."""

from supplier_agent.integrations.webhooks.changes import Change, Seen, of_order, of_supplier
from supplier_agent.settings.webhooks import STAGES, TYPES
from supplier_agent.verdict import Stage


def told(before: Seen | None, now: Seen, *, is_new: bool = True) -> list[object]:
    return [
        (each.type, each.facts.get("problem")) if each.facts else each.type
        for each in of_order(before, now, is_new=is_new)
    ]


def test_every_stage_has_an_event() -> None:
    assert set(STAGES) == {each.value for each in Stage}
    assert {f"order.{each}" for each in Stage} < set(TYPES)


def test_a_new_order_is_told_as_new_even_if_it_has_moved_on() -> None:
    assert told(None, Seen("new")) == ["order.new"]
    assert told(None, Seen("ready")) == ["order.new", "order.ready"]


def test_an_order_that_was_there_before_is_not_told() -> None:
    assert told(None, Seen("ready", frozenset({"unflagged"})), is_new=False) == []


def test_what_is_the_same_is_not_told_again() -> None:
    for stage in STAGES:
        assert told(Seen(stage, frozenset({"waiting"})), Seen(stage, frozenset({"waiting"}))) == []


def test_each_change_of_the_stage_is_told() -> None:
    for before in STAGES:
        for now in STAGES:
            assert told(Seen(before), Seen(now)) == ([] if before == now else [f"order.{now}"])


def test_a_problem_is_told_when_it_starts_and_when_it_ends_with_its_code() -> None:
    parked = frozenset({"call_parked:ship"})
    problem = {"code": "call_parked", "call": "ship"}
    assert told(Seen("flagged"), Seen("attention", parked)) == ["order.attention", ("order.problem_started", problem)]
    assert told(Seen("attention", parked), Seen("shipped")) == [("order.problem_ended", problem), "order.shipped"]
    assert told(Seen("ready"), Seen("ready", frozenset({"unflagged"}))) == [
        ("order.problem_started", {"code": "unflagged", "call": None})
    ]


def test_the_problem_of_one_call_is_not_that_of_another() -> None:
    before, now = (Seen("attention", frozenset({f"call_parked:{kind}"})) for kind in ("label", "ship"))
    found = [each.type for each in of_order(before, now, is_new=True)]
    assert found == ["order.problem_ended", "order.problem_started"]


def test_what_is_stored_is_what_is_read() -> None:
    seen = Seen("attention", frozenset({"call_parked:ship", "order_vanished"}))
    assert Seen.stored(seen.stage, seen.written) == seen
    assert Seen.stored("ready", "") == Seen("ready")


def test_a_supplier_is_told_as_paused_and_as_resumed_but_not_how_it_was_found() -> None:
    assert of_supplier(None, "paused") == []
    assert of_supplier("resumed", "resumed") == []
    assert of_supplier("resumed", "paused") == [Change("supplier.paused")]
    assert of_supplier("paused", "resumed") == [Change("supplier.resumed")]
