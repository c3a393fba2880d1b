"""`person` before the first run: people are added, and nothing is sent to the marketplace."""

import io
import json
from pathlib import Path

import pytest

from supplier_agent.cli import run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the configuration of an installation that has never run. Whatever is sent would fail."""
    path = tmp_path / "agent.toml"
    lines = (
        f'state_dir = "{tmp_path / "state"}"',
        'base_url = "http://127.0.0.1:9"',
        '[web]\nlisten = "127.0.0.1:8080"',
    )
    path.write_text("\n".join((*lines, '[suppliers.notio]\ntoken = "t"\n')))
    path.chmod(0o600)
    return path


def typed(config: Path, monkeypatch: pytest.MonkeyPatch, *words: str, stdin: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    return run(["--config", str(config), *words])


def test_a_person_can_be_added_before_the_first_run(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(config, monkeypatch, "person", "add", "Lea", "--role", "lead", stdin="0815\n") == 0
    assert capsys.readouterr().out == "Lea: added: lead\n"
    assert typed(config, monkeypatch, "person", "list") == 0
    assert capsys.readouterr().out == "Lea  lead\n"
    state = config.parent / "state"
    assert (state / "agent.db").stat().st_mode & 0o777 == 0o660
    assert not (state / "private").exists()


def test_only_adding_a_person_creates_the_database(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(config, monkeypatch, "person", "list") == 74
    assert "there is no database" in capsys.readouterr().err
    assert not (config.parent / "state").exists()


def test_two_spellings_of_one_name_are_refused(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(config, monkeypatch, "person", "add", "Anna", stdin="4711\n")
    assert typed(config, monkeypatch, "person", "add", "anna", stdin="4711\n") == 2
    assert "in another spelling" in capsys.readouterr().err


def test_a_person_may_be_limited_to_suppliers(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(config, monkeypatch, "person", "add", "Ben", "--supplier", "notio", stdin="4711\n") == 0
    assert capsys.readouterr().out == "Ben: added: packer, only notio\n"
    typed(config, monkeypatch, "person", "list")
    assert capsys.readouterr().out == "Ben  packer  (only notio)\n"
    typed(config, monkeypatch, "person", "list", "--json")
    assert json.loads(capsys.readouterr().out)["people"][0]["suppliers"] == ["notio"]
    assert typed(config, monkeypatch, "person", "add", "Ben", "--supplier", "nootio", stdin="4711\n") == 2
    assert "there is no supplier nootio" in capsys.readouterr().err
    assert typed(config, monkeypatch, "person", "add", "Ben", stdin="4711\n") == 0
    assert capsys.readouterr().out == "Ben: changed: packer\n"
