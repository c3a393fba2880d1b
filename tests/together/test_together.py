"""Two, four, eight agents started on one state at the same instant: calls sent = calls owed, with the lock and without it.

The long set is `python -m tests.together --starts 50`.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.together.crowd import BUSY, DONE, LOCKS, Crowd, gathered

pytestmark = pytest.mark.slow

PROCESSES = (2, 4, 8)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with gathered(tmp_path_factory.mktemp("crowd"), len(LOCKS) * len(PROCESSES)) as crowd:
        yield crowd


@pytest.mark.parametrize("processes", PROCESSES)
@pytest.mark.parametrize("lock", LOCKS)
def test_agents_that_start_together_send_each_call_once(crowd: Crowd, lock: str, processes: int) -> None:
    codes = crowd.rush(processes, lock)
    assert DONE in codes, codes
    assert lock != "held" or set(codes) <= {DONE, BUSY}, codes
    assert Counter(crowd.sent()) == Counter(crowd.flagged), "calls sent are not the calls owed"


def test_in_the_end_nothing_is_lost_and_all_is_explained(crowd: Crowd) -> None:
    crowd.rush(2, "none")
    assert not crowd.wrong()
