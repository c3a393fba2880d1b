"""The version and its commit: said everywhere, breaking nowhere; and a new wheel takes the place of the old program."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from supplier_agent import __version__
from supplier_agent.base.process import commit
from tests.cli.conftest import ROOT, Installation


def test_the_version_is_said_with_its_commit(here: Installation) -> None:
    said = here.run("--version").stdout.decode()
    assert re.fullmatch(
        rf"supplier-agent {re.escape(__version__)} \(commit \w+, Python [\d.]+, SQLite [\d.]+\)\n", said
    )


def test_the_changelog_and_the_image_have_the_same_version() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## (\S+)", changes, re.MULTILINE)[1] == __version__  # type: ignore[index] # it is there
    assert f"ARG VERSION={__version__}\n" in (ROOT / "Dockerfile").read_text()


def test_the_commit_is_what_the_build_left(tmp_path: Path) -> None:
    (tmp_path / "COMMIT").write_text("0123456789abcdef0123\n")
    assert commit(tmp_path / "COMMIT", tmp_path) == "0123456789ab"


@pytest.mark.parametrize("left", [b"", b"\n", b"\xff\xfe"])
def test_a_commit_that_nobody_knows_is_unknown(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "COMMIT").write_bytes(left)
    assert commit(tmp_path / "COMMIT", tmp_path) == "unknown"
    assert commit(tmp_path / "none", tmp_path) == "unknown"
    (tmp_path / ".git").mkdir()
    assert commit(tmp_path / "none", tmp_path) == "unknown", "git says that this is no repository"


def test_the_commit_of_a_checkout_is_asked_of_git(tmp_path: Path) -> None:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for words in (("init", "-q"), (*who, "commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, env=env)
    head = subprocess.run(["git", "-C", str(tmp_path), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert head.stdout.startswith(commit(tmp_path / "none", tmp_path))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel as the image builds it, by the tools of requirements-build.lock."""
    folder, tools = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("build") / "venv"
    python = str(tools / "bin" / "python")
    lock = ("--require-hashes", "--no-deps", "-r", str(ROOT / "requirements-build.lock"))
    env = {**os.environ, "SOURCE_COMMIT": "0123456789abcdef"}
    for words in (
        (sys.executable, "-m", "venv", str(tools)),
        (python, "-m", "pip", "install", "-q", *lock),
        (python, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)),
    ):
        subprocess.run(words, cwd=ROOT, check=True, capture_output=True, env=env)
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.slow
def test_a_wheel_holds_its_commit_and_the_checkout_stays_as_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("supplier_agent/COMMIT") == b"0123456789abcdef\n"
    assert not (ROOT / "supplier_agent" / "COMMIT").exists()


@pytest.mark.slow
def test_a_new_wheel_replaces_the_program_of_before(wheel: Path, tmp_path: Path) -> None:
    old = tmp_path / "supplier_agent-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(old, "w") as archive:
        archive.writestr("supplier_agent/__init__.py", "OLD = True\n")
        meta = "supplier_agent-0.1.0.dist-info"
        archive.writestr(f"{meta}/METADATA", "Metadata-Version: 2.1\nName: supplier-agent\nVersion: 0.1.0\n")
        archive.writestr(
            f"{meta}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{meta}/RECORD", "")
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "-q", "--no-index", "--no-deps", "-U"]
    for each in (old, wheel):
        subprocess.run([*pip, str(each)], check=True, capture_output=True)
    (package,) = environment.glob("lib/python3*/site-packages/supplier_agent/__init__.py")
    assert f'__version__ = "{__version__}"' in package.read_text()
    assert "OLD" not in package.read_text()


def test_the_bill_of_materials_names_every_library_of_the_lock() -> None:
    said = json.loads(subprocess.run([sys.executable, ROOT / "sbom.py"], check=True, capture_output=True).stdout)
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.5")
    assert said["metadata"]["component"]["version"] == __version__
    locked = set(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {(each["name"], each["version"]) for each in said["components"]} == locked
    assert all(each["externalReferences"] for each in said["components"])
