"""Days of everything at once: faults of network, server, payload and clock, deaths, tokens that expire, people.

Some at every run; .ci/run lives through hundreds, and `python -m tests.simulation` through thousands.
"""

import pytest

from tests.simulation.days import live, live_all
from tests.simulation.life import SPARSE

pytestmark = pytest.mark.slow

SEEDS = range(1, 5)
DAYS_EACH = 15


def test_no_day_breaks_a_promise() -> None:
    lives = list(live_all(list(SEEDS), DAYS_EACH, lambda _seed: SPARSE))
    again = "python -m tests.simulation --sparse --seeds 1 --days 15 --first-seed SEED repeats one"
    assert [fault for judged in lives for fault in judged.faults] == [], again
    met = {kind for judged in lives for kind in judged.met}
    assert len(met) > 10, "the sky was too clear to prove anything"
    assert sum(judged.deaths.total() for judged in lives) > 10
    assert sum(judged.jumps for judged in lives) > 5
    assert sum(judged.shipped for judged in lives) > 60


def test_the_same_seed_gives_the_same_history() -> None:
    first, again = live(7, 3, SPARSE), live(7, 3, SPARSE)
    assert first.history == again.history
    assert first.requests > 20
    assert live(8, 1, SPARSE).history != first.history
