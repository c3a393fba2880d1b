"""Which rows one get-sales answer holds, under each reading of the document."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from supplier_agent.sandbox.listing import Refusal, SalesQuery, select
from supplier_agent.sandbox.orders import Order
from supplier_agent.sandbox.semantics import Semantics
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


def dated(*orders: tuple[str, int]) -> list[Order]:
    """Return orders by id and day of January."""
    return [Order("asir-group", each, "SKU", 1, 100, "GLS", date(2026, 1, day)) for each, day in orders]


def listed(orders: list[Order], query: SalesQuery, now: datetime = NOW, **switches: Any) -> list[str]:  # noqa: ANN401 - switches are of many types
    rows = select(orders, query, Semantics(**switches), now)
    assert not isinstance(rows, Refusal), rows
    return [order.menzzo_order_id for order in rows]


@pytest.mark.parametrize(
    ("compares", "expected"),
    [
        ("number", ["9_9", "9_10", "10_1"]),
        ("text", ["9_9"]),  # as text, "9_10" comes before "9_2", and "10_1" too
        ("increment", ["10_1"]),
        ("date", ["10_1"]),
    ],
)
def test_what_is_compared_with_the_cursor_decides_what_follows_it(compares: str, expected: list[str]) -> None:
    orders = dated(("9_2", 10), ("9_9", 10), ("9_10", 10), ("10_1", 11))
    assert listed(orders, SalesQuery(cursor="9_2"), cursor_compares=compares) == expected


def test_an_inclusive_cursor_shows_all_that_is_equal_to_it() -> None:
    orders = dated(("9_2", 10), ("9_9", 10), ("10_1", 11))
    switches: dict[str, Any] = {"cursor": "inclusive", "cursor_compares": "increment"}
    assert listed(orders, SalesQuery(cursor="9_9"), **switches) == ["9_2", "9_9", "10_1"]


def test_the_list_may_be_sorted_by_date() -> None:
    orders = dated(("9_1", 12), ("10_1", 11), ("10_2", 12), ("11_1", 12))
    assert listed(orders, SalesQuery(), order="by_date") == ["10_1", "9_1", "10_2", "11_1"]
    newest = listed(orders, SalesQuery(), order="newest_ties_shuffled")
    assert (newest[-1], sorted(newest[:3])) == ("10_1", ["10_2", "11_1", "9_1"])
    assert newest == listed(orders, SalesQuery(), order="newest_ties_shuffled")


def test_what_is_done_with_leaves_the_list_after_its_time() -> None:
    (order,) = orders = dated(("9_1", 19))
    before = NOW - timedelta(seconds=600)
    order.acknowledged_at, order.shipped_at, order.cancelled_at = [before], [before], before
    for name in ("acknowledged", "shipped", "cancelled"):
        switches: dict[str, Any] = {name: "vanish", f"{name}_seconds": 601}
        assert listed(orders, SalesQuery(), **switches) == ["9_1"]
        assert listed(orders, SalesQuery(), **{**switches, f"{name}_seconds": 600}) == []


def test_the_list_may_hold_the_last_days_only() -> None:
    assert listed(dated(("9_1", 12), ("9_2", 13)), SalesQuery(), list_days=7) == ["9_2"]


def test_one_order_in_five_may_be_listed_late() -> None:
    orders = dated(*((f"9_{number}", 15) for number in range(100)))
    seen = [
        len(listed(orders, SalesQuery(), now=NOW.replace(day=day), late_days=3, page_size=100))
        for day in (15, 16, 17, 18)
    ]
    assert seen == sorted(seen)
    assert 60 < seen[0] < 95
    assert seen[-1] == 100


def test_past_the_end_there_may_be_the_first_page_again() -> None:
    orders = dated(("9_1", 12), ("9_2", 13), ("9_3", 13))
    assert listed(orders, SalesQuery(page=5), page_size=2, past_end="repeat_first") == ["9_1", "9_2"]
