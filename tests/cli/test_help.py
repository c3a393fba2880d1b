"""Help, and the options that all commands share: examples that work, quiet, no colours, JSON with a schema."""

import json
import os
import pty
import shlex
import subprocess

import pytest
import typer

from supplier_agent.cli import app
from supplier_agent.cli.context import EXAMPLES
from tests.cli.conftest import IDS, Installation
from tests.cli.test_words import commands
from tests.house.test_docs import wrong

COMMANDS = [" ".join(words) for words, _ in commands(typer.main.get_command(app))]


def test_every_command_has_examples_and_each_of_them_is_a_command() -> None:
    assert set(COMMANDS) - {"agree"} == set(EXAMPLES)  # the first name of `approve`
    for command, lines in EXAMPLES.items():
        for line in lines:
            name, *words = shlex.split(line.partition(" > ")[0].partition(" < ")[0])
            assert name == "supplier-agent"
            assert not wrong(words), line
            assert command in " ".join(words)


def test_help_of_a_command_shows_its_examples(here: Installation) -> None:
    for words in (("help", "config", "init"), ("config", "init", "--help")):
        said = here.told(*words)
        assert said.returncode == 0
        assert "Usage: supplier-agent config init" in said.stdout
        assert "Examples:\n    supplier-agent config init\n" in said.stdout
    assert "Commands:" in here.told("help").stdout


def test_quiet_prints_results_and_errors_alone(eight: Installation) -> None:
    done = eight.told("--quiet", "ship", IDS[0])
    assert done.stdout == f"{IDS[0]}: marked as shipped\n"
    assert done.stderr == ""
    assert "it is already marked as shipped" in eight.told("-q", "ship", IDS[0]).stdout
    assert "there is no order" in eight.told("-q", "ship", "no-such_1").stderr


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("ship", IDS[0], "no-such_1"), "orders"), (("unship", IDS[0]), "orders"), (("retry", "--all"), "orders"),
        (("hold", IDS[1], "--reason", "x"), "orders"), (("release", IDS[1]), "orders"),
        (("release", "--all"), "orders"), (("release", "--all", "--by", "Anna"), "orders"),
        (("close", IDS[2], "--reason", "x"), "orders"), (("reopen", IDS[2]), "orders"), (("check", "--offline"), "findings"),
        (("pause", "notio"), "said"), (("resume", "notio"), "said"), (("person", "list"), "people"),
        (("config", "show"), "settings"), (("config", "check"), "place"), (("alerts", "list"), "alerts"),
        (("coverage",), "suppliers"), (("backup", "copy.db"), "bytes"), (("order", IDS[3]), "menzzo_order_id"),
        (("status",), "problems"),
    ],
)  # fmt: skip
def test_json_has_a_schema(
    eight: Installation,
    words: tuple[str, ...],
    key: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from supplier_agent import cli  # noqa: PLC0415 - what is tried

    monkeypatch.chdir(eight.folder)
    cli.run(["--config", str(eight.config), *words, "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == 1
    assert key in said


def test_json_tells_each_order_with_its_error(eight: Installation) -> None:
    said = json.loads(eight.told("ship", IDS[0], "no-such_1", "--json").stdout)["orders"]
    assert [(each["menzzo_order_id"], each["done"], each["exit_code"]) for each in said] == [
        (IDS[0], True, 0), ("no-such_1", False, 2),
    ]  # fmt: skip
    assert "there is no order" in said[1]["error"]


@pytest.mark.parametrize(("option", "coloured"), [((), 1), (("--no-color",), 0)])
def test_colours_are_for_terminals_that_want_them(eight: Installation, option: tuple[str, ...], coloured: int) -> None:
    ours, theirs = pty.openpty()
    process = eight.start(*option, "status", stdout=theirs, stderr=subprocess.DEVNULL, env={"TERM": "xterm"})
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 4096):
            said += chunk
    except OSError:  # the other side has closed
        pass
    process.wait(timeout=60)
    assert (b"\x1b[3" in said) == bool(coloured)
