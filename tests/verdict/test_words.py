"""Every code has its sentence, every sentence its facts, and an instant is shown in one zone."""

import re
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from supplier_agent.order import STAGES
from supplier_agent.verdict import Blocker, NextStep, Problem, ProblemCode, Stage
from supplier_agent.verdict.codes import INFO, LIFTED_BY_OVERRIDE, Next
from supplier_agent.words import LOCALE, Words, say
from supplier_agent.words.english import ENGLISH
from supplier_agent.words.formats import and_more, duration, instant, money
from tests.unit.conftest import NOW

PARIS = ZoneInfo("Europe/Paris")
OWN_WORDS = {
    ProblemCode.WORKERS_HUNG, ProblemCode.DATABASE_FAILED, ProblemCode.DISK_FULL, ProblemCode.ALERTS_FAILED,
    ProblemCode.AGENT_TROUBLE,
}  # fmt: skip
"""What the agent says of itself in its heartbeat, word for word."""


def has_words(group: str, code: str) -> bool:
    return any(key == f"{group}.{code}" or key.startswith(f"{group}.{code}.") for key in ENGLISH)


def test_every_code_has_its_words() -> None:
    assert [code for code in ProblemCode if code not in OWN_WORDS and not has_words("problem", code)] == []
    failing = {code for code in ProblemCode if code.endswith("_failing")}  # they share `fix.failing`
    assert [code for code in ProblemCode if code not in OWN_WORDS | failing and not has_words("fix", code)] == []
    assert [code for code in Blocker if not has_words("blocker", code)] == []
    assert [code for code in LIFTED_BY_OVERRIDE if not has_words("waits_for", code)] == []
    assert [step for step in NextStep if not has_words("next", step)] == []
    assert [stage for stage in Stage if not has_words("stage", stage)] == []
    assert tuple(Stage) == STAGES


def test_no_words_are_left_over() -> None:
    known = {"problem": {*ProblemCode, "said"}, "fix": {*ProblemCode, "said", "failing"}, "blocker": set(Blocker)}
    known |= {"next": {*NextStep, "waits"}, "stage": set(Stage), "waits_for": {*LIFTED_BY_OVERRIDE, "all"}}
    left = [key for key in ENGLISH if key.split(".")[0] in known and key.split(".")[1] not in known[key.split(".")[0]]]
    assert left == []


@pytest.mark.parametrize("code", [code for code in ProblemCode if code not in OWN_WORDS])
def test_a_problem_can_always_be_said_even_without_its_facts(code: ProblemCode) -> None:
    cases = [key.split(".")[2] for key in ENGLISH if key.startswith((f"problem.{code}.", f"fix.{code}."))]
    for case in (*cases, None) if has_plain(code) else cases:
        problem = Problem(code, "notio", "1_1", NOW, {} if case is None else {"case": case})
        assert Words().problem(problem)
        if f"fix.{code}.{case}" in ENGLISH or f"fix.{code}" in ENGLISH:
            Words().fix(problem)


def has_plain(code: ProblemCode) -> bool:
    return f"problem.{code}" in ENGLISH


def test_what_another_process_says_is_passed_on_word_for_word() -> None:
    problem = Problem(ProblemCode.DISK_FULL, facts={"what": "the disk is 100 % full", "fix": "free some"})
    assert (Words().problem(problem), Words().fix(problem)) == ("the disk is 100 % full", "free some")


def test_a_fact_with_signs_of_its_own_is_not_read_as_a_placeholder() -> None:
    assert "%(kind)s 100 %" in say("next.parked", {"detail": "%(kind)s 100 %", "kind": "ship", "order": "1_1"})


def test_an_instant_is_shown_in_the_zone_of_its_output_and_utc_names_itself() -> None:
    problem = Problem(
        ProblemCode.READS_FAILING,
        "notio",
        None,
        NOW,
        {"lane": "reads", "reason": "refused", "case": "again_at", "at": NOW},
    )
    assert Words().problem(problem) == "reads have failed since 2026-11-21 12:00:00 UTC: refused"
    here = Words(zone=PARIS)
    assert here.problem(problem) == "reads have failed since 2026-11-21 13:00:00: refused"
    assert here.fix(problem) == "nothing to do: it is tried again at 2026-11-21 13:00:00"
    assert instant(NOW, UTC).endswith(" UTC")


def test_what_a_marked_order_waits_for_comes_before_what_happens_next() -> None:
    waits = Next(NextStep.DUE, None, "acknowledge", (Blocker.NOT_ACKNOWLEDGED, Blocker.NO_LABEL))
    said = Words().next(waits, "1_1", "notio")
    assert said.startswith(
        "It is marked as shipped, and is reported once it has its acknowledgement and its label. Its ack"
    )


def test_spans_money_and_lists() -> None:
    assert [duration(each) for each in (45, 60, 120, 7199, 7200, 172800)] == [
        "45 s",
        "1 min",
        "2 min",
        "120 min",
        "2 h",
        "2 d",
    ]
    assert [money(each) for each in (0, 5, 25000)] == ["0.00", "0.05", "250.00"]
    assert and_more(["1", "2", "3"], 2) == "1, 2 + 1"


def test_a_language_without_a_catalogue_is_english() -> None:
    assert say("stage.ready", language="xx") == "ready"
    assert LOCALE.parent.name == "words"


def test_a_sentence_is_one_line_of_plain_english() -> None:
    odd = re.compile(r"\b(whoever|anew|somebody|beside|cure|mend|told|by itself|stands|beforehand)\b", re.IGNORECASE)
    assert [key for key, text in ENGLISH.items() if odd.search(text) or "\n" in text or "  " in text] == []


def test_every_problem_is_in_the_table_of_errors() -> None:
    table = (LOCALE.parents[2] / "docs" / "errors.md").read_text()
    info = {"said", *INFO}
    longest = {
        key: max(re.split(r"%\(\w+\)s", text), key=len).strip(" :;,.()")
        for key, text in ENGLISH.items()
        if key.startswith("problem.") and key.split(".")[1] not in info and re.sub(r"%\(\w+\)s", "", text)
    }
    assert [(key, words) for key, words in longest.items() if words not in table] == []
