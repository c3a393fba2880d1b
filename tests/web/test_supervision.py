"""The agent's side of the page's process: when it is started again, and after how long. Real children, a clock that is moved on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.log import Log
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.reports import heartbeat
from supplier_agent.reports.vitals import STOPPED, Pulse
from supplier_agent.runtime.page_process import PageProcess, next_wait
from supplier_agent.settings import Settings
from tests.web.stage import MovableClock
from tests.world.clocks import until

HANGS = (sys.executable, "-c", "import sys, time; sys.stdin.readline(); time.sleep(300)")
DIES = (sys.executable, "-c", "raise SystemExit(7)")


def settings_for(folder: Path, listen: str = "127.0.0.1:0") -> Settings:
    return Settings(state_dir=folder, web={"listen": listen}, suppliers={"notio": {"token": "t"}})


def shown(folder: Path, clock: MovableClock) -> Pulse:
    found = heartbeat.read(folder / heartbeat.PAGE, clock)
    assert found is not None
    return found


@contextmanager
def kept(
    folder: Path, *command: str, clock: MovableClock, listen: str = "127.0.0.1:0"
) -> Iterator[tuple[Any, list[str]]]:
    said: list[str] = []
    log = Log(None, lambda _event, facts: said.append(str(facts.get("detail"))))
    process = PageProcess(settings_for(folder, listen), {}, clock, log, command=command).start()
    try:
        yield process, said
    finally:
        process.close()


def test_a_child_that_hangs_is_ended(tmp_path: Path) -> None:
    clock = MovableClock()
    with kept(tmp_path, *HANGS, clock=clock) as (_, said):
        until(lambda: _later(clock) and said)
        assert said[-1].startswith("the page's process gave no sign for 60 s and was ended; it is started again in 1 s")
        until(lambda: [each.what for each in shown(tmp_path, clock).troubles] == said[-1:])
        assert shown(tmp_path, clock).is_fresh
    assert shown(tmp_path, clock).phase == STOPPED


def _later(clock: MovableClock) -> bool:
    clock.ahead += timedelta(seconds=5)
    return True


@pytest.mark.slow
def test_a_child_that_dies_is_started_again_after_longer_and_longer(tmp_path: Path) -> None:
    waits = list(accumulate(range(8), lambda before, _: next_wait(before, lived=0.1), initial=0.0))
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert next_wait(60, lived=3600) == 1
    with kept(tmp_path, *DIES, clock=MovableClock()) as (_, said):
        until(lambda: len(said) > 1)
    assert said[:2] == [
        f"the page's process ended unexpectedly (code 7); it is started again in {wait} s" for wait in (1, 2)
    ]


def test_a_program_that_is_not_there_is_said_and_tried_again(tmp_path: Path) -> None:
    with kept(tmp_path, "/nowhere/python", clock=MovableClock()) as (_, said):
        until(lambda: said)
        assert "could not be started" in said[0]


def test_where_nothing_is_to_be_served_there_is_no_child_and_nothing_is_shown(tmp_path: Path) -> None:
    with kept(tmp_path, *DIES, clock=MovableClock(), listen="") as (process, said):
        process.follow(settings_for(tmp_path, ""))
        assert said == []
        process.follow(settings_for(tmp_path))
        until(lambda: said)
    assert [path.name for path in tmp_path.iterdir()] == [heartbeat.PAGE]


def test_while_another_process_serves_there_is_no_child(tmp_path: Path) -> None:
    clock = MovableClock()
    lock = InstanceLock(tmp_path / state_folder.PAGE_LOCK, "page", clock)
    with kept(tmp_path, *DIES, clock=clock) as (_, said):
        until(lambda: said)
        assert said == ["another process serves the page (page.lock)"]
        lock.release()
        clock.ahead += timedelta(seconds=11)
        until(lambda: len(said) > 1)
        assert "ended unexpectedly" in said[1]
