"""The planted bugs still fit the code. `python -m tests.mutants` plants them and sees each noticed."""

import ast
import re
from pathlib import Path

import pytest

from tests.mutants.__main__ import MUTANTS
from tests.mutants.planted import PACKAGE, Mutant
from tests.mutants.promised import WAYS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_bug_has_its_place_exactly_once_and_its_tests_exist(mutant: Mutant) -> None:
    text = (ROOT / PACKAGE / mutant.file).read_text()
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old
    ast.parse(text.replace(mutant.old, mutant.new))
    for test in mutant.tests:
        path, _, name = test.partition("::")
        if path.startswith("tests/"):
            assert (ROOT / path).is_file()
            assert not name or f"def {name}(" in (ROOT / path).read_text()


def test_there_are_enough_of_them_with_names_of_their_own() -> None:
    assert len(MUTANTS) >= 25
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_each_promise_of_the_readme_lists_the_ways_in_which_it_can_become_false() -> None:
    promised = set(re.findall(r"`(tests/promises/test_promises\.py::\w+)`", (ROOT / "README.md").read_text()))
    assert {test for way in WAYS for test in way.tests} == promised


def test_the_documents_list_each_way_in_which_a_promise_can_become_false() -> None:
    listed = set(re.findall(r"^- (.+)$", (ROOT / "docs" / "promises.md").read_text(), re.MULTILINE))
    assert {way.name for way in WAYS} <= listed
