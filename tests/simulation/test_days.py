"""Days of everything at once: faults of network, server, payload and clock, deaths, tokens that expire, people.

A short set at every run; `python -m tests.simulation` lives through thousands of days on the default schedule.
"""

from tests.simulation.days import live, live_all
from tests.simulation.life import SPARSE

SEEDS = range(1, 3)
DAYS_EACH = 10


def test_no_day_breaks_a_promise() -> None:
    lives = list(live_all(list(SEEDS), DAYS_EACH, SPARSE))
    assert [fault for judged in lives for fault in judged.faults] == [], "each names the seed that reproduces it"
    assert sum(judged.days for judged in lives) >= 20
    met = {kind for judged in lives for kind in judged.met}
    assert len(met) > 10, "the sky was too clear to prove anything"
    assert sum(judged.deaths.total() for judged in lives) > 4
    assert sum(judged.jumps for judged in lives) >= 1
    assert sum(judged.shipped for judged in lives) > 4


def test_the_same_seed_gives_the_same_history() -> None:
    first, again = live(7, 3, SPARSE), live(7, 3, SPARSE)
    assert first.history == again.history
    assert first.requests > 20
    assert live(8, 1, SPARSE).history != first.history
