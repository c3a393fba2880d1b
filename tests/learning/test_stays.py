"""Do acknowledged, shipped and cancelled orders leave the list, and how late do orders appear; what shows it, and what does not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from supplier_agent.learning.listed import Facts, Listed
from supplier_agent.learning.questions import DENIES, Estimate, Question, State
from supplier_agent.learning.stays import leaving
from tests.learning.marketplace import FIRST, NOON, TODAY, learned, name, names, order, page, run, shown

ACKNOWLEDGED, SHIPPED, CANCELLED = Question.ACKNOWLEDGED_LEAVE, Question.SHIPPED_LEAVE, Question.CANCELLED_LEAVE
LATE = Question.LATENESS_DAYS
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YESTERDAY = TODAY - DAY


def orders(*numbers: int, hours_ago: float = 5, **facts: Any) -> dict[str, Facts]:  # noqa: ANN401 - of any field
    """Return orders of yesterday that were acknowledged so long ago."""
    at = NOON - hours_ago * HOUR
    return {name(each): order(each, at - HOUR, YESTERDAY, acknowledged_at=at, **facts) for each in numbers}


def untouched(*numbers: int) -> dict[str, Facts]:
    return {name(each): order(each, NOON - HOUR, YESTERDAY) for each in numbers}


def shipped(*numbers: int, hours_ago: float = 2) -> dict[str, Facts]:
    return orders(*numbers, ship_tried=True, shipped_at=NOON - hours_ago * HOUR)


def cancelled(*numbers: int) -> dict[str, Facts]:
    return orders(*numbers, cancelled_at=NOON - 2 * HOUR)


def sweep(known: Mapping[str, Facts], *listed: int, days: int = 0, **facts: Any) -> Listed:  # noqa: ANN401 - of any field
    return run(names(*listed), (), at=NOON + days * DAY, orders=known, row=days + 1, **facts)


# -- acknowledged ------------------------------------------------------------------------------------------------------


def test_acknowledged_orders_that_are_listed_stay() -> None:
    assert shown(ACKNOWLEDGED, sweep(orders(1, 2), 1, 2)) == ["no", "no"]


def test_acknowledged_orders_that_disappear_leave_if_others_of_their_day_are_listed() -> None:
    known = orders(1, 2) | untouched(3)
    assert shown(ACKNOWLEDGED, sweep(known, 3)) == ["yes", "yes"]
    other_day = known | {name(3): order(3, NOON - HOUR, TODAY - 3 * DAY)}
    assert shown(ACKNOWLEDGED, sweep(other_day, 3)) == [], "perhaps the list no longer has that day"
    assert shown(ACKNOWLEDGED, sweep(orders(1, 2))) == [], "an empty list shows nothing"


def test_an_order_that_was_acknowledged_right_after_the_run_was_untouched_in_it() -> None:
    soon = {name(3): replace(untouched(3)[name(3)], acknowledged_at=NOON + HOUR)}
    assert shown(ACKNOWLEDGED, sweep(orders(1, 2) | soon, 3)) == ["yes", "yes"]
    before = {name(3): replace(untouched(3)[name(3)], acknowledged_at=NOON - timedelta(minutes=1))}
    assert shown(ACKNOWLEDGED, sweep(orders(1, 2) | before, 3)) == []


def test_each_order_counts_once_however_many_sweeps_list_or_miss_it() -> None:
    first, second = sweep(orders(1, 2), 1, 2), sweep(orders(1, 2), 1, 2, days=1)
    assert shown(ACKNOWLEDGED, first, second) == ["no", "no"]
    known = orders(1, 2) | untouched(3)
    gone = {each: replace(facts, last_listed_at=NOON - HOUR) for each, facts in known.items()}
    assert shown(ACKNOWLEDGED, sweep(gone, 3), *(sweep(gone, 3, days=each) for each in range(1, 11))) == ["yes", "yes"]


def test_each_of_many_orders_counts_once() -> None:
    known = orders(*range(100))
    assert learned(*(sweep(known, *range(100), days=each) for each in range(3)))[ACKNOWLEDGED].agreeing == 100


def test_an_order_that_was_acknowledged_just_now_shows_nothing() -> None:
    assert shown(ACKNOWLEDGED, sweep(orders(1, hours_ago=0.1), 1)) == []
    assert shown(ACKNOWLEDGED, sweep(orders(1, hours_ago=-0.1), 1)) == [], "or after the run"


@pytest.mark.parametrize(
    "facts",
    [{"ship_tried": True}, {"cancelled_at": NOON - HOUR}, {"closed": True}],
    ids=["shipped, or perhaps", "cancelled", "closed"],
)
def test_an_order_to_which_more_has_happened_does_not_count_as_acknowledged(facts: dict[str, Any]) -> None:
    known = orders(1, **facts) | untouched(3)
    assert shown(ACKNOWLEDGED, sweep(known, 3)) == []
    assert shown(ACKNOWLEDGED, sweep(known, 1, 3)) == []


def test_a_few_that_are_missing_were_cancelled_and_do_not_count() -> None:
    known = orders(*range(1, 13)) | untouched(20)
    assert shown(ACKNOWLEDGED, sweep(known, *range(2, 13), 20)) == ["no"] * 5, "the evidence keeps five"
    assert learned(sweep(known, *range(2, 13), 20))[ACKNOWLEDGED].agreeing == 11


def test_if_some_stay_and_more_than_a_few_do_not_perhaps_they_leave_later() -> None:
    assert shown(ACKNOWLEDGED, sweep(orders(1, 2, 3) | untouched(20), 2, 3, 20)) == []


def test_a_run_that_is_not_complete_or_may_be_cached_shows_nothing() -> None:
    known = orders(1) | untouched(3)
    for listed in (sweep(known, 3), sweep(known, 1, 3)):
        assert shown(ACKNOWLEDGED, listed) != []
        assert shown(ACKNOWLEDGED, replace(listed, proof="partial")) == []
        assert shown(ACKNOWLEDGED, replace(listed, whole=False)) == []
        assert shown(ACKNOWLEDGED, replace(listed, days=None)) == [], "a poll"
        for number in range(2):
            pages = list(listed.pages)
            pages[number] = replace(pages[number], fresh=False)
            assert shown(ACKNOWLEDGED, replace(listed, pages=tuple(pages))) == []


def test_an_order_that_is_dated_outside_of_the_run_shows_nothing() -> None:
    outside = {name(1): replace(orders(1)[name(1)], order_date=TODAY)}
    assert shown(ACKNOWLEDGED, sweep(outside | untouched(3), 3)) == []
    first = {name(1): replace(orders(1)[name(1)], order_date=FIRST), name(3): order(3, NOON - HOUR, FIRST)}
    assert shown(ACKNOWLEDGED, sweep(first, 3)) == [], "date_from may be exclusive"
    undated = {name(1): replace(orders(1)[name(1)], order_date=None)}
    assert shown(ACKNOWLEDGED, sweep(undated | untouched(3), 3)) == []


def test_an_order_that_was_gone_before_is_no_news() -> None:
    long_gone = orders(1, hours_ago=300, last_listed_at=NOON - 2 * DAY)
    both = sweep(untouched(3), 3), sweep(long_gone | untouched(3), 3, days=1)
    assert shown(ACKNOWLEDGED, *both) == []


# -- shipped and cancelled ---------------------------------------------------------------------------------------------


def test_shipped_orders_stay_or_leave_and_count_for_nothing_else() -> None:
    assert shown(SHIPPED, sweep(shipped(1, 2), 1, 2)) == ["no", "no"]
    assert shown(SHIPPED, sweep(shipped(1, 2) | orders(3), 3)) == ["yes", "yes"]
    assert shown(ACKNOWLEDGED, sweep(shipped(1, 2) | orders(3), 3)) == ["no"]


def test_shipped_orders_that_are_gone_show_nothing_if_acknowledged_ones_leave() -> None:
    assert shown(SHIPPED, sweep(shipped(1, 2) | untouched(3), 3)) == []
    assert shown(SHIPPED, sweep(shipped(1, 2) | orders(4) | untouched(3), 3)) == []


def test_an_order_with_a_lost_ship_call_counts_for_nothing() -> None:
    lost = orders(1, ship_tried=True)
    for question in (ACKNOWLEDGED, SHIPPED):
        assert shown(question, sweep(lost | orders(3), 3)) == ([] if question is SHIPPED else ["no"])


def test_cancelled_orders_stay_or_leave() -> None:
    assert shown(CANCELLED, sweep(cancelled(1) | orders(3), 1, 3)) == ["no"]
    assert shown(CANCELLED, sweep(cancelled(1) | orders(3), 3)) == ["yes"]
    assert shown(CANCELLED, sweep(cancelled(1) | untouched(3), 3)) == [], "it may have left when it was acknowledged"


def test_orders_that_leave_after_a_day_do_not_stay() -> None:
    """Each day those of the last day are listed, and those of the day before are gone: nothing holds."""
    runs = []
    for day in range(10):
        fresh = {
            name(each): order(each, NOON + day * DAY - 9 * HOUR, TODAY + day * DAY - DAY) for each in range(20, 30)
        }
        young = {each: replace(facts, acknowledged_at=facts.first_seen_at) for each, facts in fresh.items()}
        gone = {
            name(each): order(
                each,
                NOON + (day - 1) * DAY - 9 * HOUR,
                TODAY + (day - 1) * DAY - DAY,
                acknowledged_at=NOON + (day - 1) * DAY - 9 * HOUR,
                last_listed_at=NOON + (day - 1) * DAY,
            )
            for each in range(10, 20)
        }
        days = (FIRST, TODAY + day * DAY)
        runs.append(replace(sweep(young | (gone if day else {}), *range(20, 30), days=day), days=days))
    assert learned(*runs)[ACKNOWLEDGED].state is State.UNKNOWN
    assert learned(*runs)[ACKNOWLEDGED].agreeing == 10, "those of the first day, when nothing was missing yet"


# -- lateness ----------------------------------------------------------------------------------------------------------


def new(days_late: int, *, covered: bool = True) -> Listed:
    found = {name(9): order(9, NOON - timedelta(seconds=8), TODAY - days_late * DAY)}
    days = ((FIRST, TODAY),) if covered else ((TODAY, TODAY),)
    return replace(sweep(found, 9), covered=days, purpose="poll")


def test_a_new_order_is_as_late_as_its_date_is_ago() -> None:
    assert [shown(LATE, new(days))[0] for days in (0, 1, 5)] == ["0", "1", "5"]
    assert shown(LATE, new(-1)) == [], "a day that no run has covered yet"
    ahead = replace(new(-1), covered=((FIRST, TODAY + 2 * DAY),))
    assert shown(LATE, ahead) == ["0"], "the marketplace's clock may be ahead"


def test_an_order_is_not_late_if_nobody_has_looked_at_its_day() -> None:
    assert shown(LATE, new(5, covered=False)) == []


def test_an_order_that_was_known_before_is_not_late() -> None:
    assert shown(LATE, replace(sweep(orders(1), 1), covered=((FIRST, TODAY),))) == []


def test_the_day_is_that_of_the_suppliers_time_zone() -> None:
    at = NOON.replace(hour=23, minute=30)  # 00:30 in Paris
    found = {name(9): order(9, at - timedelta(seconds=8), TODAY)}
    late = replace(run(page(names(9), at=at), at=at, orders=found), covered=((FIRST, TODAY),))
    assert shown(LATE, late) == ["1"]


def test_that_shipped_orders_stay_is_denied_once_acknowledged_ones_leave() -> None:
    known = {each: Estimate(each) for each in Question} | {SHIPPED: Estimate(SHIPPED, State.HOLDS, "no")}
    found, _ = leaving(SHIPPED, sweep(shipped(1, 2) | untouched(3), 3), known)
    assert [each.answer for each in found] == [DENIES]
    found, _ = leaving(SHIPPED, sweep(shipped(1, 2)), known)
    assert [each.answer for each in found] == [DENIES]
    found, _ = leaving(SHIPPED, sweep(shipped(1, 2) | untouched(3), 1, 3), known)
    assert DENIES not in [each.answer for each in found]
