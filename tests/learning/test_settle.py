"""`marketplace settle`: a person accepts what has changed, by name."""

import json

from supplier_agent.learning import Question
from supplier_agent.learning.written import save
from tests.cli.conftest import Installation, here, keep
from tests.learning.test_careful import learned

__all__ = ["here", "keep"]


def test_a_person_accepts_a_change_and_the_answer_is_usual_from_then_on(here: Installation) -> None:
    answers = ["50"] * 20
    for seen in (answers, [*answers, *["20"] * 6]):
        with here.store.write() as tx:
            save(tx, "notio", [learned(Question.PAGE_SIZE, *seen)])
    assert "page_size 50 → 20" in here.told("status").stdout
    told = json.loads(here.said("marketplace", "settle", "notio", "--by", "Ana", "--json"))
    assert told == {"schema": 1, "supplier": "notio", "accepted": ["page_size 50 → 20"]}
    assert "page_size 50" not in here.told("status").stdout
    assert here.ask("SELECT accepted, accepted_by FROM learned") == [("20", "Ana")]
    assert "nothing to settle" in here.told("marketplace", "settle", "notio", "--by", "Ana").stderr


def test_a_supplier_that_is_not_configured_has_nothing_to_settle(here: Installation) -> None:
    done = here.told("marketplace", "settle", "nobody", "--by", "Ana")
    assert (done.returncode, "nobody" in done.stderr) == (2, True)
