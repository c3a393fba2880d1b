"""README and docs/promises.md promise nothing that no test holds.

In their section "Promises" every entry (a list item or a row of a table) names at least one `tests/FILE.py::test_name`.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.house.conftest import tree

PROOF = re.compile(r"(tests/[\w/]+\.py)::((?:\w+::)*\w+)")
HEADING = re.compile(r"^(#+)\s+(.*?)\s*$")
RULE = re.compile(r"^\|[\s:|-]+$")  # under the head of a table
ITEM = re.compile(r"^(?:[-*]|\d+\.)\s")


def section(text: str, title: str) -> list[str]:
    """Return the lines under a heading, up to the next one that is not below it."""
    lines: list[str] = []
    level = 0
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading and level and len(heading[1]) <= level:
            break
        if level:
            lines.append(line)
        elif heading and heading[2].casefold() == title.casefold():
            level = len(heading[1])
    return lines


def promises(lines: list[str]) -> list[str]:
    """Return one text for each list item, with the lines that continue it, and for each row of a table but its head."""
    found: list[str] = []
    for number, line in enumerate(lines):
        rule_follows = number + 1 < len(lines) and RULE.match(lines[number + 1])
        row = line.startswith("|") and not rule_follows and not RULE.match(line)
        if row or ITEM.match(line):
            found.append(line)
        elif found and line.startswith("  "):
            found[-1] += "\n" + line
    return found


def proofs_in(path: Path) -> set[str]:
    """Return the tests of a file, those of a class as `Class::test_name`."""
    names = set()
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return names


@pytest.fixture(scope="module", params=["README.md", "docs/promises.md"])
def promised(root: Path, request: pytest.FixtureRequest) -> list[str]:
    page = root / str(request.param)
    if not page.exists():
        pytest.skip(f"there is no {request.param} to promise anything")
    return promises(section(page.read_text(), "Promises"))


def test_promises_are_made(promised: list[str]) -> None:
    assert promised, 'no list or table under the heading "Promises"'


def test_both_pages_make_the_same_promises(root: Path) -> None:
    readme, page = ((root / name).read_text() for name in ("README.md", "docs/promises.md"))
    bold = [re.findall(r"^(?:- |\| )\*\*(.+?)[.,]?\*\*", text, re.MULTILINE) for text in (readme, page)]
    assert bold[0] == bold[1] != []


def test_every_promise_names_its_proof(promised: list[str]) -> None:
    assert not [promise for promise in promised if not PROOF.search(promise)]


def test_every_proof_exists(root: Path, promised: list[str]) -> None:
    named = [proof for promise in promised for proof in PROOF.findall(promise)]
    assert not [
        f"{file}::{name}" for file, name in named if not (root / file).exists() or name not in proofs_in(root / file)
    ]


def test_a_promise_without_a_test_would_be_seen() -> None:
    text = """# A
## Promises
So it is.
- kept, `tests/a.py::test_b`
  and more
- empty

| p | t |
|---|---|
| x | y |
## B
- z"""
    assert [bool(PROOF.search(promise)) for promise in promises(section(text, "promises"))] == [True, False, False]
