"""A crash at any point around a sale check: a cancelled order is never reported, and no question is lost."""

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.support import SALE, SAV
from tests.support.conftest import Raise, first, state
from tests.support.test_gate import cancel, held, ships
from tests.support.test_more import open_case
from tests.world.harness import Site


def turns(site: Site, number: int) -> None:
    """Let so many turns pass, each at the moment at which the agent has something to do."""
    for _ in range(number):
        wait = site.turn()
        if wait is not None:
            site.clock.sleep(min(max(wait, 0.001), 5))


@pytest.mark.parametrize("after", range(1, 26, 2))
def test_a_crash_after_any_turn_reports_no_cancelled_order(installation: Raise, after: int) -> None:
    site = installation(ship={"undo_seconds": 0})
    cancel(site)
    site.flag()
    turns(site, after)
    site.crash()
    site.start()
    site.run_for(600, 1)
    assert (ships(site), [code for code, _ in held(site)]) == (0, ["sale_stopped"])


@pytest.mark.parametrize("after", range(1, 26, 3))
def test_a_crash_after_any_turn_loses_no_report(installation: Raise, after: int) -> None:
    site = installation(ship={"undo_seconds": 0})
    site.flag()
    turns(site, after)
    site.crash()
    site.start()
    site.run_for(600, 1)
    assert state(site, "ship")[0] in {"done", "unknown"}, "unknown: it was being sent"
    assert ships(site) == 1


def test_a_crash_between_the_answer_and_its_commit_asks_again(installation: Raise) -> None:
    site = installation(ship={"undo_seconds": 0})
    cancel(site)
    site.flag()
    for _ in range(20):
        turns(site, 1)
        if site.world.requests(SALE):
            break
    assert state(site, "sale_check")[0] == "sending", "its answer has come, and is not settled"
    site.crash()
    site.start()
    site.run_for(600, 1)
    assert len(site.world.requests(SALE)) == 2
    assert (ships(site), [code for code, _ in held(site)]) == (0, ["sale_stopped"])


def test_a_crash_while_a_case_is_sent_leaves_it_unknown(installation: Raise) -> None:
    site = installation({"open_sav": True})
    site.world.faults.arm(SAV, faults.close(applied=True))
    open_case(site)
    for _ in range(20):
        turns(site, 1)
        if state(site, "sav")[0] == "sending":
            break
    site.crash()
    site.start()
    site.run_for(7200)
    assert state(site, "sav") == ("unknown", 1)
    assert len(site.world.support.cases) == 1
    assert first(site)
