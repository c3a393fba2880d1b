"""`check`, the machine it runs on: folder, disk, file system, database, clock, tokens. Whatever is wrong names its cure."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from supplier_agent.check import environment
from supplier_agent.check.environment import file_system
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.settings import Settings
from tests.check.conftest import Found
from tests.world.clocks import HandClock

Make = Callable[..., Settings]

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/export /srv nfs4 rw 0 0
tmpfs /srv/fast tmpfs rw 0 0
//nas/share /mnt/the\\040share cifs rw 0 0
overlay /srv/twice overlay rw 0 0
/dev/sdb1 /srv/twice xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/supplier-agent", "ext4"), ("/srv", "nfs4"), ("/srv/state", "nfs4"), ("/srv/fast/state", "tmpfs"),
        ("/srv/faster", "nfs4"), ("/mnt/the share/x", "cifs"), ("/srv/twice", "xfs"),
    ],
)  # fmt: skip
def test_the_file_system_is_that_of_the_nearest_mount(folder: str, kind: str) -> None:
    assert file_system(Path(folder), MOUNTS) == kind


def look(found: Found, settings: Settings, tokens: dict[str, str] | None = None) -> Found:
    environment.look(found.report, settings, {}, HandClock(), tokens or {})
    return found


@pytest.mark.usefixtures("database")
def test_where_all_is_well_nothing_is_wrong(found: Found, settings: Make) -> None:
    look(found, settings())
    assert not found.of("wrong")
    assert any("is undamaged" in line for line in found.of("ok"))
    assert found.report.exit_code == 0


@pytest.mark.parametrize(
    ("kind", "level"), [("nfs4", "wrong"), ("cifs", "wrong"), ("overlay", "warning"), ("ext4", "ok")]
)
def test_a_network_share_is_refused_and_a_passing_place_is_doubted(
    found: Found, settings: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, level: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/root / ext4 rw 0 0\nx {settings().state_dir.resolve()} {kind} rw 0 0\n")
    monkeypatch.setattr(environment, "MOUNTS", mounts)
    look(found, settings())
    assert [line for line in found.of(level) if kind in line]
    assert found.report.exit_code == (78 if level == "wrong" else 0)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "level", "code"), [(1 << 20, "wrong", 74), (500 << 20, "warning", 0), (9 << 30, "ok", 0)]
)
def test_a_full_disk_is_74_and_a_nearly_full_one_a_doubt(
    found: Found, settings: Make, monkeypatch: pytest.MonkeyPatch, free: int, level: str, code: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, free))
    look(found, settings())
    assert [line for line in found.of(level) if "free" in line]
    assert found.report.exit_code == code


def test_a_folder_that_is_not_there_is_made_by_the_first_run(found: Found, settings: Make, tmp_path: Path) -> None:
    look(found, settings(state_dir=tmp_path / "new" / "deep"))
    assert not found.of("wrong")
    assert any("will be created" in line for line in found.of("ok"))
    assert not (tmp_path / "new").exists()


def test_a_file_in_place_of_the_folder_is_78(found: Found, settings: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    look(found, settings(state_dir=tmp_path / "file"))
    found.only("wrong", "is not a folder", "correct state_dir")
    assert found.report.exit_code == 78


def test_a_damaged_database_is_74(found: Found, settings: Make, database: Path) -> None:
    damage(database)
    look(found, settings())
    assert [line for line in found.of("wrong") if "restore a backup" in line]
    assert found.report.exit_code == 74


def test_missing_guards_are_a_doubt_that_a_start_cures(found: Found, settings: Make, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TRIGGER orders_stay")
        connection.commit()
    look(found, settings())
    assert [line for line in found.of("warning") if "orders_stay" in line and "restart" in line]


def test_it_says_who_holds_the_lock(found: Found, settings: Make) -> None:
    held = InstanceLock(settings().state_dir / "agent.lock", "run", HandClock())
    look(found, settings())
    held.release()
    assert [line for line in found.of("ok") if f"pid {os.getpid()}" in line]


def test_a_clock_before_this_program_is_78(found: Found, settings: Make) -> None:
    clock = HandClock()
    clock.seconds = (datetime(2020, 1, 1, tzinfo=UTC) - clock.now()).total_seconds()
    environment.look(found.report, settings(), {}, clock, {})
    found.only("wrong", "2020-01-01", "timedatectl")
    assert found.report.exit_code == 78


def test_a_missing_token_is_78_and_says_where_it_was_looked_for(found: Found, settings: Make) -> None:
    look(found, settings(suppliers={"notio": {}}))
    found.only("wrong", "token-notio", "token_file")
    assert found.report.exit_code == 78


def test_a_token_that_systemd_hands_over_is_enough(found: Found, settings: Make) -> None:
    look(found, settings(suppliers={"notio": {}}), {"notio": "secret-token"})
    assert not found.of("wrong")
    assert "secret-token" not in str(found.findings)


def test_a_token_that_everybody_may_read_is_a_doubt(found: Found, settings: Make, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret-token")
    file.chmod(0o644)
    look(found, settings(suppliers={"notio": {"token_file": str(file)}}))
    assert [line for line in found.of("warning") if f"chmod 600 {file}" in line]


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((3, 40, 1), "note"), ((3, 44, 5), "note"), ((3, 44, 6), "ok"), ((3, 46, 1), "note"), ((3, 50, 7), "ok"),
        ((3, 51, 2), "note"), ((3, 51, 3), "ok"), ((3, 53, 0), "ok"),
    ],
)  # fmt: skip
def test_an_old_sqlite_is_no_warning_for_there_is_nothing_to_fix(
    found: Found, settings: Make, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], level: str
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    look(found, settings())
    (said,) = [line for line in found.of(level) if "SQLite" in line]
    assert level == "ok" or ("3.51.3" in said and "backup" in said and "not by an SQL program" in said)
    assert not found.of("warning")
    assert found.report.summary() == "nothing is wrong"


def damage(database: Path) -> None:
    """Overwrite a page that nothing reads but a look at everything."""
    with closing(sqlite3.connect(database)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'attempts'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(database.read_bytes())
    content[(root - 1) * size : (root - 1) * size + 100] = os.urandom(100)
    database.write_bytes(content)


def test_a_large_database_is_not_called_sound_unless_it_was_read_through(
    found: Found, settings: Make, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(database)
    monkeypatch.setattr(environment, "LARGEST_TO_PROVE_BYTES", 1000)
    look(found, settings())
    assert not [line for line in found.of("ok") if "sound" in line]
    assert [line for line in found.of("note") if "not checked completely: 0.0 GB" in line and "--thorough" in line]
    environment.look(found.report, settings(), {}, HandClock(), {}, thorough=True)
    assert [line for line in found.of("wrong") if "backup-and-restore.md" in line]
    assert found.report.exit_code == 74


@pytest.mark.parametrize(("warnings", "said"), [(0, "nothing is wrong"), (1, "1 warning"), (3, "3 warnings")])
def test_nothing_is_wrong_is_never_said_next_to_a_warning(found: Found, warnings: int, said: str) -> None:
    for _ in range(warnings):
        found.report.doubt("x", "y")
    assert found.report.summary() == said
    found.report.bad("x", "y", 74)
    assert found.report.summary().startswith("see above")


def test_every_doubt_and_every_wrong_names_its_cure(
    found: Found, settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, 1 << 20))
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 0))
    folder = settings().state_dir
    (folder / "agent.db").write_bytes(b"no database" * 1000)
    look(found, settings(suppliers={"notio": {}}))
    bad = [each for each in found.findings if each.level != "ok"]
    assert len(bad) >= 4
    assert not [each.what for each in bad if not each.cure]
    assert found.report.exit_code == 78, "the first of 78, 74"
