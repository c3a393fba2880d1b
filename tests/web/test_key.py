"""The key that signs cookies: the agent's own, in a folder of its own, and never one that somebody else has put there."""

import os
from pathlib import Path

import pytest

from supplier_agent.base.errors import StateError
from supplier_agent.web.request import KEY_FILE, read_key


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "private" / KEY_FILE


def test_it_is_made_once_for_the_agent_alone(tmp_path: Path, kept: Path) -> None:
    os.umask(0)
    key = read_key(tmp_path)
    assert len(key) == 64
    assert read_key(tmp_path) == key
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o7777) == (0o600, 0o700)
    assert [path.name for path in kept.parent.iterdir()] == [KEY_FILE]


def test_the_key_of_the_version_before_is_moved(tmp_path: Path, kept: Path) -> None:
    (tmp_path / KEY_FILE).write_text("k" * 64)
    (tmp_path / KEY_FILE).chmod(0o600)
    assert read_key(tmp_path) == "k" * 64
    assert kept.exists()
    assert not (tmp_path / KEY_FILE).exists()


@pytest.mark.parametrize("way", ["link", "second name", "writable by others"])
@pytest.mark.parametrize("place", ["old", "new"])
def test_a_key_that_somebody_else_could_know_is_not_taken(tmp_path: Path, kept: Path, place: str, way: str) -> None:
    known = tmp_path / "known"
    known.write_text("k" * 64)
    known.chmod(0o600)
    planted = tmp_path / KEY_FILE if place == "old" else kept
    planted.parent.mkdir(mode=0o700, exist_ok=True)
    if way == "link":
        planted.symlink_to(known)
    elif way == "second name":
        planted.hardlink_to(known)
    else:
        planted.write_text("k" * 64)
        planted.chmod(0o660)
    key = read_key(tmp_path)
    assert key != "k" * 64
    assert read_key(tmp_path) == key
    assert known.read_text() == "k" * 64


def test_a_key_that_is_too_short_is_no_key(tmp_path: Path, kept: Path) -> None:
    kept.parent.mkdir(mode=0o700)
    kept.write_text("short")
    kept.chmod(0o600)
    with pytest.raises(StateError, match="too short"):
        read_key(tmp_path)
