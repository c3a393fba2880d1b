"""The verdict on a sale: a table of words. And what a ship call that is due must do: a table of facts."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from supplier_agent.settings.support import Support
from supplier_agent.verdict.sale import FRESH, STALE, Gate, Sale, gate, last_word, meaning, sale_of
from tests.world.clocks import NOW

WARN = Support(wait_seconds=5)
STRICT = Support(when_unreachable="hold")
SECOND = timedelta(seconds=1)


def check(status: str | None = "processing", **facts: Any) -> Any:  # noqa: ANN401 - a row
    row = {"status": status, "found": 1, "checked_at": NOW, "failed_at": None, "accepted_status": None}
    return SimpleNamespace(**row | facts)


def order(asked_at: Any = None) -> Any:  # noqa: ANN401 - a row
    return SimpleNamespace(sale_asked_at=asked_at, shipped_at=NOW - timedelta(minutes=2), undo_opened_at=None)


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("processing", Sale.GOOD),
        ("complete", Sale.GOOD),
        ("Complete", Sale.GOOD),
        (" PROCESSING ", Sale.GOOD),
        ("cancelled", Sale.STOPPED),
        ("canceled", Sale.STOPPED),
        ("CANCELLED", Sale.STOPPED),
        ("Refunded", Sale.STOPPED),
        ("holded", Sale.STOPPED),
        ("closed", Sale.UNKNOWN_WORD),
        ("cancel", Sale.UNKNOWN_WORD),
        ("not cancelled", Sale.UNKNOWN_WORD),
        ("annulé", Sale.UNKNOWN_WORD),
        ("", Sale.UNKNOWN_WORD),
        (None, Sale.UNKNOWN_WORD),
    ],
)
def test_what_a_word_means(word: str | None, means: Sale) -> None:
    assert meaning(word, Support()) is means


def test_the_words_are_settings() -> None:
    ours = Support.model_validate({"stop_words": ["Annulé", "fraud"], "go_words": "pending, cancelled"})
    words = ("annulé", "ANNULÉ", "fraud", "cancelled", "processing")
    found = [meaning(word, ours) for word in words]
    assert found == [Sale.STOPPED, Sale.STOPPED, Sale.STOPPED, Sale.GOOD, Sale.UNKNOWN_WORD]


def test_a_word_cannot_stop_and_go() -> None:
    with pytest.raises(ValueError, match="stop_words and in go_words: refunded"):
        Support.model_validate({"go_words": ["Refunded"]})


def test_a_person_accepts_one_word_only() -> None:
    assert meaning("refunded", Support(), "refunded") is Sale.ACCEPTED
    assert meaning("refunded", Support(), "cancelled") is Sale.STOPPED


def test_a_sale_that_does_not_exist_has_no_word() -> None:
    assert last_word(check(None, found=0), WARN) is Sale.NOT_FOUND


@pytest.mark.parametrize(
    ("age", "means"),
    [
        (timedelta(0), Sale.GOOD),
        (FRESH, Sale.GOOD),
        (FRESH + SECOND, Sale.UNCHECKED),
        (-SECOND, Sale.UNCHECKED),
    ],
)
def test_an_answer_counts_for_ten_minutes(age: timedelta, means: Sale) -> None:
    assert timedelta(minutes=10) == FRESH
    assert sale_of(check(), WARN, NOW + age) is means


def test_without_an_answer_nothing_is_known() -> None:
    assert sale_of(None, WARN, NOW) is Sale.UNCHECKED
    assert sale_of(check(None, found=None, checked_at=None), WARN, NOW) is Sale.UNCHECKED


OLD = check(checked_at=NOW - FRESH - SECOND)
FAILED = check(None, found=None, checked_at=None, failed_at=NOW - SECOND)
FAILED_LONG_AGO = check(None, found=None, checked_at=None, failed_at=NOW - 2 * FRESH)
FAILED_BEFORE = check(None, found=None, checked_at=None, failed_at=NOW - timedelta(minutes=3))
ASKED = order(NOW - timedelta(seconds=2))
LONG_ASKED = order(NOW - timedelta(seconds=5))


@pytest.mark.parametrize(
    ("what", "of", "last", "support", "then"),
    [
        ("a fresh answer", order(), check(), WARN, Gate()),
        ("an unknown word", order(), check("odd"), STRICT, Gate()),
        ("not found", order(), check(None, found=0), STRICT, Gate()),
        ("a released word", order(), check("refunded", accepted_status="refunded"), STRICT, Gate()),
        ("a stop word", order(), check("refunded"), WARN, Gate(stops=True)),
        ("an old stop word", order(), check("refunded", checked_at=NOW - 2 * FRESH), WARN, Gate(stops=True)),
        ("a stop word, then no answer", order(), check("refunded", failed_at=NOW), WARN, Gate(stops=True)),
        ("never asked", order(), None, WARN, Gate(NOW + 5 * SECOND, ask=True)),
        ("never asked, strict", order(), None, STRICT, Gate(NOW + STALE, ask=True)),
        ("too old", order(), OLD, WARN, Gate(NOW + 5 * SECOND, ask=True)),
        ("asked, still waiting", ASKED, None, WARN, Gate(NOW + 3 * SECOND)),
        ("asked, still waiting, strict", ASKED, None, STRICT, Gate(NOW - 2 * SECOND + STALE)),
        ("asked for long enough", LONG_ASKED, None, WARN, Gate(skips=True)),
        ("asked for long, strict", LONG_ASKED, None, STRICT, Gate(NOW - 5 * SECOND + STALE)),
        ("known to fail", order(), FAILED, WARN, Gate(skips=True)),
        ("known to fail, strict", ASKED, FAILED, STRICT, Gate(NOW - 2 * SECOND + STALE)),
        ("failed long ago", order(), FAILED_LONG_AGO, WARN, Gate(NOW + 5 * SECOND, ask=True)),
        ("failed before this mark", order(), FAILED_BEFORE, WARN, Gate(NOW + 5 * SECOND, ask=True)),
        ("asked in the future", order(NOW + SECOND), None, WARN, Gate(NOW + 5 * SECOND, ask=True)),
        ("asked, the last answer is from the future", ASKED, check(checked_at=NOW + FRESH), WARN, Gate(NOW + 3 * SECOND)),
        ("asked long ago, strict", order(NOW - 2 * FRESH), None, STRICT, Gate(NOW + STALE, ask=True)),
        ("no wait", order(), None, Support(wait_seconds=0), Gate(ask=True, skips=True)),
    ],
)  # fmt: skip
def test_what_a_due_ship_call_does(what: str, of: Any, last: Any, support: Support, then: Gate) -> None:  # noqa: ANN401 - rows
    assert gate(of, last, support, NOW) == then, what
