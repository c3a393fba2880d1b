"""What a run shows about the cursor and the cache; and what it does not."""

from datetime import timedelta
from typing import Any

import pytest

from supplier_agent.learning.listed import Facts, Listed, Page, trust
from supplier_agent.learning.questions import Question
from supplier_agent.reading.strategy import Query
from tests.learning.marketplace import (
    FIRST,
    NOON,
    NOTHING,
    TODAY,
    holding,
    learned,
    name,
    names,
    order,
    page,
    run,
    shown,
)

CURSOR, IN_KEY, CACHE = Question.CURSOR, Question.CURSOR_IN_CACHE_KEY, Question.CACHE_SECONDS
HOUR = timedelta(hours=1)
FULL = holding(Question.PAGE_SIZE, "5", longest={"2026-11-22": 5})
KNOWN = {name(each): order(each) for each in (10, 50, 60)}


def poll(*ids: int, cursor: int = 50, new: tuple[int, ...] = (60,), **facts: Any) -> Listed:  # noqa: ANN401 - of any field
    """Return a poll by the cursor; `new` are orders that it added."""
    orders = KNOWN | {name(each): order(each, NOON - timedelta(seconds=each), TODAY) for each in new}
    orders = orders | {name(each): order(each, NOON + timedelta(seconds=2), TODAY) for each in new}
    asked = Query(date_from=FIRST, cursor=name(cursor))
    answer = page(names(*ids), asked, row=7, fresh=bool(new), settled=False)
    return run(answer, purpose="poll", cursor=name(cursor), orders=orders, **facts)


def sweep(*ids: int, hours: int = 6, **facts: Any) -> Listed:  # noqa: ANN401 - of any field
    """Return a later sweep."""
    at = NOON + hours * HOUR
    return run(page(names(*ids), at=at, row=20, **facts), at=at, orders=KNOWN)


def test_an_answer_with_newer_orders_alone_is_exclusive_once_the_cursors_order_is_listed_again() -> None:
    assert shown(CURSOR, poll(60), known=FULL) == []
    assert shown(CURSOR, poll(60), sweep(10, 50, 60), known=FULL) == ["exclusive"]
    assert shown(CURSOR, poll(60), sweep(10, 60), known=FULL) == [], "it may have left the list before the poll"
    assert shown(CURSOR, poll(60), sweep(10, 50, 60, fresh=False), known=FULL) == [], (
        "the sweep may be older than the poll"
    )
    assert shown(CURSOR, poll(60), sweep(10, 50, 60, hours=100), known=FULL) == [], "too long ago"


def test_a_full_page_is_not_exclusive_because_more_may_have_been_cut_off() -> None:
    five = tuple(range(60, 65))
    assert shown(CURSOR, poll(*five, new=five), sweep(10, 50, 60), known=FULL) == []
    assert shown(CURSOR, poll(60), sweep(10, 50, 60)) == [], "nothing is known about the length of pages"


def test_an_answer_with_the_cursors_order_is_inclusive_once_an_older_one_is_listed_again() -> None:
    assert shown(CURSOR, poll(50, 60), sweep(10, 50, 60), known=FULL) == ["inclusive"]
    assert shown(CURSOR, poll(50, 60), sweep(50, 60), known=FULL) == [], "perhaps nothing older was there"


def test_an_answer_that_may_be_cached_belongs_to_an_earlier_cursor_and_shows_nothing() -> None:
    assert shown(CURSOR, poll(50, 60, new=()), sweep(10, 50, 60), known=FULL) == []
    assert shown(CURSOR, poll(10, 50, 60, new=()), known=FULL) == []


def test_an_older_order_shows_that_the_cursor_is_ignored() -> None:
    assert shown(CURSOR, poll(10, 50, 60), known=FULL) == ["ignored"]


@pytest.mark.parametrize(
    "late",
    [
        order(10, NOON + timedelta(seconds=1)),
        order(10, NOON - HOUR),
        order(10, day=TODAY),
    ],
    ids=["it is new", "it arrived after the cursor's order", "its date is later"],
)
def test_an_order_that_is_older_in_one_sense_alone_shows_nothing(late: Facts) -> None:
    listed = poll(10, 50, 60)
    changed = run(*listed.pages, purpose="poll", cursor=name(50), orders={**listed.orders, name(10): late})
    assert shown(CURSOR, changed, sweep(10, 50, 60), known=FULL) == []


def test_ids_that_cannot_be_ranked_show_nothing() -> None:
    ids = "x_a_9", name(60)
    answer = page(ids, Query(date_from=FIRST, cursor=name(50)))
    odd = run(answer, purpose="poll", cursor=name(50), orders={**KNOWN, "x_a_9": order(9)})
    assert shown(CURSOR, odd, sweep(10, 50, 60), known=FULL) == []
    strange = run(page(names(60), Query(date_from=FIRST, cursor="abc_1")), cursor="abc_1", orders={"abc_1": order(1)})
    assert shown(CURSOR, strange, sweep(10, 50, 60), known=FULL) == []


def refusal(status: int | None, following: Page | None, **facts: Any) -> Listed:  # noqa: ANN401 - of any field
    first = page(None, Query(date_from=FIRST, cursor=name(50)), status=status, **facts)
    return run(first, *([following] if following else []), purpose="poll", cursor=name(50))


def test_a_400_is_a_refusal_if_the_same_without_the_cursor_is_answered() -> None:
    answered = page(names(10, 50), Query(date_from=TODAY - timedelta(days=2)), row=2)
    assert shown(CURSOR, refusal(400, answered)) == ["refused"]
    assert shown(CURSOR, refusal(422, answered)) == ["refused"]
    assert shown(CURSOR, refusal(400, None)) == [], "perhaps it refuses everything now"
    assert shown(CURSOR, refusal(400, page(None, Query(date_from=FIRST), status=500))) == []
    other = page(names(60), Query(date_from=FIRST, cursor=name(10)), row=2)
    assert shown(CURSOR, refusal(400, other)) == [], "another cursor is answered"
    assert shown(CURSOR, refusal(404, answered)) == [], "perhaps nothing is newer"
    assert shown(CURSOR, refusal(400, answered, html=True)) == [], "something else has answered"


def test_the_answers_that_wait_for_a_later_run_stay_few() -> None:
    polls = []
    for number in range(100):
        at = NOON + timedelta(seconds=number)
        answer = page(names(60), Query(date_from=FIRST, cursor=name(50)), row=number, at=at)
        polls.append(run(answer, purpose="poll", cursor=name(50), at=at, orders=KNOWN))
    assert len(learned(*polls, known=FULL)[CURSOR].memory["waiting"]) == 60


# -- the cache ---------------------------------------------------------------------------------------------------------


def again(text: str, minutes: float, cursor: int | None = None, **facts: Any) -> Listed:  # noqa: ANN401 - of any field
    """Return a run of one answer, so many minutes after noon. `text` tells whether two answers are the same."""
    at = NOON + timedelta(minutes=minutes)
    query = Query(date_from=FIRST, cursor=None if cursor is None else name(cursor))
    answer = page(names(10), query, row=int(minutes * 60), at=at, **{"sha256": text, **facts})
    return run(answer, at=at, purpose="poll", cursor=None if cursor is None else name(cursor), orders=KNOWN)


def test_another_answer_to_the_same_request_was_made_afresh() -> None:
    assert shown(CACHE, again("a", 0), again("b", 15)) == ["newer 900"]
    assert shown(CACHE, again("a", 0), again("a", 15)) == [], "it may be cached, or nothing has changed"


def test_a_clock_that_was_set_back_shows_nothing() -> None:
    assert shown(CACHE, again("a", 30), again("b", 15)) == []


def test_the_time_counts_from_when_the_earlier_answer_first_came() -> None:
    assert shown(CACHE, again("a", 0), again("a", 15), again("b", 30)) == ["newer 1800"]


def test_another_cursor_is_another_request_but_the_same_answer_may_be_as_old() -> None:
    assert shown(CACHE, again("a", 0, cursor=10), again("b", 15, cursor=50)) == []
    assert shown(CACHE, again("a", 0, cursor=10), again("a", 15, cursor=50), again("b", 20, cursor=50)) == [
        "newer 1200"
    ]


def test_the_header_age_shows_how_old_an_answer_was() -> None:
    assert shown(CACHE, again("a", 0, age=700)) == ["older 700"]
    assert shown(CACHE, again("a", 0, age=0), again("a", 1, age=3)) == []
    assert shown(CACHE, again("a", 0, age=600), again("b", 5)) == ["older 600", "newer 900"]


def test_an_answer_that_is_no_list_shows_nothing_about_the_cache() -> None:
    failed = page(None, Query(date_from=FIRST), at=NOON + HOUR, status=500)
    assert shown(CACHE, again("a", 0), run(failed), again("b", 90)) == ["newer 5400"]


def test_how_far_an_answer_can_be_trusted() -> None:
    assert trust(None, None, 0, 3600) == (True, True)
    assert trust(None, 3601, 0, 3600) == (True, False), "it is not expected from the cache, but not certain"
    assert trust(None, 3599, 0, 3600) == (False, False)
    assert trust(None, 3599, 1, 3600) == (False, True), "it has an order that no earlier answer had"
    assert trust(2, None, 1, 3600) == (False, False), "it says itself that it was cached"
    assert trust(0, None, 0, 3600) == (True, True)


# -- the cache's key ---------------------------------------------------------------------------------------------------

CACHED = NOTHING | {
    CACHE: holding(CACHE, "1800", oldest=1500)[CACHE],
    CURSOR: holding(CURSOR, "exclusive")[CURSOR],
}


def test_another_answer_within_the_life_of_the_cache_shows_that_the_cursor_is_in_the_key() -> None:
    two = again("a", 0, cursor=10), again("b", 20, cursor=50)
    assert shown(IN_KEY, *two, known=CACHED) == ["yes"]
    assert shown(IN_KEY, *two) == [], "there may be no cache"
    assert shown(IN_KEY, again("a", 0, cursor=10), again("b", 26, cursor=50), known=CACHED) == [], "the first has ended"
    assert shown(IN_KEY, again("a", 0, cursor=10), again("b", 20, cursor=10), known=CACHED) == [], "the same cursor"
    assert shown(IN_KEY, again("a", 0, cursor=10, fresh=False), again("b", 20, cursor=50), known=CACHED) == [], (
        "the first may have been at its end"
    )


def test_the_same_answer_that_is_impossible_for_the_cursor_shows_that_it_is_not_in_the_key() -> None:
    two = again("a", 0, cursor=10), again("a", 20, cursor=50)
    assert shown(IN_KEY, *two, known=CACHED) == ["no"]
    assert shown(IN_KEY, *two) == [], "the cursor may be ignored"
    possible = again("a", 0, cursor=10), again("a", 20, cursor=10)
    assert shown(IN_KEY, *possible, known=CACHED) == []
