"""The rules of the brakes, and what a person may say to them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplier_agent.suppliers.safety_stops import MINUTE, is_unusual, most_within, not_found_in_a_row

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(*seconds: float) -> list[datetime]:
    return [NOON + timedelta(seconds=each) for each in seconds]


@given(st.lists(st.integers(0, 600), max_size=60))
def test_the_most_flags_of_a_minute_are_those_of_the_fullest_minute(seconds: list[int]) -> None:
    flags = sorted(at(*seconds))
    fullest = max((sum(first <= each < first + MINUTE for each in flags) for first in flags), default=0)
    assert most_within(flags, MINUTE) == fullest


def test_a_person_is_asked_from_one_more_than_the_setting_on_in_whatever_order_they_were_flagged() -> None:
    assert not is_unusual(at(0, 59, 30), 3)
    assert is_unusual(at(0, 59, 30, 1), 3)
    assert not is_unusual(at(0, 60, 30, 90), 3)


def test_zero_never_asks() -> None:
    assert not is_unusual(at(*range(50)), 0)


@pytest.mark.parametrize(
    ("newest_first", "orders"),
    [
        ([], 0),
        ([(1, 404), (2, 404), (3, 200), (4, 404)], 2),
        ([(1, 200), (2, 404)], 0),
        ([(1, 404), (1, 404), (1, 404)], 1),
        ([(1, 404), (2, None), (3, 404)], 2),
        ([(1, 404), (2, 500), (3, 404)], 1),
    ],
)
def test_404s_count_by_order_until_another_answer(newest_first: list[tuple[int, int | None]], orders: int) -> None:
    assert not_found_in_a_row(newest_first) == orders
