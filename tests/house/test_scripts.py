"""Shell scripts and the Dockerfile, as their own critics see them; and what an installation relies on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.conftest import ROOT

SCRIPTS = (
    "run",
    ".ci/run",
    "systemd/install.sh",
    "tests/install/prepare.sh",
    "tests/install/in_debian.sh",
    "tests/container/build_and_run.sh",
)


def critic(name: str) -> str:
    """Return the path of a tool beside this Python, or in PATH."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed here")
    return found


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing(script: str) -> None:
    answer = subprocess.run([critic("shellcheck"), ROOT / script], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_hadolint_finds_nothing() -> None:
    answer = subprocess.run([critic("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_can_be_run(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111


def test_whoever_is_not_root_is_told(tmp_path: Path) -> None:
    ids = tmp_path / "id"
    ids.write_text("#!/bin/sh\necho 1000\n")
    ids.chmod(0o755)
    answer = subprocess.run(
        [ROOT / "systemd" / "install.sh"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 77
    assert "only root may do this: sudo " in answer.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--staff", "nobody-of-this-name"], "there is no user nobody-of-this-name"),
        (["--staff"], "--staff needs the name"),
        (["--purge"], "--purge goes with --uninstall"),
        (["--force"], "unknown: --force"),
    ],
)
def test_a_mistake_changes_nothing(words: list[str], said: str) -> None:
    answer = subprocess.run([ROOT / "systemd" / "install.sh", *words], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert said in answer.stderr


def test_what_the_image_is_built_from_is_let_into_the_build() -> None:
    wanted = {
        word
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert wanted == let_in
