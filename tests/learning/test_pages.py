"""What a run shows about page size, order, paging and the end of the list; and what it does not."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from supplier_agent.learning.listed import Page
from supplier_agent.learning.questions import DENIES, Question
from supplier_agent.reading.strategy import Query
from tests.learning.marketplace import FIRST, NOON, TODAY, holding, name, names, order, page, run, shown

SIZE, ORDER, HONOURED, BESIDE = Question.PAGE_SIZE, Question.ORDER, Question.PAGE_HONOURED, Question.PAGE_BESIDE_CURSOR
END = Question.PAST_END
SECOND = timedelta(seconds=1)
THREE = holding(SIZE, "3", longest={"2026-11-22": 3})


def asked(number: int, cursor: str | None = None) -> Query:
    return Query(number, FIRST, None if cursor else TODAY, cursor)


# -- page size ---------------------------------------------------------------------------------------------------------


def test_two_full_pages_that_are_followed_by_more_show_the_page_size() -> None:
    assert shown(SIZE, run(names(1, 2), names(3, 4), names(5), ())) == ["2"]


def test_pages_of_one_row_show_the_page_size() -> None:
    assert shown(SIZE, run(names(1), names(2), names(3), ())) == ["1"]


def test_one_full_page_shows_it_if_no_page_of_the_last_days_was_longer() -> None:
    one = run(names(1, 2, 3), names(4), ())
    assert shown(SIZE, one, known=THREE) == ["3"]
    assert shown(SIZE, one, known=holding(SIZE, "4", longest={"2026-11-22": 4})) == []
    assert shown(SIZE, one) == [], "nothing is known about the length of other pages"


@pytest.mark.parametrize(
    "answers", [[names(1, 2, 3), ()], [names(1, 2, 3)], [(), ()], [names(1, 2, 3), names(1, 2, 3)]]
)
def test_a_short_page_shows_nothing_about_the_page_size(answers: Sequence[Sequence[str]]) -> None:
    assert shown(SIZE, run(*answers), known=THREE) == []


def test_pages_of_which_one_may_be_cached_show_no_page_size() -> None:
    stale = page(names(1, 2), asked(1), at=NOON + SECOND, settled=False)
    assert shown(SIZE, run(stale, names(3, 4), names(5), ())) == []
    stale = page(names(5), asked(3), at=NOON + 3 * SECOND, settled=False)
    assert shown(SIZE, run(names(1, 2), names(3, 4), stale)) == []


def carry(ids: Sequence[str], cursor: int | None, number: int, **facts: Any) -> Page:  # noqa: ANN401 - of any field
    query = Query(
        date_from=FIRST, date_to=TODAY + timedelta(days=number), cursor=None if cursor is None else name(cursor)
    )
    return page(ids, query, row=number, **facts)


def test_where_pages_are_ignored_the_pages_that_the_cursor_leads_to_show_the_size() -> None:
    first, second, third = carry(names(1, 2), None, 1), carry(names(3, 4), 2, 2), carry(names(5), 4, 3)
    assert shown(SIZE, run(first, second, third)) == ["2"]
    assert shown(SIZE, run(first, second)) == [], "one full page: the rest may have arrived meanwhile"
    assert shown(SIZE, run(first, carry(names(3, 4), 1, 2), third)) == [], "another cursor"
    assert shown(SIZE, run(first, carry(names(3), 2, 2), carry(names(5), 3, 3))) == []
    assert shown(SIZE, run(first, carry(names(3, 4), 2, 2, settled=False), third)) == []


def test_pages_of_different_length_show_that_it_varies() -> None:
    assert shown(SIZE, run(names(1, 2, 3), names(4, 5), names(6), ())) == ["varies"]
    stale = page(names(1, 2, 3), asked(1), at=NOON + SECOND, fresh=False)
    assert shown(SIZE, run(stale, names(4, 5), names(6), ())) == []


def test_a_longer_page_than_the_known_size_denies_it() -> None:
    assert shown(SIZE, run(names(1, 2, 3, 4), ()), known=THREE) == [DENIES]
    assert shown(SIZE, run(names(1, 2, 3, 4), names(5, 6, 7, 8), names(9)), known=THREE) == ["4"]


# -- order -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "answer"),
    [
        (range(1, 9), "oldest"),
        (range(8, 0, -1), "newest"),
        ([1, 2, 3, 5, 4, 6, 7, 8], "other"),
        ([10, 9, 11, 8, 12, 7, 13, 6], "other"),
    ],
)
def test_eight_rows_show_the_order(numbers: Sequence[int], answer: str) -> None:
    assert shown(ORDER, run(names(*numbers), ())) == [answer]
    pages = [names(*numbers)[start : start + 3] for start in range(0, 8, 3)]
    assert shown(ORDER, run(*pages, ())) == [answer], "over several pages"


def test_fewer_rows_show_no_order() -> None:
    assert shown(ORDER, run(names(*range(1, 8)), ())) == []


def test_rows_that_repeat_or_have_no_number_are_left_out() -> None:
    pages = names(1, 2, 3, 4), names(5, 6, 7, 8), names(8, 9)
    assert shown(ORDER, run(*pages)) == ["oldest"]
    unranked = ("a_x1_1", *names(1, 2, 3, 4), "zzz_1", *names(5, 6, 7, 8), "#ffff")
    orders = {each: order(1) for each in unranked}
    assert shown(ORDER, run(unranked, orders=orders)) == ["oldest"]
    assert shown(ORDER, run(unranked[:8], orders=orders)) == []


def test_a_page_that_is_the_same_again_with_a_new_order_shows_nothing_about_the_order() -> None:
    first = names(8, 7, 6, 5, 4, 3, 2, 1)
    assert shown(ORDER, run(first, (name(9), *first[:-1]))) == ["newest"]


def test_a_cached_page_shows_no_order() -> None:
    assert shown(ORDER, run(page(names(*range(1, 9)), asked(1), settled=False))) == []


# -- page honoured -----------------------------------------------------------------------------------------------------


def test_a_second_page_with_other_known_orders_shows_that_pages_are_honoured() -> None:
    assert shown(HONOURED, run(names(1, 2), names(3, 4), names(5))) == ["yes", "yes"]
    assert shown(HONOURED, run(names(1), names(2))) == ["yes"], "pages of one row"


def test_a_page_of_orders_that_have_just_arrived_shows_nothing() -> None:
    arrived = {name(9): order(9, NOON)}
    assert shown(HONOURED, run(names(1), names(9), orders=arrived)) == []


def test_pages_that_overlap_show_nothing() -> None:
    assert shown(HONOURED, run(names(1, 2, 3), names(3, 4, 5))) == []


def test_orders_that_left_between_two_pages_show_nothing() -> None:
    for facts in ({"acknowledged_at": NOON + SECOND}, {"shipped_at": NOON - 9 * SECOND}):
        assert shown(HONOURED, run(names(1), names(2), orders={name(1): order(1, **facts)})) == []
    long_ago = {name(1): order(1, acknowledged_at=NOON - timedelta(hours=3))}
    assert shown(HONOURED, run(names(1), names(2), orders=long_ago)) == ["yes"]


def test_a_second_page_that_may_be_cached_shows_nothing() -> None:
    assert shown(HONOURED, run(names(1), page(names(2), asked(2), at=NOON + 2 * SECOND, settled=False))) == []


def test_the_same_page_again_shows_that_pages_are_not_honoured_only_if_more_orders_were_there() -> None:
    first = names(1, 2)
    more = page(names(30, 31), Query(1, FIRST, TODAY + timedelta(days=1), name(2)), row=9, at=NOON + 3 * SECOND)
    assert shown(HONOURED, run(first, first)) == [], "there may be one page, whose end repeats it"
    assert shown(HONOURED, run(first, first, more)) == ["no"]
    outside = {name(each): order(each, day=TODAY + timedelta(days=1)) for each in (30, 31)}
    assert shown(HONOURED, run(first, first, more, orders=outside)) == [], "not dated on the days that were asked for"
    arrived = {name(31): order(31, NOON + SECOND)}
    assert shown(HONOURED, run(first, first, more, orders=arrived)) == [], "it may have moved the others"


def test_the_same_page_later_is_no_sign_that_pages_are_not_honoured() -> None:
    more = page(names(30), Query(1, FIRST, TODAY + timedelta(days=1), name(2)), row=9, at=NOON + 5 * SECOND)
    assert shown(HONOURED, run(names(1), names(2), names(2), more)) == ["yes"]


def test_pages_next_to_a_cursor_are_a_question_of_their_own() -> None:
    beside = run(names(11, 12, 13), names(14, 15), cursor=name(10), purpose="poll")
    assert shown(BESIDE, beside) == ["yes"]
    assert shown(HONOURED, beside) == []
    arrived = {name(each): order(each, NOON) for each in (11, 12, 13, 14, 15)}
    assert shown(BESIDE, run(names(11, 12, 13), names(14, 15), cursor=name(10), orders=arrived)) == ["yes"]
    assert shown(BESIDE, run(names(11, 12), names(14, 15), cursor=name(10), orders=arrived)) == [], "too few"
    assert (
        shown(
            BESIDE,
            run(names(13, 12, 11), names(16, 15, 14), cursor=name(10), orders={**arrived, name(16): order(16, NOON)}),
        )
        == []
    ), "newest first, the others may have arrived in between"


def test_the_same_page_again_next_to_a_cursor_shows_it_if_more_newer_orders_were_there() -> None:
    known = {name(each): order(each) for each in (1, 20, 21, 30)}
    more = page(names(30), Query(date_from=FIRST, date_to=TODAY + timedelta(days=2), cursor=name(21)), row=9)
    assert shown(BESIDE, run(names(20, 21), names(20, 21), more, cursor=name(10), orders=known)) == ["no"]
    older = page(names(1), Query(date_from=FIRST, date_to=TODAY + timedelta(days=2), cursor=name(21)), row=9)
    assert shown(BESIDE, run(names(20, 21), names(20, 21), older, cursor=name(10), orders=known)) == []


# -- past the end ------------------------------------------------------------------------------------------------------


def test_what_follows_the_last_page() -> None:
    gone = page(None, asked(2), status=404)
    assert shown(END, run(names(1, 2), ())) == ["empty"]
    assert shown(END, run(names(1, 2), gone)) == ["not_found"]
    assert shown(END, run(names(1, 2), names(3), names(3), names(3))) == ["repeats"]


@pytest.mark.parametrize(
    "answers",
    [
        [()],
        [names(1, 2)],
        [names(1, 2), names(1, 2), names(1, 2), names(1, 2)],
        [names(1, 2), names(3), names(3)],
        [names(1, 2), names(3), names(4), names(4)],
        [names(2), names(1), names(1), ()][:3],
    ],
)
def test_a_run_without_an_end_that_can_only_mean_one_thing_shows_nothing(answers: Sequence[Sequence[str]]) -> None:
    assert shown(END, run(*answers)) == []


def test_the_404_of_a_proxy_and_other_failures_show_nothing() -> None:
    for facts in ({"status": 404, "html": True}, {"status": 500}, {"status": None}):
        assert shown(END, run(names(1, 2), page(None, asked(2), **facts))) == []
    assert shown(END, run(page(None, asked(1), status=404))) == [], "the first page"


def test_an_end_that_may_be_cached_shows_nothing() -> None:
    assert shown(END, run(names(1, 2), page((), asked(2), settled=False))) == []
    stale = page(names(3), asked(4), settled=False)
    assert shown(END, run(names(1, 2), names(3), names(3), stale)) == []
    stale = page(names(3), asked(3), settled=False)
    assert shown(END, run(names(1, 2), names(3), stale, names(3))) == []


def test_repeats_next_to_a_cursor_show_nothing_about_the_end() -> None:
    assert shown(END, run(names(11), names(12), names(12), names(12), cursor=name(10))) == []


def test_a_page_far_after_the_last_shows_the_end_too() -> None:
    far = Query(5000, FIRST, TODAY)
    assert shown(END, run(page(names(1, 2)), page((), far))) == ["empty"]
    assert shown(END, run(page(names(1, 2)), page(None, far, status=404))) == ["not_found"]
    assert shown(END, run(page(names(1, 2)), page(names(1, 2), far))) == [], "the page may be ignored"


def test_an_end_that_is_not_the_first_page_again_shows_that_pages_are_honoured() -> None:
    assert shown(HONOURED, run(names(1, 2), ())) == ["yes"]
    assert shown(HONOURED, run(names(1, 2), page(None, asked(2), status=404))) == ["yes"]
    assert shown(HONOURED, run(names(1, 2), page(None, asked(2), status=404, html=True))) == []
    assert shown(HONOURED, run(names(1, 2), page((), asked(2), settled=False))) == []
    assert shown(HONOURED, run((), ())) == []


# -- order_number ------------------------------------------------------------------------------------------------------


def numbered(ids: Sequence[str] | None, **facts: Any) -> Page:  # noqa: ANN401 - of any field
    return page(ids, Query(order_number=name(5).partition("_")[0]), **facts)


def test_what_order_number_does() -> None:
    question = Question.ORDER_NUMBER
    assert shown(question, run(numbered(names(4, 5)))) == ["ignored"]
    assert shown(question, run(numbered(None, status=400))) == ["refused"]
    assert shown(question, run(numbered(names(5)))) == [], "perhaps the list has no other order"
    assert shown(question, run(page(names(4, 5)), numbered(names(5)))) == ["honoured"]
    assert shown(question, run(page(names(5)), numbered(names(5)))) == []
    assert shown(question, run(page(names(4, 5)), numbered(()))) == []
    assert shown(question, run(numbered(names(4, 5), settled=False))) == []
    assert shown(question, run(numbered(None, status=400, html=True))) == []
