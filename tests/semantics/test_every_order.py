"""No order that the marketplace ever lists is lost, whatever it means by page, cursor and end.

The whole agent lives through days, restarts included. A sample of the matrix, the same at every run; `python -m tests.semantics.matrix` lives through all of it.
"""

from pathlib import Path

import pytest

from tests.semantics.cases import Case, live, some_cases
from tests.semantics.checks import all_faults

CORNERS = [
    Case(),
    Case(cursor="inclusive", order="newest", page="ignored_beside_cursor", past_end="repeat_last", page_size=1),
    Case(cursor="inclusive", page="ignored", past_end="repeat_last", acknowledged="vanish", page_size=3),
    Case(cursor="ignored", order="shuffled", page="ignored", acknowledged="vanish", supplier="notio", page_size=3),
    Case(cursor="always_refused", order="newest", past_end="not_found", page_size=3),
]


@pytest.mark.parametrize("case", [*CORNERS, *some_cases(3, seed=8)], ids=str)
def test_no_listed_order_is_lost_and_each_call_is_made_once(case: Case, tmp_path: Path) -> None:
    life = live(case, tmp_path / "state")
    assert all_faults(life) == []


def test_a_way_to_every_order_is_found_by_the_cursor_alone_though_the_cache_forgets_it(tmp_path: Path) -> None:
    """The poll and the sweep right after it both page by the cursor, and the server's cache cannot tell them apart by that."""
    life = live(Case(page="ignored", page_size=3), tmp_path / "state", seed=2)
    assert life.restarts_in_a_read, "this seed no longer restarts the agent in a reading: choose another"
    assert all_faults(life) == []
    assert not any(line.cached for line in life.site.world.requests("get-sales"))
