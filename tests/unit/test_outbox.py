"""The outbox: a call is owed once, claimed by one, settled by who claimed it, and never forgotten."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import outbox
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.tables import Call, Order
from supplier_agent.order import Want
from supplier_agent.outbox import Next, Outcome
from tests.unit.conftest import SUPPLIER, at, order_of
from tests.world.clocks import NOW

Keep = Callable[..., int]
Sql = Callable[..., list[Any]]


def owe(store: Store, order_id: int, want: Want | None = None, due_at: float = 0) -> Call:
    with store.write() as tx:
        call = outbox.find(tx, order_id, (want or Want("ship")).kind)
        outbox.owe(tx, tx.get_one(Order, order_id), call, want or Want("ship"), at(due_at), NOW)
    return found(store, order_id, (want or Want("ship")).kind)


def found(store: Store, order_id: int, kind: str = "ship") -> Call:
    with store.read() as tx:
        call = outbox.find(tx, order_id, kind)
        assert call is not None
        return call


def claim(store: Store, call: Call, seconds: float = 0) -> int | None:
    with store.write() as tx:
        return outbox.claim(tx, call, at(seconds))


def settle(store: Store, call: Call, number: int, outcome: str, after: Next) -> bool:
    assert call.id is not None
    with store.write() as tx:
        return outbox.settle(tx, call.id, number, Outcome(outcome, "word for word", 200), after, at(1))


def state(store: Store, order_id: int, kind: str = "ship") -> tuple[str, Any, int]:
    call = found(store, order_id, kind)
    return call.state, call.due_at, call.attempts


# ------------------------------------------------------------------------------------------------------------ owe


def test_owing_twice_is_owing_once(store: Store, keep: Keep, sql: Sql) -> None:
    order_id = keep(order_of())
    owe(store, order_id)
    owe(store, order_id)
    assert [row["state"] for row in sql("SELECT state FROM calls")] == ["owed"]


@pytest.mark.parametrize("present", ["sending", "unknown"])
def test_what_may_have_been_sent_is_not_owed_anew(store: Store, keep: Keep, present: str) -> None:
    order_id = keep(order_of(), ship=present)
    owe(store, order_id, Want("ship", "another subject"))
    assert found(store, order_id).state == present


def test_a_parked_call_stays_parked_until_its_subject_changes(store: Store, keep: Keep) -> None:
    order_id = keep(order_of(), label="parked")
    assert owe(store, order_id, Want("label", "")).state == "parked"
    again = owe(store, order_id, Want("label", "https://a/2"))
    assert (again.state, again.subject, again.strikes, again.detail) == ("owed", "https://a/2", 0, None)


@pytest.mark.parametrize("present", ["dropped", "done"])
def test_what_was_dropped_or_done_may_be_owed_anew(store: Store, keep: Keep, present: str) -> None:
    order_id = keep(order_of(), label=present)
    assert owe(store, order_id, Want("label", "https://a/2")).state == "owed"


def test_what_needs_a_person_first_is_parked_with_the_reason(store: Store, keep: Keep) -> None:
    call = owe(store, keep(order_of()), Want("acknowledge", "no sku", ask="no sku"))
    assert (call.state, call.due_at, call.detail) == ("parked", None, "no sku")


def test_a_new_flag_puts_a_call_off_and_brings_none_forward_that_was_tried(store: Store, keep: Keep) -> None:
    order_id = keep(order_of())
    owe(store, order_id, due_at=100)
    assert owe(store, order_id, due_at=200).due_at == at(200)
    assert owe(store, order_id, due_at=150).due_at == at(150)
    call = found(store, order_id)
    assert claim(store, call, 200) == 1
    assert settle(store, call, 1, "not_sent", Next("owed", at(300)))
    assert owe(store, order_id, due_at=150).due_at == at(300)
    assert owe(store, order_id, due_at=500).due_at == at(500)


def test_dropping_stops_only_what_is_owed(store: Store, keep: Keep) -> None:
    states = ("owed", "sending", "done", "parked", "unknown")
    for number, present in enumerate(states):
        order_id = keep(order_of(f"{number + 1}_1"), ship=present)
        call_id = found(store, order_id).id
        with store.write() as tx:
            outbox.drop(tx, tx.get_one(Call, call_id))
        assert found(store, order_id).state == ("dropped" if present == "owed" else present)


def test_only_what_is_still_owed_can_be_put_off(store: Store, keep: Keep) -> None:
    for number, present in enumerate(("owed", "sending", "done", "parked", "unknown", "dropped")):
        order_id = keep(order_of(f"{number + 1}_1"), ship=present)
        before = found(store, order_id)
        with store.write() as tx:
            outbox.put_off(tx, before.id or 0, at(60), "its label cannot be read now")
        after = found(store, order_id)
        put_off = (at(60), "its label cannot be read now")
        assert (after.due_at, after.detail) == (put_off if present == "owed" else (before.due_at, before.detail))
        assert (after.state, after.attempts) == (present, before.attempts)


# ---------------------------------------------------------------------------------------------------------- claim


def test_a_claim_counts_the_attempt_before_the_request_leaves(store: Store, keep: Keep, sql: Sql) -> None:
    order_id = keep(order_of(), ship="owed")
    assert claim(store, found(store, order_id)) == 1
    assert state(store, order_id) == ("sending", None, 1)
    (attempt,) = sql("SELECT * FROM attempts")
    assert (attempt["number"], attempt["ended_at"], attempt["outcome"]) == (1, None, None)


@pytest.mark.parametrize("present", ["sending", "done", "parked", "unknown", "dropped"])
def test_only_what_is_owed_can_be_claimed(store: Store, keep: Keep, present: str, sql: Sql) -> None:
    order_id = keep(order_of(), ship=present)
    assert claim(store, found(store, order_id)) is None
    assert found(store, order_id).state == present
    assert not sql("SELECT 1 FROM attempts")


def test_a_call_that_is_not_due_cannot_be_claimed(store: Store, keep: Keep) -> None:
    call = owe(store, keep(order_of()), due_at=10)
    assert claim(store, call, 9.999999) is None
    assert claim(store, call, 10) == 1


def test_a_claim_on_an_old_view_of_the_call_fails(store: Store, keep: Keep) -> None:
    order_id = keep(order_of(), ship="owed")
    old = found(store, order_id)
    assert claim(store, found(store, order_id)) == 1
    assert settle(store, old, 1, "not_sent", Next("owed", NOW))
    assert claim(store, old) is None, "somebody tried it since"


def test_of_two_connections_that_claim_the_same_call_exactly_one_wins(database: Path, store: Store, keep: Keep) -> None:
    ids = [keep(order_of(f"{number}_1"), ship="owed") for number in range(1, 41)]
    begin = threading.Barrier(4)

    def race(seed: int) -> list[int]:
        mine = open_store(database, agent=True)
        try:
            with mine.read() as tx:
                calls = [outbox.find(tx, order_id, "ship") for order_id in ids]
            random.Random(seed).shuffle(calls)
            begin.wait()
            won = []
            for call in calls:
                assert call is not None
                if claim(mine, call) is not None:
                    won.append(call.order_id or 0)
            return won
        finally:
            mine.close()

    with ThreadPoolExecutor(4) as pool:
        won = [order_id for part in pool.map(race, range(4)) for order_id in part]
    assert sorted(won) == ids
    assert all(state(store, order_id) == ("sending", None, 1) for order_id in ids)


def test_the_call_that_waits_longest_goes_first_and_the_last_failure_steps_back(store: Store, keep: Keep) -> None:
    first, second = (keep(order_of(f"{number}_1")) for number in (1, 2))
    owe(store, first, due_at=-20)
    owe(store, second, due_at=-10)
    with store.read() as tx:
        due = [outbox.due(tx, SUPPLIER, "ship", NOW, avoid) for avoid in (None, first, second)]
        assert [call.order_id for call in due if call is not None] == [first, second, first]
        assert outbox.due(tx, SUPPLIER, "acknowledge", NOW) is None
        assert outbox.due(tx, "asir-group", "ship", NOW) is None
        assert outbox.due(tx, SUPPLIER, "ship", at(-15), first) is not None, "alone, it goes all the same"
        assert outbox.next_due_at(tx, SUPPLIER, "ship", at(-15)) == at(-10)
        assert outbox.next_due_at(tx, SUPPLIER, "ship", NOW) is None


# --------------------------------------------------------------------------------------------------------- settle


def test_the_answer_is_kept_word_for_word(store: Store, keep: Keep, sql: Sql) -> None:
    order_id = keep(order_of(), ship="owed")
    call = found(store, order_id)
    assert claim(store, call) == 1
    assert settle(store, call, 1, "done", Next("done"))
    (attempt,) = sql("SELECT * FROM attempts")
    assert (attempt["outcome"], attempt["http_status"], attempt["detail"]) == ("done", 200, "word for word")
    assert attempt["ended_at"] == "2026-11-21 12:00:01.000000"
    assert state(store, order_id) == ("done", None, 1)


def test_who_lost_its_claim_cannot_settle(store: Store, keep: Keep, sql: Sql) -> None:
    order_id = keep(order_of(), acknowledge="owed")
    call = found(store, order_id, "acknowledge")
    assert claim(store, call) == 1
    with store.write() as tx:
        outbox.recover(tx, at(5), once=())
    assert claim(store, found(store, order_id, "acknowledge"), 5) == 2
    assert not settle(store, call, 1, "refused", Next("parked")), "its number is an old one"
    assert state(store, order_id, "acknowledge") == ("sending", None, 2)
    assert [row["outcome"] for row in sql("SELECT outcome FROM attempts ORDER BY number")] == ["refused", None]


def test_a_late_answer_settles_what_was_called_unknown(store: Store, keep: Keep) -> None:
    order_id = keep(order_of(), ship="owed")
    call = found(store, order_id)
    assert claim(store, call) == 1
    with store.write() as tx:
        outbox.recover(tx, at(5), once={"ship"})
    assert found(store, order_id).state == "unknown"
    assert settle(store, call, 1, "done", Next("done"))
    assert found(store, order_id).state == "done"


def test_a_late_answer_does_not_undo_what_a_person_decided(store: Store, keep: Keep) -> None:
    order_id = keep(order_of(), ship="owed")
    call = found(store, order_id)
    assert claim(store, call) == 1
    with store.write() as tx:
        outbox.recover(tx, at(5), once={"ship"})
        outbox.conclude(tx, tx.get_one(Call, call.id), "done", "Ana says so")
    assert not settle(store, call, 1, "refused", Next("parked", why="no"))
    assert (found(store, order_id).state, found(store, order_id).detail) == ("done", "Ana says so")


def test_an_ended_attempt_never_changes(store: Store, keep: Keep, sql: Sql) -> None:
    call = found(store, keep(order_of(), ship="owed"))
    assert claim(store, call) == 1
    assert settle(store, call, 1, "unknown", Next("unknown"))
    settle(store, call, 1, "done", Next("done"))
    assert [row["outcome"] for row in sql("SELECT outcome FROM attempts")] == ["unknown"]


def test_strikes_count_only_answers_about_this_order(store: Store, keep: Keep) -> None:
    order_id = keep(order_of(), ship="owed")
    for number, strike in enumerate((True, False, True), 1):
        assert claim(store, found(store, order_id)) == number
        assert settle(store, found(store, order_id), number, "later", Next("owed", NOW, strike=strike))
    assert found(store, order_id).strikes == 2
    call_id = found(store, order_id).id
    with store.write() as tx:
        outbox.owe_again(tx, tx.get_one(Call, call_id), NOW)
    assert found(store, order_id).strikes == 0


# -------------------------------------------------------------------------------------------------------- recover


def test_after_a_crash_what_was_being_sent_is_owed_again_or_unknown(store: Store, keep: Keep, sql: Sql) -> None:
    order_id = keep(order_of(), ship="owed", acknowledge="owed", label="parked")
    for kind in ("ship", "acknowledge"):
        assert claim(store, found(store, order_id, kind)) == 1
    with store.write() as tx:
        met = {call.kind for call in outbox.recover(tx, at(5), once={"ship"})}
    assert met == {"ship", "acknowledge"}
    assert state(store, order_id, "ship") == ("unknown", None, 1)
    assert state(store, order_id, "acknowledge") == ("owed", at(5), 1)
    assert state(store, order_id, "label") == ("parked", None, 0)
    assert all(row["outcome"] is None for row in sql("SELECT outcome FROM attempts"))
    assert found(store, order_id).detail == "the agent stopped while it was being sent"


def test_a_clock_set_back_delays_nothing_beyond_its_longest_wait(store: Store, keep: Keep) -> None:
    soon, late = (owe(store, keep(order_of(f"{n}_1")), due_at=due).order_id or 0 for n, due in ((1, 50), (2, 9000)))
    with store.write() as tx:
        outbox.not_later_than(tx, "ship", at(100))
    assert (found(store, soon).due_at, found(store, late).due_at) == (at(50), at(100))


def test_waits_double_up_to_their_limit() -> None:
    waits = [outbox.backoff(30, 3600, failures, 0).total_seconds() for failures in (1, 2, 3, 7, 8, 9, 10_000)]
    assert waits == [30, 60, 120, 1920, 3600, 3600, 3600]
    assert outbox.backoff(30, 3600, 1, 0.999999) < timedelta(seconds=37.5)
    assert outbox.backoff(9999, 3600, 1, 0.5) == timedelta(seconds=3600)
