"""`check`, who may do what: tried as members of staff and as the agent's own user, and every cure cures."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supplier_agent.check import prove, rights
from supplier_agent.db import state_folder
from supplier_agent.db.store import open_store
from supplier_agent.settings import Settings, load
from tests.check.conftest import Found
from tests.disk.people import AGENT, hall, install, why_not
from tests.world.clocks import HandClock


@pytest.fixture
def config() -> Iterator[Path]:
    """Return the configuration of an installation that belongs to the agent's own user."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with hall() as folder:
        config = install(folder, "https://api.menzzo.fr", "t")
        database = folder / "state" / "agent.db"
        open_store(database, agent=True).close()
        for name, mode in {
            "agent.db": 0o660,
            "agent.lock": 0o660,
            "private": 0o700,
            state_folder.LEDGER: 0o600,
        }.items():
            path = folder / "state" / name
            path.mkdir() if name == "private" else path.touch()
            path.chmod(mode)
            os.chown(path, AGENT.uid, AGENT.gid)
        yield config


def staff(config: Path) -> Found:
    found = Found()
    rights.staff(found.report, load(config, {}).state_dir)
    return found


def test_a_right_installation_is_found_right(config: Path) -> None:
    found = staff(config)
    assert not found.of("warning")
    assert "mark orders" in found.of("ok")[0]


def break_folder(folder: Path) -> None:
    folder.chmod(0o700)


def break_setgid(folder: Path) -> None:
    folder.chmod(0o770)


def break_database(folder: Path) -> None:
    (folder / "agent.db").chmod(0o640)


def break_wal(folder: Path) -> None:
    wal = folder / "agent.db-wal"
    wal.touch()
    wal.chmod(0o600)
    os.chown(wal, AGENT.uid, AGENT.gid)


def break_group(folder: Path) -> None:
    os.chown(folder / "agent.db", AGENT.uid, 0)


def break_others(folder: Path) -> None:
    (folder / "agent.db").chmod(0o666)


def break_ledger(folder: Path) -> None:
    (folder / state_folder.LEDGER).chmod(0o660)


BROKEN = [break_folder, break_setgid, break_database, break_wal, break_group, break_others, break_ledger]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_what_is_broken_is_found_and_its_cure_cures_it(config: Path, broken: Callable[[Path], None]) -> None:
    broken(load(config, {}).state_dir)
    doubts = [each for each in staff(config).findings if each.level == "warning"]
    assert doubts
    for each in doubts:
        subprocess.run(["sh", "-c", each.cure.partition("  (")[0]], check=True, timeout=10)
    assert not staff(config).of("warning")


def proven(config: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Prove everything as the command does; the part that runs as somebody else prints by itself."""
    found = Found()
    found.report._tell = lambda finding: print(finding, flush=True)  # noqa: SLF001, T201 - as the command does
    code = prove(found.report, load(config, {}), {}, HandClock(), offline=True)
    return code, capfd.readouterr().out


def test_root_finds_what_the_agents_own_user_would(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, said = proven(config, capfd)
    assert code == 0, said
    assert f"uid {AGENT.uid} may write" in said
    assert said.count("configuration:") == 1, "nothing is printed twice"


def test_a_token_file_that_only_root_may_read_is_found(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.chown(config.parent / "token", 0, 0)
    code, said = proven(config, capfd)
    assert code == 78
    assert "cannot be read: Permission denied" in said


def test_what_root_left_in_the_folder_is_found(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ledger = load(config, {}).state_dir / state_folder.LEDGER
    os.chown(ledger, 0, 0)
    code, said = proven(config, capfd)
    assert code == 74
    assert f"chown --reference={ledger.parent.parent} {ledger}" in said


def test_a_folder_that_does_not_exist_is_nobodys(
    found: Found, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    rights.staff(found.report, settings(state_dir=tmp_path / "none").state_dir)
    assert found.findings == []
