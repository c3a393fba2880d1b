"""How many observations make an answer, what they contradict, and when an answer has changed."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from supplier_agent.learning.fold import KEPT, KEYS, fold
from supplier_agent.learning.questions import DENIES, Estimate, Observation, Question, State
from tests.learning.marketplace import NOON, seen

SIZE = Question.PAGE_SIZE
HOUR = timedelta(hours=1)


def after(observations: Iterable[Observation]) -> Estimate:
    """Fold them all."""
    estimate: Estimate | None = None
    for each in observations:
        estimate = fold(estimate or Estimate(each.question), each)
    assert estimate is not None
    return estimate


def codes(*answers: str, every: timedelta = timedelta(hours=6)) -> Estimate:
    return after(seen(SIZE, answers, every))


def test_an_answer_holds_after_twenty_observations_on_three_days() -> None:
    assert codes(*["50"] * 19).state is State.UNKNOWN
    found = codes(*["50"] * 20)
    assert (found.state, found.answer, found.agreeing, found.against, found.days) == (State.HOLDS, "50", 20, 0, 6)
    assert (found.since, found.last_at) == (NOON, NOON + 19 * timedelta(hours=6))
    assert found.known == "50"


def test_twenty_observations_on_two_days_are_not_enough() -> None:
    assert codes(*["50"] * 40, every=timedelta(minutes=30)).state is State.UNKNOWN


def test_the_same_key_counts_once() -> None:
    again = [replace(each, key="the same") for each in seen(SIZE, ["50"] * 30)]
    assert after(again).agreeing == 1


def test_one_observation_against_it_contradicts_an_answer_that_held() -> None:
    found = codes(*["50"] * 20, "49")
    assert (found.state, found.answer, found.agreeing, found.against) == (State.CONTRADICTED, "50", 20, 1)
    assert found.known is None


def test_five_observations_in_a_row_show_that_an_answer_that_held_has_changed() -> None:
    assert codes(*["50"] * 20, *["25"] * 4).state is State.CONTRADICTED
    found = codes(*["50"] * 20, *["25"] * 5)
    assert (found.state, found.before, found.answer, found.agreeing) == (State.CHANGED, "50", "25", 5)
    assert found.changed_at == found.since == NOON + 20 * timedelta(hours=6)


def test_a_changed_answer_holds_like_any_other_and_still_names_the_change() -> None:
    found = codes(*["50"] * 20, *["25"] * 20)
    assert (found.state, found.answer, found.before, found.against) == (State.HOLDS, "25", "50", 0)
    assert found.changed_at is not None


def test_five_observations_within_an_hour_are_a_fault_of_the_server_and_no_change() -> None:
    held = seen(SIZE, ["50"] * 20)
    at = held[-1].at + HOUR
    burst = [replace(each, at=at, key=f"b{each.key}") for each in seen(SIZE, ["25"] * 9)]
    assert after([*held, *burst]).state is State.CONTRADICTED


def test_an_answer_that_never_held_does_not_change() -> None:
    found = codes(*["50"] * 19, *["25"] * 19)
    assert (found.state, found.changed_at) == (State.CONTRADICTED, None)


@pytest.mark.parametrize("mixture", [["50", "49"], ["50"] * 6 + ["49"] * 6, ["50"] * 19 + ["49"]])
def test_a_mixture_stays_contradicted(mixture: list[str]) -> None:
    estimate = Estimate(SIZE)
    for number, each in enumerate(seen(SIZE, mixture * (200 // len(mixture)))):
        estimate = fold(estimate, each)
        assert estimate.state is State.CONTRADICTED or number < len(mixture), number


@pytest.mark.parametrize("mixture", [["49", "50"], ["49"] * 4 + ["50"] * 6])
def test_a_mixture_after_an_answer_that_held_is_no_change(mixture: list[str]) -> None:
    estimate = Estimate(SIZE)
    for number, each in enumerate(seen(SIZE, [*["50"] * 20, *mixture * 20])):
        estimate = fold(estimate, each)
        assert estimate.state is State.CONTRADICTED or number < 20, number


def test_an_answer_that_comes_and_goes_must_stay_longer_to_be_a_change() -> None:
    assert codes(*["50"] * 20, *["25"] * 2, *["50"] * 2, *["25"] * 14).state is State.CONTRADICTED
    assert codes(*["50"] * 20, *["25"] * 2, *["50"] * 2, *["25"] * 15).state is State.CHANGED


def test_one_odd_answer_is_outlived() -> None:
    assert codes(*["50"] * 20, "49", *["50"] * 59).state is State.CONTRADICTED
    found = codes(*["50"] * 20, "49", *["50"] * 60)
    assert (found.state, found.answer, found.changed_at) == (State.HOLDS, "50", None)


def test_what_only_denies_contradicts_but_names_no_answer() -> None:
    found = codes(*["50"] * 20, DENIES, DENIES)
    assert (found.state, found.answer, found.against) == (State.CONTRADICTED, "50", 2)
    changed = codes(*["50"] * 20, *[DENIES] * 9, *["100"] * 5)
    assert (changed.state, changed.before, changed.answer) == (State.CHANGED, "50", "100")
    nothing = codes(DENIES)
    assert (nothing.state, nothing.answer) == (State.CONTRADICTED, None)


def test_an_estimate_stays_small_and_its_memory_is_json() -> None:
    found = codes(*(str(number % 40) for number in range(300)))
    assert len(found.evidence) <= KEPT * 4
    assert len(found.memory["keys"]) == KEYS
    assert len(json.dumps(found.memory)) < 2500


def test_the_evidence_has_the_newest_observations_of_each_answer() -> None:
    found = codes(*["50"] * 30, "49", *["50"] * 30)
    assert [each.answer for each in found.evidence].count("49") == 1
    assert [each.row[1] for each in found.evidence if each.answer == "50"] == [56, 57, 58, 59, 60]


# -- numbers -----------------------------------------------------------------------------------------------------------


def late(*days: int) -> Estimate:
    return after(seen(Question.LATENESS_DAYS, map(str, days)))


def test_lateness_is_the_most_days_that_were_seen() -> None:
    found = late(*[0, 1, 0, 2] * 5)
    assert (found.state, found.answer, found.agreeing) == (State.HOLDS, "2", 20)
    assert late(*[0] * 19).state is State.UNKNOWN


def test_a_later_order_changes_the_answer_at_once_and_then_it_holds_again() -> None:
    found = late(*[0, 1] * 10, 4)
    assert (found.state, found.before, found.answer) == (State.CHANGED, "1", "4")
    assert late(*[0, 1] * 10, 4, *[0] * 18).state is State.CHANGED
    assert late(*[0, 1] * 10, 4, *[0] * 19).state is State.HOLDS
    assert late(*[0, 1] * 10, 4, *[0] * 19).answer == "4"


def cached(*answers: str) -> Estimate:
    return after(seen(Question.CACHE_SECONDS, answers))


def test_an_answer_is_never_older_than_the_time_after_which_twenty_were_made_afresh() -> None:
    found = cached(*["newer 870"] * 10, *["newer 1790"] * 10)
    assert (found.state, found.answer) == (State.HOLDS, "1800")
    assert cached(*["newer 870"] * 19).state is State.UNKNOWN
    assert cached(*["newer 870"] * 20, *["newer 50"] * 19).answer == "900"


def test_an_answer_made_afresh_before_a_cached_one_had_ended_proves_nothing() -> None:
    assert cached("older 1500", *["newer 870"] * 20).answer is None
    found = cached("older 1500", *["newer 870"] * 20, *["newer 1801"] * 20)
    assert (found.state, found.answer) == (State.HOLDS, "1860")


def test_a_cached_answer_that_is_too_old_changes_the_limit() -> None:
    found = cached(*["newer 870"] * 20, "older 1500")
    assert (found.state, found.answer, found.before) == (State.CHANGED, None, "900")
    again = cached(*["newer 870"] * 20, "older 1500", *["newer 1801"] * 20)
    assert (again.state, again.answer) == (State.HOLDS, "1860")


def test_few_observations_on_one_day_make_no_limit() -> None:
    one_day = [replace(each, at=NOON) for each in seen(Question.CACHE_SECONDS, ["newer 870"] * 30)]
    assert after(one_day).answer is None


def times(*seconds: float, every: timedelta = timedelta(hours=6)) -> Estimate:
    return after(seen(Question.ANSWER_SECONDS, (f"{each:.2f}" for each in seconds), every))


def test_the_usual_time_of_an_answer_is_the_median_and_the_slow_ones_are_named() -> None:
    found = times(*[0.3] * 19, 9.0)
    assert (found.state, found.answer, found.memory["slow"]) == (State.HOLDS, "0.30", "0.30")
    assert times(*[0.3] * 18, 9.0, 9.0).memory["slow"] == "9.00"


def test_answers_that_last_three_times_as_long_for_hours_have_changed() -> None:
    found = times(*[0.5] * 30, *[2.0] * 12)
    assert (found.state, found.before, found.answer) == (State.CHANGED, "0.50", "2.00")
    assert times(*[0.5] * 30, *[2.0] * 9).state is State.HOLDS
    assert times(*[0.5] * 30, *[1.4] * 30).state is State.HOLDS, "less than three times"
    assert times(*[0.1] * 30, *[0.9] * 30).state is State.HOLDS, "still under a second"
    assert times(*[4.0] * 30, *[1.0] * 30).answer == "1.00", "shorter is a change too"


def test_a_slow_hour_is_no_change() -> None:
    usual = seen(Question.ANSWER_SECONDS, ["0.50"] * 30)
    slow = [
        replace(each, at=usual[-1].at + number * timedelta(minutes=2), key=f"s{number}")
        for number, each in enumerate(seen(Question.ANSWER_SECONDS, ["5.00"] * 30))
    ]
    assert after([*usual, *slow]).state is State.HOLDS
    later = [
        replace(each, at=slow[-1].at + (number + 1) * timedelta(hours=6), key=f"l{number}")
        for number, each in enumerate(seen(Question.ANSWER_SECONDS, ["0.50"] * 5))
    ]
    assert after([*usual, *slow, *later]).state is State.HOLDS, "they are as fast as before, but few"
    odd = replace(slow[0], at=later[-1].at + timedelta(hours=6), key="odd")
    assert after([*usual, *slow, *later, odd]).state is State.HOLDS


def test_slow_answers_do_not_become_usual_before_they_are_noticed() -> None:
    usual = seen(Question.ANSWER_SECONDS, ["0.50"] * 20)
    slow = [
        replace(each, at=usual[-1].at + number * timedelta(minutes=15), key=f"s{number}")
        for number, each in enumerate(seen(Question.ANSWER_SECONDS, ["5.00"] * 40))
    ]
    found = after([*usual, *slow])
    assert (found.state, found.before, found.answer) == (State.CHANGED, "0.50", "5.00")
