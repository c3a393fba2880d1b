"""`config`: the example is a start that works, every value says where it comes from, the schema is that of the file."""

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import cli
from supplier_agent.base import files
from supplier_agent.settings import Settings, load
from supplier_agent.settings import dump as examples
from supplier_agent.settings.dump import HIDDEN, Shown, schema, shown

EXAMPLE = Path(__file__).parents[2] / "config" / examples.NAME
CANARY = "canary-7f3a91"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return path


# ---------------------------------------------------------------------------------------------------------------- init


def test_init_writes_the_example_and_names_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new" / "supplier-agent.toml"
    assert cli.run(["config", "init", str(target)]) == 0
    assert target.read_text() == EXAMPLE.read_text()
    assert not stat.S_IMODE(target.stat().st_mode) & stat.S_IRWXO, "it may come to hold a token"
    said = capsys.readouterr()
    assert said.out.strip() == str(target)
    assert f"--config {target} check" in said.err
    assert load(target, {}).suppliers


def test_init_leaves_a_file_that_is_there_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = written(tmp_path, "mine")
    assert cli.run(["config", "init", str(target)]) == 1
    assert target.read_text() == "mine"
    assert "already exists" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["option", "variable", "nothing"])
def test_init_writes_where_the_other_commands_will_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    target = tmp_path / ("config/supplier-agent.toml" if named == "nothing" else "x.toml")
    monkeypatch.delenv("SUPPLIER_AGENT_CONFIG", raising=False)
    if named == "variable":
        monkeypatch.setenv("SUPPLIER_AGENT_CONFIG", str(target))
    assert cli.run([*(["--config", str(target)] if named == "option" else []), "config", "init"]) == 0
    assert target.exists()


def test_init_says_what_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["config", "init", str(written(tmp_path, "") / "below-a-file.toml")]) == 1
    assert "cannot be written" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------------------- show


def found(path: Path, env: Mapping[str, str] | None = None) -> dict[str, Shown]:
    return {each.key: each for each in shown(path, env or {})}


def test_each_value_says_where_it_comes_from(tmp_path: Path) -> None:
    path = written(tmp_path, "[ship]\nundo_seconds = 5\n\n[suppliers.notio]\ntoken = 't'\n[suppliers.asir-group]\n")
    values = found(
        path, {"SUPPLIER_AGENT_SCHEDULE__POLL_SECONDS": "60", "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN": "u"}
    )
    assert values["ship.undo_seconds"] == Shown("ship.undo_seconds", "5", f"{path}:2")
    assert (values["schedule.poll_seconds"].value, values["schedule.poll_seconds"].source) == (
        "60", "SUPPLIER_AGENT_SCHEDULE__POLL_SECONDS",
    )  # fmt: skip
    assert values["retry.max_seconds"].source == "default"
    assert values["suppliers.asir-group.cache_seconds"].source == "default of asir-group"
    assert values["suppliers.asir-group.token"].source == "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN"
    assert values["suppliers.notio.start_date"].value == ""


def test_the_variable_beats_the_file_in_what_is_shown_too(tmp_path: Path) -> None:
    path = written(tmp_path, "[ship]\nundo_seconds = 5\n[suppliers.notio]\n")
    assert found(path, {"SUPPLIER_AGENT_SHIP__UNDO_SECONDS": "7"})["ship.undo_seconds"].value == "7"


def test_every_key_is_shown_and_reads_back_as_the_same_configuration(tmp_path: Path) -> None:
    lines = [f"{each.key} = {each.value}" for each in shown(EXAMPLE, {}) if each.value]
    again = load(written(tmp_path, "\n".join(lines)), {})
    assert again.model_dump() == load(EXAMPLE, {}).model_dump()
    sections = {each.key.partition(".")[0] for each in shown(EXAMPLE, {})}
    assert sections == set(Settings.model_fields) - {"calls"}  # empty: no call of this program has keys of its own


def test_no_secret_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(
        tmp_path,
        f'heartbeat_url = "https://{CANARY}.example.com/"\n[alerts]\nurls = ["jsons://user:{CANARY}@example.com"]\n'
        f'[suppliers.notio]\ntoken = "{CANARY}"\ntoken_next = "{CANARY}-2"\nheartbeat_url = "https://{CANARY}.example.com/2"\n',
    )
    for words in (["config", "show"], ["config", "show", "--json"]):
        assert cli.run(["--config", str(path), *words]) == 0
        said = capsys.readouterr()
        assert CANARY not in said.out + said.err
    assert found(path)["suppliers.notio.token"].value == HIDDEN


@pytest.mark.parametrize(
    "address", ["ipp://anna:{}@cups.example.com:631/printers/zebra", "https://{}@printer", "ipps://a:{}@b@c:1/x"]
)
def test_no_password_in_a_printer_s_address_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    station = f'[[web.stations]]\nname = "B"\nprinter = "{address.format(CANARY)}"\n'
    path = written(tmp_path, f'state_dir = "{tmp_path}/state"\n{station}[suppliers.notio]\ntoken = "t"\n')
    for words in (["config", "show"], ["config", "show", "--json"], ["check", "--offline"], ["status"]):
        cli.run(["--config", str(path), *words])
        said = capsys.readouterr()
        assert CANARY not in said.out + said.err
    shown_address = found(path)["web.stations"].value
    assert address.partition("://")[0] + "://(hidden)@" in shown_address
    assert address.rpartition("@")[2] in shown_address


# -------------------------------------------------------------------------------------------------------------- schema


def mistakes(value: object, part: Mapping[str, Any], whole: Mapping[str, Any], at: str = "") -> list[str]:
    """Return what in a value is not as a schema wants it: as much of JSON Schema as ours uses; another keyword is an error."""
    if "$ref" in part:
        return mistakes(value, whole["$defs"][part["$ref"].rpartition("/")[2]], whole, at)
    if "anyOf" in part:
        tried = [mistakes(value, each, whole, at) for each in part["anyOf"]]
        return [] if [] in tried else tried[0]
    known = {"type", "properties", "additionalProperties", "items", "enum", "const", "minimum", "maximum", "required"}
    told = {
        "default",
        "description",
        "format",
        "title",
        "exclusiveMinimum",
        "writeOnly",
        "propertyNames",
        "$defs",
        "$schema",
    }
    assert part.keys() <= known | told, part.keys() - known - told
    kinds: dict[str, type | tuple[type, ...]] = {
        "object": dict,
        "array": list,
        "string": str,
        "number": (int, float),
        "integer": int,
        "boolean": bool,
    }
    if "type" in part and (
        not isinstance(value, kinds[part["type"]]) or (isinstance(value, bool) != (part["type"] == "boolean"))
    ):
        return [f"{at} is no {part['type']}"]
    found = [f"{at} is not one of {part['enum']}"] if value not in part.get("enum", [value]) else []
    if isinstance(value, int | float):
        low, high, above = part.get("minimum", value), part.get("maximum", value), part.get("exclusiveMinimum")
        found += (
            [f"{at} is out of bounds"] if not low <= value <= high or (above is not None and value <= above) else []
        )
    if isinstance(value, list):
        found += [each for item in value for each in mistakes(item, part.get("items", {}), whole, f"{at}[]")]
    if isinstance(value, dict):
        more = part.get("additionalProperties", True)
        for key, item in value.items():
            inner = part.get("properties", {}).get(key, more)
            found += [f"{at}.{key} is unknown"] if inner is False else []
            found += mistakes(item, inner, whole, f"{at}.{key}") if isinstance(inner, dict) else []
    return found


def test_the_example_is_valid_by_the_schema() -> None:
    described = schema()
    assert mistakes(tomllib.loads(EXAMPLE.read_text()), described, described) == []


@pytest.mark.parametrize(
    "text",
    [
        "polling = 1", "[ship]\nundo = 1", '[ship]\nundo_seconds = "5"', '[ship]\nafter_lost_answer = "maybe"',
        "[schedule]\nbusiness_hours = 8", "[http]\ntimeout_seconds = 0", "[suppliers.notio]\ntokn = 'x'", "suppliers = 3",
        "[http]\nlabel_origins = [3]", "[schedule]\npoll_seconds = true",
    ],
)  # fmt: skip
def test_what_the_agent_refuses_the_schema_marks(text: str) -> None:
    described = schema()
    assert mistakes(tomllib.loads(text), described, described)


def test_the_schema_explains_every_key_that_the_example_explains() -> None:
    described = schema()
    undo = described["$defs"]["Ship"]["properties"]["undo_seconds"]
    assert undo["description"].startswith("The time between marking")
    assert described["properties"]["base_url"]["description"].startswith("The marketplace")
    assert described["$defs"]["Supplier"]["properties"]["token_file"]["description"].startswith("The token")
    told = re.findall(r'"description"', json.dumps(described))
    assert len(told) >= len(examples.example_comments()) - 3


def test_the_schema_is_printed_as_json_and_needs_no_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs a service")
def test_where_the_service_is_installed_its_group_may_read_the_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.config, "SERVICE_GROUP", "daemon")
    target = tmp_path / "c.toml"
    assert cli.run(["config", "init", str(target)]) == 0
    assert (target.stat().st_gid, stat.S_IMODE(target.stat().st_mode)) == (1, 0o640)
    os.umask(0o077)
    assert cli.run(["config", "init", str(tmp_path / "etc" / "c.toml")]) == 0
    folder = (tmp_path / "etc").stat()
    assert (folder.st_gid, stat.S_IMODE(folder.st_mode)) == (1, 0o750), "a folder that is made for it, too"
    assert stat.S_IMODE(tmp_path.stat().st_mode) & 0o777 != 0o750, "one that was there is left alone"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs a service")
def test_where_no_service_is_installed_root_is_told_that_it_alone_may_read_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.config, "SERVICE_GROUP", "no-such-group-here")
    monkeypatch.setattr(files, "STATE_DIR", tmp_path / "none")
    assert cli.run(["config", "init", str(tmp_path / "c.toml")]) == 0
    assert "root alone may read it" in capsys.readouterr().err
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 1, 1)
    monkeypatch.setattr(files, "STATE_DIR", tmp_path / "state")
    assert cli.run(["config", "init", str(tmp_path / "d.toml")]) == 0
    assert ((tmp_path / "d.toml").stat().st_gid, stat.S_IMODE((tmp_path / "d.toml").stat().st_mode)) == (1, 0o640)
