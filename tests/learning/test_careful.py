"""What is learned makes the agent more careful, and never less: each adjustment, and that no estimate adjusts nothing."""

import itertools
from dataclasses import replace
from datetime import date, timedelta

import pytest

from supplier_agent.learning import Careful, Estimate, Observation, Question, State
from supplier_agent.learning.careful import MOST_DAYS, USED, careful
from supplier_agent.learning.fold import fold
from supplier_agent.marketplace import Means
from supplier_agent.marketplace.answers import verdict
from supplier_agent.marketplace.wire import Answer
from supplier_agent.reading import strategy
from supplier_agent.reading.missing_orders import Habit
from tests.world.harness import MONDAY

ANSWERS = (
    "success_true", "empty", "no_success", "yes", "no", "exclusive", "inclusive", "ignored", "refused", "varies", "0", "1",
    "7", "1000", "", None,
)  # fmt: skip


def learned(question: Question, *answers: str, every: timedelta = timedelta(hours=4)) -> Estimate:
    """Return the estimate after these observations."""
    estimate = Estimate(question)
    for number, answer in enumerate(answers):
        seen = Observation(question, answer, MONDAY + number * every, ("reads", number), str(number))
        estimate = fold(estimate, seen)
    return estimate


def adjusted(question: Question, *answers: str) -> Careful:
    return careful({question: learned(question, *answers)})


def test_without_an_estimate_nothing_is_adjusted() -> None:
    assert careful({}) == careful({each: Estimate(each) for each in Question}) == Careful()
    assert Careful().sweep_days(14) == 14


def test_an_answer_is_unclear_if_this_endpoint_has_always_said_success() -> None:
    assert adjusted(Question.SHIP_BODY, *["success_true"] * 20).always_success == {"ship-sale"}
    assert adjusted(Question.ACKNOWLEDGE_BODY, *["success_true"] * 20).always_success == {"acknowledge-sale"}
    assert adjusted(Question.SHIP_BODY, *["success_true"] * 19).always_success == set()
    assert adjusted(Question.SHIP_BODY, *["empty"] * 20).always_success == set()


def test_it_stays_so_after_some_other_answers_until_the_marketplace_has_changed() -> None:
    always = ["success_true"] * 20
    assert adjusted(Question.SHIP_BODY, *always, "empty", "empty").always_success == {"ship-sale"}
    assert adjusted(Question.SHIP_BODY, *always, *["empty"] * 6).always_success == set()


def test_absence_means_something_where_acknowledged_orders_stay() -> None:
    assert adjusted(Question.ACKNOWLEDGED_LEAVE, *["no"] * 20).acknowledged_stay
    assert not adjusted(Question.ACKNOWLEDGED_LEAVE, *["no"] * 19).acknowledged_stay
    assert not adjusted(Question.ACKNOWLEDGED_LEAVE, *["yes"] * 20).acknowledged_stay


@pytest.mark.parametrize(
    ("answer", "fails"), [("ignored", True), ("refused", True), ("exclusive", False), ("inclusive", False)]
)
def test_a_cursor_that_is_ignored_or_refused_fails(answer: str, fails: bool) -> None:  # noqa: FBT001 - expected
    assert adjusted(Question.CURSOR, *[answer] * 20).cursor_fails is fails
    assert not adjusted(Question.CURSOR, *[answer] * 5).cursor_fails


def test_the_length_of_a_full_page_is_known_once_it_holds() -> None:
    assert adjusted(Question.PAGE_SIZE, *["50"] * 20).page_size == 50
    assert adjusted(Question.PAGE_SIZE, *["50"] * 3).page_size == 0
    assert adjusted(Question.PAGE_SIZE, *["varies"] * 20).page_size == 0


@pytest.mark.parametrize(
    ("late", "configured", "days"), [(0, 14, 14), (7, 14, 14), (8, 14, 16), (500, 14, MOST_DAYS), (500, 90, 90)]
)
def test_sweeps_cover_twice_the_longest_delay_within_bounds(late: int, configured: int, days: int) -> None:
    assert adjusted(Question.LATENESS_DAYS, "0", str(late)).sweep_days(configured) == days


@pytest.mark.parametrize("configured", [1, 14, 90])
def test_no_estimate_makes_a_sweep_read_fewer_days(configured: int) -> None:
    for question, state, answer, held in itertools.product(USED, State, ANSWERS, ANSWERS):
        made = Estimate(question, state, answer, memory={"codes": {"held": held}})
        assert careful({question: made}).sweep_days(configured) >= configured


def test_no_estimate_takes_away_that_an_absence_counts() -> None:
    for seen, left in itertools.product(range(12), repeat=2):
        assert Habit(seen, left, learned=True).stay
        assert Habit(seen, left).stay == Habit(seen, left, learned=False).stay


BODIES = (
    b"",
    b"{}",
    b"[]",
    b"ok",
    b'{"success": true}',
    b'{"success": 1}',
    b'{"success": false}',
    b'{"message": "done"}',
)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 404, 500])
def test_no_estimate_turns_an_unclear_answer_into_a_yes(status: int, body: bytes) -> None:
    before, strict = (
        verdict(Answer(status, {}, body), "1_2", MONDAY, always_success=always).means for always in (False, True)
    )
    assert strict in {before, Means.UNCLEAR}
    assert strict is not Means.UNVERIFIED


def test_no_estimate_ends_a_run_earlier() -> None:
    day = date(2026, 11, 23)
    for size, longest, full in itertools.product((1, 20, 50), (1, 20, 50), (0, 1, 20, 50, 100)):
        run = strategy.sweep("sweep", day, day, day + timedelta(days=1), longest)
        run = replace(run, phase=strategy.Phase.DAYS, query=strategy.Query(date_from=day, date_to=day))
        page = [f"1_{number}" for number in range(size)]
        before, after = (strategy.advance(replace(run, full=each), page, ()) for each in (0, full))
        assert isinstance(before, strategy.Run)
        assert isinstance(after, strategy.Run)
        assert (after.query, set(before.cut) <= set(after.cut)) == (before.query, True)
