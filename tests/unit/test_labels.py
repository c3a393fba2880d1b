"""Label files: whole or not there, the newest under one name, every older one kept, and the rights that staff need."""

import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from supplier_agent.db import state_folder
from supplier_agent.labels import Label, LabelFolder, NotALabel
from tests.unit.conftest import SUPPLIER
from tests.world.harness import keep

ID = "15000012345_789"
PDF = b"%PDF-1.4 one %%EOF"


def fault(path: Path) -> str | None:
    return None if path.read_bytes().endswith(b"%%EOF") else "it is cut off"


@pytest.fixture
def folder(tmp_path: Path) -> LabelFolder:
    return LabelFolder(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "labels" / SUPPLIER


def pdf(text: str) -> bytes:
    return f"%PDF-1.4 {text} %%EOF".encode()


def files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


def test_a_label_is_stored_under_its_order_with_size_and_hash(folder: LabelFolder, home: Path) -> None:
    kept = keep(folder, SUPPLIER, ID, PDF)
    assert kept == Label(f"labels/{SUPPLIER}/{ID}.pdf", hashlib.sha256(PDF).hexdigest(), len(PDF))
    assert files(home) == {f"{ID}.pdf": PDF}


def test_each_older_version_keeps_its_content_under_a_number(folder: LabelFolder, home: Path) -> None:
    for text in ("one", "two", "three"):
        keep(folder, SUPPLIER, ID, pdf(text))
    assert files(home) == {f"{ID}.pdf": pdf("three"), f"{ID}.1.pdf": pdf("one"), f"{ID}.2.pdf": pdf("two")}


def test_the_same_content_again_makes_no_version(folder: LabelFolder, home: Path) -> None:
    first = keep(folder, SUPPLIER, ID, PDF)
    assert keep(folder, SUPPLIER, ID, PDF) == first
    assert set(files(home)) == {f"{ID}.pdf"}


def test_what_is_no_label_leaves_the_old_one_and_nothing_else(folder: LabelFolder, home: Path) -> None:
    keep(folder, SUPPLIER, ID, PDF)
    assert keep(folder, SUPPLIER, ID, b"%PDF-1.4 cut", fault) == NotALabel("it is cut off")
    assert files(home) == {f"{ID}.pdf": PDF}


def test_a_death_between_the_two_names_costs_no_version_and_doubles_none(folder: LabelFolder, home: Path) -> None:
    keep(folder, SUPPLIER, ID, pdf("one"))
    keep(folder, SUPPLIER, ID, pdf("two"))
    os.link(home / f"{ID}.pdf", home / f"{ID}.2.pdf")  # set aside; then the process died
    (home / f".{ID}.part").write_bytes(pdf("three"))
    folder.clear_leftovers()
    keep(folder, SUPPLIER, ID, pdf("three"))
    assert files(home) == {f"{ID}.pdf": pdf("three"), f"{ID}.1.pdf": pdf("one"), f"{ID}.2.pdf": pdf("two")}


def test_a_half_written_file_is_cleared_away_and_does_not_hinder(folder: LabelFolder, home: Path) -> None:
    keep(folder, SUPPLIER, "2_2", PDF)
    for name in (ID, "2_2"):
        (home / f".{name}.part").write_bytes(b"%PDF-")
    assert isinstance(keep(folder, SUPPLIER, ID, PDF), Label), "a part file that was left is written over"
    folder.clear_leftovers()
    assert set(files(home)) == {f"{ID}.pdf", "2_2.pdf"}


def test_clearing_an_empty_state_is_no_error(tmp_path: Path) -> None:
    LabelFolder(tmp_path).clear_leftovers()


def test_whoever_looks_at_any_moment_sees_a_whole_label(folder: LabelFolder, home: Path) -> None:
    versions = [pdf(str(number) * 5000) for number in range(30)]
    keep(folder, SUPPLIER, ID, versions[0])
    seen, over = set(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            seen.add((home / f"{ID}.pdf").read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for version in versions[1:]:
            keep(folder, SUPPLIER, ID, version)
    finally:
        over.set()
        watcher.join()
    assert seen <= set(versions)


def test_a_missing_or_changed_file_is_noticed(folder: LabelFolder, tmp_path: Path) -> None:
    kept = keep(folder, SUPPLIER, ID, PDF)
    assert isinstance(kept, Label)
    assert folder.is_there(kept.path, kept.size)
    assert folder.is_whole(kept.path, kept.sha256)
    (tmp_path / kept.path).write_bytes(PDF.replace(b"one", b"two"))
    assert folder.is_there(kept.path, kept.size), "the size alone does not tell"
    assert not folder.is_whole(kept.path, kept.sha256)
    (tmp_path / kept.path).unlink()
    assert not folder.is_there(kept.path, kept.size)
    assert not folder.is_whole(kept.path, kept.sha256)


def test_a_disk_that_refuses_is_an_oserror_and_leaves_the_old_label(folder: LabelFolder, home: Path) -> None:
    keep(folder, SUPPLIER, ID, PDF)
    (home / f".{ID}.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        keep(folder, SUPPLIER, ID, pdf("two"))
    assert (home / f"{ID}.pdf").read_bytes() == PDF


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_rights_are_the_same_whatever_the_umask_was(tmp_path: Path, mask: int) -> None:
    os.umask(mask)
    state_dir = tmp_path / "deep" / "state"
    if mask == 0o777:
        state_dir.parent.mkdir(mode=0o700)
        state_dir.parent.chmod(0o700)
    state_folder.prepare(state_dir)
    keep(LabelFolder(state_dir), SUPPLIER, ID, PDF)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (state_dir, *state_dir.rglob("*"))}
    assert modes[state_dir] == 0o2770
    assert modes[state_dir / "labels" / SUPPLIER / f"{ID}.pdf"] == 0o640
    assert not [path for path, mode in modes.items() if mode & 0o007], "nothing for others"
    assert all(mode & 0o050 == 0o050 for path, mode in modes.items() if path.is_dir()), "staff get in"


def test_a_folder_that_holds_other_things_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "somebody-elses").touch()
    tmp_path.chmod(0o755)
    state_folder.prepare(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
