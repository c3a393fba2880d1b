"""The instance lock: one holder, named; freed by its death; never taken away by a question."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from supplier_agent.base.errors import BusyError, StateError
from supplier_agent.db.state_folder import InstanceLock, holder, is_held
from tests.world.clocks import HandClock

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from supplier_agent.base.clock import SystemClock
from supplier_agent.db.state_folder import InstanceLock
lock = InstanceLock(Path(sys.argv[1]), "run", SystemClock())
print("held", flush=True)
sys.stdin.read()
"""
ASK = """
import sys
from pathlib import Path
from supplier_agent.db.state_folder import is_held
print("asking", flush=True)
while True:
    is_held(Path(sys.argv[1]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.lock"


def holding(path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_second_instance_is_told_who_holds_it(path: Path) -> None:
    clock = HandClock()
    process = holding(path)
    try:
        with pytest.raises(BusyError, match=rf"`run`, pid {process.pid}, since ") as caught:
            InstanceLock(path, "run --once", clock)
        assert caught.value.exit_code == 75
        assert "stop" in caught.value.cure
        assert 0 < sum(clock.slept) < 1, "it gives up quickly"
        assert holder(path).startswith("`run`"), "the note is still the holder's"
    finally:
        end(process)


def test_kill_9_frees_it(path: Path) -> None:
    process = holding(path)
    assert is_held(path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not is_held(path)
    InstanceLock(path, "run", HandClock()).release()


def test_released_it_is_free_and_names_nobody(path: Path) -> None:
    lock = InstanceLock(path, "run", HandClock())
    assert is_held(path)
    assert f"pid {os.getpid()}" in holder(path)
    lock.release()
    assert not is_held(path)
    assert "pid" not in holder(path)
    assert path.exists(), "a lock file that is deleted can be held twice"


def test_asking_does_not_take_it(path: Path) -> None:
    process = holding(path)
    try:
        assert all(is_held(path) for _ in range(100))
        with pytest.raises(BusyError):
            InstanceLock(path, "run", HandClock())
    finally:
        end(process)
    assert not any(is_held(path) for _ in range(100))
    assert not is_held(path.with_name("absent"))
    assert not path.with_name("absent").exists(), "and creates nothing"


def test_two_questions_at_once_do_not_take_each_other_for_an_instance(path: Path) -> None:
    InstanceLock(path, "run", HandClock()).release()
    with path.open() as another:
        fcntl.flock(another, fcntl.LOCK_SH)  # as it is held while somebody else asks
        assert not is_held(path)


def test_a_start_that_meets_questions_gets_through(path: Path) -> None:
    """`is_held` has the lock for a moment; a start must not take that for another instance."""
    InstanceLock(path, "run", HandClock()).release()
    asking = subprocess.Popen([sys.executable, "-c", ASK, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert asking.stdout is not None
        asking.stdout.readline()

        class Brief(HandClock):
            def sleep(self, seconds: float) -> None:
                super().sleep(seconds)
                time.sleep(seconds / 10)

        for _ in range(20):
            InstanceLock(path, "run", Brief()).release()
    finally:
        end(asking)


def test_a_lock_file_that_cannot_be_opened_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be opened") as caught:
        InstanceLock(tmp_path, "run", HandClock())
    assert caught.value.cure
