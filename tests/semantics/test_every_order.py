"""No order that the marketplace ever lists is lost, whatever it means by page, cursor and end.

The whole agent lives through days, restarts included. A sample of the matrix, the same at every run;
`python -m tests.semantics.matrix` lives through all of it.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from supplier_agent.sandbox.world import World
from tests.semantics.cases import STRIDE_SECONDS, Case, Life, live, some_cases
from tests.semantics.checks import acknowledgements, all_faults, asked_twice, lies, too_fast, unread
from tests.world.harness import ManualClock, Site, settings_for

pytestmark = pytest.mark.slow

CORNERS = [
    Case(cursor="inclusive", page="ignored", past_end="repeat_last", acknowledged="vanish", page_size=3),
    Case(cursor="ignored", order="shuffled", page="ignored", acknowledged="vanish", page_size=1),
    Case(cursor="always_refused", order="newest", past_end="not_found", page_size=3),
]


@pytest.mark.parametrize("case", [*CORNERS, *some_cases(2, seed=8)], ids=str)
def test_no_listed_order_is_lost_and_each_call_is_made_once(case: Case, tmp_path: Path) -> None:
    life = live(case, tmp_path / "state")
    assert all_faults(life) == []


def small(case: Case, folder: Path, before: int) -> Life:
    """Return an installation that has read so many orders, and rests."""
    clock = ManualClock()
    site = Site(settings_for(folder, case.supplier), World(clock, (case.supplier,)), clock, case.semantics)
    life = Life(case, site, set(), 0)
    come_in(life, before)
    site.start()
    site.run_for(1800)
    return life


def come_in(life: Life, number: int) -> None:
    """Let orders come in at once."""
    for _ in range(number):
        order = life.site.world.arrive(life.case.supplier)
        order.label, order.visible_from = b"%PDF-1.4 a label", life.site.clock.now()


def run_until_cut(life: Life, purpose: str) -> None:
    """Go on until a reading has taken in its first page and is not over; then stop and start the agent."""
    account = life.site.agent.accounts[life.case.supplier]

    def is_open() -> bool:
        return account.run is not None and account.run.plan.purpose == purpose and account.run.plan.pages > 0

    life.site.run_for(7 * 3600, STRIDE_SECONDS, until=is_open)
    assert is_open(), f"no {purpose} of several pages began"
    life.site.stop()
    life.site.start()


@pytest.mark.parametrize("cursor", ["exclusive", "always_refused"])
def test_a_poll_that_was_cut_short_asks_another_question_after_the_restart(cursor: str, tmp_path: Path) -> None:
    """The server would answer the same one from its cache."""
    life = small(Case(cursor=cursor, page_size=3), tmp_path / "state", before=1)
    come_in(life, 7)
    run_until_cut(life, "poll")
    life.site.run_for(4000, STRIDE_SECONDS)
    life.site.stop()
    assert [*unread(life), *asked_twice(life), *too_fast(life)] == []


def test_a_sweep_that_was_cut_short_asks_another_question_after_the_restart(tmp_path: Path) -> None:
    life = small(Case(page_size=3), tmp_path / "state", before=8)
    run_until_cut(life, "sweep")
    life.site.run_for(120)
    life.site.stop()
    assert [*unread(life), *asked_twice(life), *too_fast(life)] == []


def test_a_poll_and_the_sweep_after_it_are_not_mixed_up_by_a_cache_that_forgets_the_cursor(tmp_path: Path) -> None:
    """Where pages are not heeded both go by the cursor, and a stale page in between would look like the end."""
    life = small(Case(page="ignored", page_size=3), tmp_path / "state", before=7)
    site = life.site
    site.run_for(5.4 * 3600, STRIDE_SECONDS)
    come_in(life, 8)
    site.run_for(3600, STRIDE_SECONDS)
    site.stop()
    assert [*unread(life), *lies(life), *asked_twice(life)] == []
    assert not any(line.cached for line in site.world.requests("get-sales"))


def test_an_order_that_is_listed_days_late_below_a_known_number_is_found_by_the_next_sweep(tmp_path: Path) -> None:
    life = small(Case(), tmp_path / "state", before=3)
    known = life.site.world.orders("asir-group")[-1]
    low = replace(known, menzzo_order_id="15000000001_1", label_path="", acknowledged_at=[])
    low.order_date -= timedelta(days=6)
    life.site.world.add(low)
    life.site.run_for(6 * 3600, STRIDE_SECONDS)
    life.site.stop()
    assert [*unread(life), *acknowledgements(life)] == []
