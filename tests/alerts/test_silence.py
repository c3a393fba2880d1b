"""Silence: few false alarms over years of ordinary shops, and an alarm when the orders really stop."""

import random
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from supplier_agent.alerts.decide import HISTORY, Habits, is_unusual, learn
from supplier_agent.settings.schedule import Calendar, Hours, parse_holiday

PARIS = ZoneInfo("Europe/Paris")


def calendar(*holidays: str) -> Calendar:
    return Calendar(Hours(time(8), time(19)), frozenset(range(6)), tuple(map(parse_holiday, holidays)), PARIS)


ORDINARY = calendar()
START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)


def shop(per_day: float, weeks: int, seed: int) -> list[datetime]:
    """Return when orders came in: mostly by day, fewer at the weekend, by dice."""
    dice = random.Random(seed)
    arrivals = []
    for number in range(weeks * 7 * 24):
        at = START + number * HOUR
        local = at.astimezone(PARIS)
        rate = per_day / 12 * (1 if 8 <= local.hour < 20 else 0.05) * (0.4 if local.weekday() >= 5 else 1)
        arrivals += [at + HOUR * dice.random() for _ in range(_poisson(dice, rate))]
    return sorted(arrivals)


def _poisson(dice: random.Random, mean: float) -> int:
    number, left = 0, dice.expovariate(1)
    while left < mean:
        number, left = number + 1, left + dice.expovariate(1)
    return number


def alarms(arrivals: list[datetime], until: datetime) -> Iterator[datetime]:
    """Learn once a week from the fifth on, look every two hours; yield when silence was called unusual."""
    at = START + 5 * WEEK
    while at < until:
        habits = learn(arrivals[bisect(arrivals, at - HISTORY) : bisect(arrivals, at)], at, ORDINARY)
        for hour in range(0, 7 * 24, 2):
            now = at + hour * HOUR
            last = arrivals[bisect(arrivals, now) - 1]
            if habits is not None and is_unusual(habits, last, now, ORDINARY):
                yield now
        at += WEEK


@pytest.mark.parametrize("per_day", [3, 12, 40])
def test_an_ordinary_shop_raises_no_alarm_in_four_months(per_day: float) -> None:
    assert list(alarms(shop(per_day, 22, seed=int(per_day)), START + 22 * WEEK)) == []


@pytest.mark.parametrize(("per_day", "days"), [(12, 3), (40, 2)])
def test_orders_that_stop_are_noticed_within_days(per_day: float, days: int) -> None:
    stops_at = START + 10 * WEEK + timedelta(days=1, hours=9)  # a Tuesday morning
    arrivals = [each for each in shop(per_day, 10, seed=7) + shop(per_day, 12, seed=7) if each < stops_at]
    noticed = next(alarms(sorted(set(arrivals)), stops_at + WEEK))
    assert stops_at < noticed < stops_at + timedelta(days=days)


def test_a_night_is_no_silence_where_nothing_comes_at_night() -> None:
    by_day = tuple(5.0 if 8 <= hour % 24 < 20 else 0.0 for hour in range(168))
    monday_evening = datetime(2026, 11, 23, 20, tzinfo=PARIS)
    habits = Habits(by_day, 0.0)
    assert habits.worth(monday_evening, monday_evening + 12 * HOUR, ORDINARY) == 0
    assert not is_unusual(habits, monday_evening, monday_evening + 12 * HOUR, ORDINARY)
    assert is_unusual(habits, monday_evening, monday_evening + 15 * HOUR, ORDINARY)


def test_too_little_history_says_nothing() -> None:
    arrivals = shop(12, 10, seed=1)
    assert learn(arrivals[:30], START + 9 * WEEK, ORDINARY) is None
    assert learn([each for each in arrivals if each < START + 2 * WEEK], START + 2 * WEEK, ORDINARY) is None


def test_a_holiday_is_no_silence_and_the_day_after_it_is() -> None:
    habits = Habits((1.0,) * 168, 0.0)
    eve, day_after = (datetime(2026, 12, day, tzinfo=PARIS) for day in (24, 27))
    closed = calendar("12-24 to 12-26")
    assert is_unusual(habits, eve, day_after, ORDINARY)
    assert habits.worth(eve, day_after, closed) == 0
    assert not is_unusual(habits, eve, day_after, closed)
    assert is_unusual(habits, eve, day_after + 13 * HOUR, closed)


def test_nothing_is_learnt_from_company_leave() -> None:
    """Four weeks of leave in the history: what an ordinary hour brings is what it was, and the leave is no longest silence."""
    arrivals, until = shop(12, 8, seed=3), START + 8 * WEEK
    leave = (START + 2 * WEEK, START + 5 * WEEK)
    worked = [each for each in arrivals if not leave[0] <= each.astimezone(PARIS) < leave[1]]
    away = calendar(f"{leave[0].date()} to {(leave[1] - timedelta(days=1)).date()}")
    usual, blind, wise = learn(arrivals, until, ORDINARY), learn(worked, until, ORDINARY), learn(worked, until, away)
    assert usual is not None
    assert blind is not None
    assert wise is not None
    assert blind.longest > 3 * usual.longest
    assert wise.longest < 2 * usual.longest
    assert sum(wise.per_hour) == pytest.approx(sum(usual.per_hour), rel=0.2)
