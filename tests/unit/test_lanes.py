"""Lanes: an outage counts against the supplier, costs a handful of requests, and lets one call through at a time."""

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Lane
from supplier_agent.suppliers import circuit_breakers
from supplier_agent.suppliers.circuit_breakers import READS, WRITES, Patience
from tests.unit.conftest import SUPPLIER, at
from tests.world.clocks import NOW

PATIENCE = Patience(30, 3600, 0.0)


def now_of(store: Store, lane: str = WRITES) -> Lane:
    with store.read() as tx:
        return circuit_breakers.of(tx, SUPPLIER, lane)


def fail(store: Store, seconds: float, patience: Patience = PATIENCE, order_id: int | None = None) -> bool:
    with store.write() as tx:
        return circuit_breakers.failed(
            tx, circuit_breakers.of(tx, SUPPLIER, WRITES), patience, at(seconds), "the connection broke", order_id
        )


def work(store: Store) -> bool:
    with store.write() as tx:
        return circuit_breakers.worked(tx, circuit_breakers.of(tx, SUPPLIER, WRITES))


def test_a_lane_that_was_never_used_is_open(store: Store) -> None:
    assert circuit_breakers.is_open(now_of(store), NOW, in_flight=7)


def test_a_failure_pauses_its_lane_and_no_other(store: Store) -> None:
    assert fail(store, 0, order_id=None), "it had worked until now"
    lane = now_of(store)
    assert (lane.failures, lane.failing_since, lane.resume_at) == (1, NOW, at(30))
    assert circuit_breakers.is_open(now_of(store, READS), NOW, 0)


def test_after_the_pause_one_call_goes_and_the_others_wait_for_it(store: Store) -> None:
    fail(store, 0)
    assert not circuit_breakers.is_open(now_of(store), at(29.999), 0)
    assert circuit_breakers.is_open(now_of(store), at(30), 0)
    assert not circuit_breakers.is_open(now_of(store), at(30), 1)


def test_each_failure_doubles_the_pause_up_to_its_limit(store: Store) -> None:
    moment, pauses = 0.0, []
    for _ in range(10):
        fail(store, moment)
        resume_at = now_of(store).resume_at
        assert resume_at is not None
        pauses.append((resume_at - at(moment)).total_seconds())
        moment = (resume_at - NOW).total_seconds()
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_calls_that_fail_together_are_one_failure(store: Store) -> None:
    for seconds in (0, 1, 2):
        assert fail(store, seconds) == (seconds == 0)
    lane = now_of(store)
    assert (lane.failures, lane.failing_since, lane.failed_at, lane.resume_at) == (1, NOW, at(2), at(30))


def test_a_success_lifts_the_pause_and_forgets(store: Store) -> None:
    fail(store, 0)
    assert work(store), "it had been failing"
    lane = now_of(store)
    assert (lane.failures, lane.failing_since, lane.failed_at, lane.resume_at) == (0, None, None, None)
    assert (lane.reason, lane.last_order_id) == (None, None)
    assert not work(store)
    fail(store, 100)
    assert now_of(store).resume_at == at(130), "the next outage begins with the first wait"


def test_a_pause_is_never_shorter_than_the_marketplace_asked(store: Store) -> None:
    fail(store, 0, Patience(30, 3600, 0.0, least_seconds=900))
    assert now_of(store).resume_at == at(900)


def test_a_long_reason_is_cut(store: Store) -> None:
    with store.write() as tx:
        circuit_breakers.failed(tx, circuit_breakers.of(tx, SUPPLIER, WRITES), PATIENCE, NOW, "x" * 10_000)
    assert len(now_of(store).reason or "") == 500


def test_a_clock_set_back_ends_a_pause_that_could_not_be(store: Store) -> None:
    fail(store, 86_400)
    with store.write() as tx:
        circuit_breakers.not_later_than(tx, circuit_breakers.of(tx, SUPPLIER, WRITES), at(3600))
        circuit_breakers.not_later_than(tx, circuit_breakers.of(tx, SUPPLIER, READS), at(3600))
    assert now_of(store).resume_at == at(3600)
    assert now_of(store, READS).resume_at is None
