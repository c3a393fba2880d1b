"""A real agent at the sandbox, for days: what it learns is right, nothing is wrong, and a change is noticed once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from supplier_agent.learning import Question, State
from supplier_agent.learning.feed import CHORE
from supplier_agent.sandbox.listing import Semantics
from tests.learning.week import known, learned, live, site, true_answers, wrong

NO_CACHE = Semantics(page_size=10, cache_seconds={})
WEEKS = {
    "plain": (
        NO_CACHE,
        {"page_size", "order", "page_honoured", "past_end", "cursor", "acknowledged_leave", "shipped_leave"},
    ),
    "newest first": (
        replace(
            NO_CACHE, order="newest", past_end="repeat_last", cursor="inclusive", shipped="vanish", success="no_content"
        ),
        {"page_size", "order", "page_honoured", "past_end", "shipped_leave", "ship_body", "acknowledge_body"},
    ),
    "acknowledged orders leave": (
        replace(NO_CACHE, acknowledged="vanish", past_end="not_found", success="empty"),
        {"past_end", "acknowledged_leave", "ship_body"},
    ),
    "shuffled": (
        replace(NO_CACHE, order="shuffled", cursor="always_refused", success="no_success_key"),
        {"order", "page_size", "page_honoured", "ship_body"},
    ),
}


@pytest.mark.parametrize("semantics", [NO_CACHE, WEEKS["newest first"][0]], ids=["plain", "newest first"])
def test_after_a_day_nothing_holds_and_what_is_shown_so_far_is_right(tmp_path: Path, semantics: Semantics) -> None:
    place = site(tmp_path / "state", semantics, days=1)
    live(place, 1)
    estimates, right = learned(place), true_answers(semantics)
    shown = {question: estimates[question].answer for question in right if estimates[question].answer is not None}
    assert {State(each.state) for each in estimates.values()} <= {State.UNKNOWN}
    assert shown.keys() >= {
        Question.PAGE_SIZE,
        Question.ORDER,
        Question.PAST_END,
        Question.PAGE_HONOURED,
        Question.SHIP_BODY,
    }
    assert {question: answer for question, answer in shown.items() if answer not in right[question]} == {}


def test_nothing_of_the_journal_is_looked_at_twice(tmp_path: Path) -> None:
    place = site(tmp_path / "state", NO_CACHE, days=1)
    live(place, 0.5)
    before = learned(place)
    place.stop()
    place.start()
    place.agent.turn()
    place.agent.turn()
    assert learned(place) == before
    ((detail,),) = place.ask("SELECT detail FROM chores WHERE name = ?", f"{CHORE}notio")
    assert json.loads(detail) == [*place.ask("SELECT max(reads.id), max(attempts.id) FROM reads, attempts")[0]]


def test_an_error_in_learning_stops_nothing_and_happens_once(tmp_path: Path) -> None:
    place = site(tmp_path / "state", NO_CACHE, days=1)
    place.start()
    place.run_for(600)
    with (
        place.agent.ctx.store.write() as tx
    ):  # a run that no estimator can look at: its last request ended before it began
        tx.connection().exec_driver_sql("UPDATE chores SET detail = '[0, 0]' WHERE name LIKE 'learning%'")
        tx.connection().exec_driver_sql("UPDATE listed_pages SET entries = x'00'")
    place.agent.ctx.to_learn.add("notio")
    for _ in range(4):
        place.agent.turn()
    faults = [facts for event, facts in place.said if event == "internal.error"]
    assert [each["about"] for each in faults] == ["learning of notio"]
    count = place.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL")
    place.run_for(6 * 3600)
    assert place.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") > count
    assert len([event for event, _ in place.said if event == "internal.error"]) == 1
    assert learned(place)[Question.ACKNOWLEDGE_SECONDS].agreeing > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", WEEKS)
def test_after_a_week_what_can_be_known_is_known_and_nothing_is_wrong(tmp_path: Path, name: str) -> None:
    semantics, can_know = WEEKS[name]
    place = site(tmp_path / "state", semantics)
    live(place)
    estimates = learned(place)
    assert wrong(estimates, semantics) == []
    assert known(estimates).keys() >= can_know


@pytest.mark.slow
def test_a_change_in_mid_week_is_noticed_once(tmp_path: Path) -> None:
    place = site(tmp_path / "state", replace(NO_CACHE, success="success_true"), days=8)
    live(place, 4)
    assert learned(place)[Question.SHIP_BODY].known == "success_true"
    place.api.semantics = replace(place.api.semantics, success="empty")
    bodies = []
    for day in range(4):
        live(place, 1, seed=day)
        bodies.append(learned(place)[Question.SHIP_BODY])
    assert {each.state for each in bodies} <= {State.CONTRADICTED, State.CHANGED, State.HOLDS}
    assert bodies[-1].answer == "empty"
    assert len({(each.before, each.changed_at) for each in bodies if each.changed_at is not None}) == 1
