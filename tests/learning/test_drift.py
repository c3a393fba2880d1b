"""A change of the marketplace is told once, with before and after; it ends when it changes back."""

from datetime import timedelta

import pytest

from supplier_agent.learning import Question
from supplier_agent.learning.drift import AT_ONCE, GROWING, VARIES, Drift, changes, drift_of, lost_fields
from supplier_agent.learning.questions import TIMES
from tests.learning.test_careful import learned
from tests.world.harness import MONDAY

LONG = ["50"] * 20
CODES = [each for each in Question if each not in TIMES | GROWING | {Question.FIELDS}]


def drift(question: Question, accepted: str | None, *answers: str) -> tuple[str, str] | None:
    found = drift_of(learned(question, *answers), accepted)
    return None if found is None else (found.before, found.after)


@pytest.mark.parametrize("question", CODES)
def test_another_answer_that_several_show_is_a_change(question: Question) -> None:
    assert drift(question, "50", *LONG) is None
    assert drift(question, "50", *LONG, *["20"] * 4) is None
    assert drift(question, "50", *LONG, *["20"] * 6) == ("50", "20")
    assert drift(question, "50", *LONG, *["20"] * 30) == ("50", "20")


def test_its_time_is_that_of_the_first_answer_that_showed_it() -> None:
    found = drift_of(learned(Question.PAGE_SIZE, *LONG, *["20"] * 30), "50")
    assert found is not None
    assert found.since == MONDAY + 20 * timedelta(hours=4)


def test_it_is_over_when_it_is_accepted_or_when_it_changes_back() -> None:
    changed = [*LONG, *["20"] * 30]
    assert drift(Question.PAGE_SIZE, "20", *changed) is None
    assert drift(Question.PAGE_SIZE, "50", *changed, *["50"] * 8) is None
    soon = [*LONG, *["20"] * 8]
    assert drift(Question.PAGE_SIZE, "50", *soon, *["50"] * 4) == ("50", "20")
    assert drift(Question.PAGE_SIZE, "50", *soon, *["50"] * 5) is None


def test_before_anything_held_nothing_can_change() -> None:
    assert drift(Question.PAGE_SIZE, None, *["50"] * 3, *["20"] * 30) is None


def test_a_single_odd_answer_is_no_change() -> None:
    assert drift(Question.PAGE_SIZE, "50", *LONG, "20", *["50"] * 30) is None


def test_answers_that_are_mixed_for_hours_are_a_deployment_and_then_one_change() -> None:
    mixed = ["20", "50", "20", "20", "50"]
    assert drift(Question.PAGE_SIZE, "50", *LONG, *mixed) is None
    assert drift(Question.PAGE_SIZE, "50", *LONG, *mixed, *["20"] * 60) == ("50", "20")


def test_answers_that_stay_mixed_are_a_change_too() -> None:
    assert drift(Question.PAGE_SIZE, "50", *LONG, *["20", "50"] * 10) == ("50", VARIES)
    assert drift(Question.PAGE_SIZE, VARIES, *LONG, *["20", "50"] * 10) is None


def test_a_change_is_told_without_a_break_whatever_single_answers_say() -> None:
    answers = [*LONG, *["20"] * 6, "50", "20", "50", *["20"] * 90]
    begun = [drift(Question.PAGE_SIZE, "50", *answers[:number]) is not None for number in range(20, len(answers) + 1)]
    assert begun == sorted(begun)


def test_a_limit_that_grows_is_no_change() -> None:
    assert drift(Question.LATENESS_DAYS, "1", *["1"] * 20, *["5"] * 20) is None


def test_slower_answers_are_a_change_and_quicker_ones_are_not() -> None:
    quick, slow = ["0.30"] * 40, ["6.00"] * 40
    assert drift(Question.ANSWER_SECONDS, "0.30", *quick, *slow) == ("0.30", "6.00")
    assert drift(Question.ANSWER_SECONDS, "6.00", *slow, *quick) is None
    assert drift(Question.ANSWER_SECONDS, "0.30", *quick, *["1.30"] * 40) is None  # may be the wait for the rate limit


def test_a_lost_field_is_a_change_and_a_new_one_is_told_otherwise() -> None:
    assert drift(Question.FIELDS, "a,b,c", *["a,b,c"] * 20, *["a,c"] * 8) == ("a,b,c", "a,c")
    assert drift(Question.FIELDS, "a,c", *["a,c"] * 20, *["a,b,c"] * 8) is None
    assert lost_fields("a,b,c", "a,c") == ["b"]


def test_a_drift_is_shown_by_the_codes_of_the_command() -> None:
    assert str(Drift(Question.PAGE_SIZE, "50", "20", MONDAY)) == "page_size 50 → 20"
    assert str(Drift(Question.FIELDS, "a,b,c", "a", MONDAY)) == "fields: no b, c"
    assert str(Drift(Question.FIELDS, "a,b,c", VARIES, MONDAY)) == "fields a,b,c → varies"


def test_what_changes_at_once_is_one_change() -> None:
    ship = Drift(Question.SHIP_BODY, "success_true", "empty", MONDAY)
    acknowledge = Drift(Question.ACKNOWLEDGE_BODY, "success_true", "empty", MONDAY + AT_ONCE)
    later = Drift(Question.PAGE_SIZE, "50", "20", MONDAY + AT_ONCE + timedelta(seconds=1))
    assert changes([later, acknowledge, ship]) == [[ship, acknowledge], [later]]


def test_all_that_is_slower_is_one_change() -> None:
    reads = Drift(Question.ANSWER_SECONDS, "0.30", "6.00", MONDAY)
    ships = Drift(Question.SHIP_SECONDS, "0.30", "6.00", MONDAY + 5 * AT_ONCE)
    assert changes([ships, reads]) == [[reads, ships]]
