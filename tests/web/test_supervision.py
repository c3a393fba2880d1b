"""The agent's side of the page's process: when it is started again, and after how long. Real children, a clock that is moved on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import page_report
from supplier_agent.lock import InstanceLock
from supplier_agent.log import Log
from supplier_agent.page_process import PageProcess, next_wait
from supplier_agent.page_report import SILENT_SECONDS, Report
from supplier_agent.settings import Settings
from tests.web.stage import MovableClock, until

HANGS = (sys.executable, "-c", "import sys, time; sys.stdin.readline(); time.sleep(300)")
DIES = (sys.executable, "-c", "raise SystemExit(7)")


def settings_for(folder: Path, listen: str = "127.0.0.1:0") -> Settings:
    return Settings(state_dir=folder, web={"listen": listen}, suppliers={"notio": {"token": "t"}})


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
        left = page_report.read(tmp_path)
        assert left is not None
        assert said[-1] == left.report.trouble


def _later(clock: MovableClock) -> bool:
    clock.ahead += timedelta(seconds=5)
    return True


def test_a_child_that_dies_is_started_again_after_longer_and_longer(tmp_path: Path) -> None:
    waits = list(accumulate(range(8), lambda before, _: next_wait(before, lived=0.1), initial=0.0))
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert next_wait(60, lived=3600) == 1
    with kept(tmp_path, *DIES, clock=MovableClock()) as (_, said):
        until(lambda: len(said) > 1)
    assert said[:2] == [
        f"the page's process ended by itself (code 7); it is started again in {wait} s" for wait in (1, 2)
    ]


def test_a_program_that_is_not_there_is_said_and_tried_again(tmp_path: Path) -> None:
    with kept(tmp_path, "/nowhere/python", clock=MovableClock()) as (_, said):
        until(lambda: said)
        assert "could not be started" in said[0]


def test_where_nothing_is_to_be_served_there_is_no_child_and_no_report(tmp_path: Path) -> None:
    clock = MovableClock()
    page_report.write(tmp_path, Report(listening=False, trouble="of before"), clock.now())
    with kept(tmp_path, *DIES, clock=clock, listen="") as (process, said):
        until(lambda: page_report.read(tmp_path) is None)
        assert said == []
        process.follow(settings_for(tmp_path))
        until(lambda: said)


def test_while_another_process_serves_there_is_no_child(tmp_path: Path) -> None:
    clock = MovableClock()
    lock = InstanceLock(tmp_path / page_report.LOCK, "page", clock)
    with kept(tmp_path, *DIES, clock=clock) as (_, said):
        until(lambda: said)
        assert said == ["another process serves the page (page.lock)"]
        lock.release()
        clock.ahead += timedelta(seconds=11)
        until(lambda: len(said) > 1)
        assert "ended by itself" in said[1]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"listening": 1}', "\0", '{"listening": true, "trouble": null, "pid": "x"}']
)
def test_a_report_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / page_report.FILE).write_text(text)
    assert page_report.read(tmp_path) is None


def test_a_report_keeps_its_heartbeat_where_it_cannot_be_written(tmp_path: Path) -> None:
    clock = MovableClock()
    report = Report(listening=True, url="http://127.0.0.1:1", pid=7)
    page_report.write(tmp_path, report, clock.now())
    (tmp_path / f"{page_report.FILE}.part").mkdir()  # as a disk that takes nothing more
    clock.ahead += timedelta(hours=1)
    page_report.write(tmp_path, Report(listening=False, trouble="new"), clock.now())
    left = page_report.read(tmp_path)
    assert left is not None
    assert left.report == report
    assert left.is_fresh(clock.now())
    assert not left.is_fresh(clock.now() + timedelta(seconds=SILENT_SECONDS + 1))
