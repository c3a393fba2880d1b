"""Who else may write: which files are trusted where they are, and how files are written in a folder that staff may write too."""

import grp
import os
import pwd
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supplier_agent.base import files
from supplier_agent.base.errors import ConfigError
from supplier_agent.base.files import candidates
from tests.disk.people import AGENT, STAFF, STRANGER, hall

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")
SECRET = "the content of somebody else's file"


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a file in a folder of the agent's user that nobody else may write."""
    with hall() as folder:
        file = folder / "work" / "config" / "agent.toml"
        file.parent.mkdir(parents=True)
        file.write_text("")
        for each in (file, file.parent, file.parent.parent):
            os.chown(each, AGENT.uid, AGENT.gid)
            each.chmod(0o644 if each == file else 0o755)
        yield file


@root
def test_what_only_root_and_oneself_may_write_is_trusted(place: Path) -> None:
    assert files.doubt(place, AGENT.uid) is None
    os.chown(place, 0, 0)
    assert files.doubt(place, AGENT.uid) is None


def group_writes_the_folder(place: Path) -> None:
    place.parent.parent.chmod(0o2770)


def group_writes_the_nearest(place: Path) -> None:
    place.parent.chmod(0o775)


def group_writes_the_file(place: Path) -> None:
    place.chmod(0o664)


def group_writes_far_above(place: Path) -> None:
    os.chown(place.parent.parent.parent, 0, AGENT.gid)
    place.parent.parent.parent.chmod(0o775)


def everybody_writes(place: Path) -> None:
    place.parent.chmod(0o757)


def everybody_writes_but_sticky(place: Path) -> None:
    place.parent.chmod(0o1777)


def another_owns_the_folder(place: Path) -> None:
    os.chown(place.parent, STAFF.uid, AGENT.gid)


def another_owns_the_file(place: Path) -> None:
    os.chown(place, STAFF.uid, AGENT.gid)


def the_folder_is_a_link_into_another_s(place: Path) -> None:
    theirs = place.parent.parent.parent / "theirs"
    place.parent.rename(theirs)
    os.chown(theirs, STAFF.uid, STAFF.gid)
    place.parent.symlink_to(theirs)


def the_file_is_a_link_by_way_of_another_s_folder(place: Path) -> None:
    theirs = place.parent.parent.parent / "theirs"
    theirs.mkdir()
    own = place.with_name("own.toml")
    place.rename(own)
    (theirs / "link").symlink_to(own)
    os.chown(theirs, STAFF.uid, STAFF.gid)
    place.symlink_to(theirs / "link")


def the_file_is_another_s_link(place: Path) -> None:
    own = place.with_name("own.toml")
    place.rename(own)
    place.symlink_to(own)
    os.chown(place, STAFF.uid, STAFF.gid, follow_symlinks=False)


OPEN = [
    group_writes_the_folder, group_writes_the_nearest, group_writes_the_file, group_writes_far_above, everybody_writes,
    everybody_writes_but_sticky, another_owns_the_folder, another_owns_the_file, the_folder_is_a_link_into_another_s,
    the_file_is_a_link_by_way_of_another_s_folder, the_file_is_another_s_link,
]  # fmt: skip


@root
@pytest.mark.parametrize("opened", OPEN, ids=lambda opened: opened.__name__)
def test_what_anybody_else_may_write_or_exchange_is_not(place: Path, opened: Callable[[Path], None]) -> None:
    opened(place)
    said = files.doubt(place, AGENT.uid)
    assert said is not None
    assert "may write" in said or "belongs to" in said


@root
def test_a_group_is_private_if_it_bears_the_user_s_name_and_has_no_other_member(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.parent.chmod(0o775)
    os.chown(place.parent, 0, 0)
    accounts = [pwd.struct_passwd((name, "x", uid, gid, "", "/", "/bin/sh")) for name, uid, gid in
                (("root", 0, 0), ("agent", AGENT.uid, AGENT.gid), ("other", 23099, 23099))]  # fmt: skip
    monkeypatch.setattr(pwd, "getpwall", lambda: accounts)
    for gid, name, members, private in [
        (AGENT.gid, "agent", [], True), (AGENT.gid, "agent", ["agent"], True), (AGENT.gid, "agent", ["anna"], False),
        (AGENT.gid, "users", [], False), (0, "root", [], True), (23099, "other", [], False), (0, "root", ["x"], False),
    ]:  # fmt: skip
        os.chown(place.parent, AGENT.uid, gid)
        found = grp.struct_group((name, "x", gid, members))
        monkeypatch.setattr(grp, "getgrgid", lambda _gid, found=found: found)
        assert (files.doubt(place, AGENT.uid) is None) is private, (gid, name, members)


@root
def test_a_list_of_single_users_rights_is_not_a_private_group(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.parent.chmod(0o775)
    os.chown(place.parent, 0, 0)
    assert files.doubt(place, AGENT.uid) is None, "group root has no other member here"
    monkeypatch.setattr(os, "getxattr", lambda _path, _name: b"\x02\x00\x00\x00")
    assert files.doubt(place, AGENT.uid) is not None


@root
def test_the_folder_in_which_a_command_is_typed_counts_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, file = place.parent.parent, Path("config/agent.toml")
    for path in (place, place.parent, work):
        os.chown(path, 0, 0)
    monkeypatch.chdir(work)
    assert candidates(None, {}, (file,)) == (file,), "below /tmp, but in a folder that nobody else may write"
    assert candidates(None, {"SUPPLIER_AGENT_CONFIG": "x"}, (file,)) == (Path("x"),)
    for why, mode in (("everyone may write", 0o1777), ("everyone may write", 0o777)):
        work.chmod(mode)
        with pytest.raises(ConfigError, match=why):
            candidates(None, {}, (file,))
        assert candidates(file, {}, (file,)) == (file,), "a person named it"
    work.chmod(0o755)
    (work / "agent.db").touch()
    with pytest.raises(ConfigError, match="is a state folder"):
        candidates(None, {}, (file,))
    (work / "agent.db").unlink()
    with pytest.raises(ConfigError, match="is a state folder"):
        candidates(None, {"SUPPLIER_AGENT_STATE_DIR": str(work)}, (file,))


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels"):
        files.doubt(tmp_path / "a" / "x")


# ------------------------------------------------------------------------------------------------------- writing


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


def test_a_new_file_takes_the_place_of_a_link_and_has_its_mode_whatever_the_umask(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "new").symlink_to(victim)
    before = os.umask(0o077)
    try:
        os.close(files.create(tmp_path / "new", 0o640))
    finally:
        os.umask(before)
    assert victim.read_text() == SECRET
    assert stat.S_IMODE((tmp_path / "new").lstat().st_mode) == 0o640
    assert stat.S_ISREG((tmp_path / "new").lstat().st_mode)


def test_what_is_opened_is_a_plain_file_and_opening_never_waits(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "link").symlink_to(victim)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "pipe", "folder", "dangling"):
        for flags in (os.O_RDONLY, os.O_RDWR | os.O_CREAT):
            with pytest.raises(OSError, match=name):
                files.opened(tmp_path / name, flags)
        if name != "folder":
            with pytest.raises(OSError, match=name):
                files.read(tmp_path / name)
    assert not (tmp_path / "nowhere").exists()
    descriptor = files.opened(tmp_path / "new", os.O_RDWR | os.O_CREAT, 0o660)
    os.close(descriptor)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o660
    os.close(files.opened(tmp_path / "new", os.O_RDWR | os.O_CREAT, 0o600))
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o660, "what is there keeps its mode"


def test_a_file_is_replaced_whole_and_no_link_on_the_way_is_followed(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "note").symlink_to(victim)
    (tmp_path / "note.part").symlink_to(victim)
    files.replace(tmp_path / "note", b"new", 0o640)
    assert files.read(tmp_path / "note") == b"new"
    assert victim.read_text() == SECRET
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note", "victim"]
    (tmp_path / "full").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.replace(tmp_path / "full", b"new")
    assert not (tmp_path / "full.part").exists()


def test_a_mode_is_given_to_no_link(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "agent.db").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        files.allow(tmp_path / "agent.db", 0o660)
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600
    with pytest.raises(OSError, match="a link or a file"):
        files.folder(victim)
    (tmp_path / "real").mkdir()
    (tmp_path / "labels").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match="a link or a file"):
        files.folder(tmp_path / "labels")


@root
def test_root_is_the_folder_s_owner_in_it_and_root_again_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, STRANGER.uid, STAFF.gid)
    before = (os.geteuid(), os.getegid(), os.getgroups())
    with files.as_owner_of(folder):
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (STRANGER.uid, STAFF.gid, [STAFF.gid])
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before
    for same in (tmp_path, tmp_path / "none"):
        with files.as_owner_of(same):
            assert os.geteuid() == 0


@root
def test_one_block_may_lie_in_another_and_a_program_started_there_never_becomes_root_again(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for folder, user in ((theirs, STAFF), (ours, AGENT)):
        folder.mkdir(mode=0o700)
        os.chown(folder, user.uid, user.gid)
    tmp_path.chmod(0o700)  # neither of them may enter: the inner folder is looked at as root
    with files.as_owner_of(theirs):
        with files.as_owner_of(ours):
            assert os.geteuid() == AGENT.uid
        with files.as_owner_of(tmp_path):
            assert os.geteuid() == 0
        assert os.geteuid() == STAFF.uid
        done = subprocess.run(["sh", "-c", "grep ^Uid /proc/self/status"], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["Uid:", *[str(STAFF.uid)] * 4]
    assert os.getresuid() == (0, 0, 0)
