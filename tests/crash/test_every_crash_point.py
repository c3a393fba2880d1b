"""A process that dies at any step of a cycle loses no order, ships none twice and none unasked, and knows what it does not know.

Here: every eightieth step and those of the ship calls (every step in `.ci/run`), some pairs of steps, some deaths at random.
`python -m tests.crash` tries every pair, and thousands at random.
"""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.connected import LONGER, with_all
from tests.crash.soak import live
from tests.crash.stage import in_parallel, report, steps_in_peace
from tests.world.connections import SHOPS
from tests.world.forks import Forks

SEED, PAIRS, KILLS = 1, 2, 16


@pytest.fixture(scope="module")
def steps_of_a_cycle(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return steps_in_peace(tmp_path_factory.mktemp("crash"))


def test_the_intent_is_on_the_disk_before_the_request_and_the_outcome_before_the_database(
    steps_of_a_cycle: list[str],
) -> None:
    for ship in [name for name in steps_of_a_cycle if name.startswith("POST ship-sale") and name.endswith(": before")]:
        this = json.loads(ship.removeprefix("POST ship-sale ").removesuffix(": before"))["menzzo_order_id"]
        sequence = [name for name in steps_of_a_cycle if this in name and name.startswith(("ledger", "POST ship-sale"))]
        assert [name.rpartition(": ")[2] for name in sequence if "torn" not in name] == [
            *("before", "after"),  # the intent
            *("before", "connected", "answered"),  # the request
            *("before", "after"),  # the outcome
        ]
        # The turn that claimed it has been committed, and the turn that settles it has not.
        before = steps_of_a_cycle[: steps_of_a_cycle.index(f"ledger {this} intent: before")]
        assert [name for name in before if name.startswith("commit")][-1] == "commit: after"
        assert "commit: before" in steps_of_a_cycle[steps_of_a_cycle.index(f"ledger {this} done: after") :]


@pytest.mark.parametrize("every", [80, pytest.param(1, marks=pytest.mark.slow)])
def test_no_death_at_any_step_breaks_a_promise(tmp_path: Path, steps_of_a_cycle: list[str], every: int) -> None:
    steps = enumerate(steps_of_a_cycle, 1)
    chosen: list[tuple[int, ...]] = [
        (number,) for number, name in steps if number % every == 0 or name.startswith("POST ship-sale")
    ]
    histories = in_parallel(tmp_path, chosen)
    assert not report(histories)
    died = [history for history in histories if history.died_at]
    assert len(died) > 0.9 * len(histories), (
        "results that come together are settled together: then there are fewer steps"
    )
    endings = Counter(" ".join(history.endings) for history in histories)
    print(f"{len(histories)} crash points, endings {dict(endings)}")  # noqa: T201 - shown with -s
    assert endings["done unknown"], "no crash point met a ship call: the harness does not test what it should"


def test_no_two_deaths_break_a_promise(tmp_path: Path, steps_of_a_cycle: list[str]) -> None:
    numbers = range(1, len(steps_of_a_cycle) + 1)
    pairs: list[tuple[int, ...]] = [(first, second) for first in numbers for second in numbers]
    assert not report(in_parallel(tmp_path, random.Random(SEED).sample(pairs, PAIRS)))


def test_no_row_of_random_deaths_breaks_a_promise(tmp_path: Path) -> None:
    """At any instant, not only at the steps that the harness knows."""
    with Forks() as forks:
        lap = live(forks, tmp_path / "lap", SEED, KILLS)
    assert not lap.wrong, f"python -m tests.crash --kills {KILLS} --seed {SEED} repeats it"
    assert lap.at_steps > KILLS // 5
    assert lap.at_instants > KILLS // 5
    assert lap.shipped + lap.unknown, "no ship call was sent: the harness does not test what it should"


@pytest.mark.slow
def test_no_death_with_all_integrations_breaks_a_promise(tmp_path: Path) -> None:
    """At the steps around the making of an order in the shop, the delivery of an event and an answer about a sale."""
    make = with_all(SHOPS[0])
    steps = list(enumerate(steps_in_peace(tmp_path, 1, make), 1))
    created = [number for number, name in steps if name.startswith("POST orders")]
    told = [number for number, name in steps if name.startswith("POST erp")]
    asked = [number for number, name in steps if name.startswith("GET 1500")]
    assert len(created) == 3
    assert len(told) >= 9
    chosen = {number + later for number in (*created, told[1], told[-1], asked[-1]) for later in (0, 1)}
    assert not report(in_parallel(tmp_path, [(number,) for number in sorted(chosen)], orders=1, make=make))


@pytest.mark.slow
@pytest.mark.parametrize("platform", SHOPS)
def test_no_row_of_random_deaths_with_all_integrations_breaks_a_promise(tmp_path: Path, platform: str) -> None:
    with Forks() as forks:
        lap = live(forks, tmp_path / "lap", SEED, KILLS, with_all(platform), LONGER)
    assert not lap.wrong
    assert lap.others["orders in a shop"] == lap.orders
    assert lap.others["events"] > lap.orders
