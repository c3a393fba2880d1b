"""A disk that fills up, on a small tmpfs, in steps: nothing is sent that is not on the disk before, and all mends by itself."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db import state_folder
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.reports.heartbeat import AGENT, Heartbeat, signs
from supplier_agent.reports.vitals import Trouble
from tests.disk.place import Place, place

TMPFS = "2m"
STEPS_KB = (48, 96, 128)
"""Room for no claim, for the claim but not for its ending, for all but the line in the ledger."""
CODES = {0, 69, 74}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS}", "none", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk here: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(disk: Path, leave_kb: int) -> Path:
    """Fill the disk but for some kB; return what fills it."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    size = free.f_bavail * free.f_frsize - leave_kb * 1024
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(size, 1))
    return ballast


def a_day_on_a_full_disk(here: Place, disk: Path, leave_kb: int) -> None:
    """Flag one order and let one arrive; a cycle with so much room, then one with enough."""
    here.flag(here.unflagged()[0])
    here.world.arrive("notio")
    before = here.ships()
    ballast = fill(disk, leave_kb)
    code = here.cycle()
    assert code in CODES, here.said
    for line in here.world.requests("ship-sale")[before:]:
        assert f'"{line.menzzo_order_id}"'.encode() in here.ledger.read_bytes(), "a ship call left without its intent"
    ballast.unlink()
    here.note_doubt()
    code = here.cycle()
    assert code == (1 if here.doubtful else 0), here.said
    assert not here.wrong()


@pytest.mark.slow
def test_a_full_disk_loses_nothing_and_sends_nothing_twice(small_disk: Path) -> None:
    with place(small_disk / "state") as here:
        for leave_kb in STEPS_KB:
            a_day_on_a_full_disk(here, small_disk, leave_kb)
        assert here.ships() >= len(STEPS_KB) - len(here.doubtful)


def test_a_disk_that_is_full_from_the_start_is_told_plainly(small_disk: Path) -> None:
    with place(small_disk / "state") as here:
        here.flag(here.unflagged()[0])
        ballast = fill(small_disk, 0)
        assert here.cycle() == 74
        assert here.is_told_plainly(), here.said
        assert "the disk of " in here.said
        assert here.ships() == 0
        ballast.unlink()
        assert here.cycle() == 0
        assert not here.wrong()


def test_a_full_disk_is_shown_by_the_heartbeat_that_lies_on_it(small_disk: Path) -> None:
    clock = SystemClock()
    lock = InstanceLock(small_disk / state_folder.LOCK, "run", clock)
    beat = Heartbeat(small_disk / AGENT, clock, "run")
    beat.beat()
    before = (small_disk / AGENT).stat().st_mtime_ns
    ballast = fill(small_disk, 0)
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "more").write_bytes(b"x" * 8192)
    for troubles in (
        [Trouble("disk_full", "the disk is full", "free some space")],
        [],
        [Trouble("disk_full", "again")],
    ):
        beat.keep("loop", troubles)
        beat.beat()
        found = signs(small_disk, clock)
        assert found.own is not None
        assert found.own.troubles == tuple(troubles)
    assert (small_disk / AGENT).stat().st_mtime_ns > before
    ballast.unlink()
    beat.end()
    lock.release()
    assert signs(small_disk, clock).holder is None
