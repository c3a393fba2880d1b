"""The documents tell the truth: links lead somewhere, commands exist with their options, errors and reference are complete."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from supplier_agent.cli import app
from supplier_agent.db.tables import Call
from supplier_agent.words.english import ENGLISH
from tests.house import reference, told
from tests.house.conftest import PACKAGE, ROOT
from tests.house.event_words import WHEN

PAGES = sorted([*ROOT.glob("*.md"), ROOT / "tests" / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?:\]\(|src=\")(?P<file>[^)#\s\"]*)(?:#(?P<anchor>[^)\s\"]*))?[)\"]")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(
    r"(?<![\w./-])(?<!-[ugot] )(?<!--name )(?<!--now )(?<!another )supplier-agent(?=((?:[ \t]+[^\s#|;&<>()…]+)+))"
)
"""Our name with words after it, where it is neither a user, a group, a unit nor an image."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Return what a link may name in a page, as the hosts of repositories make it of headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+\s+(.*?)\s*$", FENCE.sub("", text), re.MULTILINE):
        found.add(re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in LINK.finditer(FENCE.sub("", page.read_text())):
        if "://" in link["file"] or link["file"].startswith("mailto:"):
            continue
        target = (page.parent / link["file"]).resolve() if link["file"] else page
        if not target.exists() or (link["anchor"] and link["anchor"] not in anchors(target.read_text())):
            lost.append(link[0])
    assert not lost


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the words of each command line of ours, from blocks and from spans of code."""
    pieces = [block for kind, block in FENCE.findall(text) if kind in {"sh", "text", ""}]
    pieces += SPAN.findall(FENCE.sub("", text))
    for line in "\n".join(pieces).splitlines():
        for found in COMMAND.finditer(line.partition("  #")[0]):
            try:
                words = shlex.split(found[1])
            except ValueError:  # cut off inside of a quotation
                words = found[1].split()
            if words[0] != "supplier-agent":  # `docker exec supplier-agent supplier-agent status`
                yield words


@cache
def ours() -> Any:  # noqa: ANN401 - typer's own click
    return typer.main.get_command(app)


def wrong(words: list[str]) -> str:
    """Return what is wrong with a command line, or "". Where the first word is in capitals or no command follows, nothing is."""
    command = ours()
    known = options_of(command)
    for word in words:
        if word.startswith("-"):
            if word != "-" and word.partition("=")[0] not in known:
                return f"{command.name} has no option {word}"
        elif inner := getattr(command, "commands", {}).get(word):
            command, known = inner, known | options_of(inner)
        elif getattr(command, "commands", None) and command.name != "supplier-agent":
            return f"{command.name} has no command {word}"
        elif getattr(command, "commands", None) and re.fullmatch(r"[a-z][a-z-]+", word) and word != words[-1]:
            return f"there is no command {word}"
    return ""


def options_of(command: Any) -> set[str]:  # noqa: ANN401 - typer's own click
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help",
        "-h",
    }


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "commands.md"], ids=named)
def test_every_command_exists_with_its_options(page: Path) -> None:
    assert not [f"{' '.join(words)}: {fault}" for words in commands_in(page.read_text()) if (fault := wrong(words))]


def test_a_wrong_command_would_be_seen() -> None:
    text = "`supplier-agent shop ID`, `supplier-agent ship ID --ovrride NAME`\n```sh\nsudo -u x supplier-agent check  # --x\n```"
    assert [bool(wrong(words)) for words in commands_in(text)] == [False, True, True]


def commands_of(sentence: str) -> Iterator[list[str]]:
    """Yield the words of each command line of ours in a sentence, up to its full stop."""
    for piece in re.split(r"(?=\bsupplier-agent )", re.sub(r"%\(\w+\)s", "X", sentence)):
        found = COMMAND.match(piece.split(". ")[0].split(", then")[0])
        if found is not None and not piece.startswith("supplier-agent on X"):  # the name of an installation
            yield found[1].split()


def test_every_command_that_a_sentence_recommends_exists_with_its_options() -> None:
    lines = [(key, words) for key, text in ENGLISH.items() for words in commands_of(text)]
    assert [(key, said) for key, words in lines if (said := wrong(words))] == []
    assert len(lines) > 40
    assert [wrong(words) for words in commands_of("If so: supplier-agent aprove X. If not: supplier-agent ship X --way Y.")] == [
        "there is no command aprove", "ship has no option --way",
    ]  # fmt: skip


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = reference.FOLDER / name
    assert written.exists()
    assert written.read_text() == reference.PAGES[name](), "write it again: ./run reference"


def test_every_event_is_explained_and_no_other() -> None:
    assert {name for _, name, _ in reference.said()} == set(WHEN)


CITED = re.compile(
    r"API notes, (?P<api>[0-9. ]+(?:and [0-9.]+)?)|public contract, \"(?P<public>[^\"]+)\"", re.IGNORECASE
)


def cited(text: str) -> Iterator[tuple[str, str]]:
    """Yield page and section of every citation in a source text: `API notes, 9.1 and 9.2`, `public contract, "JSON"`."""
    for found in CITED.finditer(" ".join(text.split())):
        if found["public"]:
            yield "public-contract.md", found["public"]
        else:
            yield from (("marketplace-api.md", number) for number in re.findall(r"\d+(?:\.\d+)?", found["api"]))


def sections(page: str) -> set[str]:
    """Return what code may cite of a page: its headings, and the numbers of headings and of rows."""
    text = (reference.FOLDER / page).read_text()
    numbers = re.findall(r"^(?:## |\| )(\d+(?:\.\d+)?)(?:\. | \|)", text, re.MULTILINE)
    return {*numbers, *re.findall(r"^## (.+)", text, re.MULTILINE)}


def test_what_code_cites_is_there() -> None:
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    named_there = {
        (path, *each) for path in sources if path.name != Path(__file__).name for each in cited(path.read_text())
    }
    assert len(named_there) > 10
    assert not [each for each in named_there if each[2] not in sections(each[1])]


def test_a_citation_of_nothing_would_be_seen() -> None:
    assert list(cited('(API notes, 9.1 and\n 9.2) (public contract, "No such")')) == [
        ("marketplace-api.md", "9.1"),
        ("marketplace-api.md", "9.2"),
        ("public-contract.md", "No such"),
    ]
    assert {"9.1", "9"} <= sections("marketplace-api.md")


def test_the_diagram_of_a_call_has_every_state_and_a_paragraph_for_each() -> None:
    page = (ROOT / "docs" / "explanation" / "how-a-call-lives.md").read_text()
    drawn = {state for pair in re.findall(r"^    (\w+) --> (\w+):", page, re.MULTILINE) for state in pair}
    rule = next(str(each.sqltext) for each in Call.__table__.constraints if each.name == "state_is_known")  # type: ignore[attr-defined]
    assert drawn == set(re.findall(r"^\*\*(\w+)\.\*\*", page, re.MULTILINE)) == set(re.findall(r"'(\w+)'", rule))


def test_every_error_is_in_the_table() -> None:
    table = told.plain((ROOT / "docs" / "errors.md").read_text())
    missing = [
        f"{each.place}: {each.text}" for each in told.told(PACKAGE) if any(part not in table for part in each.parts)
    ]
    assert not missing


def test_the_table_of_errors_has_a_cause_and_a_cure_for_each() -> None:
    rows = [line for line in (ROOT / "docs" / "errors.md").read_text().splitlines() if line.startswith("| `")]
    assert rows
    assert not [row for row in rows if any(not cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:4])]
