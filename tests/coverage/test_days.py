"""What a reading proves of a day, and what it does not: pure, so every edge has its line."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from supplier_agent.db.tables import Run
from supplier_agent.reading.coverage.days import Late, Reading, State, days_late, judge, settled_at, starts_at
from supplier_agent.reading.missing_orders import days_of

PARIS = ZoneInfo("Europe/Paris")
DAY = date(2026, 11, 19)
PATIENCE = timedelta(hours=12)


def at(text: str) -> datetime:
    """Return a time of the warehouse's clock as an instant: "20 06:00" is of November 2026."""
    return datetime.strptime(f"2026-11-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=PARIS).astimezone(UTC)


def reading(
    started: str, run: int = 1, *, cache: int = 0, proof: str = "complete", first: int = 6, last: int = 20
) -> Reading:
    """Return a sweep that took a minute. `cache`: minutes that its oldest answer may have been cached."""
    began = at(started)
    return Reading(
        run=run,
        purpose="sweep",
        first=date(2026, 11, first),
        last=date(2026, 11, last),
        started_at=began,
        ended_at=began + timedelta(minutes=1),
        as_of=began - timedelta(minutes=cache),
        proof=proof,
        pages=1,
        listed=3,
        detail="cut" if proof == "partial" else None,
    )


@pytest.mark.parametrize(
    ("readings", "now", "state", "is_overdue"),
    [
        ([], "20 11:00", State.UNREAD, False),
        ([], "20 13:00", State.UNREAD, True),
        ([reading("20 00:00")], "20 06:00", State.PROVED, False),
        ([reading("19 23:59")], "20 06:00", State.UNREAD, False),
        ([reading("20 00:29", cache=30)], "20 06:00", State.CACHED, False),
        ([reading("20 00:29", cache=30)], "20 12:01", State.CACHED, True),
        ([reading("20 00:30", cache=30)], "20 06:00", State.PROVED, False),
        ([reading("20 06:00", proof="partial")], "20 13:00", State.UNREAD, True),
        ([reading("20 06:00", proof="failed")], "20 13:00", State.UNREAD, True),
        ([reading("20 06:00", last=18)], "20 13:00", State.UNREAD, True),
        ([reading("20 06:00", first=20)], "20 13:00", State.UNREAD, True),
        ([reading("20 06:00"), reading("20 12:00", 2, proof="failed")], "20 13:00", State.PROVED, False),
        ([reading("19 08:00")], "19 09:00", State.PROVED, False),  # the day goes on, and is proved up to 08:00
        ([reading("19 00:10", cache=30)], "19 09:00", State.CACHED, False),
        ([reading("18 23:00")], "19 09:00", State.UNREAD, False),
        ([reading("20 14:00")], "20 13:00", State.UNREAD, True),  # of the time before the clock was set back
    ],
)
def test_a_day_is_proved_once_an_answer_must_have_been_made_after_its_end(
    readings: list[Reading], now: str, state: State, *, is_overdue: bool
) -> None:
    day = judge(DAY, readings, at(now), PARIS, PATIENCE)
    assert (day.state, day.is_overdue) == (state, is_overdue)
    assert (day.why == "") == (state is State.PROVED)


def test_the_reading_that_proves_the_most_is_shown_and_every_one_that_proves_it_is_named() -> None:
    day = judge(
        DAY, [reading("20 06:00", 1), reading("21 06:00", 3), reading("20 12:00", 2)], at("21 07:00"), PARIS, PATIENCE
    )
    assert day.best is not None
    assert (day.best.run, day.runs) == (3, (3, 2, 1))


def test_why_a_day_is_not_proved_is_what_the_last_reading_said_of_it() -> None:
    readings = [reading("20 06:00", 1, proof="failed"), reading("20 12:00", 2, proof="partial")]
    assert judge(DAY, readings, at("20 13:00"), PARIS, PATIENCE).why == "cut"


@pytest.mark.parametrize(("purpose", "last"), [("sweep", 19), ("resync", 20)])
def test_a_sweep_asks_for_a_day_more_than_it_proves(purpose: str, last: int) -> None:
    run = Run(
        supplier="notio",
        purpose=purpose,
        date_from=date(2026, 11, 6),
        date_to=date(2026, 11, 20),
        requested_at=at("20 06:00"),
    )
    assert days_of(run) == (date(2026, 11, 6), date(2026, 11, last))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (DAY, 24)])
def test_a_day_of_the_warehouse_has_as_many_hours_as_its_zone_gives_it(day: date, hours: int) -> None:
    assert starts_at(day + timedelta(days=1), PARIS) - starts_at(day, PARIS) == timedelta(hours=hours)


def test_an_order_came_late_if_its_day_had_been_proved_without_it() -> None:
    settled = settled_at(DAY, [reading("20 06:00"), reading("21 06:00", 2), reading("19 12:00", 3)], PARIS)
    assert settled == at("20 06:01")
    assert [days_late(DAY, at(seen), settled, PARIS) for seen in ("19 15:00", "20 06:01", "20 06:02", "24 10:00")] == [
        0,
        0,
        1,
        5,
    ]
    assert days_late(DAY, at("24 10:00"), None, PARIS) == 0


@pytest.mark.parametrize(
    ("by_days", "advice"),
    [
        ({}, "sweep_days = 14 is enough, as far as can be seen"),
        ({1: 3}, "sweep_days = 14 is enough: the latest came 1 day after its date"),
        ({1: 3, 7: 1}, "sweep_days = 14 is enough: the latest came 7 days after its date"),
        ({8: 1}, "sweep_days = 14 is short: the latest came 8 days after its date. Set it to 16 or more in [schedule]"),
    ],
)
def test_how_late_orders_come_says_how_far_back_a_sweep_should_reach(by_days: dict[int, int], advice: str) -> None:
    assert Late(50, Counter(by_days), 14).advice == advice
