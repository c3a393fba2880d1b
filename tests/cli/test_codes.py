"""Exit codes: the first of the public contract's order is returned, over several orders too; a usage error before all."""

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from supplier_agent.base.process import EXIT_ORDER, worst
from tests.cli.conftest import IDS, Installation


def test_of_all_that_hold_the_first_of_the_contract_is_returned() -> None:
    assert worst(set()) == 0
    assert worst({0}) == 0
    assert worst({0, 70}) == 70, "a crash is no success"
    for size in range(1, len(EXIT_ORDER) + 1):
        for codes in itertools.combinations(EXIT_ORDER, size):
            assert worst({0, *codes}) == codes[0]
            assert worst({0, *codes, 2}) == 2


def test_an_unknown_order_among_others_is_2_and_the_others_are_done(eight: Installation) -> None:
    eight.told("close", IDS[0], "--reason", "by hand")
    done = eight.told("ship", IDS[0], "no-such_1", IDS[1])
    assert done.returncode == 2
    assert eight.ask("SELECT count(*) FROM orders WHERE shipped = 1") == [(1,)]


def test_a_refusal_alone_is_1(eight: Installation) -> None:
    eight.told("close", IDS[0], "--reason", "by hand")
    assert eight.told("ship", IDS[0], IDS[1]).returncode == 1


@pytest.mark.usefixtures("impatient")
def test_a_locked_database_is_74_and_is_waited_for_but_once(eight: Installation) -> None:
    with closing(sqlite3.connect(eight.folder / "agent.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = eight.told("ship", *IDS)
    assert done.returncode == 74
    assert done.stderr.count("not tried") == len(IDS) - 1


@pytest.mark.parametrize(
    "words",
    [
        ("shop",), ("ship",), ("ship", "no-such_1"), ("order", "no-such_1"), ("unship", "no-such_1"), ("retry",),
        ("retry", "no-such_1"), ("hold", "no-such_1", "--reason", "x"), ("hold", IDS[0]), ("release", "no-such_1"),
        ("close", "no-such_1", "--reason", "x"), ("reopen", "no-such_1"), ("resolve", "no-such_1", "--shipped", "--by", "A"),
        ("orders", "--stage", "gone"), ("orders", "--supplier", "nobody"), ("orders", "--since", "yesterday"),
        ("orders", "--limit", "0"), ("orders", "--limit", "9" * 30), ("coverage", "--supplier", "nobody"),
        ("pause", "nobody"), ("resume", "nobody"), ("approve", "nobody"), ("agree", "nobody"), ("export", "everything"),
        ("restore", "/no/such"),
        ("person", "remove", "Nobody"), ("help", "shopp"), ("config", "nothing"), ("-q", "-v", "orders"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_words_is_2(eight: Installation, words: tuple[str, ...]) -> None:
    assert eight.told(*words).returncode == 2


def test_a_file_that_cannot_be_read_is_2_and_nothing_is_done(eight: Installation, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("\n".join(IDS))
    assert eight.told("ship", "--file", "/no/such/file").returncode == 2
    assert eight.told("ship", "--file", str(tmp_path)).returncode == 2
    assert eight.told("ship", "--file", str(tmp_path / "ids"), "--success", "/no/such/folder/x").returncode == 2
    assert eight.ask("SELECT count(*) FROM orders WHERE shipped = 1") == [(0,)]
