"""Few threads: an account that waits for one is served as soon as it is free, and what decides nothing has threads of its own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers.circuit_breakers import OTHERS
from supplier_agent.tick.workers import HALVES, Workers
from tests.branches.conftest import Raise, work_for
from tests.model.later import Later
from tests.world.harness import MONDAY, ChecksAtOnce, arrive, no_fault, settings_for
from tests.world.mortal import MortalSite, SetClock

NAMES = ("asir-group", "notio")


def site_of_few_threads(tmp_path: Path) -> tuple[MortalSite, Later]:
    """Return a started installation of two suppliers with one order each, and two threads in each lane."""
    clock = SetClock(MONDAY)
    world = World(clock.true, NAMES)
    for name in NAMES:
        arrive(world, name)
    site = MortalSite(settings_for(tmp_path / "state", *NAMES, requests_per_second=5), world, clock, Semantics())
    site.wire.answer_seconds = 0
    later, agent = Later(clock.monotonic), site.start()
    agent.ctx.workers = Workers(clock, later, ChecksAtOnce(no_fault), agent.ctx.log, dict.fromkeys(HALVES, 1))
    return site, later


def in_small_steps(site: MortalSite, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    """Let time pass, until something holds, without a leap after which a request that is on its way would count as slow."""
    end = site.clock.monotonic() + seconds
    while site.clock.monotonic() < end and not until():
        site.agent.turn()
        site.clock.sleep(0.1)


def test_a_supplier_that_finds_no_thread_is_served_as_soon_as_one_is_free(tmp_path: Path) -> None:
    site, later = site_of_few_threads(tmp_path)
    in_small_steps(site, 1)
    assert len(later.waiting) == 1, "a supplier of which nothing is known takes no thread of the other half"
    assert site.world.requests("get-sales") == []
    later.make(0)
    site.agent.turn()
    while later.waiting:
        later.make(0)
    assert {each.supplier for each in site.world.requests("get-sales")} == {*NAMES}, "the other one, within the turn"
    site.crash()


@pytest.mark.parametrize("kind", ["acknowledge", "label"])
def test_a_call_that_finds_no_thread_is_not_claimed_and_goes_as_soon_as_one_is_free(tmp_path: Path, kind: str) -> None:
    site, later = site_of_few_threads(tmp_path)

    def of_that_kind() -> list[str]:
        """Return the suppliers whose call of that kind a worker has; all other requests are answered."""
        for place, each in reversed([*enumerate(later.waiting)]):
            if each.job is None or each.job.kind != kind:
                later.make(place)
        return [each.job.supplier for each in later.waiting if each.job is not None]

    in_small_steps(site, 20, lambda: len(of_that_kind()) == 1)
    in_small_steps(site, 1, lambda: len(of_that_kind()) == 2)
    (first,) = of_that_kind()
    claimed = "SELECT supplier FROM calls WHERE kind = ? AND state = 'sending'"
    assert site.ask(claimed, kind) == [(first,)]
    later.make(0)
    in_small_steps(site, 1, lambda: len(of_that_kind()) == 1)
    (second,) = of_that_kind()
    assert {first, second} == {*NAMES}
    later.die(sent=False)
    site.crash()


def test_an_errand_beside_the_loop_waits_for_a_thread_of_its_own_lane_and_harms_nothing(installation: Raise) -> None:
    site = installation(1)
    later = Later(site.clock.monotonic)
    site.executor = later
    site.start()
    went: list[int] = []
    for each in range(HALVES[OTHERS]):
        assert site.agent.ctx.workers.apart(f"supplier {each}", partial(went.append, each))
    assert not site.agent.ctx.workers.apart("one more", lambda: went.append(99)), "all that may hang at once do"
    assert went == []
    work_for(site, 60, until=lambda: len(later.waiting) > HALVES[OTHERS])
    assert len(later.waiting) == HALVES[OTHERS] + 1, "the list is read all the same"
    later.make(0)
    site.agent.turn()
    assert site.agent.ctx.workers.apart("one more", lambda: went.append(99))
    later.make(-1)
    site.agent.turn()
    assert went == [0, 99]
    later.die(sent=False)
    site.crash()
