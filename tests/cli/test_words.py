"""Bad words: bytes that are no text, cells that are no CSV, days that no order has. Each ends with a sentence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from supplier_agent.cli import app
from tests.cli.conftest import IDS, Installation

pytestmark = pytest.mark.slow

BAD = b"caf\xe9"


def commands(command: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:  # noqa: ANN401 - typer's own click
    """Yield every command of the program with its parameters."""
    inner = getattr(command, "commands", {})
    if not inner or (before and command.invoke_without_command):
        yield before, command.params
    for name, each in inner.items():
        yield from commands(each, (*before, name))


def with_bad_words() -> Iterator[tuple[str | bytes, ...]]:
    """Yield, for every command, its words with a bad one for every argument and for every option that takes a value."""
    for words, parameters in commands(typer.main.get_command(app)):
        options: list[str | bytes] = []
        for each in parameters:
            if each.param_type_name == "argument":
                options.append(BAD)
            elif not each.is_flag and each.opts[0] != "--help":
                options += [each.opts[0], BAD]
        yield (*words, *(options or [BAD]))


@pytest.mark.parametrize("words", [*with_bad_words()], ids=lambda words: "-".join(str(word) for word in words[:2]))
def test_a_word_that_is_no_text_is_2(here: Installation, words: tuple[str | bytes, ...]) -> None:
    done = here.run(*words)
    assert done.returncode == 2
    assert b"is not UTF-8 text: caf\\udce9" in done.stderr


@pytest.mark.parametrize("variable", ["SUDO_USER", "USER", "LOGNAME"])
def test_a_name_of_a_person_that_is_no_text_is_2(eight: Installation, variable: str) -> None:
    done = eight.run("ship", IDS[0], env={variable: BAD})
    assert done.returncode == 2
    assert f"the variable {variable} is not UTF-8 text".encode() in done.stderr
    assert eight.ask("SELECT sum(shipped) FROM orders") == [(0,)]


def test_a_setting_that_is_no_text_is_78(eight: Installation) -> None:
    done = eight.run("orders", env={"SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN": BAD})
    assert done.returncode == 78
    assert b"SUPPLIER_AGENT_SUPPLIERS__NOTIO__TOKEN is not UTF-8" in done.stderr
    assert b"caf" not in done.stderr, "it may be a secret"


def test_any_other_variable_may_be_what_it_likes(eight: Installation) -> None:
    assert eight.run("orders", env={"GREETING": BAD}).returncode == 0


@pytest.mark.parametrize(
    "words", [("ship", "-"), ("close", "-", "--reason", "x"), ("ship", "--file", "-"), ("person", "add", "Anna")]
)
def test_stdin_that_is_no_text_is_2_and_nothing_is_done(eight: Installation, words: tuple[str, ...]) -> None:
    done = eight.run(*words, stdin=f"{IDS[0]}\n".encode() + BAD)
    assert done.returncode == 2
    assert b"stdin is not UTF-8 text" in done.stderr
    assert eight.ask("SELECT sum(shipped), count(closed_reason) FROM orders") == [(0, 0)]


def test_ids_on_stdin_may_begin_with_a_mark_of_utf_8(eight: Installation) -> None:
    assert eight.run("ship", "-", stdin=f"\ufeff{IDS[0]}\r\n\n{IDS[1]}".encode()).returncode == 0
    assert eight.ask("SELECT sum(shipped) FROM orders") == [(2,)]


@pytest.mark.parametrize(
    "content",
    [
        f'menzzo_order_id;note\n{IDS[0]};"{"x" * 200_000}"\n'.encode(),
        f"{IDS[0]}\n\0\0\n".encode(),
        b"menzzo_order_id\n\xff\n",
        f"{IDS[0]};{IDS[1]}\n".encode(),
        b"\x1f\x8b\x08\x00\x00\x00",
    ],
    ids=["a cell of 200 kB", "NUL", "no text", "no heads", "gzip"],
)  # fmt: skip
def test_a_file_that_is_no_list_of_orders_is_2(eight: Installation, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "left.csv").write_bytes(content)
    done = eight.run("ship", "--file", str(tmp_path / "left.csv"))
    assert done.returncode == 2
    assert done.stderr


@pytest.mark.parametrize(
    "words",
    [
        *(("export", "events", option, day) for option in ("--from", "--to") for day in ("9999-12-31", "0001-01-01")),
        ("coverage", "--from", "0001-01-01"), ("coverage", "--to", "9999-12-31"), ("orders", "--since", "9999-12-31"),
        ("export", "events", "--to", "2026-13-01"), ("orders", "--since", ""),
    ],
)  # fmt: skip
def test_a_day_that_no_order_has_is_a_mistake(eight: Installation, words: tuple[str, ...]) -> None:
    assert eight.told(*words).returncode == (0 if words[-1] == "" else 2)


def test_what_a_terminal_cannot_show_is_shown_as_its_escape(eight: Installation) -> None:
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    assert eight.run("hold", IDS[0], "--reason", "abîmé 📦", env=env).returncode == 0
    shown = eight.run("order", IDS[0], env=env)
    assert shown.returncode == 0
    assert rb"ab\xeem\xe9 \U0001f4e6" in shown.stdout
