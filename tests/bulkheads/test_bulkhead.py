"""Who gets a thread of a lane: slow accounts share one half, all others have the other, and those who wait are served in turn."""

import threading

import pytest

from supplier_agent.suppliers.circuit_breakers import READS
from supplier_agent.tick.workers import SLOW_SECONDS, Bulkhead, Place, Threads
from tests.world.harness import ManualClock

HALF = 4


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def bulkhead(clock: ManualClock) -> Bulkhead:
    return Bulkhead(READS, clock, HALF, set())


def start(bulkhead: Bulkhead, *accounts: str) -> list[Place]:
    """Start a call for each account that may."""
    return [bulkhead.take(account) for account in accounts if bulkhead.may_start(account)]


def names(kind: str, count: int) -> list[str]:
    return [f"{kind} {number}" for number in range(count)]


def test_calls_of_which_nothing_is_known_fill_one_half(bulkhead: Bulkhead) -> None:
    assert len(start(bulkhead, *names("new", 3 * HALF))) == HALF


def test_calls_that_turn_slow_move_to_the_other_half_and_make_way(bulkhead: Bulkhead, clock: ManualClock) -> None:
    start(bulkhead, *names("slow", HALF))
    assert not bulkhead.may_start("quick")
    clock.sleep(SLOW_SECONDS + 0.1)
    assert bulkhead.may_start("quick")


def test_slow_accounts_never_hold_more_than_half(bulkhead: Bulkhead, clock: ManualClock) -> None:
    for place in start(bulkhead, *names("slow", HALF)):
        clock.sleep(SLOW_SECONDS + 0.1)
        bulkhead.leave(place)
    places = start(bulkhead, *names("slow", HALF), *names("slow", HALF))
    assert len(places) == HALF, "known to be slow, so they count as slow from the first moment"
    assert len(start(bulkhead, *names("quick", 2 * HALF))) == HALF


def test_quick_accounts_take_whatever_is_free(bulkhead: Bulkhead) -> None:
    for name in names("quick", 3 * HALF):
        bulkhead.leave(bulkhead.take(name))
    assert len(start(bulkhead, *names("quick", 3 * HALF))) == 2 * HALF


def test_an_account_is_slow_only_until_it_is_quick_again(bulkhead: Bulkhead, clock: ManualClock) -> None:
    (place,) = start(bulkhead, "once slow")
    clock.sleep(SLOW_SECONDS + 0.1)
    bulkhead.leave(place)
    (place,) = start(bulkhead, "once slow")
    bulkhead.leave(place)
    start(bulkhead, *names("new", HALF))
    assert bulkhead.may_start("once slow"), "it is one of the quick ones now"


def test_who_is_slow_in_one_lane_counts_as_slow_in_another_until_it_is_known_there(clock: ManualClock) -> None:
    suspects: set[str] = set()
    reads, writes = Bulkhead(READS, clock, HALF, suspects), Bulkhead(READS, clock, HALF, suspects)
    places = [reads.take(name) for name in names("slow", HALF + 1)]
    clock.sleep(SLOW_SECONDS + 0.1)
    for place in places:
        reads.leave(place)
    assert len(start(writes, *names("slow", HALF + 1))) == HALF
    assert len(start(writes, *names("new", HALF))) == HALF, "the others have the other half from the first moment"


def test_no_more_start_than_there_are_threads(bulkhead: Bulkhead, clock: ManualClock) -> None:
    for wave in range(3):
        start(bulkhead, *names(f"slow {wave}", HALF))
        clock.sleep(SLOW_SECONDS + 0.1)
    assert start(bulkhead, "another") == []


def test_who_waits_is_called_up_in_the_order_of_coming_and_nobody_takes_the_place(bulkhead: Bulkhead) -> None:
    places = start(bulkhead, *names("first", HALF))
    assert start(bulkhead, "second", "third") == []
    assert bulkhead.call_up() == []
    bulkhead.leave(places[0])
    assert bulkhead.call_up() == ["second"]
    assert not bulkhead.may_start("fourth"), "the place is kept"
    assert len(start(bulkhead, "second")) == 1
    bulkhead.leave(places[1])
    bulkhead.leave(places[2])
    assert bulkhead.call_up() == ["third", "fourth"]


def test_a_place_that_was_promised_and_not_taken_goes_to_the_next(bulkhead: Bulkhead) -> None:
    places = start(bulkhead, *names("first", HALF))
    start(bulkhead, "second", "third")
    bulkhead.leave(places[0])
    assert bulkhead.call_up() == ["second"]
    assert bulkhead.call_up() == ["third"]
    assert bulkhead.may_start("third")


def test_a_place_is_given_back_once_however_often_it_is_said(bulkhead: Bulkhead) -> None:
    places = start(bulkhead, *names("first", HALF))
    bulkhead.leave(places[0])
    bulkhead.leave(places[0])
    assert len(start(bulkhead, *names("next", HALF))) == 1


def test_work_runs_in_a_daemon_thread_and_its_error_is_handed_on() -> None:
    assert Threads().submit(lambda: threading.current_thread().daemon).result(5)
    error = Threads().submit(lambda: 1 / 0).exception(5)
    assert isinstance(error, ZeroDivisionError)
