"""The proof tells the truth about itself: what failed is called failed, and every promise of README has its figures."""

import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from tests.proof.__main__ import run
from tests.proof.kept import Kept, Results, program_of
from tests.proof.page import PAGE, Result, Setting, page
from tests.proof.rows import ALL, CLOSING, PROMISES, ROWS, Row

ROOT = Path(__file__).parents[2]
SETTING = Setting(date(2026, 11, 21), "abc", "2 cores", "Python", 1, 7)
FIGURE = '{"row": "R", "figure": "9 | of 9", "count": 9, "seed": 7, "seconds": 1, "would_have_caught": "a bug"}'


def row(script: str, least: float = 0) -> Row:
    """Return a row whose command is this script."""
    return Row("r", lambda _scale, _seed: ("-c", script), (ALL[0],), least)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as the forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("script", "least", "why"),
    [
        (f"print({FIGURE!r})", 9, ""),
        (f"print({FIGURE!r})", 10, "fewer than 10"),
        (f"print({FIGURE!r}); raise SystemExit(1)", 9, "it ended with 1"),
        ("print('done')", 0, "it printed no figure"),
        ("while True: pass", 0, "it took longer than 2 s"),
    ],
    ids=["held", "too few", "broken", "silent", "endless"],
)
def test_a_row_has_failed_unless_it_ended_well_and_reached_its_target(script: str, least: float, why: str) -> None:
    came = run(row(script, least), 1, 7, 2)
    assert came.failed == why
    text = page(SETTING, [Result(came.row, came.arguments, came.figures, came.failed)], 1)
    assert ("FAILED" in text) == bool(why)
    assert ("Every promise held" in text) == (not why)


def test_a_quick_try_asks_for_less() -> None:
    assert not run(row(f"print({FIGURE!r})", 100), 0.05, 7, 5).failed
    assert run(row(f"print({FIGURE!r})", 100), 1, 7, 5).failed


def test_a_result_is_kept_for_the_program_that_it_was_made_with(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    assert results.of("a") == {}
    mine, other = Kept("a", "2026-11-21, commit x", ["-m"], [{"row": "R"}]), Kept("b", "", ["-m"], [])
    results.keep("days", mine)
    results.keep("model", other)
    assert (results.of("a"), results.of("b"), results.of("")) == ({"days": mine}, {"model": other}, {})
    results.keep("days", other)
    assert results.of("a") == {}


def test_a_program_with_changes_has_no_name(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a", *arguments], cwd=tmp_path, check=True)

    assert program_of(tmp_path) == ""
    git("init", "-q")
    file = tmp_path / "supplier_agent" / "a.py"
    file.parent.mkdir()
    file.write_text("1")
    git("add", ".")
    git("commit", "-qm", "a")
    name = program_of(tmp_path)
    assert len(name) == 40
    (tmp_path / "README.md").write_text("its documents and tests may change")
    assert program_of(tmp_path) == name
    file.write_text("2")
    assert program_of(tmp_path) == ""


def test_what_was_measured_earlier_says_so() -> None:
    result = Result(row(""), ["-m", "x"], [{"row": "R", "figure": "9"}], "", "2026-11-21, commit x")
    assert "Measured earlier, with the same program: 2026-11-21, commit x" in page(SETTING, [result], 1)


def test_every_promise_has_a_row_of_its_own_heading() -> None:
    held = {promise for each in (*ROWS, CLOSING) for promise in each.holds}
    assert held == set(PROMISES)
    assert len({each.name for each in ROWS}) == len(ROWS)


def test_the_headings_are_the_promises_of_the_readme_word_for_word() -> None:
    readme = (ROOT / "README.md").read_text()
    assert not [promise for promise in ALL if not re.search(rf"\*\*{re.escape(promise)}[.,]?\*\*", readme)]


def test_every_link_into_the_page_leads_to_a_heading() -> None:
    text = page(SETTING, [], 0)
    links: list[str] = []
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        links += re.findall(rf"{re.escape(PAGE)}#([\w-]+)", file.read_text())
    assert set(links) <= anchors(text)
    assert (ROOT / PAGE).exists()
    assert anchors((ROOT / PAGE).read_text()) >= anchors(text)


def test_each_command_is_one_that_exists() -> None:
    for each in (*ROWS, CLOSING):
        arguments: Sequence[str] = each.command(0.02, 1)
        assert arguments[0] == "-m"
        place = ROOT / arguments[1].replace(".", "/")
        assert (place / "__main__.py").exists() or place.with_suffix(".py").exists()
        assert all((ROOT / name).exists() for name in arguments if name.startswith("tests/"))
    assert sys.version_info >= (3, 11)
