"""What only Menzzo can answer, and when it is asked: the rule, without a database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.verdict.letters import Letter, Question, letter, question_of, with_asked
from supplier_agent.words import Words
from supplier_agent.words.letters import letter as text_of

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
TRIED = datetime(2026, 11, 28, 10, tzinfo=UTC)
ID = "15000012345_789"


def problem(code: ProblemCode, since: datetime | None = None, order: str | None = ID, **facts: Any) -> Problem:  # noqa: ANN401 - any fact
    return Problem(code, "notio", order, since, facts)


UNKNOWN = problem(ProblemCode.CALL_UNKNOWN, kind="ship", tried=TRIED, detail="the answer was lost")
REFUSED = problem(
    ProblemCode.CALL_PARKED,
    kind="acknowledge",
    tried=TRIED,
    status=409,
    answer='{"error": "locked"}',
    refusal="conflict",
)
STRANGE = problem(ProblemCode.CALL_PARKED, kind="ship", tried=TRIED, status=404, answer="no", refusal="not_found")
GONE = problem(ProblemCode.ORDER_VANISHED, TRIED, case="marked")
NOT_LEFT = problem(ProblemCode.ORDER_REPORTED, TRIED, report="not_left", words="no room", by="Anna")
ENTRY = problem(ProblemCode.ENTRY_REJECTED, TRIED, None, reason="it has no menzzo_order_id", last=NOW)


def questions(*problems: Problem) -> list[Question]:
    of_each = (question_of(each, "5e1f" if each is ENTRY else None) for each in problems)
    return [each for each in of_each if each is not None]


def row(question: Question, at: datetime) -> SimpleNamespace:
    return SimpleNamespace(
        **dict(zip(("supplier", "subject", "code", "about"), question.key, strict=True)), asked_at=at
    )


def asked(of: Sequence[Question], ago: timedelta, again_days: int = 7) -> Letter:
    return letter("notio", of, [row(each, NOW - ago) for each in of], NOW, again_days)


@pytest.mark.parametrize("each", [UNKNOWN, REFUSED, STRANGE, GONE, NOT_LEFT, ENTRY])
def test_menzzo_is_asked_what_it_alone_can_answer(each: Problem) -> None:
    assert question_of(each) is not None


@pytest.mark.parametrize(
    "each",
    [
        problem(ProblemCode.CALL_PARKED, kind="shop_order", tried=TRIED),
        problem(ProblemCode.ORDER_REPORTED, TRIED, report="damaged", by="Anna"),
        problem(ProblemCode.WAITING, TRIED, case="acknowledge"),
        problem(ProblemCode.HELD_THOUGH_MARKED, reason="our own affair"),
        Problem(ProblemCode.DISK_LOW),
    ],
)
def test_menzzo_is_not_asked_about_our_own_affairs(each: Problem) -> None:
    assert question_of(each) is None


def test_a_question_is_new_then_waits_then_is_due_once_more() -> None:
    (mine,) = questions(UNKNOWN)
    assert letter("notio", [mine], [], NOW, 7).new == (mine,)
    waits = asked([mine], timedelta(days=6, hours=23))
    assert (waits.to_ask, len(waits.waiting)) == ((), 1)
    again = asked([mine], timedelta(days=7))
    assert (again.new, len(again.again), again.waiting) == ((), 1, ())
    assert not asked([mine], timedelta(days=900), again_days=0).to_ask


def test_a_new_answer_to_the_same_call_is_a_new_question() -> None:
    later = problem(ProblemCode.CALL_UNKNOWN, kind="ship", tried=TRIED + timedelta(days=1), detail="again")
    before, after = questions(UNKNOWN, later)
    found = letter("notio", [after], [row(before, NOW)], NOW, 7)
    assert found.new == (after,)


def test_a_letter_has_only_the_questions_of_its_supplier() -> None:
    other = Problem(ProblemCode.CALL_UNKNOWN, "asir-group", ID, None, {"kind": "ship", "tried": TRIED})
    assert [each.supplier for each in letter("notio", questions(UNKNOWN, other), [], NOW, 7).new] == ["notio"]


def test_the_message_names_supplier_ids_messages_and_times() -> None:
    found = [*questions(UNKNOWN, REFUSED, GONE, NOT_LEFT), *questions(ENTRY)]
    text = text_of("notio", found)
    assert text.startswith("Supplier: notio\n")
    assert text.count(ID) == 1, "an order is named once, with all that is asked about it"
    for part in (
        "ship-sale, 2026-11-28 10:00:00 UTC: we have no clear answer. Is this order shipped on your side?",
        "acknowledge-sale, 2026-11-28 10:00:00 UTC: it was refused. What should we do?",
        'Message: HTTP 409 {"error": "locked"}',
        "we have marked it as shipped. Is it cancelled?",
        "it has not left our warehouse (no room)",
        "without a usable menzzo_order_id\n  listed from 2026-11-28",
        "it has no menzzo_order_id. Please correct it.",
    ):
        assert part in text, part


def test_a_marked_order_that_menzzo_does_not_know_is_asked_about_as_such() -> None:
    assert "you do not know this order, and it has left our warehouse" in text_of("notio", questions(STRANGE))


def test_a_reminder_says_when_it_was_asked_before() -> None:
    found = asked(questions(UNKNOWN), timedelta(days=8))
    assert "We asked you about this on 2026-11-22 09:00:00 UTC." in text_of("notio", found.to_ask)


def test_no_question_is_no_message() -> None:
    assert not text_of("notio", [])


def test_every_surface_that_shows_a_problem_says_when_menzzo_was_asked() -> None:
    (mine,) = questions(UNKNOWN)
    (told, other) = with_asked([UNKNOWN, GONE], [row(mine, TRIED)])
    assert told.asked_at == TRIED
    assert other.asked_at is None
    words = Words()
    assert words.problem(told) == f"{words.problem(UNKNOWN)} (Menzzo was asked at 2026-11-28 10:00:00 UTC)"
    assert words.trouble(told).endswith("(Menzzo was asked at 2026-11-28 10:00:00 UTC)")
    assert words.worded(told).as_json()["asked_at"] == "2026-11-28T10:00:00.000000Z"
    assert words.worded(UNKNOWN).as_json()["asked_at"] is None
