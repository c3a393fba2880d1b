"""Which rows one get-sales answer holds, under each reading of the document."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from supplier_agent.sandbox.listing import Refusal, SalesQuery, Semantics, select
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.world import World

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
OLDEST_FIRST = ["8_1", "9_1", "9_2", "10_1", "10_3", "10_20"]
TWO_A_PAGE = Semantics(page_size=2)


def ids(world: World, query: SalesQuery, semantics: Semantics | None = None, now: datetime = NOW) -> list[str]:
    rows = select(world.orders("asir-group"), query, semantics or Semantics(), now)
    assert not isinstance(rows, Refusal), rows
    return [order.menzzo_order_id for order in rows]


def refusal(world: World, query: SalesQuery, semantics: Semantics) -> int:
    rows = select(world.orders("asir-group"), query, semantics, NOW)
    assert isinstance(rows, Refusal)
    return rows.status


def test_the_oldest_comes_first_by_number_and_not_by_text(world: World) -> None:
    assert ids(world, SalesQuery()) == OLDEST_FIRST


def test_the_newest_may_come_first(world: World) -> None:
    assert ids(world, SalesQuery(), Semantics(order="newest")) == OLDEST_FIRST[::-1]


def test_a_shuffled_list_is_in_no_order_but_always_the_same(world: World) -> None:
    shuffled = Semantics(order="shuffled")
    first = ids(world, SalesQuery(), shuffled)
    assert first not in (OLDEST_FIRST, OLDEST_FIRST[::-1])
    assert sorted(first) == sorted(OLDEST_FIRST)
    assert ids(world, SalesQuery(), shuffled) == first
    pages = [ids(world, SalesQuery(page=page), replace(shuffled, page_size=2)) for page in (1, 2, 3)]
    assert [*itertools.chain(*pages)] == first


def test_pages_cut_the_list_without_gap_or_overlap(world: World) -> None:
    assert ids(world, SalesQuery(page=1), TWO_A_PAGE) == OLDEST_FIRST[:2]
    assert ids(world, SalesQuery(page=3), TWO_A_PAGE) == OLDEST_FIRST[4:]
    assert ids(world, SalesQuery(page=2), Semantics(page_size=4, past_end="not_found")) == OLDEST_FIRST[4:]


def test_past_the_end_there_may_be_nothing_the_last_page_again_or_a_404(world: World) -> None:
    far = SalesQuery(page=4)
    assert ids(world, far, TWO_A_PAGE) == []
    assert ids(world, far, replace(TWO_A_PAGE, past_end="repeat_last")) == OLDEST_FIRST[4:]
    assert refusal(world, far, replace(TWO_A_PAGE, past_end="not_found")) == 404


@pytest.mark.parametrize("semantics", [Semantics(), Semantics(past_end="repeat_last"), Semantics(past_end="not_found")])
def test_the_first_page_of_nothing_is_always_empty(world: World, semantics: Semantics) -> None:
    assert ids(world, SalesQuery(date_from=date(2027, 1, 1)), semantics) == []


def test_pages_may_be_ignored_beside_a_cursor_or_altogether(world: World) -> None:
    beside = replace(TWO_A_PAGE, page="ignored_beside_cursor")
    assert ids(world, SalesQuery(page=2, cursor="9_1"), beside) == ["9_2", "10_1"]
    assert ids(world, SalesQuery(page=2), beside) == ["9_2", "10_1"]
    assert ids(world, SalesQuery(page=3, cursor="9_1"), beside) == ["9_2", "10_1"]
    assert ids(world, SalesQuery(page=2), replace(TWO_A_PAGE, page="ignored")) == OLDEST_FIRST[:2]


def test_the_cursor_means_after_it_by_both_numbers(world: World) -> None:
    assert ids(world, SalesQuery(cursor="9_2")) == ["10_1", "10_3", "10_20"]
    assert ids(world, SalesQuery(cursor="10_3")) == ["10_20"]
    assert ids(world, SalesQuery(cursor="10_4")) == ["10_20"]


def test_the_cursor_may_include_itself_or_be_ignored(world: World) -> None:
    assert ids(world, SalesQuery(cursor="10_3"), Semantics(cursor="inclusive")) == ["10_3", "10_20"]
    assert ids(world, SalesQuery(cursor="10_3"), Semantics(cursor="ignored")) == OLDEST_FIRST


def test_the_cursor_may_be_refused_when_unknown_or_always(world: World) -> None:
    known = Semantics(cursor="refused_when_unknown")
    assert refusal(world, SalesQuery(cursor="10_4"), known) == 400
    assert ids(world, SalesQuery(cursor="10_3"), known) == ["10_20"]
    assert ids(world, SalesQuery(), Semantics(cursor="always_refused")) == OLDEST_FIRST
    assert refusal(world, SalesQuery(cursor="10_3"), Semantics(cursor="always_refused")) == 400


def test_dates_are_inclusive_unless_the_last_is_said_not_to_be(world: World) -> None:
    days = SalesQuery(date_from=date(2026, 1, 15), date_to=date(2026, 1, 16))
    assert ids(world, days) == ["8_1", "9_1", "9_2", "10_1"]
    assert ids(world, days, Semantics(date_to_inclusive=False)) == ["8_1", "9_1"]
    assert ids(world, SalesQuery(date_from=date(2026, 1, 17))) == ["10_3", "10_20"]


def test_an_order_number_finds_one_line_or_all_lines_of_a_customers_order(world: World) -> None:
    assert ids(world, SalesQuery(order_number="9_2")) == ["9_2"]
    assert ids(world, SalesQuery(order_number="9")) == ["9_1", "9_2"]


def test_acknowledged_and_shipped_orders_stay_or_vanish(world: World) -> None:
    first, second = world.orders("asir-group")[:2]
    first.acknowledged_at.append(NOW)
    second.shipped_at.append(NOW)
    assert ids(world, SalesQuery()) == OLDEST_FIRST
    assert ids(world, SalesQuery(), Semantics(acknowledged="vanish")) == OLDEST_FIRST[1:]
    assert ids(world, SalesQuery(), Semantics(shipped="vanish")) == ["8_1", *OLDEST_FIRST[2:]]


def test_an_order_that_arrives_late_is_listed_from_that_moment_in_its_old_place(world: World) -> None:
    late = NOW + timedelta(hours=1)
    world.add(Order("asir-group", "9_5", "LATE", 1, 100, "DPD", date(2026, 1, 15), visible_from=late))
    assert ids(world, SalesQuery()) == OLDEST_FIRST
    assert ids(world, SalesQuery(), now=late) == ["8_1", "9_1", "9_2", "9_5", "10_1", "10_3", "10_20"]
    assert ids(world, SalesQuery(cursor="10_20"), now=late) == []
