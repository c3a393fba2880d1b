"""Whatever breaks, and however long: once it is over, the next good read comes within one poll interval and a minute."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Endpoint, Fault
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers import read_log
from supplier_agent.tick import plan
from supplier_agent.tick.choose import LOOK_SECONDS
from supplier_agent.tick.context import READ_EVERY
from tests.world.harness import ManualClock, Site, settings_for

SUPPLIER = "notio"
TEN_O_CLOCK = datetime(2026, 11, 23, 9, tzinfo=UTC)  # in Paris, on a Monday
INTERVAL_SECONDS, GRACE_SECONDS = 900.0, 60.0
SHORT_SECONDS, LONG_SECONDS = 90.0, 2 * 3600.0
ALL_DAY = {"off_hours_poll_seconds": INTERVAL_SECONDS}
MOST_REQUESTS = 30
"""Of an outage of two hours: eight polls, and each may be tried three times."""


class SetClock(ManualClock):
    """A clock that somebody can set: the wall's time jumps, the monotonic one does not."""

    def __init__(self) -> None:
        super().__init__(TEN_O_CLOCK)
        self.set_by = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.set_by


def settled(folder: Path, clock: SetClock) -> Site:
    """Return an agent that has read its supplier and waits for the next poll."""
    world = World.with_orders(3, today=TEN_O_CLOCK.date(), clock=clock, suppliers=[SUPPLIER])
    site = Site(settings_for(folder / "state", SUPPLIER, schedule=ALL_DAY), world, clock)
    site.start()
    site.run_for(INTERVAL_SECONDS + 100)
    assert len(reads(site)) >= 2
    return site


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return an agent that lives through one trouble after the other."""
    site = settled(tmp_path_factory.mktemp("old"), SetClock())
    yield site
    site.stop()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def site(tmp_path: Path, clock: SetClock) -> Iterator[Site]:
    site = settled(tmp_path, clock)
    yield site
    if site.running:
        site.stop()


def reads(site: Site) -> list[str]:
    """Return when each good read ended."""
    return [at for (at,) in site.ask("SELECT ended_at FROM runs WHERE proof IN ('complete', 'partial') ORDER BY id")]


def seconds_to_the_next_read(site: Site) -> float:
    """Let the agent go on until it has read again; return how long that took."""
    began, before = site.clock.monotonic(), len(reads(site))
    site.run_for(3 * INTERVAL_SECONDS, LOOK_SECONDS, until=lambda: len(reads(site)) > before)
    assert len(reads(site)) > before, "it does not read any more"
    return site.clock.monotonic() - began


BROKEN: Mapping[str, Fault] = {
    "500": faults.status(500),
    "502 with a page": faults.html(code=502),
    "503 with Retry-After": faults.status(503, headers=(("Retry-After", "30"),)),
    "429 with Retry-After": faults.status(429, headers=(("Retry-After", "30"),)),
    "429": faults.status(429),
    "400": faults.status(400),
    "401": faults.status(401),
    "403": faults.status(403),
    "404": faults.status(404),
    "a redirect": faults.redirect("https://elsewhere.example/"),
    "200 with a page": faults.html(),
    "200 with nothing": faults.empty(),
    "200 with an error": faults.says({"error": "down"}),
    "silence": faults.hang(applied=False),
    "closed": faults.close(applied=False),
    "garbage": faults.garbage(applied=False),
}


@pytest.mark.parametrize("name", BROKEN)
def test_after_a_broken_answer_the_next_good_read_comes_in_time(old: Site, name: str) -> None:
    requests = len(old.world.requests("get-sales"))
    seconds = LONG_SECONDS / 8 if "429" in name else LONG_SECONDS  # a server that says when to come again is believed
    old.world.faults.arm("get-sales", BROKEN[name], seconds=seconds)
    old.run_for(seconds)
    asked = len(old.world.requests("get-sales")) - requests
    old.world.faults.disarm()
    assert seconds_to_the_next_read(old) <= INTERVAL_SECONDS + GRACE_SECONDS
    assert asked <= MOST_REQUESTS, "an outage is not to be hammered on"


def unplugged() -> bool:
    return False


def broken_worker() -> bool:
    raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("how", [unplugged, broken_worker])
def test_after_an_outage_or_a_fault_of_ours_the_next_good_read_comes_in_time(
    old: Site, how: Callable[[], bool]
) -> None:
    old.wire.reachable = how
    old.run_for(LONG_SECONDS)
    old.wire.reachable = lambda: True
    assert seconds_to_the_next_read(old) <= INTERVAL_SECONDS + GRACE_SECONDS


@pytest.mark.parametrize("seconds", [SHORT_SECONDS, LONG_SECONDS], ids=["short", "long"])
def test_after_a_crash_and_a_restart_the_next_good_read_comes_in_time(site: Site, seconds: float) -> None:
    site.crash()
    site.clock.sleep(seconds)
    site.start()
    assert seconds_to_the_next_read(site) <= INTERVAL_SECONDS + GRACE_SECONDS


@pytest.mark.parametrize(
    "jump",
    [timedelta(hours=-1), timedelta(days=-400), timedelta(minutes=-5), timedelta(hours=1), timedelta(days=1)],
    ids=str,
)
def test_after_the_clock_was_set_the_next_good_read_comes_in_time(site: Site, clock: SetClock, jump: timedelta) -> None:
    clock.set_by = jump
    site.agent.ctx.inbox.put(lambda: plan.clock_changed(site.agent.ctx))  # as the daemon does within a turn
    assert seconds_to_the_next_read(site) <= INTERVAL_SECONDS + GRACE_SECONDS


@pytest.mark.slow  # takes seconds
@pytest.mark.usefixtures("impatient")
def test_after_the_database_was_locked_the_next_good_read_comes_in_time(tmp_path: Path, clock: SetClock) -> None:
    world = World.with_orders(3, today=TEN_O_CLOCK.date(), clock=clock, suppliers=[SUPPLIER])
    site = Site(settings_for(tmp_path / "state", SUPPLIER), world, clock)
    site.start()
    site.run_for(INTERVAL_SECONDS - 10)
    with closing(sqlite3.connect(site.database, isolation_level=None)) as editor:
        editor.execute("BEGIN IMMEDIATE")
        site.run_for(120)
        assert site.agent.database_problem is not None
        editor.execute("ROLLBACK")
    assert seconds_to_the_next_read(site) <= INTERVAL_SECONDS + GRACE_SECONDS
    assert site.agent.database_problem is None
    site.stop()


def test_writes_that_fail_all_day_do_not_hold_up_the_reads(site: Site) -> None:
    endpoints: tuple[Endpoint, ...] = ("acknowledge-sale", "ship-sale", "label")
    for endpoint in endpoints:
        site.world.faults.arm(endpoint, faults.hang(applied=False), seconds=LONG_SECONDS)
    for _ in range(20):
        site.world.arrive(SUPPLIER, TEN_O_CLOCK.date())
    site.flag()
    site.run_for(LONG_SECONDS)
    moments = [datetime.fromisoformat(at) for at in reads(site)]
    gaps = [(late - early).total_seconds() for early, late in pairwise(moments)]
    # In life workers hang side by side. Here one request is made after the other, and so many may go before an overdue read.
    before_a_read = (READ_EVERY - 1) * site.settings.http.timeout_seconds
    assert max(gaps) <= INTERVAL_SECONDS + GRACE_SECONDS + before_a_read


def test_a_round_reads_however_long_the_last_reading_took(site: Site) -> None:
    """Two `run --once` in a row: the second begins while the daemon would still give the marketplace a rest."""
    site.wire.answer_seconds = 60
    seconds_to_the_next_read(site)
    now = site.clock.now()
    with site.agent.ctx.store.read() as tx:
        assert read_log.due(tx, SUPPLIER, site.settings, now).at > now
        assert read_log.due(tx, SUPPLIER, site.settings, now, round_at=now).at <= now
