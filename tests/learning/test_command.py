"""`marketplace`: each question in words, with its evidence, as JSON, and what a person could configure."""

import json
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.plain_sql import text
from supplier_agent.db.state_folder import LOCK, InstanceLock
from supplier_agent.db.store import Store, open_store
from supplier_agent.learning import Estimate, Question, State
from supplier_agent.learning.estimates import estimates_of
from supplier_agent.learning.fold import fold
from supplier_agent.learning.proposals import Proposal, of_all, of_supplier
from supplier_agent.learning.questions import DENIES, Observation
from supplier_agent.learning.written import save
from supplier_agent.words import Words
from supplier_agent.words.english import SENTENCES
from tests.cli.conftest import Installation
from tests.learning.marketplace import NOON, NOTHING, holding, seen

SIZE, LATE, CACHE = Question.PAGE_SIZE, Question.LATENESS_DAYS, Question.CACHE_SECONDS


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "agent.db", agent=True)


@pytest.fixture
def installation(tmp_path: Path, store: Store) -> Installation:
    return Installation(tmp_path, store)


def after(question: Question, *answers: str) -> Estimate:
    estimate = Estimate(question)
    for each in seen(question, answers):
        estimate = fold(estimate, each)
    return estimate


def learn(store: Store, *estimates: Estimate, supplier: str = "notio") -> None:
    with store.write() as tx:
        save(tx, supplier, estimates)


def test_an_estimate_is_read_as_it_was_written(store: Store) -> None:
    written = [after(SIZE, *["50"] * 21, *["25"] * 6), after(LATE, "1", "3"), after(Question.ANSWER_SECONDS, "0.30")]
    learn(store, *written)
    with store.read() as tx:
        read = estimates_of(tx, "notio")
    assert [read[each.question] for each in written] == written
    assert read[Question.ORDER] == Estimate(Question.ORDER)


def test_a_damaged_row_counts_as_nothing_known(store: Store) -> None:
    learn(store, after(SIZE, *["50"] * 20))
    for column, value in (("memory", "{"), ("evidence", "7"), ("state", "perhaps"), ("agreeing", "many")):
        with store.write() as tx:
            tx.connection().exec_driver_sql(f"UPDATE learned SET {column} = ?", (value,))
        with store.read() as tx:
            assert estimates_of(tx, "notio")[SIZE] == Estimate(SIZE), column
        learn(store, after(SIZE, *["50"] * 20))


def test_the_command_answers_each_question_in_words(installation: Installation) -> None:
    learn(
        installation.store,
        after(SIZE, *["50"] * 21, *["25"] * 6),
        after(Question.ORDER, *["oldest"] * 20, "newest"),
        after(Question.PAST_END, *["empty"] * 20),
        after(Question.CURSOR, "exclusive"),
        after(Question.PAGE_HONOURED, DENIES),
        after(Question.ANSWER_SECONDS, *["0.30"] * 20),
    )
    told = installation.told("marketplace", "--supplier", "notio").stdout
    for line in (
        "How many orders does a full page have?\n      changed on 2026-11-28: 25; before: 50",
        'How is the list sorted?\n      the observations disagree; for "by number, the oldest order first": 20, against it: 1',
        "What is the answer to a page after the last?\n      an empty list (20 observations on 6 days since 2026-11-23)",
        "not known yet; so far: it lists the orders after this one (observations: 1 of 20, days: 1 of 3)",
        "Is the parameter page honoured?\n      the observations disagree",
        "usually 0.30 seconds; 19 of the last 20 took at most 0.30",
        "Does a label need the token?\n      not known yet (observations: 0 of 20, days: 0 of 3)",
    ):
        assert line in told, told
    assert "asir-group" not in told


def test_the_evidence_names_requests_with_their_times(installation: Installation) -> None:
    with installation.store.write() as tx:
        tx.connection().exec_driver_sql(
            "INSERT INTO reads (id, supplier, url, started_at, ended_at, tries, outcome, listed, added)"
            " VALUES (7, 'notio', 'get-sales?page=2', ?, ?, 1, 'listed', 0, 0)",
            (text(NOON), text(NOON)),
        )
    learn(installation.store, fold(Estimate(SIZE), Observation(SIZE, "50", NOON, ("reads", 7), "r7")))
    assert "2026-11-23 12:00 UTC  get-sales?page=2  50" in installation.told("marketplace").stdout
    told = json.loads(installation.told("marketplace", "--supplier", "notio", "--json").stdout)
    (piece,) = next(each for each in told["suppliers"][0]["questions"] if each["question"] == "page_size")["evidence"]
    assert piece == {"answer": "50", "at": "2026-11-23T12:00:00.000000Z", "request": "get-sales?page=2"}


def test_the_json_has_every_question_of_every_supplier(installation: Installation) -> None:
    told = json.loads(installation.told("marketplace", "--json").stdout)
    assert {each["supplier"] for each in told["suppliers"]} == {"notio", "asir-group"}
    for each in told["suppliers"]:
        assert [one["question"] for one in each["questions"]] == [question.value for question in Question]
        assert {one["state"] for one in each["questions"]} == {"unknown"}
    assert told["proposals"] == []


def test_every_question_and_every_answer_has_its_sentence() -> None:
    answers = {
        Question.ORDER: ("oldest", "newest", "other"),
        Question.PAGE_HONOURED: ("yes", "no"),
        Question.PAGE_BESIDE_CURSOR: ("yes", "no"),
        Question.PAST_END: ("empty", "repeats", "not_found"),
        Question.CURSOR: ("exclusive", "inclusive", "ignored", "refused"),
        Question.CURSOR_IN_CACHE_KEY: ("yes", "no"),
        Question.ORDER_NUMBER: ("honoured", "ignored", "refused"),
        Question.ACKNOWLEDGED_LEAVE: ("yes", "no"),
        Question.SHIPPED_LEAVE: ("yes", "no"),
        Question.CANCELLED_LEAVE: ("yes", "no"),
        Question.ACKNOWLEDGE_BODY: ("success_true", "no_success", "empty", "no_content"),
        Question.SHIP_BODY: ("success_true", "no_success", "empty", "no_content"),
        Question.LABEL_TOKEN: ("needed", "not_needed"),
        Question.PAGE_SIZE: ("varies",),
    }
    for question in Question:
        assert Words().say(f"question.{question}")
        for code in answers.get(question, ()):
            assert f"learned.{question}.{code}" in SENTENCES, f"{question} {code}"


# -- proposals ---------------------------------------------------------------------------------------------------------


def proposed(known: dict[Question, Estimate], cache_seconds: float = 1800) -> list[Proposal]:
    return list(of_supplier("notio", known, cache_seconds, order_number_filter=False))


def test_a_shorter_life_of_the_cache_is_proposed_only_if_it_holds() -> None:
    name = "suppliers.notio.cache_seconds"
    assert proposed(holding(CACHE, "960")) == [Proposal(name, 1800, 960, CACHE, is_careful=False)]
    assert proposed(holding(CACHE, "1800")) == []
    leaning = NOTHING | {CACHE: Estimate(CACHE, State.UNKNOWN, "960")}
    assert proposed(leaning) == []


def test_a_longer_life_of_the_cache_is_proposed_as_soon_as_an_answer_was_that_old() -> None:
    older = NOTHING | {CACHE: Estimate(CACHE, memory={"oldest": 2400})}
    assert proposed(older) == [Proposal("suppliers.notio.cache_seconds", 1800, 2400, CACHE, is_careful=True)]


def test_order_number_is_proposed_if_it_is_honoured() -> None:
    assert [each.proposed for each in proposed(holding(Question.ORDER_NUMBER, "honoured"))] == [True]
    assert proposed(holding(Question.ORDER_NUMBER, "ignored")) == []
    on = list(of_supplier("notio", holding(Question.ORDER_NUMBER, "ignored"), 0, order_number_filter=True))
    assert [(each.proposed, each.is_careful) for each in on] == [(False, True)]


def test_fewer_days_of_a_sweep_are_proposed_only_if_every_supplier_shows_it() -> None:
    late = holding(LATE, "2")
    assert [each.proposed for each in of_all([late], 14)] == [5]
    assert list(of_all([late, NOTHING], 14)) == []
    assert [each.proposed for each in of_all([late, holding(LATE, "0")], 14)] == [5]
    assert [each.proposed for each in of_all([holding(LATE, "0")], 14)] == [3], "never fewer"
    assert list(of_all([holding(LATE, "7")], 14)) == [Proposal("schedule.sweep_days", 14, 15, LATE, is_careful=True)]
    assert list(of_all([], 14)) == []


def test_the_command_proposes_and_changes_nothing(installation: Installation) -> None:
    before = installation.config.read_text()
    for supplier in ("notio", "asir-group"):
        estimate = after(LATE, *["0", "2"] * 10)
        learn(installation.store, estimate, supplier=supplier)
    told = installation.told("marketplace").stdout
    assert "schedule.sweep_days is 14 and could be 5: no order was later than half of that" in told
    assert installation.config.read_text() == before


def test_probe_is_refused_while_an_agent_runs_or_there_is_no_state(installation: Installation, tmp_path: Path) -> None:
    with InstanceLock(tmp_path / LOCK, "run", SystemClock()):
        told = installation.told("marketplace", "probe")
    assert told.returncode != 0
    assert "stop it first" in told.stderr
    installation.store.close()
    (tmp_path / "agent.db").unlink()
    assert "run --once" in installation.told("marketplace", "probe").stderr
