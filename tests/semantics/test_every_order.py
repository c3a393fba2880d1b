"""No order that the marketplace ever lists is lost, whatever it means by page, cursor and end.

The whole agent lives through days, restarts included. A sample of the matrix, the same at every run;
`python -m tests.semantics` lives through all of it.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.semantics.cases import Case, ReadLife, live, some_cases
from tests.semantics.checks import acknowledged_again, all_faults, asked_again, false_completes, lost_in_silence
from tests.world.harness import LABEL
from tests.world.invariants import the_rate_is_kept

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


def small(case: Case, folder: Path, before: int) -> ReadLife:
    """Return an installation that has read so many orders, and rests."""
    life = ReadLife(case, folder)
    come_in(life, before)
    life.start()
    life.run(1800)
    return life


def come_in(life: ReadLife, number: int) -> None:
    """Let orders come in at once."""
    for _ in range(number):
        order = life.world.arrive(life.supplier)
        order.label, order.visible_from = LABEL, life.clock.now()


def run_until_cut(life: ReadLife, purpose: str) -> None:
    """Go on until a read has its first page and is not over; then stop and start the agent."""

    def is_open() -> bool:
        run = life.account.run
        return run is not None and run.plan.purpose == purpose and run.plan.pages > 0

    life.run(7 * 3600, until=is_open)
    assert is_open(), f"no {purpose} of several pages began"
    life.restart()


def faults(life: ReadLife) -> list[str]:
    """Return what went wrong in the reading."""
    life.close()
    own = [*lost_in_silence(life), *false_completes(life), *asked_again(life), *acknowledged_again(life)]
    return own + the_rate_is_kept(life.books())


@pytest.mark.parametrize("cursor", ["exclusive", "always_refused"])
def test_a_poll_that_was_cut_short_asks_another_question_after_the_restart(cursor: str, tmp_path: Path) -> None:
    """The server would answer the same one from its cache."""
    life = small(Case(cursor=cursor, page_size=3), tmp_path / "state", before=1)
    come_in(life, 7)
    run_until_cut(life, "poll")
    life.run(4000)
    assert faults(life) == []


def test_a_sweep_that_was_cut_short_asks_another_question_after_the_restart(tmp_path: Path) -> None:
    life = small(Case(page_size=3), tmp_path / "state", before=8)
    run_until_cut(life, "sweep")
    life.run(120)
    assert faults(life) == []


def test_a_poll_and_the_sweep_after_it_are_not_mixed_up_by_a_cache_that_forgets_the_cursor(tmp_path: Path) -> None:
    """Where pages are not heeded both go by the cursor, and a stale page in between would look like the end."""
    life = small(Case(page="ignored", page_size=3), tmp_path / "state", before=7)
    life.run(5.4 * 3600)
    come_in(life, 8)
    life.run(3600)
    assert faults(life) == []
    assert not any(line.cached for line in life.world.requests("get-sales"))


def test_an_order_that_is_listed_days_late_below_a_known_number_is_found_by_the_next_sweep(tmp_path: Path) -> None:
    life = small(Case(), tmp_path / "state", before=3)
    known = life.world.orders("asir-group")[-1]
    low = replace(known, menzzo_order_id="15000000001_1", label_path="", acknowledged_at=[])
    low.order_date, low.visible_from = low.order_date - timedelta(days=6), life.clock.now()
    life.world.add(low)
    life.run(6 * 3600)
    assert faults(life) == []
    assert low.acknowledged_at
