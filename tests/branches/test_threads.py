"""Few threads: whoever waits for one is served as soon as it is free, and what decides nothing has threads of its own."""

from functools import partial
from pathlib import Path

from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.tick.bulkheads import HALVES, OTHERS
from supplier_agent.tick.workers import Workers
from tests.branches.conftest import Raise, work_for
from tests.model.later import Later
from tests.simulation.mortal import MortalSite, SetClock
from tests.world.harness import MONDAY, ChecksAtOnce, no_fault, settings_for


def test_a_supplier_that_finds_no_thread_is_served_as_soon_as_one_is_free(tmp_path: Path) -> None:
    clock, names = SetClock(MONDAY), ("asir-group", "notio")
    world = World(clock.true, names)
    site = MortalSite(settings_for(tmp_path / "state", *names), world, clock, Semantics())
    later, agent = Later(clock.monotonic), site.start()
    agent.workers = Workers(clock, later, ChecksAtOnce(no_fault), agent.inbox, dict.fromkeys(HALVES, 1))
    work_for(site, 2)
    assert len(later.waiting) == 1, "a supplier of which nothing is known takes no thread of the other half"
    assert world.requests("get-sales") == []
    later.make(0)
    agent.turn()
    assert len(later.waiting) == 1, "the other one, within the turn"
    later.make(0)
    agent.turn()
    assert {each.supplier for each in world.requests("get-sales")} == {*names}
    site.crash()


def test_an_errand_beside_the_loop_waits_for_a_thread_of_its_own_lane_and_harms_nothing(installation: Raise) -> None:
    site = installation(1)
    later = Later(site.clock.monotonic)
    site.executor = later
    site.start()
    went: list[int] = []
    for each in range(HALVES[OTHERS]):
        assert site.agent.workers.apart(f"supplier {each}", partial(went.append, each))
    assert not site.agent.workers.apart("one more", lambda: went.append(99)), "all that may hang at once do"
    assert went == []
    work_for(site, 60, until=lambda: len(later.waiting) > HALVES[OTHERS])
    assert len(later.waiting) == HALVES[OTHERS] + 1, "the list is read all the same"
    later.make(0)
    site.agent.turn()
    assert site.agent.workers.apart("one more", lambda: went.append(99))
    later.make(-1)
    site.agent.turn()
    assert went == [0, 99]
    later.die(sent=False)
    site.crash()
