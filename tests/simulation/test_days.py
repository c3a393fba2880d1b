"""Days of everything at once: faults of network, server, payload and clock, deaths, tokens that expire, people, other sides.

Some at every run; .ci/run lives through hundreds, and `python -m tests.simulation` through thousands.
"""

from collections import Counter

import pytest

from tests.simulation.connected import ConnectedDays
from tests.simulation.days import live, live_all
from tests.simulation.life import SPARSE

pytestmark = pytest.mark.slow

SEEDS = range(1, 5)
DAYS_EACH = 15
CONNECTED_SEEDS, CONNECTED_DAYS_EACH = (1, 2, 3, 4), 6
"""One of them is calm, two have the strict gate, and each platform has one."""


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


def test_no_day_with_all_integrations_breaks_a_promise() -> None:
    lives = list(live_all([*CONNECTED_SEEDS], CONNECTED_DAYS_EACH, lambda _seed: SPARSE, kind=ConnectedDays))
    again = (
        f"python -m tests.simulation --connected --seeds 1 --days {CONNECTED_DAYS_EACH} --first-seed SEED repeats one"
    )
    assert [fault for judged in lives for fault in judged.faults] == [], again
    there: Counter[str] = sum((judged.others for judged in lives), Counter())
    assert len({kind for judged in lives for kind in judged.met if kind.startswith("others: ")}) > 8
    assert min(there["orders in a shop"], there["answers about sales"]) > 20
    assert there["marks by a shop"] > 5
    assert there["events"] > 100


def test_the_same_seed_with_all_integrations_gives_the_same_history() -> None:
    first, again = live(5, 2, SPARSE, ConnectedDays), live(5, 2, SPARSE, ConnectedDays)
    assert first.history == again.history
    assert first.others["events"] > 3
