"""What the answer to one call shows, and what it does not."""

from dataclasses import replace
from typing import Any

import pytest

from supplier_agent.learning.answers import Answered, body_of, quoted, times
from supplier_agent.learning.observing import after_all, after_call
from supplier_agent.learning.questions import Question
from tests.learning.marketplace import NOON, NOTHING

SHIP, ACKNOWLEDGE, TOKEN = Question.SHIP_BODY, Question.ACKNOWLEDGE_BODY, Question.LABEL_TOKEN
DONE = Answered(1, "ship", NOON, "done", 200, '{"success": true}')


def answer(question: Question, **facts: Any) -> str | None:  # noqa: ANN401 - of any field
    return after_call(NOTHING, replace(DONE, **facts))[question].answer


@pytest.mark.parametrize(
    ("status", "body", "form"),
    [
        (200, '{"success": true}', "success_true"),
        (200, '{"success": "true", "id": 1}', "success_true"),
        (200, "", "empty"),
        (200, " \n", "empty"),
        (204, "", "no_content"),
        (200, '{"message": "thank you"}', "no_success"),
        (200, "{}", "no_success"),
        (200, '{"success": false}', None),
        (200, '{"success": true, "error": "no"}', None),
        (200, '{"error": "unknown order"}', None),
        (200, '{"success": "perhaps"}', None),
        (200, "<html>We will be back soon</html>", None),
        (200, "OK", None),
        (200, "[]", None),
        (200, '{"success": tr', None),
        (500, "", None),
        (302, "", None),
        (404, '{"success": true}', None),
    ],
)
def test_the_form_of_an_answer_that_says_yes(status: int, body: str, form: str | None) -> None:
    assert answer(SHIP, status=status, body=body) == form


@pytest.mark.parametrize("body", ["", "{}", '{"message": "it\'s \\"done\\""}', "Caf\u00e9\n"])
def test_the_journal_keeps_an_unverified_answer_so_that_it_can_be_read_again(body: str) -> None:
    assert body_of(quoted(body)) == body
    assert body_of(body) == body
    assert body_of("unverified, the answer was: 'cut") == "unverified, the answer was: 'cut"


def test_an_answer_that_was_unclear_to_the_agent_counts_too() -> None:
    assert answer(SHIP, outcome="unknown", body="") == "empty"


def test_acknowledge_and_ship_are_questions_of_their_own() -> None:
    assert answer(ACKNOWLEDGE) is None
    assert answer(ACKNOWLEDGE, kind="acknowledge", body="") == "empty"
    assert answer(SHIP, kind="acknowledge", body="") is None


def test_a_label_from_another_server_came_without_the_token() -> None:
    assert answer(TOKEN, kind="label", body="", elsewhere=True) == "not_needed"
    assert answer(TOKEN, kind="label", body="") is None, "the token was sent, needed or not"
    assert answer(TOKEN, kind="label", body="", elsewhere=True, outcome="later", status=404) is None
    assert answer(TOKEN, kind="label", body="", elsewhere=True, outcome="later") is None, "not a PDF"
    assert answer(TOKEN, kind="ship", elsewhere=True) is None


def test_how_long_answers_take_by_endpoint() -> None:
    heard = [
        ("read", NOON, 0.3),
        ("acknowledge", NOON, 0.5),
        ("ship", NOON, 1.5),
        ("label", NOON, 2.0),
        ("webhook", NOON, 9.0),
    ]
    after = after_all(NOTHING, times(heard))
    found = {question: each.answer for question, each in after.items() if each.answer is not None}
    assert found == {
        Question.ANSWER_SECONDS: "0.30",
        Question.ACKNOWLEDGE_SECONDS: "0.50",
        Question.SHIP_SECONDS: "1.50",
        Question.LABEL_SECONDS: "2.00",
    }
