"""Reading on its own, over every meaning that the document allows."""

from datetime import timedelta
from typing import NamedTuple

import pytest

from supplier_agent.reading import strategy
from supplier_agent.sandbox.semantics import Semantics
from tests.semantics.reading_alone import FIRST, TODAY, Told, every_marketplace, orders, read


def sweep(longest: int = 0) -> strategy.Run:
    return strategy.sweep("sweep", TODAY, FIRST, TODAY + timedelta(days=1), longest)


def swept(semantics: Semantics, number: int, a_day: int, longest: int = 0) -> tuple[Told, set[str]]:
    listed = orders(number, a_day)
    told = read(sweep(longest), listed, semantics)
    return told, {order.menzzo_order_id for order in listed if order.order_date >= FIRST} - told.shown


class Sweep(NamedTuple):
    semantics: Semantics
    number: int
    a_day: int
    told: Told
    missed: set[str]


@pytest.fixture(scope="module")
def sweeps() -> list[Sweep]:
    """Return thousands of sweeps: each kind of list with each shape, and what was missed."""
    return [Sweep(*case, *swept(*case)) for case in every_marketplace()]


def test_no_sweep_says_complete_unless_it_saw_every_order(sweeps: list[Sweep]) -> None:
    assert not [each for each in sweeps if each.missed and each.told.end.proof == "complete"]


def test_a_sweep_sees_every_order_where_pages_are_heeded(sweeps: list[Sweep]) -> None:
    assert not [each for each in sweeps if each.missed and each.semantics.page != "ignored"]


def test_a_sweep_sees_every_order_where_the_cursor_leads_through_a_rising_list(sweeps: list[Sweep]) -> None:
    leads = {"exclusive", "refused_when_unknown"}
    rising = [each for each in sweeps if each.semantics.order == "oldest"]
    assert not [each for each in rising if each.missed and each.semantics.cursor in leads]
    assert not [
        each for each in rising if each.missed and each.semantics.cursor == "inclusive" and each.semantics.page_size > 1
    ]


def test_no_sweep_asks_a_question_twice(sweeps: list[Sweep]) -> None:
    assert not [each for each in sweeps if len(each.told.asked) > len(set(each.told.asked))]


def test_a_sweep_where_pages_are_heeded_and_end_costs_one_request_a_page_and_at_most_one_more(
    sweeps: list[Sweep],
) -> None:
    found = []
    for semantics, number, a_day, told, _ in sweeps:
        if semantics.page == "honoured" and semantics.past_end != "repeat_last":
            rows = len(told.shown)
            pages = -(-rows // semantics.page_size)
            if len(told.asked) > pages + 1:
                found.append((semantics, number, a_day, len(told.asked)))
    assert not found


def test_no_sweep_costs_more_than_its_pages_twice_and_two_requests_a_day(sweeps: list[Sweep]) -> None:
    found = []
    for semantics, number, a_day, told, _ in sweeps:
        most = 2 * (-(-number // semantics.page_size)) + 2 * 16 + 5
        if len(told.asked) > most:
            found.append((semantics, number, a_day, len(told.asked)))
    assert not found


def test_where_one_page_of_a_day_is_shorter_than_a_page_the_days_prove_that_all_is_read() -> None:
    blind = Semantics(page="ignored", cursor="ignored", order="newest", page_size=20)
    told, missed = swept(blind, 21, 3)
    assert (told.end.proof, missed) == ("complete", set())


def test_a_day_that_fills_a_page_is_named_in_the_report() -> None:
    blind = Semantics(page="ignored", cursor="ignored", page_size=3)
    told, missed = swept(blind, 8, 4)
    assert missed
    assert told.end.proof == "partial"
    assert str(TODAY) in told.end.detail


def test_a_poll_with_nothing_new_costs_one_request_where_the_cursor_means_something() -> None:
    found = []
    for semantics, number, a_day in every_marketplace():
        if semantics.cursor in {"ignored", "always_refused"} or number == 0:
            continue
        listed = orders(number, a_day)
        known = {order.menzzo_order_id for order in listed}
        cursor = strategy.highest(known)
        told = read(strategy.poll(TODAY, cursor, 14, 20), listed, semantics, known)
        if (len(told.asked), told.end.proof) != (1, "complete"):
            found.append((semantics, number, len(told.asked), told.end))
    assert not found


def test_a_poll_brings_all_that_is_newer_than_the_cursor_where_pages_are_heeded_beside_it() -> None:
    found = []
    for semantics, number, a_day in every_marketplace():
        if semantics.page != "honoured" or number < 4:
            continue
        listed = orders(number, a_day)
        ids = [order.menzzo_order_id for order in listed]
        known = set(ids[: number // 2])
        told = read(strategy.poll(TODAY, ids[number // 2 - 1], 14, semantics.page_size), listed, semantics, known)
        recent = {
            order.menzzo_order_id for order in listed if order.order_date >= TODAY - timedelta(days=strategy.NEWS_DAYS)
        }
        newer = set(ids[number // 2 :])
        by_date = told.end.run.refused or told.end.run.misled
        if (newer & recent if by_date else newer) - told.shown - known:
            found.append((semantics, number, a_day))
    assert not found


def test_a_page_that_comes_again_because_the_list_moved_is_not_taken_for_the_end() -> None:
    """A burst as long as a page pushes a list of newest first on by one page: page 3 shows what page 2 showed."""
    listed = [order.menzzo_order_id for order in reversed(orders(12, 1))]
    step: strategy.Run | strategy.End = sweep(3)
    for page in (listed[0:3], listed[3:6], listed[3:6], listed[6:9], listed[9:12], []):
        assert isinstance(step, strategy.Run), "it took the repeated page for the end"
        step = strategy.advance(step, page, frozenset())
    assert isinstance(step, strategy.End)
    assert step.run.listed == set(listed)
