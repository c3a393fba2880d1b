"""When a read is late: asked at each moment of a day with opening hours, pauses, outages and clocks that somebody sets."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from supplier_agent.db.state_folder import Holder
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Read, Run
from supplier_agent.reports.health import judged
from supplier_agent.reports.vitals import RUNNING, Pulse, Signs
from supplier_agent.settings import Settings
from supplier_agent.suppliers import circuit_breakers, read_log, snapshot
from supplier_agent.suppliers.circuit_breakers import READS, Patience
from supplier_agent.verdict import ProblemCode
from tests.unit.conftest import SUPPLIER, settings_of

SEVEN = datetime(2026, 11, 23, 6, tzinfo=UTC)
"""On a Monday in Paris. The warehouse opens at eight: then every 900 seconds are read, before it every 3600."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(state_dir=tmp_path, suppliers={SUPPLIER: {"token": "t"}})


def read(store: Store, at: datetime, *, well: bool = True, purpose: str = "sweep") -> None:
    """Note a reading, and the one request of it."""
    with store.write() as tx:
        snapshot.remember(tx, SUPPLIER)
        run = Run(supplier=SUPPLIER, purpose=purpose, date_from=at.date(), requested_at=at, started_at=at, ended_at=at)
        run.proof = "complete" if well else "failed"
        tx.add(run)
        tx.flush()
        tx.add(Read(run_id=run.id, supplier=SUPPLIER, url="x", started_at=at, ended_at=at, tries=1, outcome="listed"))


def late(
    store: Store,
    settings: Settings,
    now: datetime,
    *,
    since: datetime = SEVEN - timedelta(days=2),
    steady: datetime | None = None,
    command: str = "run",
) -> bool:
    agent = Pulse(1, 7, command, RUNNING, steady or since)
    signs = Signs(now, Holder(command, 7, since), agent)
    with store.read() as tx:
        found = judged(tx, settings, now, signs=signs)
    return [problem.supplier for problem in found if problem.code is ProblemCode.READ_LATE] == [SUPPLIER]


def minutes(number: float) -> datetime:
    return SEVEN + timedelta(minutes=number)


def test_it_is_late_when_it_was_due_an_interval_ago(store: Store, settings: Settings) -> None:
    read(store, minutes(120))
    assert [late(store, settings, minutes(120 + each)) for each in (0, 15, 29.9, 30.1, 600)] == [False] * 3 + [True] * 2


def test_the_opening_hour_is_not_late_at_once(store: Store, settings: Settings) -> None:
    """Read at 07:10, so the next is due at 08:10; but from 08:00 on it is every quarter of an hour, and was due at once."""
    read(store, minutes(10))
    assert [late(store, settings, minutes(each)) for each in (59.9, 60, 61, 74.9, 75.1)] == [False] * 4 + [True]


def test_nothing_read_at_all_counts_from_the_start_of_the_agent(store: Store, settings: Settings) -> None:
    since = minutes(120)
    assert not late(store, settings, minutes(134), since=since)
    assert late(store, settings, minutes(136), since=since)
    read(store, minutes(0))
    assert not late(store, settings, minutes(134), since=since), "it was stopped for long, and has just begun"


@pytest.mark.parametrize("command", ["run --once", "resync", "check"])
def test_only_the_daemon_is_late(store: Store, settings: Settings, command: str) -> None:
    read(store, minutes(0))
    assert late(store, settings, minutes(300))
    assert not late(store, settings, minutes(300), command=command)


@pytest.mark.parametrize("pause", ["paused", "token refused", "quiet", "failing"])
def test_a_pause_is_no_lateness(store: Store, settings: Settings, pause: str) -> None:
    read(store, minutes(0))
    with store.write() as tx:
        row = snapshot.known_supplier(tx, SUPPLIER)
        if pause == "paused":
            row.paused_at, row.paused_by, row.paused_reason = minutes(1), "Ann", "stocktaking"
        elif pause == "token refused":
            row.token_refused_at = minutes(1)
        elif pause == "quiet":
            row.quiet_until = minutes(300)
        else:
            circuit_breakers.failed(
                tx, circuit_breakers.of(tx, SUPPLIER, READS), Patience(18_000, 18_000, 0), minutes(0), "no"
            )
        tx.add(row)
    assert not late(store, settings, minutes(299))
    assert late(store, settings, minutes(316)) == (pause in {"quiet", "failing"}), "it has ended, and nothing happens"


def test_an_outage_that_is_tried_again_and_again_is_no_lateness(store: Store, settings: Settings) -> None:
    read(store, minutes(0))
    read(store, minutes(290), well=False, purpose="poll")
    assert not late(store, settings, minutes(300))
    assert late(store, settings, minutes(310))


def test_a_request_of_a_person_is_not_late_at_once(store: Store, settings: Settings) -> None:
    read(store, minutes(120))
    with store.write() as tx:
        read_log.request(tx, SUPPLIER, SEVEN.date(), SEVEN.date(), minutes(136))
    assert not late(store, settings, minutes(136))


@pytest.mark.parametrize("days", [-400, -1, 1, 400])
def test_a_clock_that_was_set_is_no_lateness_until_it_has_had_time_to_read(
    store: Store, settings: Settings, days: int
) -> None:
    read(store, minutes(120))
    now = minutes(125) + timedelta(days=days)
    assert not late(store, settings, now, steady=now)
    assert not late(store, settings, now + timedelta(minutes=9), steady=now, since=min(now, minutes(0)))
    opening = timedelta(hours=3)  # the longest interval, twice, and some more
    assert late(store, settings, now + opening, steady=now, since=min(now, minutes(0)))


def test_the_cache_may_be_the_slower_interval(store: Store, settings: Settings) -> None:
    slow = settings_of(state_dir=settings.state_dir, suppliers={SUPPLIER: {"token": "t", "cache_seconds": 3600}})
    read(store, minutes(120))
    assert not late(store, slow, minutes(120 + 119))
    assert late(store, slow, minutes(120 + 122))


def test_a_read_that_belongs_to_a_call_proves_nothing_of_the_list(store: Store, settings: Settings) -> None:
    read(store, minutes(120))
    with store.write() as tx:
        at = minutes(150)
        tx.add(Read(supplier=SUPPLIER, url="x", started_at=at, ended_at=at, tries=1, outcome="listed"))
    assert late(store, settings, minutes(151))
