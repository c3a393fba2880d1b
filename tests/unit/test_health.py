"""Health: the counts of one SQL statement are those of the rule in order.py, and each problem names its cure."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from supplier_agent.base.process import EXIT_ORDER
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Call, Order, Run
from supplier_agent.order import STAGES, stage
from supplier_agent.reports import health, status
from supplier_agent.suppliers import circuit_breakers, snapshot
from supplier_agent.suppliers.circuit_breakers import LABELS, READS, WRITES, Patience
from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.words import Worded
from tests.unit.conftest import SUPPLIER, at, order_of, ready, settings_of
from tests.world.clocks import NOW

Keep = Callable[..., int]
SETTINGS = settings_of(suppliers={SUPPLIER: {"token": "t"}})


def problems(store: Store) -> list[Worded]:
    with store.read() as tx:
        return health.problems(tx, SETTINGS, now=NOW)


def fail(store: Store, lane: str) -> None:
    with store.write() as tx:
        circuit_breakers.failed(
            tx, circuit_breakers.of(tx, SUPPLIER, lane), Patience(30, 3600, 0), NOW, "the connection was refused"
        )


@pytest.mark.parametrize("seed", range(2))
def test_the_counts_in_sql_are_those_of_the_rule(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    expected: dict[str, Counter[str]] = {SUPPLIER: Counter(), "asir-group": Counter()}
    with store.write() as tx:
        for number in range(250):
            order = order_of(
                f"{number}_1",
                dice.choice(list(expected)),
                acknowledged_at=dice.choice([None, NOW]),
                label_path=dice.choice([None, "labels/x.pdf"]),
                shipped=dice.choice([0, 1]),
                held_reason=dice.choice([None, None, "x"]),
                closed_reason=dice.choice([None, None, None, "x"]),
                ship_confirmed_at=dice.choice([None, None, None, NOW]),
            )
            tx.add(order)
            tx.flush()
            assert order.id is not None
            states = dice.choices(("owed", "sending", "done", "parked", "unknown", "dropped"), k=dice.randint(0, 3))
            calls = [
                Call(order_id=order.id, supplier=order.supplier, kind=kind, state=state, owed_at=NOW)
                for kind, state in zip(("acknowledge", "label", "ship"), states, strict=False)
            ]
            tx.add_all(calls)
            expected[order.supplier][stage(order, calls)] += 1
    with store.read() as tx:
        assert {name: status.counts(tx, name) for name in expected} == expected
    assert set(expected[SUPPLIER]) == set(STAGES), "each stage was met"


def test_all_is_well_in_a_new_state(store: Store) -> None:
    assert problems(store) == []
    assert health.exit_code([]) == 0


@pytest.mark.parametrize(
    ("state", "words"), [("parked", "retry 15000012345_789"), ("unknown", "resolve 15000012345_789")]
)
def test_what_waits_for_a_person_names_its_cure(store: Store, keep: Keep, state: str, words: str) -> None:
    keep(ready(shipped=1), ship=state)
    (problem,) = problems(store)
    assert (problem.order, problem.exit_code) == ("15000012345_789", 1)
    assert words in problem.cure
    assert f"--supplier {SUPPLIER}" in problem.cure


@pytest.mark.parametrize("over", [{"closed_reason": "x"}, {"ship_confirmed_at": NOW}])
def test_an_order_that_is_over_is_no_problem(store: Store, keep: Keep, over: dict[str, Any]) -> None:
    keep(ready(**over), label="parked", ship="unknown")
    assert problems(store) == []


def test_an_outage_is_one_while_something_is_owed(store: Store, keep: Keep) -> None:
    for lane in (READS, WRITES, LABELS):
        fail(store, lane)
    assert [problem.what.split()[0] for problem in problems(store)] == [READS], "the others have nothing to do"
    keep(order_of(), acknowledge="owed", label="owed")
    assert {problem.what.split()[0] for problem in problems(store)} == {READS, WRITES, LABELS}
    assert {problem.exit_code for problem in problems(store)} == {69}


def test_a_refused_token_is_the_one_thing_to_say_of_its_supplier(store: Store) -> None:
    fail(store, READS)
    with store.write() as tx:
        supplier = snapshot.known_supplier(tx, SUPPLIER)
        supplier.token_refused_at = NOW
        tx.add(supplier)
    (problem,) = problems(store)
    assert problem.exit_code == 77
    assert "suppliers.notio.token" in problem.cure


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("paused", "reads_failing"), 69), (("reads_failing", "token_refused"), 77), (("paused", "token_missing"), 78),
        (("token_refused", "database_locked"), 74), (("paused",), 1), ((), 0),
    ],
)  # fmt: skip
def test_the_first_code_of_the_contract_wins(codes: tuple[str, ...], expected: int) -> None:
    assert health.exit_code([Problem(ProblemCode(code)) for code in codes]) == expected
    assert expected in {0, *EXIT_ORDER}


@pytest.mark.parametrize(("seconds", "stale"), [(0, False), (1799, False), (1801, True)])
def test_a_round_older_than_two_intervals_is_stale(store: Store, seconds: float, stale: bool) -> None:  # noqa: FBT001 - an expectation
    with store.write() as tx:
        assert health.is_stale(tx, SETTINGS, NOW), "none yet"
        tx.add(
            Run(supplier=SUPPLIER, purpose="poll", date_from=NOW.date(), requested_at=NOW, started_at=NOW, ended_at=NOW)
        )
    with store.read() as tx:
        assert health.is_stale(tx, SETTINGS, at(seconds)) == stale


def test_the_cache_may_be_the_slower_interval(store: Store) -> None:
    slow = settings_of(suppliers={SUPPLIER: {"token": "t", "cache_seconds": 7200}})
    with store.write() as tx:
        tx.add(
            Run(supplier=SUPPLIER, purpose="poll", date_from=NOW.date(), requested_at=NOW, started_at=NOW, ended_at=NOW)
        )
        tx.flush()
        assert not health.is_stale(tx, slow, at(14_399))
        assert health.is_stale(tx, slow, at(14_401))


def test_what_is_not_fully_read_is_said(store: Store) -> None:
    with store.write() as tx:
        for proof, seconds in (("complete", 0), ("partial", 10)):
            tx.add(
                Run(
                    supplier=SUPPLIER, purpose="sweep", date_from=NOW.date(), date_to=NOW.date(), requested_at=NOW,
                    started_at=at(seconds), ended_at=at(seconds), proof=proof, detail="the server heeds nothing",
                )
            )  # fmt: skip
    (problem,) = problems(store)
    assert "not fully read: 2026-11-21" in problem.what
    assert problem.exit_code == 1


def test_a_table_of_counts_knows_no_other_stage(store: Store, keep: Keep) -> None:
    keep(Order(**ready().model_dump()))
    with store.read() as tx:
        assert status.counts(tx, SUPPLIER) == {"ready": 1}
