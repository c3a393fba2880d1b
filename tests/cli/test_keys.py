"""`key` and `note`: a key is shown once and stored as a hash; a note is in the history of the order."""

import json
from pathlib import Path

import pytest

from supplier_agent.cli import run
from supplier_agent.web import keys
from tests.unit.conftest import ready
from tests.world.databases import store_at


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the configuration of an installation that has never run. Whatever is sent would fail."""
    path = tmp_path / "agent.toml"
    path.write_text(
        f'state_dir = "{tmp_path / "state"}"\nbase_url = "http://127.0.0.1:9"\n[suppliers.notio]\ntoken = "t"\n'
    )
    path.chmod(0o600)
    return path


def test_a_key_is_added_listed_and_revoked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["--config", str(config), "key"]
    assert run([*typed, "add", "wms", "--may", "hold,ship", "--supplier", "notio"]) == 0
    shown = capsys.readouterr()
    key = shown.out.strip()
    assert key.startswith(keys.PREFIX)
    assert "may read,ship,hold, only notio" in shown.err
    assert "[web] listen" in shown.err, "the page is off"
    assert key.encode() not in (config.parent / "state" / "agent.db").read_bytes()
    assert run([*typed, "list"]) == 0
    assert capsys.readouterr().out == "wms  read,ship,hold  only notio  last used never\n"
    assert run([*typed, "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["keys"]
    assert (listed["may"], listed["suppliers"], listed["last_used_at"]) == (["read", "ship", "hold"], ["notio"], None)
    assert run([*typed, "add", "wms"]) == 2, "there is one"
    assert run([*typed, "revoke", "wms"]) == 0
    assert run([*typed, "revoke", "wms"]) == 2, "there is none"
    assert run([*typed, "add", "wms"]) == 0, "its name may be given again"
    capsys.readouterr()


@pytest.mark.parametrize(
    "words",
    [["wms", "--may", "close"], ["WMS"], ["a b"], ["wms", "--supplier", "nobody"], [""], ["x" * 41]],
)
def test_a_key_that_makes_no_sense_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(["--config", str(config), "key", "add", *words]) == 2
    assert capsys.readouterr().out == ""


def test_a_note_is_in_the_history_of_the_order(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = config.parent / "state"
    state.mkdir()
    store = store_at(state / "agent.db")
    with store.write() as tx:
        tx.add(ready("15000012345_789", supplier="notio"))
    store.close()
    typed = ["--config", str(config)]
    assert run([*typed, "note", "15000012345_789", "--text", "  on\npallet 7 "]) == 0
    assert run([*typed, "note", "15000012345_789", "--text", " "]) == 2
    assert run([*typed, "note", "15000012345_789", "--text", "x" * 501]) == 2
    capsys.readouterr()
    assert run([*typed, "order", "15000012345_789"]) == 0
    assert ": note  on pallet 7" in capsys.readouterr().out
