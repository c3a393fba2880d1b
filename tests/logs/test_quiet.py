"""The real daemon says nothing while nothing happens, and says a break and a recovery once each."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox import faults
from tests.e2e.installation import Site, installed
from tests.world.clocks import until

pytestmark = pytest.mark.slow

SCHEDULE = """
[schedule]
poll_seconds = 0.05
off_hours_poll_seconds = 0.05
sweep_seconds = 0.5
[retry]
first_seconds = 0.2
max_seconds = 0.2
[ship]
undo_seconds = 0
"""
READS_OF_A_DAY = 50
"""More than an agent makes in business hours."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path, 3, suppliers=["notio"], page_size=5) as site:
        token = site.world.tokens["notio"]
        site.configure(SCHEDULE, suppliers=f'[suppliers.notio]\ntoken = "{token}"\ncache_seconds = 0\n')
        yield site


def said(site: Site, process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in site.stop(process).splitlines() if line.startswith("{")]


def reads(site: Site, more: int) -> Callable[[], bool]:
    """Return what tells whether so many more pages have been read."""
    before = len(site.world.requests("get-sales"))
    return lambda: len(site.world.requests("get-sales")) >= before + more


def settled(site: Site) -> bool:
    if len(site.world.requests("label")) < 3:
        return False
    return bool(site.sql("SELECT count(*) = 3 FROM orders WHERE label_path IS NOT NULL")[0][0])


def test_a_day_without_news_is_silent_and_what_happened_before_was_said(site: Site) -> None:
    process = site.start()
    until(lambda: settled(site))
    until(reads(site, 3))
    quiet_from = SystemClock().now().isoformat()
    until(reads(site, READS_OF_A_DAY))
    quiet_to = SystemClock().now().isoformat()
    events = said(site, process)
    assert [event for event in events if quiet_from < event["timestamp"] < quiet_to] == []
    names = [event["event"] for event in events]
    assert (names[0], names[-1]) == ("agent.started", "agent.stopped")
    done = [event for event in events if event["event"] == "call.done"]
    assert len(done) == 6, "three acknowledgements, three labels"
    assert all({"supplier", "order", "call", "attempt"} <= event.keys() for event in done)


def test_a_break_and_a_recovery_are_said_once_each(site: Site) -> None:
    process = site.start()
    until(lambda: settled(site))
    site.world.faults.arm("get-sales", faults.status(502), times=8)
    until(reads(site, 20))
    site.world.faults.arm("get-sales", faults.status(502), times=3)
    until(reads(site, 15))
    events = said(site, process)
    told = [event["event"] for event in events if event["event"].startswith(("supplier.", "problem."))]
    assert told == ["supplier.failed", "supplier.recovered"] * 2
