"""After a simulated week, the agent says nothing wrong about its marketplace and has lost nothing. __main__.py has all cases."""

from pathlib import Path

import pytest

from tests.weeks.cases import CHANGES, READS, WRITES, Case, can_be_read, every_pair
from tests.weeks.covering import covering
from tests.weeks.judge import Judged, judge

PLAIN = Case({})
NEWEST = Case({"order": "newest", "past_end": "not_found", "success": "empty", "fields": "more"})


def faults(case: Case, folder: Path) -> list[str]:
    found: Judged = judge(case, folder)
    return found.faults


@pytest.mark.parametrize("case", [NEWEST, CHANGES[0]], ids=str)
def test_a_week_of_a_marketplace(case: Case, tmp_path: Path) -> None:
    assert faults(case, tmp_path / "state") == []


@pytest.mark.slow
@pytest.mark.parametrize("case", [PLAIN, *CHANGES[2::6], *every_pair()[::8]], ids=str)
def test_weeks_of_more_marketplaces(case: Case, tmp_path: Path) -> None:
    assert faults(case, tmp_path / "state") == []


def test_every_pair_of_values_that_is_possible_is_in_some_case() -> None:
    rows = covering(READS, can_be_read, 1)
    assert all(can_be_read(row) for row in rows)
    for first, second in (("cursor", "order"), ("past_end", "page_size"), ("acknowledged", "cache")):
        seen = {(row[first], row[second]) for row in rows}
        assert seen == {(one, other) for one in READS[first] for other in READS[second]}
    pairs = {(row["page"], row["order"]) for row in rows}
    assert {pair for pair in pairs if pair[0] == "ignored"} == {("ignored", "oldest")}
    assert len(covering(WRITES, lambda _: True, 1)) < 60
