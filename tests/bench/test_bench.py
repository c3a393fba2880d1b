"""Each row of ./run bench can be made, at tiny sizes; and the page holds what was measured, and nothing else."""

import json
import re
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import typer

from supplier_agent.cli import app
from tests.bench.__main__ import ROWS, measured
from tests.bench.commands import READS
from tests.bench.drain import Drained
from tests.bench.figure import Figure, Sizes, contest, ratios
from tests.bench.measure import Cost, run
from tests.bench.page import page
from tests.bench.profile import CONNECTS, DECIDES, LIBRARY, SQLITE, START, shares
from tests.bench.site import python
from tests.proof.page import Setting

TINY = Sizes().scaled(0.0005)
SETTING = Setting(date(2026, 11, 21), "abc", "a machine", "Python", 1, 7)
NOT_READS = {
    *(
        "run",
        "resync",
        "fetch",
        "sandbox",
        "demo",
        "ship",
        "unship",
        "resolve",
        "retry",
        "hold",
        "release",
        "close",
        "reopen",
    ),
    *("page", "backup", "restore", "pause", "resume", "approve", "agree", "help", "config"),
    *("note", "key", "sav", "settle", "shop", "webhooks"),
}
"""Commands that change something, run until they are stopped, or ask no database."""


@pytest.mark.slow  # each starts dozens of processes
@pytest.mark.parametrize("row", ROWS)
def test_a_row_can_be_made(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    figures, failed = measured(TINY, {row: ROWS[row]})
    assert not failed
    assert figures
    assert {figure.row for figure in figures} == {row}
    assert all(figure.values or figure.note for figure in figures)
    assert len({(figure.name, figure.unit) for figure in figures}) == len(figures)


def test_every_command_that_reads_is_measured() -> None:
    commands = set(getattr(typer.main.get_command(app), "commands", ()))
    assert commands - NOT_READS == {name.split()[0] for name in READS} - NOT_READS


def test_the_page_holds_the_figures_of_the_run_and_no_others() -> None:
    figures = [
        Figure("a", "one", [0.111, 0.222, 0.333], "x floor c", most=0.2),
        Figure("b", "two", [7777.0], "%", least=98),
        Figure("c", "three", [], note="no tool"),
    ]
    text = page(SETTING, ROWS, figures, {"d": "it broke"}, "About.")
    assert "| one | 0.222 x floor c (0.111 – 0.333) | ≤ 0.2 | **no** |" in text
    assert "| two | 7,777 % | ≥ 98 | yes |" in text
    assert "| three | not measured: no tool |  |  |" in text
    assert "**Not measured: it broke**" in text
    assert "**1 of 2 goals are reached.** About." in text
    assert SETTING.where in text
    empty = page(SETTING, ROWS, [], {}, "")
    assert "**Nothing has been measured yet.**" in empty
    assert not [line for line in empty.splitlines() if line.startswith(("|", "█"))]


def test_a_line_is_json_with_value_spread_and_goal() -> None:
    told = json.loads(Figure("a", "one", [1.0, 3.0, 2.0], "s", most=2).line())
    assert told == {
        "row": "a",
        "figure": "one",
        "unit": "s",
        "goal": "<= 2",
        "value": 2.0,
        "min": 1.0,
        "max": 3.0,
        "rounds": 3,
        "reached": True,
    }


def test_each_sample_counts_for_one_part_and_checking_pdfs_for_none(tmp_path: Path) -> None:
    turn = "<module> (supplier_agent/__main__.py);Agent.turn (supplier_agent/agent.py:99)"
    samples = {
        "<module> (supplier_agent/__main__.py);_find_spec (<frozen importlib._bootstrap>)": (10, START),
        f"{turn};claim (supplier_agent/outbox.py:1);DefaultDialect.do_execute (sqlalchemy/engine/default.py:9)": (
            20,
            SQLITE,
        ),
        f"{turn};claim (supplier_agent/outbox.py:1);Session.exec (sqlmodel/orm/session.py:9)": (30, LIBRARY),
        f"{turn};claim (supplier_agent/outbox.py:1)": (25, DECIDES),
        "run (threading.py);Wire._run (supplier_agent/marketplace/wire.py);connect_tcp (httpcore/_sync.py)": (
            15,
            CONNECTS,
        ),
        "run (threading.py);Checks._next (supplier_agent/labels/pdf.py:9);wait (threading.py)": (500, None),
    }
    file = tmp_path / "samples"
    file.write_text("".join(f"{stack} {number}\n" for stack, (number, _) in samples.items()))
    found = shares([file])
    assert {name: share for name, share in found.items() if share} == {
        name: number for number, name in samples.values() if name is not None
    }


def test_contestants_take_turns_in_another_order_each_round_and_ratios_are_of_one_round() -> None:
    order: list[str] = []

    def turn(name: str) -> int:
        order.append(name)
        return len(order)

    found = contest(1, 20, {name: partial(turn, name) for name in "abc"})
    rounds = {"".join(order[start : start + 3]) for start in range(0, 60, 3)}
    assert {"".join(sorted(each)) for each in rounds} == {"abc"}
    assert len(rounds) > 1
    assert ratios(found["a"], found["b"], float) == [a / b for a, b in zip(found["a"], found["b"], strict=True)]


def test_the_cost_of_a_command_is_its_own_and_its_childrens() -> None:
    child = "import time\nwhile time.process_time() < 0.3: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); x = b'.' * 50_000_000"
    cost = run(python("-c", parent), 60)
    assert 0.25 < cost.children < cost.cpu
    assert cost.rss > 50
    with pytest.raises(RuntimeError, match=re.escape("ended with 3: why")):
        run(python("-c", "import sys; sys.stderr.write('why'); sys.exit(3)"), 60)
    with pytest.raises(RuntimeError, match="ended with -14"):  # SIGALRM
        run(python("-c", "while True: pass"), 0.5)


def test_the_busiest_second_and_the_share_are_those_of_the_requests() -> None:
    log = [[number / 10, "s", "k", ""] for number in range(31)]
    steady = Drained(Cost(0, 0, 0, 0, 0), {"log": log})
    assert round(steady.share(), 6) == 100
    assert steady.busiest() == 10
    assert Drained(steady.cost, {"log": [*log, [1.05, "s", "k", ""]]}).busiest() == 11
