"""The ship-by clock: until when an order must leave, by the calendar; what is overdue is the same in the verdict and in SQL."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplier_agent.db.plain_sql import CLOCKED, OVERDUE, within
from supplier_agent.db.store import Store
from supplier_agent.order import STAGES
from supplier_agent.reports import facts
from supplier_agent.reports.health import problems
from supplier_agent.reports.orders import Filter, Judge, chosen, summaries
from supplier_agent.settings import Settings
from supplier_agent.settings.schedule import Calendar, Hours, parse_holiday
from supplier_agent.verdict import Due
from tests.scan.shelf import order_of, put
from tests.world.clocks import HandClock
from tests.world.databases import store_at

PARIS = ZoneInfo("Europe/Paris")
MON_TO_SAT = frozenset(range(6))
DAY_SHIFT, NIGHT_SHIFT = Hours(time(8), time(19)), Hours(time(18), time(2))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


def calendar(hours: Hours = DAY_SHIFT, *holidays: str) -> Calendar:
    return Calendar(hours, MON_TO_SAT, tuple(map(parse_holiday, holidays)), PARIS)


@pytest.mark.parametrize(
    ("seen", "days", "latest", "due"),
    [
        ("2026-11-23 10:00", 2, None, "2026-11-25 19:00"),  # a Monday
        ("2026-11-23 23:00", 2, time(16), "2026-11-25 16:00"),
        ("2026-11-27 10:00", 2, None, "2026-11-30 19:00"),  # a Friday: Saturday counts, Sunday does not
        ("2026-11-29 10:00", 1, None, "2026-11-30 19:00"),  # a Sunday
        ("2026-12-24 10:00", 1, None, "2026-12-26 19:00"),  # Christmas does not count
        ("2026-11-23 10:00", 0, time(16), "2026-11-23 16:00"),
        ("2026-11-23 16:00", 0, time(16), "2026-11-24 16:00"),
    ],
)
def test_an_order_leaves_so_many_working_days_after_it_was_first_seen(
    seen: str, days: int, latest: time | None, due: str
) -> None:
    assert calendar(DAY_SHIFT, "12-25").ship_by(at(seen), days, latest) == at(due)


def test_where_every_day_is_a_holiday_nothing_hangs() -> None:
    never = calendar(DAY_SHIFT, "01-01 to 12-31")
    assert never.ship_by(at("2026-11-23 10:00"), 2, None) > at("2036-01-01 00:00")
    assert never.overdue_before(at("2026-11-23 10:00"), 2, None) < at("2016-12-31 00:00")


moments = st.datetimes(datetime(2026, 10, 1), datetime(2027, 4, 30)).map(lambda each: each.replace(tzinfo=UTC))  # noqa: DTZ001 - its zone follows


@given(
    moments,
    st.timedeltas(timedelta(days=-2), timedelta(days=9)),
    st.integers(0, 5),
    st.sampled_from([None, time(0), time(1, 30), time(16)]),
    st.sampled_from([DAY_SHIFT, NIGHT_SHIFT]),
)
def test_what_is_overdue_is_what_was_seen_before_an_instant(
    seen: datetime, later: timedelta, days: int, latest: time | None, hours: Hours
) -> None:
    worked, now = calendar(hours, "12-24 to 12-26"), seen + later
    assert (worked.ship_by(seen, days, latest) <= now) == (seen < worked.overdue_before(now, days, latest))


NOW = at("2026-11-25 12:00")
"""A Wednesday."""
OVERDUE_OF_ONE = f"{CLOCKED} AND supplier = ? AND {OVERDUE}"
CLOCK: dict[str, Any] = {"token": "t", "ship_by_days": 1, "ship_by_time": "16:00"}
SETTINGS = Settings(
    state_dir=Path("/nowhere"), timezone="Europe/Paris", suppliers={"notio": CLOCK, "asir-group": {"token": "t"}}
)

OFF = Settings(state_dir=Path("/nowhere"), suppliers={"notio": {"token": "t"}})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = store_at(tmp_path / "agent.db")
    put(
        opened,
        order_of("1_1", first_seen_at=at("2026-11-23 10:00")),  # due on Tuesday
        order_of("1_2", first_seen_at=at("2026-11-24 10:00")),  # due today
        order_of("1_3", first_seen_at=at("2026-11-25 10:00")),  # due tomorrow
        order_of("1_4", first_seen_at=at("2026-11-23 10:00"), shipped=1, shipped_at=NOW),
        order_of("1_5", first_seen_at=at("2026-11-23 10:00"), held_reason="wait"),
        order_of("1_6", first_seen_at=at("2026-11-23 10:00"), vanished_at=NOW),
        order_of("1_7", first_seen_at=at("2026-11-23 10:00"), closed_reason="cancelled"),
        order_of("1_8", first_seen_at=at("2026-11-23 10:00"), supplier="asir-group"),
    )
    yield opened
    opened.close()


def test_the_verdict_knows_the_clock_of_open_orders(store: Store) -> None:
    with store.read() as tx:
        judge = Judge(within(tx), SETTINGS, NOW)
        found = {
            each.order.menzzo_order_id: judge.of(each).ship_by for each in facts.orders_of(within(tx), range(1, 9))
        }
    told = {name: None if each is None else each.due for name, each in found.items()}
    assert told == dict.fromkeys(("1_4", "1_5", "1_6", "1_7", "1_8")) | {
        "1_1": Due.OVERDUE,
        "1_2": Due.AT_RISK,
        "1_3": Due.ON_TRACK,
    }


def test_overdue_orders_are_one_problem_of_the_supplier(store: Store) -> None:
    with store.read() as tx:
        (told,) = [each for each in problems(tx, SETTINGS, now=NOW) if each.code == "ship_overdue"]
        assert (told.supplier, told.order) == ("notio", None)
        assert told.what.startswith("overdue orders, which should have been shipped by now: 1")
        plan = within(tx).rows(
            "EXPLAIN QUERY PLAN SELECT count(*) FROM orders WHERE " + OVERDUE_OF_ONE, "notio", "2026"
        )
        assert "COVERING INDEX orders_clocked" in str(plan)
        assert not [each for each in problems(tx, OFF, now=NOW) if each.code == "ship_overdue"]


def test_orders_as_json_have_the_clock(store: Store) -> None:
    found = chosen(store, Filter(supplier="notio", stage=STAGES[STAGES.index("ready")]))
    rows = {each["menzzo_order_id"]: each for each in summaries(store, found.ids, SETTINGS, HandClock(start=NOW))}
    assert rows["1_1"]["ship_by"] == "overdue"
    assert rows["1_1"]["ship_by_at"] == "2026-11-24T15:00:00.000000Z"
    assert date.fromisoformat(str(rows["1_2"]["ship_by_at"])[:10]) == date(2026, 11, 25)
