"""`resolve --file`: Menzzo's answers from a spreadsheet, all of them or none, and each only once."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from supplier_agent.base.errors import UsageError
from supplier_agent.cli.answers import read
from tests.cli.conftest import Installation, here, keep
from tests.unit.conftest import ready

__all__ = ["here", "keep"]
Keep = Callable[..., int]
ONE, TWO, THREE, FOUR = (f"15000012345_{number}" for number in (1, 2, 3, 4))


@pytest.fixture
def four(here: Installation, keep: Keep) -> Installation:
    """Return an installation with two lost ship calls, a refused one, and an order without a call."""
    at = datetime.now(UTC)
    for this, state in ((ONE, "unknown"), (TWO, "unknown"), (THREE, "parked")):
        keep(ready(this, shipped=1, shipped_at=at), ship=state)
    keep(ready(FOUR))
    return here


def file(
    folder: Path, *lines: str, head: str = "menzzo_order_id,answer,note", end: str = "\n", before: bytes = b""
) -> str:
    path = folder / "answers.csv"
    path.write_bytes(before + end.join((head, *lines, "")).encode())
    return str(path)


def facts(here: Installation) -> list[tuple[object, ...]]:
    return here.ask(
        "SELECT menzzo_order_id, ship_confirmed_at IS NOT NULL, closed_reason, state FROM orders"
        " LEFT JOIN calls ON order_id = orders.id ORDER BY menzzo_order_id"
    )


GOOD = (
    f"{ONE},shipped,",
    f"{TWO},not_shipped,mail of Monday",
    f"{THREE},try_again,",
    f"{FOUR},cancelled,customer called",
)


def test_without_yes_it_only_shows_what_it_would_do(four: Installation, tmp_path: Path) -> None:
    before = facts(four)
    said = four.told("resolve", "--file", file(tmp_path, *GOOD), "--by", "Ana")
    assert said.returncode == 0
    assert f"{ONE}: would be: shipped: recorded as shipped; nothing is sent" in said.stdout
    assert "to enter 4 answers: add --yes" in said.stderr
    assert facts(four) == before
    assert four.ask("SELECT * FROM letter_answers") == []


def test_each_answer_leads_to_what_a_person_would_do(four: Installation, tmp_path: Path) -> None:
    said = four.said("resolve", "--file", file(tmp_path, *GOOD), "--by", "Ana", "--yes")
    assert "would be" not in said
    assert facts(four) == [
        (ONE, 1, None, "done"),
        (TWO, 0, None, "owed"),
        (THREE, 0, None, "owed"),
        (FOUR, 0, "cancelled, says Menzzo: customer called", None),
    ]
    assert four.ask(f"SELECT ship_evidence FROM orders WHERE menzzo_order_id = '{ONE}'") == [("person",)]
    (window,) = four.ask(f"SELECT undo_opened_at IS NOT NULL FROM orders WHERE menzzo_order_id = '{TWO}'")
    assert window == (1,), "it is sent again only after a new undo window"
    notes = four.ask("SELECT who, detail FROM events WHERE what = 'note' ORDER BY id")
    assert ("Ana", "Menzzo answered: not_shipped (mail of Monday)") in notes


def test_the_same_file_twice_does_nothing_the_second_time(four: Installation, tmp_path: Path) -> None:
    words = "resolve", "--file", file(tmp_path, *GOOD), "--by", "Ana", "--yes"
    four.said(*words)
    with four.store.write() as tx:  # the second try was lost, too
        tx.connection().exec_driver_sql("UPDATE calls SET state = 'unknown' WHERE state = 'owed'")
    before, events = facts(four), four.ask("SELECT count(*) FROM events")
    said = four.said(*words)
    assert said.count("Ana entered this at") == 4
    assert facts(four) == before, "an old answer must not send the order again"
    assert four.ask("SELECT count(*) FROM events") == events


def test_a_new_note_is_a_new_answer(four: Installation, tmp_path: Path) -> None:
    four.said("resolve", "--file", file(tmp_path, f"{TWO},not_shipped,"), "--by", "Ana", "--yes")
    with four.store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE calls SET state = 'unknown' WHERE state = 'owed'")
    four.said("resolve", "--file", file(tmp_path, f"{TWO},not_shipped,mail of Tuesday"), "--by", "Ana", "--yes")
    assert (TWO, 0, None, "owed") in facts(four)


def test_one_wrong_line_and_nothing_is_done_and_every_wrong_line_is_named(four: Installation, tmp_path: Path) -> None:
    before = facts(four)
    lines = (*GOOD, "15000099999_1,shipped,", f"{ONE},cancelled,", "15000099999_2,perhaps,", ",shipped,")
    said = four.told("resolve", "--file", file(tmp_path, *lines), "--by", "Ana", "--yes")
    assert said.returncode == 2
    for part in (
        "line 6: 15000099999_1: there is no order",
        f"line 7: {ONE} is in line 2 already",
        "line 8: answer is “perhaps”; expected shipped, not_shipped, cancelled, try_again, or nothing",
        "line 9: menzzo_order_id is empty",
        "nothing was done: 4 lines are wrong",
    ):
        assert part in said.stderr, said.stderr
    assert facts(four) == before


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"{THREE},not_shipped,", "its ship call is parked; to send it again: try_again"),
        (f"{FOUR},shipped,", "there is no ship call yet"),
        (f"{FOUR},try_again,", "it has no call that waits for a retry"),
    ],
)
def test_an_answer_that_does_not_fit_the_order_is_refused(
    four: Installation, tmp_path: Path, line: str, why: str
) -> None:
    said = four.told("resolve", "--file", file(tmp_path, line), "--by", "Ana", "--yes")
    assert said.returncode == 2
    assert why in said.stderr


def test_a_cancelled_order_that_is_reported_is_not_closed(four: Installation, tmp_path: Path) -> None:
    four.said("resolve", ONE, "--shipped", "--by", "Ana")
    said = four.told("resolve", "--file", file(tmp_path, f"{ONE},cancelled,"), "--by", "Ana", "--yes")
    assert "it is reported as shipped, so it cannot be closed" in said.stderr


@pytest.mark.parametrize("head", ["menzzo_order_id;answer;note", "Note;Answer;Supplier;Other;menzzo_order_id"])
def test_a_spreadsheet_is_read_with_its_semicolons_mark_and_line_ends(
    four: Installation, tmp_path: Path, head: str
) -> None:
    line = f"{ONE};Shipped;" if head.startswith("menzzo") else f";SHIPPED;notio;x;'{ONE}"
    path = file(tmp_path, line, ";;;;", head=head, end="\r\n", before=b"\xef\xbb\xbf")
    four.said("resolve", "--file", path, "--by", "Ana", "--yes")
    assert (ONE, 1, None, "done") in facts(four)


def test_an_empty_answer_is_none_yet(four: Installation, tmp_path: Path) -> None:
    said = four.told("resolve", "--file", file(tmp_path, f"{ONE},,"), "--by", "Ana", "--yes")
    assert (said.returncode, said.stdout) == (0, "")
    assert "the file has no answer" in said.stderr


def test_the_supplier_is_needed_only_if_two_have_the_id(four: Installation, keep: Keep, tmp_path: Path) -> None:
    keep(ready(ONE, supplier="asir-group", shipped=1, shipped_at=datetime.now(UTC)), ship="unknown")
    said = four.told("resolve", "--file", file(tmp_path, f"{ONE},shipped,"), "--by", "Ana", "--yes")
    assert "both have an order" in said.stderr
    head = "menzzo_order_id,supplier,answer"
    four.said("resolve", "--file", file(tmp_path, f"{ONE},asir-group,shipped", head=head), "--by", "Ana", "--yes")
    assert four.ask("SELECT supplier FROM orders WHERE ship_confirmed_at IS NOT NULL") == [("asir-group",)]


def test_json_has_each_answer(four: Installation, tmp_path: Path) -> None:
    told = json.loads(four.said("resolve", "--file", file(tmp_path, GOOD[0]), "--by", "Ana", "--json"))
    assert (told["done"], told["answers"][0]["order"], told["answers"][0]["new"]) == (False, ONE, True)


@pytest.mark.parametrize(
    "words",
    [
        ("resolve", ONE, "--file", "x", "--by", "A"),
        ("resolve", "--by", "A"),
        ("resolve", ONE, "--shipped", "--yes", "--by", "A"),
    ],
)
def test_a_file_and_an_order_exclude_each_other(four: Installation, words: tuple[str, ...]) -> None:
    assert four.told(*words).returncode == 2


@pytest.mark.parametrize("content", [b"", b"id,reply\n1,x\n", b"\xff\xfe", b'menzzo_order_id,answer\n"x'])
def test_a_file_whose_form_is_not_clear_is_refused_as_a_whole(content: bytes) -> None:
    with pytest.raises(UsageError):
        read(content, "answers.csv")
