"""Holidays and working time: what is written, when people work, and how old an order is by it. The clock changes included."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplier_agent.settings import Settings, load
from supplier_agent.settings.dump import shown
from supplier_agent.settings.schedule import (
    BUSINESS_DAYS,
    BUSINESS_HOURS,
    DAY,
    EVERY_DAY,
    LOOKED_BACK_DAYS,
    Calendar,
    Holiday,
    Hours,
    dated_until,
    parse_holiday,
)

PARIS = ZoneInfo("Europe/Paris")
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/Paris", "Europe/Istanbul", "America/Sao_Paulo", "Australia/Lord_Howe")]
)
DAYS = st.dates(date(2025, 1, 1), date(2028, 12, 31))
INSTANTS = st.datetimes(datetime(2025, 6, 1), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
COUNTS = st.sampled_from([EVERY_DAY, BUSINESS_DAYS, BUSINESS_HOURS])
OF_DAY = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))


@st.composite
def holidays(draw: st.DrawFn) -> Holiday:
    first = draw(DAYS)
    if draw(st.booleans()):
        return parse_holiday(" to ".join(f"{day:%m-%d}" for day in (first, draw(DAYS))))
    return Holiday(first, first + timedelta(days=draw(st.integers(0, 30))))


@st.composite
def calendars(draw: st.DrawFn, kind: st.SearchStrategy[Holiday] | None = None) -> Calendar:
    return Calendar(
        Hours(draw(OF_DAY), draw(OF_DAY)),
        draw(st.frozensets(st.integers(0, 6), min_size=1)),
        tuple(draw(st.lists(kind or holidays(), max_size=4))),
        draw(ZONES),
    )


def counted(calendar: Calendar, since: datetime, until: datetime, counts: str) -> int:
    """Count the minutes between two whole minutes that count, one by one."""
    number, at = 0, since
    while at < until:
        local = at.astimezone(calendar.zone)
        does = {
            EVERY_DAY: not calendar.is_holiday(local.date()),
            BUSINESS_DAYS: calendar.works_on(local.date()),
            BUSINESS_HOURS: calendar.is_open(at),
        }
        number += does[counts]
        at += timedelta(minutes=1)
    return number


@given(each=holidays())
def test_a_holiday_is_written_as_it_is_read(each: Holiday) -> None:
    again = parse_holiday(str(each))
    assert (str(again), list(again.days())) == (str(each), list(each.days()))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2026-12-25", ["2026-12-25"], ["2027-12-25", "2026-12-24"]),
        (
            "2026-12-24 to 2027-01-02",
            ["2026-12-24", "2026-12-31", "2027-01-02"],
            ["2027-12-24", "2027-01-03", "2026-01-01"],
        ),
        ("2026-01-01 to 2027-01-01", ["2026-01-01", "2026-07-01", "2027-01-01"], ["2027-01-02"]),
        ("12-25", ["2026-12-25", "2031-12-25"], ["2026-12-26"]),
        ("12-24 to 01-02", ["2026-12-24", "2026-01-01", "2030-12-31"], ["2026-12-23", "2026-01-03", "2026-07-01"]),
        ("02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
        ("02-28 to 03-01", ["2027-02-28", "2028-02-29", "2027-03-01"], ["2027-03-02"]),
    ],
)
def test_days_and_ranges_of_one_year_and_of_every_year(text: str, inside: list[str], outside: list[str]) -> None:
    calendar = Calendar(Hours(time(8), time(19)), range(7), (parse_holiday(text),), PARIS)
    assert all(calendar.is_holiday(date.fromisoformat(day)) for day in inside)
    assert not any(calendar.is_holiday(date.fromisoformat(day)) for day in outside)


@given(calendar=calendars(), at=INSTANTS)
def test_nobody_works_on_a_holiday(calendar: Calendar, at: datetime) -> None:
    local = at.astimezone(calendar.zone)
    if calendar.is_open(at):
        began = local.date() if local.time() >= calendar.hours.start else local.date() - DAY
        assert calendar.works_on(began)
        assert not calendar.is_holiday(began)


def test_a_holiday_is_polled_like_a_closed_day() -> None:
    settings = Settings(
        schedule={"holidays": ["12-25", date(2026, 12, 24)]},
        suppliers={"notio": {}, "asir-group": {"holidays": ["2026-10-29"]}, "third": {"holidays": []}},
    )
    for day, interval in {24: (3600, 900, 900), 25: (3600, 900, 900), 28: (900, 900, 900)}.items():
        noon = datetime(2026, 12, day, 12, tzinfo=PARIS)
        assert tuple(settings.poll_interval(name, noon) for name in settings.suppliers) == interval
    assert settings.poll_interval("asir-group", datetime(2026, 10, 29, 12, tzinfo=PARIS)) == 3600
    assert settings.calendar("strange") == settings.calendar("notio")


@given(now=INSTANTS, seconds=st.floats(0, 1e7))
def test_without_holidays_every_second_counts(now: datetime, seconds: float) -> None:
    calendar = Calendar(Hours(time(8), time(19)), range(6), (), PARIS)
    assert calendar.ago(now, seconds) == now - timedelta(seconds=seconds)


@given(calendar=calendars(), now=INSTANTS, counts=COUNTS, minutes=st.integers(1, 4000), more=st.integers(1, 4000))
def test_an_order_never_becomes_younger(
    calendar: Calendar, now: datetime, counts: str, minutes: int, more: int
) -> None:
    ago = calendar.ago(now, minutes * 60, counts)
    assert ago <= now - timedelta(minutes=minutes)
    assert calendar.ago(now, (minutes + more) * 60, counts) <= ago
    assert calendar.ago(now + timedelta(minutes=more), minutes * 60, counts) >= ago


WHOLE_HOURS = st.tuples(st.integers(4, 21), st.integers(4, 21)).map(lambda pair: Hours(*(time(hour) for hour in pair)))


@given(
    hours=WHOLE_HOURS, days=st.frozensets(st.integers(0, 6), min_size=2), off=st.lists(st.integers(0, 8), max_size=3),
    zone=ZONES, counts=COUNTS, minutes=st.integers(1, 3000),
    now=st.sampled_from([datetime(2026, 3, 30, 9, tzinfo=UTC), datetime(2026, 10, 26, 9, tzinfo=UTC),
                         datetime(2026, 4, 6, 9, tzinfo=UTC), datetime(2026, 11, 2, 9, tzinfo=UTC)]),
)  # fmt: skip
def test_the_age_is_the_sum_of_all_minutes_that_count(
    hours: Hours, days: frozenset[int], off: list[int], zone: ZoneInfo, counts: str, minutes: int, now: datetime
) -> None:
    """Around the nights of the change, against a count minute by minute: an hour that comes twice counts twice."""
    holidays = tuple(Holiday(day, day) for day in (now.date() - each * DAY for each in off))
    calendar = Calendar(hours, days, holidays, zone)
    ago = calendar.ago(now, minutes * 60, counts)
    if now - ago < 40 * DAY:
        assert counted(calendar, ago, now, counts) == minutes


@pytest.mark.parametrize(
    ("monday", "hours"),
    [("2026-03-30", 23), ("2026-04-06", 24), ("2026-10-26", 25)],
)
def test_the_sunday_of_the_change_counts_the_hours_that_it_has(monday: str, hours: int) -> None:
    calendar = Calendar(Hours(time(8), time(19)), range(7), (parse_holiday("01-01"),), PARIS)
    midnight = datetime.fromisoformat(monday).replace(tzinfo=PARIS)
    assert calendar.ago(midnight, hours * 3600) == midnight - DAY  # wall clock: the midnight before
    assert calendar.ago(midnight, (hours + 1) * 3600) == (midnight - DAY).astimezone(UTC) - timedelta(hours=1)


def test_where_everything_is_a_holiday_nothing_is_late_and_the_search_ends() -> None:
    calendar = Calendar(Hours(time(8), time(19)), range(7), (parse_holiday("01-01 to 12-31"),), PARIS)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert calendar.ago(now, 60) < now - timedelta(days=LOOKED_BACK_DAYS - 1)


def test_a_variable_names_holidays_too_and_config_show_says_where_they_are_from(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('[schedule]\nholidays = [2026-12-24, "12-25"]\n[suppliers.notio]\ntoken = "t"\n[suppliers.b]\n')
    env = {"SUPPLIER_AGENT_SUPPLIERS__B__HOLIDAYS": "01-01, 2027-08-02 to 2027-08-20"}
    said = {each.key: (each.value, each.source) for each in shown(file, env)}
    assert said["schedule.holidays"] == ('["2026-12-24", "12-25"]', f"{file}:2")
    assert said["suppliers.b.holidays"] == ('["01-01", "2027-08-02 to 2027-08-20"]', *env)
    assert said["suppliers.notio.holidays"] == ("", "default")
    assert dated_until(load(file, env).calendar("b").holidays) == date(2027, 8, 20)
    assert dated_until(load(file, {}).calendar("notio").holidays) == date(2026, 12, 24)
