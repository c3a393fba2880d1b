"""./run on machines that lack something: it says what, and the line that cures it."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

TOOLS = ("sh", "dirname", "cat", "cksum", "rm", "mkdir", "chmod", "flock")


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """Return a bare copy: what ./run reads before it installs anything."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("run", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(root / name, folder)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Return a folder for PATH with the tools of every system, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return folder


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(checkout: Path, tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "run", *arguments],
        env={"HOME": str(checkout), "PATH": str(tools)},
        cwd=os.sep,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_python_it_names_the_packages_to_install(checkout: Path, tools: Path) -> None:
    answer = run(checkout, tools, "demo")
    assert answer.returncode == 69
    assert "sudo apt install python3 python3-venv" in answer.stderr


def test_an_old_or_broken_python_is_passed_over(checkout: Path, tools: Path) -> None:
    program(tools / "python3.13", "exit 127  # a shim whose interpreter is not there")
    program(tools / "python3", 'exit 1  # "is it 3.11?" No')
    answer = run(checkout, tools, "demo")
    assert answer.returncode == 69
    assert "no Python 3.11 or newer" in answer.stderr


def test_a_python_without_venv_is_named_with_its_package(checkout: Path, tools: Path) -> None:
    program(tools / "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    answer = run(checkout, tools, "demo")
    assert answer.returncode == 69
    assert "python3 cannot make a virtual environment" in answer.stderr
    assert "sudo apt install python3-venv" in answer.stderr


def test_a_failed_set_up_is_done_again(checkout: Path, tools: Path) -> None:
    # It makes the folder, then pip fails, as it does without a network.
    program(
        tools / "python3",
        'case "$*" in *-m\\ venv*) mkdir -p "$3/bin"; printf "#!/bin/sh\\nexit 7\\n" >"$3/bin/python";'
        ' chmod +x "$3/bin/python" ;; esac',
    )
    for _ in range(2):
        answer = run(checkout, tools, "demo")
        assert answer.returncode == 7
        assert answer.stderr.count("setting up") == 1
