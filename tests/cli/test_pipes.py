"""A reader that goes away, or only reads slowly, changes nothing that a command does: neither its acts nor its exit code."""

import ast
import fcntl
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import IDS, Installation
from tests.house.conftest import PACKAGE
from tests.unit.conftest import ready

pytestmark = pytest.mark.slow

Keep = Callable[..., int]


@contextmanager
def nobody_reads() -> Iterator[int]:
    """Return the end of a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize(
    ("words", "code", "undone", "streams"),
    [
        (("ship", *IDS), 0, "shipped = 0", ("stdout",)),
        (("ship", "no-such_1", *IDS), 2, "shipped = 0", ("stderr",)),
        (("close", *IDS, "--reason", "by hand", "--json"), 0, "closed_reason IS NULL", ("stdout",)),
        (("ship", "--file", "ids.txt"), 2, "shipped = 0", ("stdout", "stderr")),
    ],
)
def test_all_acts_are_done_though_nobody_reads(
    eight: Installation, words: tuple[str, ...], code: int, undone: str, streams: tuple[str, ...]
) -> None:
    (eight.folder / "ids.txt").write_text("\n".join(["no-such_1", *IDS]))
    with nobody_reads() as end:
        out, err = (end if name in streams else subprocess.DEVNULL for name in ("stdout", "stderr"))
        process = eight.start(*words, cwd=eight.folder, stdout=out, stderr=err)
        assert process.wait(timeout=60) == code
    assert eight.ask(f"SELECT count(*) FROM orders WHERE {undone}") == [(0,)]


def test_everything_that_is_parked_is_tried_again_though_nobody_reads(here: Installation, keep: Keep) -> None:
    for each in IDS:
        keep(ready(each, shipped=1), ship="parked")
    with nobody_reads() as end:
        assert here.start("retry", "--all", stdout=end).wait(timeout=60) == 0
    assert here.ask("SELECT count(*) FROM calls WHERE state = 'parked'") == [(0,)]


def test_a_reader_that_reads_nothing_holds_up_neither_the_acts_nor_the_database(here: Installation, keep: Keep) -> None:
    many = [f"15000003000_{number}" for number in range(150)]
    for each in many:
        keep(ready(each, shipped=1), ship="parked")
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)  # less than what is printed
    process = here.start("retry", "--all", stdout=writing)
    os.close(writing)
    with closing(sqlite3.connect(here.folder / "agent.db", timeout=5, isolation_level=None)) as other:
        for _ in range(600):
            if other.execute("SELECT count(*) FROM calls WHERE state = 'parked'").fetchone()[0] == 0:
                break
            time.sleep(0.1)
        assert process.poll() is None, "it waits for its reader"
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    with os.fdopen(reading) as stream:
        assert len(stream.readlines()) == len(many)
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("words", [("orders", "--json"), ("export", "orders")])
def test_what_only_shows_ends_well_when_its_reader_has_seen_enough(eight: Installation, words: tuple[str, ...]) -> None:
    with nobody_reads() as end:
        assert eight.start(*words, stdout=end).wait(timeout=60) == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_pipe_that_its_maker_has_set_to_not_block_loses_nothing(here: Installation, unbuffered: str) -> None:
    many = [f"15000003000_{number}" for number in range(300)]
    here.keep([ready(each) for each in many])
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, False)
    process = here.start("orders", stdout=writing, env={"PYTHONUNBUFFERED": unbuffered})
    os.close(writing)
    with os.fdopen(reading) as stream:
        time.sleep(1)  # it meets a full pipe
        assert len(stream.readlines()) == 1 + len(many)
    assert process.wait(timeout=60) == 0


def test_a_full_disk_behind_stdout_is_said_when_everything_is_done(eight: Installation) -> None:
    with Path("/dev/full").open("wb") as full:
        process = eight.start("ship", *IDS, stdout=full, stderr=subprocess.PIPE)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 74
    assert b"results could not be written" in said
    assert b"Traceback" not in said
    assert eight.ask("SELECT count(*) FROM orders WHERE shipped = 0") == [(0,)]


def test_a_full_disk_behind_the_file_of_answers_holds_up_no_order(eight: Installation) -> None:
    (eight.folder / "ids.txt").write_text("\n".join(IDS))
    done = eight.run("ship", "--file", str(eight.folder / "ids.txt"), "--success", "/dev/full")
    assert done.returncode == 74
    assert b"/dev/full cannot be written" in done.stderr
    assert eight.ask("SELECT count(*) FROM orders WHERE shipped = 0") == [(0,)]


@pytest.mark.parametrize(
    ("words", "code", "closed"),
    [
        ("status", 3, ">&-"),
        ("status", 3, "<&- >&- 2>&-"),
        ("--version", 0, ">&-"),
        (f"ship {IDS[0]}", 0, ">&-"),
        (f"ship no-such_1 {IDS[0]}", 2, "2>&-"),
        ("ship -", 0, "<&-"),
    ],
)
def test_closed_streams_change_no_exit_code(eight: Installation, words: str, code: int, closed: str) -> None:
    shell = ["sh", "-c", f'"$@" {words} {closed}', "sh", *eight.words()]
    done = subprocess.run(shell, input=b"", capture_output=True, check=False, timeout=60, cwd=Path(__file__).parents[2])
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert eight.ask("PRAGMA quick_check") == [("ok",)], "nothing was printed into the database"


PRINTS = {"result", "result_json", "say", "complain", "print", "echo", "write", "tell", "show"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_no_command_prints_inside_a_write_transaction(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.With) and any(".write()" in ast.unparse(item) for item in node.items):
            inside = [call for each in node.body for call in ast.walk(each) if isinstance(call, ast.Call)]
            names = {ast.unparse(call.func).rpartition(".")[2] for call in inside}
            assert not names & PRINTS, f"{path.name}:{node.lineno}"
