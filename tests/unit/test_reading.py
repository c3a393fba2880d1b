"""What is read next, answer by answer: every change of phase and every end, without a marketplace."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from supplier_agent.reading import strategy
from supplier_agent.reading.strategy import End, Phase, Query, Run

TODAY = date(2026, 11, 23)
FIRST = TODAY - timedelta(days=2)
A, B, C, D, E, F = (f"1500000000{number}_{number}" for number in range(1, 7))
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def sweep(longest: int = 0, purpose: str = "sweep") -> Run:
    return strategy.sweep(purpose, TODAY, FIRST, TODAY, longest)


def poll(cursor: str | None = C, longest: int = 3) -> Run:
    return strategy.poll(TODAY, cursor, 14, longest)


def after(run: Run, *pages: Sequence[str], known: Sequence[str] = ()) -> Run | End:
    """Answer a run page by page."""
    step: Run | End = run
    for page in pages:
        assert isinstance(step, Run), f"it ended before {page}: {step}"
        step = strategy.advance(step, page, set(known) & set(page))
    return step


def going(step: Run | End | None) -> Run:
    assert isinstance(step, Run)
    return step


def proof(step: Run | End | None) -> str:
    assert isinstance(step, End)
    return step.proof


# -- questions ---------------------------------------------------------------------------------------------------------


def test_a_question_names_its_parameters_in_one_order_and_leaves_out_what_it_does_not_ask() -> None:
    query = Query(2, FIRST, TODAY, A, "15000000001")
    assert str(query) == (
        "get-sales?page=2&date_from=2026-11-21&date_to=2026-11-23"
        f"&last_menzzo_order_number={A}&order_number=15000000001"
    )
    assert str(Query()) == "get-sales?page=1"


def test_a_poll_asks_for_what_is_newer_than_the_cursor_within_the_days_of_a_sweep() -> None:
    assert poll().query == Query(date_from=TODAY - timedelta(days=14), cursor=C)


def test_a_poll_without_a_cursor_asks_for_the_last_days() -> None:
    assert poll(None).query == Query(date_from=TODAY - timedelta(days=2))


@pytest.mark.parametrize(
    ("since", "first"), [(TODAY - timedelta(days=5), -7), (TODAY + timedelta(days=1), -2), (None, -2)]
)
def test_a_poll_without_a_cursor_begins_before_the_day_that_was_read_last(since: date | None, first: int) -> None:
    run = strategy.poll(TODAY, None, 14, 0, since)
    assert run.query.date_from == TODAY + timedelta(days=first)


def test_a_sweep_asks_for_its_dates_page_by_page_without_a_cursor() -> None:
    assert sweep().query == Query(1, FIRST, TODAY)


@pytest.mark.parametrize("run", [sweep(), poll(), poll(None)])
def test_a_run_that_begins_a_day_earlier_asks_another_question_and_the_same_otherwise(run: Run) -> None:
    before = strategy.earlier(run)
    assert str(before.query) != str(run.query)
    assert before.date_from == before.query.date_from == run.date_from - timedelta(days=1)
    assert (before.query.cursor, before.query.date_to) == (run.query.cursor, run.query.date_to)


def test_a_probe_asks_what_the_cache_has_not_been_asked_and_ends_with_any_answer() -> None:
    first = strategy.probe(TODAY, ())
    second = strategy.probe(TODAY, {str(first.query)})
    assert first.query != second.query
    assert proof(after(first, [A])) == proof(after(second, [])) == "complete"


# -- ranks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("menzzo_order_id", "rank"),
    [
        (A, (15000000001, 1)),
        ("9_10", (9, 10)),
        ("web-7_1", None),
        ("²_1", None),
        ("7_x", None),
        (SHA256, None),
        ("", None),
    ],
)
def test_only_ids_of_two_numbers_have_a_rank(menzzo_order_id: str, rank: tuple[int, int] | None) -> None:
    assert strategy.rank(menzzo_order_id) == rank


def test_the_highest_id_is_so_by_number_not_by_letter() -> None:
    assert strategy.highest(["9_1", "10_2", "10_10", "zzz_1", SHA256]) == "10_10"
    assert strategy.highest(["zzz_1"]) is None


# -- pages -------------------------------------------------------------------------------------------------------------


def test_an_empty_page_ends_a_run() -> None:
    assert proof(after(sweep(), [])) == proof(after(sweep(), [A, B], [C], [])) == "complete"


def test_after_a_page_comes_the_next() -> None:
    assert going(after(sweep(), [A, B])).query == Query(2, FIRST, TODAY)


def test_a_last_page_that_is_repeated_twice_ends_a_run() -> None:
    assert proof(after(sweep(), [A, B], [C], [C], [C])) == "complete"


def test_a_page_that_came_again_once_may_be_a_list_that_moved() -> None:
    assert proof(after(sweep(), [F, E], [D, C], [D, C], [B, A], [])) == "complete"


def test_pages_that_change_without_bringing_anything_end_a_run_in_part() -> None:
    end = after(sweep(), [A, B], [C, D], [A, C], [B, D], [A, D])
    assert isinstance(end, End)
    assert (end.proof, end.detail) == ("partial", "the list changes from page to page, so its end cannot be found")


def test_a_server_that_invents_pages_for_ever_is_stopped() -> None:
    pages = [[f"{number}_1"] for number in range(strategy.MAX_PAGES)]
    end = after(sweep(), *pages)
    assert isinstance(end, End)
    assert (end.proof, end.run.pages) == ("partial", strategy.MAX_PAGES)


@pytest.mark.parametrize("purpose", ["sweep", "resync"])
def test_known_orders_do_not_end_a_sweep(purpose: str) -> None:
    assert going(after(sweep(purpose=purpose), [C, B, A], known=[A, B, C])).query.page == 2


@pytest.mark.parametrize(
    ("page", "ends"),
    [([C, B, A], True), ([A, B, C], False), ([B], False), ([C, "x_1"], False), ([D, B, A], False)],
    ids=["newest first", "oldest first", "one row says nothing of order", "no rank", "one is new"],
)
def test_a_poll_by_date_ends_where_a_list_of_newest_first_holds_nothing_new(page: list[str], *, ends: bool) -> None:
    step = after(poll(None), page, known=[A, B, C, "x_1"])
    assert isinstance(step, End) is ends


# -- the cursor --------------------------------------------------------------------------------------------------------


def test_nothing_after_the_cursor_means_nothing_new() -> None:
    assert proof(after(poll(), [])) == "complete"


def test_the_cursor_alone_means_nothing_new_where_pages_can_hold_more() -> None:
    assert proof(after(poll(C), [C], known=[C])) == "complete"


def test_the_cursor_alone_means_nothing_where_no_page_ever_held_more_than_one_row() -> None:
    assert going(after(poll(C, longest=1), [C], known=[C])).query == Query(2, TODAY - timedelta(days=14), cursor=C)


def test_a_known_order_older_than_the_cursor_shows_that_the_cursor_misleads() -> None:
    run = going(after(poll(C), [A, B, C], known=[A, B, C]))
    assert (run.misled, run.query) == (True, Query(date_from=TODAY - timedelta(days=2)))


def test_an_older_order_that_is_new_to_us_says_nothing_against_the_cursor() -> None:
    assert not going(after(poll(C), [A, D])).misled


@pytest.mark.parametrize("cursor", ["x_1", C])
def test_ids_without_a_rank_say_nothing_against_the_cursor(cursor: str) -> None:
    assert not going(after(poll(cursor), ["y_1", "w_1"], known=["y_1", "w_1"])).misled


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_cursor_that_is_refused_is_left_out(status: int) -> None:
    run = going(strategy.refused(poll(), status))
    assert (run.refused, run.query) == (True, Query(date_from=TODAY - timedelta(days=2)))


@pytest.mark.parametrize("run", [sweep(), poll(None)])
def test_a_refusal_of_a_first_page_without_a_cursor_is_a_plain_failure(run: Run) -> None:
    assert strategy.refused(run, 400) is strategy.refused(run, 404) is None


def test_a_refusal_of_a_later_page_is_a_plain_failure_unless_it_says_not_found() -> None:
    run = going(after(sweep(), [A, B]))
    assert strategy.refused(run, 422) is None
    assert proof(strategy.refused(run, 404)) == "complete"


# -- from pages to the cursor ------------------------------------------------------------------------------------------


def test_where_page_2_is_page_1_the_cursor_pages() -> None:
    run = going(after(sweep(), [A, B], [B, A]))
    assert (run.phase, run.query) == (Phase.CARRY, Query(1, FIRST, TODAY + timedelta(days=2), A))


def test_a_rising_list_is_read_to_its_end_by_the_cursor() -> None:
    assert proof(after(sweep(), [A, B], [A, B], [C, D], [])) == "complete"
    assert proof(after(sweep(), [A, B], [A, B], [B, C], [C, D], [D])) == "complete"


def test_each_question_by_the_cursor_is_another_one_to_a_cache_that_forgets_the_cursor() -> None:
    """Of a poll, and of the sweep right after it."""
    ends = []
    for run in (poll(C), strategy.sweep("sweep", TODAY, FIRST, TODAY + timedelta(days=1), 0)):
        step = going(after(run, [D, E], [D, E]))
        ends += [step.query.date_to, going(after(step, [F])).query.date_to]
    assert len(set(ends)) == 4


def test_a_rejected_entry_is_no_cursor() -> None:
    assert going(after(sweep(), [A, B, SHA256], [A, B, SHA256])).query.cursor == B


def test_where_a_page_holds_only_rejected_entries_the_days_are_read() -> None:
    assert going(after(sweep(), [SHA256], [SHA256])).phase is Phase.DAYS


# -- from the cursor to days -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pages",
    [
        ([B, A], [B, A], [B], []),
        ([A, B], [A, B], [A, B]),
        ([A], [A], []),
        ([A], [A], [A]),
        ([C, A, D], [C, A, D], []),
        ([A, B], [A, B], [D, C], []),
    ],
    ids=["newest first", "cursor ignored", "one row, exclusive", "one row, inclusive", "shuffled", "it fell later"],
)
def test_where_the_cursor_proves_no_end_the_days_are_read(pages: tuple[list[str], ...]) -> None:
    step: Run | End = sweep()
    for page in pages:
        if isinstance(step, Run) and step.phase is not Phase.DAYS:
            step = strategy.advance(step, page, frozenset())
    assert (going(step).phase, going(step).query) == (Phase.DAYS, Query(1, FIRST, FIRST))


def test_a_poll_leaves_the_days_to_the_sweep() -> None:
    end = after(poll(None), [B, A], [B, A], [B])
    assert isinstance(end, End)
    assert (end.proof, "the next sweep reads day by day" in end.detail) == ("partial", True)


def test_a_cursor_that_is_refused_half_way_leads_to_the_days() -> None:
    run = going(after(sweep(), [A, B], [A, B]))
    assert going(strategy.refused(run, 400)).phase is Phase.DAYS
    assert going(strategy.refused(run, 404)).phase is Phase.DAYS


# -- days --------------------------------------------------------------------------------------------------------------


def by_days() -> Run:
    """Return a sweep of three days that has come to its first day. Its longest page had three rows."""
    return going(after(sweep(), [C, B, A], [C, B, A], [C, B]))


def test_days_that_are_shorter_than_a_page_prove_that_all_is_read() -> None:
    assert proof(after(by_days(), [A], [B, C], [D])) == "complete"


def test_a_day_as_long_as_a_page_may_hold_more_and_is_named() -> None:
    end = after(by_days(), [A], [B, C, D], [E])
    assert isinstance(end, End)
    assert (end.proof, end.detail.endswith("shows: 2026-11-22")) == ("partial", True)


def test_three_of_many_days_are_named() -> None:
    run = going(after(strategy.sweep("sweep", TODAY, TODAY - timedelta(days=4), TODAY, 0), [A], [A], [A]))
    end = after(run, [A], [B], [C], [D], [E])
    assert isinstance(end, End)
    assert end.detail.endswith("2026-11-19, 2026-11-20, 2026-11-21, …")


def test_an_empty_day_is_asked_with_the_next_as_its_end_for_that_may_be_exclusive() -> None:
    assert going(after(by_days(), [])).query == Query(1, FIRST, FIRST + timedelta(days=1))


def test_once_a_day_has_shown_rows_an_empty_day_is_simply_empty() -> None:
    assert going(after(by_days(), [A], [])).query == Query(1, TODAY, TODAY)


def test_a_list_whose_date_to_is_exclusive_is_read_with_two_questions_a_day() -> None:
    assert proof(after(by_days(), [], [A], [], [B, C], [], [D])) == "complete"


def test_a_day_without_orders_may_be_told_by_404() -> None:
    run = by_days()
    assert going(strategy.refused(run, 404)).query == Query(1, FIRST, FIRST + timedelta(days=1))
    assert strategy.refused(run, 400) is None
