"""Signs of life: what is concluded from them, and what a heartbeat shows whatever happens to disk, clock and folder."""

import errno
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from supplier_agent.db.state_folder import Holder, InstanceLock
from supplier_agent.reports import heartbeat, vitals
from supplier_agent.reports.heartbeat import AGENT, PAGE, Heartbeat
from supplier_agent.reports.vitals import Pulse, Signs, Trouble
from supplier_agent.words import Words
from tests.unit.conftest import at
from tests.world.clocks import NOW, HandClock

RUNS = Holder("run", 7, at(-3600))
LOCKED = Trouble("database_locked", "the database is locked", "close the program")


def pulse(age: float = 3, **shown: object) -> Pulse:
    return replace(Pulse(age, 7, "run", vitals.RUNNING, at(-3600)), **shown)  # type: ignore[arg-type]


def codes(signs: Signs) -> list[str]:
    return [problem.code for problem in vitals.judge(signs)]


# -- what is concluded -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holder", "agent", "expected"),
    [
        (RUNS, pulse(), []),
        (RUNS, pulse(60), []),
        (RUNS, pulse(61), ["agent_hung"]),
        (RUNS, pulse(61, phase=vitals.STARTING), []),  # a large database is upgraded
        (RUNS, pulse(901, phase=vitals.STARTING), ["agent_hung"]),
        (RUNS, pulse(-3600), ["agent_hung"]),  # of an earlier boot of this machine
        (RUNS, None, ["agent_hung"]),
        (replace(RUNS, since=at(-5)), None, []),
        (replace(RUNS, since=at(3600)), None, ["agent_hung"]),  # the clock was set back since: not blind
        (replace(RUNS, pid=8), pulse(), ["agent_hung"]),  # the fresh file of one that crashed
        (replace(RUNS, pid=8, since=at(-5)), pulse(), []),  # and its successor, which has just begun
        (Holder(), pulse(), []),  # the disk is full: the lock's note could not be written
        (Holder(), pulse(61), ["agent_hung"]),
        (Holder("check", 7, at(-3600)), None, []),
        (Holder("run --once --dry-run", 7, at(-3600)), None, []),
        (Holder("run --once", 7, at(-3600)), pulse(61), ["agent_hung"]),
        (Holder("resync", 7, at(-3600)), pulse(61), ["agent_hung"]),
        (None, None, []),
        (None, pulse(phase=vitals.STOPPED), []),
        (None, pulse(), ["agent_died"]),
        (None, pulse(999_999, phase=vitals.STARTING), ["agent_died"]),
        (None, pulse(phase=vitals.STOPPED, troubles=(LOCKED,)), []),
        (None, pulse(phase=vitals.STOPPED, troubles=(Trouble("agent_died", "it ended"),)), ["agent_died"]),
        (replace(RUNS, pid=8, since=at(-5)), pulse(troubles=(Trouble("agent_died", "it ended"),)), []),
        (None, Pulse(3), []),  # nobody knows what it was
    ],
)
def test_a_heartbeat_is_expected_of_who_holds_the_lock_and_of_nobody_else(
    holder: Holder | None, agent: Pulse | None, expected: list[str]
) -> None:
    assert codes(Signs(NOW, holder, agent)) == expected


def test_what_the_agent_says_of_itself_counts_only_while_it_is_that_agent() -> None:
    shown = pulse(troubles=(LOCKED, Trouble("configuration_refused", "no"), Trouble("anything", "else")))
    found = vitals.judge(Signs(NOW, RUNS, shown))
    assert [(each.code, each.exit_code) for each in found] == [
        ("database_locked", 74), ("configuration_refused", 78), ("agent_trouble", 1),
    ]  # fmt: skip
    assert codes(Signs(NOW, replace(RUNS, pid=8, since=at(-5)), shown)) == []
    assert codes(Signs(NOW, RUNS, replace(shown, age_seconds=90))) == [
        "agent_hung", "database_locked", "configuration_refused", "agent_trouble",
    ]  # fmt: skip


LISTENS = Pulse(3, 9, "page", vitals.RUNNING, at(-3600))


@pytest.mark.parametrize(
    ("holder", "listen", "page", "expected"),
    [
        (RUNS, "", None, []),
        (RUNS, "127.0.0.1:8080", LISTENS, []),
        (RUNS, "127.0.0.1:8080", None, ["page_not_listening"]),
        (RUNS, "127.0.0.1:8080", replace(LISTENS, age_seconds=61), ["page_not_listening"]),
        (RUNS, "127.0.0.1:8080", replace(LISTENS, phase=vitals.STOPPED), ["page_not_listening"]),
        (RUNS, "127.0.0.1:8080", replace(LISTENS, troubles=(Trouble(vitals.PAGE, "taken"),)), ["page_not_listening"]),
        (replace(RUNS, since=at(-5)), "127.0.0.1:8080", None, []),
        (None, "127.0.0.1:8080", None, []),  # cron, and no page process was ever started
        (None, "127.0.0.1:8080", LISTENS, []),  # cron, and a page of its own
        (None, "127.0.0.1:8080", replace(LISTENS, age_seconds=61), ["page_not_listening"]),
        (None, "127.0.0.1:8080", replace(LISTENS, age_seconds=61, phase=vitals.STOPPED), []),
    ],
)
def test_a_page_that_is_wanted_must_listen(
    holder: Holder | None, listen: str, page: Pulse | None, expected: list[str]
) -> None:
    agent = pulse() if holder is not None else None
    assert codes(Signs(NOW, holder, agent, listen=listen, page=page)) == expected


@pytest.mark.parametrize(
    ("free", "least", "said"),
    [
        (1 << 30, 512 << 20, ""),
        (1, 512 << 20, "512 MB"),
        (1, 300 << 10, "300 kB"),
        (1, 100, "100 bytes"),
        (None, 1, ""),
    ],
)
def test_a_disk_that_is_nearly_full_is_said_with_a_size_that_is_not_0(free: int | None, least: int, said: str) -> None:
    found = vitals.judge(Signs(NOW, None, free_bytes=free, least_free_bytes=least, folder="/state"))
    assert [Words().problem(problem) for problem in found] == (
        [f"less than {said} are free on the disk of /state"] if said else []
    )


def test_only_what_keeps_it_from_working_at_all_makes_it_not_alive() -> None:
    assert {"agent_hung", "page_not_listening", "database_locked", "disk_full", "not_running"} <= vitals.NOT_ALIVE
    assert not {"token_refused", "reads_failing", "call_parked", "clock_off", "disk_low"} & vitals.NOT_ALIVE


# -- the file ----------------------------------------------------------------------------------------------------------


@dataclass
class TwoClocks(HandClock):
    """A machine on which somebody can set the clock, and that can boot."""

    set_by: float = 0.0
    boots: float = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.set_by)

    def monotonic(self) -> float:
        return super().monotonic() - self.boots


@pytest.fixture
def clock() -> TwoClocks:
    return TwoClocks()


@pytest.fixture
def beat(tmp_path: Path, clock: TwoClocks) -> Heartbeat:
    return Heartbeat(tmp_path / AGENT, clock, "run")


def shown(folder: Path, clock: HandClock) -> Pulse:
    found = heartbeat.read(folder / AGENT, clock)
    assert found is not None
    return found


def test_it_shows_who_beats_and_what_troubles_it(tmp_path: Path, clock: TwoClocks, beat: Heartbeat) -> None:
    beat.keep("loop", [LOCKED])
    beat.beat()
    found = shown(tmp_path, clock)
    assert (found.pid, found.command, found.phase, found.troubles) == (os.getpid(), "run", "running", (LOCKED,))
    assert found.age_seconds == pytest.approx(0)
    assert stat.S_IMODE((tmp_path / AGENT).stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == [AGENT], "written as a whole, and nothing is left over"
    beat.end()
    assert shown(tmp_path, clock).phase == "stopped"


def test_it_is_touched_every_few_seconds_and_written_only_when_it_says_something_else(
    tmp_path: Path, clock: TwoClocks, beat: Heartbeat
) -> None:
    file, inodes, ages = tmp_path / AGENT, set(), []
    for _ in range(300):
        beat.beat()
        clock.sleep(0.2)
        inodes.add(file.stat().st_ino)
        ages.append(shown(tmp_path, clock).age_seconds)
    assert len(inodes) == 1
    assert max(ages) <= 10


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 400 * 86400.0, -400 * 86400.0])
def test_a_clock_that_is_set_makes_it_neither_old_nor_young(
    tmp_path: Path, clock: TwoClocks, beat: Heartbeat, jump: float
) -> None:
    beat.beat()
    clock.set_by = jump
    assert shown(tmp_path, clock).age_seconds == pytest.approx(0), "no wolf"
    assert shown(tmp_path, clock).steady_since == clock.now(), "nor are its reads late"
    clock.sleep(61)
    assert shown(tmp_path, clock).age_seconds == pytest.approx(61), "and not blind"
    beat.beat()
    found = shown(tmp_path, clock)
    assert found.age_seconds == pytest.approx(0)
    assert found.steady_since == clock.now().replace(microsecond=0), "since then its instants can be compared"


def test_it_is_no_sign_of_life_after_the_machine_has_booted(tmp_path: Path, clock: TwoClocks, beat: Heartbeat) -> None:
    clock.seconds = 7200.0
    beat.beat()
    clock.boots = 8000.0
    clock.sleep(100)
    assert not shown(tmp_path, clock).is_fresh


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return what lets no new file be made any more, and gives the names of those that were tried."""
    real, tried = os.open, []

    def full(path: os.PathLike[str], how: int, *rest: int) -> int:
        if how & os.O_CREAT:
            tried.append(os.fspath(path))
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, how, *rest)

    def fill() -> list[str]:
        monkeypatch.setattr(os, "open", full)
        return tried

    return fill


def test_a_full_disk_keeps_neither_the_heartbeat_nor_the_trouble_from_being_seen(
    tmp_path: Path, clock: TwoClocks, beat: Heartbeat, full_disk: Callable[[], list[str]]
) -> None:
    beat.beat()
    tried = full_disk()
    clock.sleep(30)
    beat.keep("loop", [LOCKED])
    beat.beat()
    found = shown(tmp_path, clock)
    assert found.age_seconds == pytest.approx(0)
    assert found.troubles == (LOCKED,)
    assert tried
    clock.sleep(30)
    beat.beat()
    assert shown(tmp_path, clock).age_seconds == pytest.approx(0)


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_on_a_full_disk_it_writes_into_no_file_that_has_another_name(
    tmp_path: Path, beat: Heartbeat, full_disk: Callable[[], list[str]], link: Callable[[Path, Path], None]
) -> None:
    beat.beat()
    (tmp_path / "shipped.jsonl").write_text("the ship ledger")
    (tmp_path / AGENT).unlink()
    link(tmp_path / AGENT, tmp_path / "shipped.jsonl")
    full_disk()
    beat.keep("loop", [LOCKED])
    beat.beat()
    assert (tmp_path / "shipped.jsonl").read_text() == "the ship ledger"


def test_its_text_fits_into_the_block_that_it_has(tmp_path: Path, beat: Heartbeat) -> None:
    beat.beat()
    assert (tmp_path / AGENT).stat().st_size == heartbeat.BLOCK
    beat.keep("a", [LOCKED, *[Trouble("long", "ü" * 5000, "\x00" * 5000)] * 50])
    beat.beat()
    assert (tmp_path / AGENT).stat().st_size == heartbeat.BLOCK
    assert json.loads((tmp_path / AGENT).read_text())["troubles"][0]["code"] == "database_locked"


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder", "garbage", "another's", "gone"])
def test_whatever_staff_put_in_its_place_it_never_writes_through_and_never_waits(
    tmp_path: Path, clock: TwoClocks, beat: Heartbeat, kind: str
) -> None:
    file, precious = tmp_path / AGENT, tmp_path / "shipped.jsonl"
    precious.write_text("the ship ledger")
    before = precious.stat()
    beat.beat()
    file.unlink()
    match kind:
        case "link":
            file.symlink_to(precious)
        case "hard link":
            file.hardlink_to(precious)
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "garbage":
            file.write_bytes(b"\xff[" * 100_000)
        case "another's":
            file.write_text('{"ahead": [], "pid": {}}')
        case _:
            assert kind == "gone"
    heartbeat.read(file, clock)
    clock.sleep(6)
    beat.beat()
    beat.keep("loop", [LOCKED])
    beat.beat()
    clock.sleep(6)
    beat.beat()
    if kind != "folder":
        assert shown(tmp_path, clock).troubles == (LOCKED,)
    assert precious.read_text() == "the ship ledger"
    if kind != "hard link":
        assert precious.stat().st_mtime_ns == before.st_mtime_ns


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, clock: TwoClocks) -> None:
    beat = Heartbeat(tmp_path / "gone" / AGENT, clock, "run")
    beat.beat()
    clock.sleep(6)
    beat.beat()
    beat.end()


def test_the_signs_are_those_of_the_folder(tmp_path: Path, clock: TwoClocks, beat: Heartbeat) -> None:
    assert heartbeat.signs(tmp_path, clock).holder is None
    lock = InstanceLock(tmp_path / "agent.lock", "run", clock)
    beat.beat()
    Heartbeat(tmp_path / PAGE, clock, "page").beat()
    found = heartbeat.signs(tmp_path, clock, listen="127.0.0.1:8080", least_free_bytes=1)
    assert found.own is not None
    assert found.page is not None
    assert (found.runs, codes(found)) == (True, [])
    lock.release()
