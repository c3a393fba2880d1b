"""The verdict on a supplier and on the installation: its state, when it is read next, and every problem on its own."""

from datetime import timedelta
from typing import Any

import pytest

from supplier_agent.db.tables import Lane, Run
from supplier_agent.verdict import InstallationState, ProblemCode, SupplierState, judge_installation, judge_supplier
from supplier_agent.verdict.codes import EXIT_CODES, INFO, URGENT, Act, Problem, Severity
from supplier_agent.verdict.supplier import Lasting
from tests.unit.conftest import SUPPLIER, at, settings_of
from tests.world.clocks import NOW

SETTINGS = settings_of()
LANE_OF = {"ship": "writes", "label": "labels"}


def lane(name: str, **facts: Any) -> Lane:  # noqa: ANN401 - any column
    row: dict[str, Any] = {"supplier": SUPPLIER, "failing_since": NOW, "reason": "refused", "resume_at": at(30)}
    return Lane(lane=name, **(row | facts))


BOTH = {"writes": lane("writes"), "labels": lane("labels")}


def judged(**facts: Any) -> Any:  # noqa: ANN401 - a SupplierVerdict
    return judge_supplier(SupplierState(SUPPLIER, **facts), SETTINGS, NOW, lane_of=LANE_OF)


def codes(problems: Any) -> list[str]:  # noqa: ANN401 - problems
    return [problem.code.value for problem in problems]


@pytest.mark.parametrize(
    ("facts", "state", "problems"),
    [
        ({}, "ok", []),
        ({"paused_at": NOW, "token_refused_at": NOW, "flags_asked_at": NOW}, "paused", ["paused"]),
        ({"token_refused_at": NOW, "lanes": {"reads": lane("reads")}}, "paused", ["token_refused"]),
        ({"quiet_until": at(60)}, "paused", []),
        ({"quiet_until": NOW}, "ok", []),
        ({"lanes": {"reads": lane("reads")}}, "failing", ["reads_failing"]),
        ({"lanes": BOTH, "owed": frozenset({"ship"})}, "failing", ["writes_failing"]),
        ({"lanes": {"writes": lane("writes")}}, "ok", []),
        ({"flags_asked_at": NOW}, "ok", ["flags_unusual"]),
        ({"token_since": NOW - timedelta(days=83)}, "ok", ["token_old"]),
        ({"token_since": NOW, "token_key": "token_next"}, "ok", ["token_next_in_use"]),
        ({"token_missing": "there is none"}, "ok", ["token_missing"]),
        ({"rejected": ("it has no id", "it is a list")}, "ok", ["entry_rejected", "entry_rejected"]),
        ({"gone_at_once": 40, "gone_since": NOW}, "ok", ["mass_disappearance"]),
        ({"lasting": (Lasting(ProblemCode.SILENCE, "nothing", "ask"),)}, "ok", ["silence"]),
    ],
)  # fmt: skip
def test_the_state_and_each_problem_follow_from_the_facts(
    facts: dict[str, Any], state: str, problems: list[str]
) -> None:
    verdict = judged(**facts)
    assert (verdict.state, codes(verdict.problems)) == (state, problems)
    assert (verdict.state == "ok") == (not verdict.because)


def test_a_supplier_that_is_not_configured_is_one_problem_while_it_has_open_orders() -> None:
    stranger = SupplierState("renamed", open_orders=3, marked=1, example="1_1")
    verdict = judge_supplier(stranger, SETTINGS, NOW, lane_of=LANE_OF)
    assert (codes(verdict.problems), verdict.next_read_at) == (["supplier_unknown"], None)
    assert judge_supplier(SupplierState("renamed"), SETTINGS, NOW, lane_of=LANE_OF).problems == ()


def run(purpose: str, seconds: float, proof: str = "complete") -> Run:
    facts: dict[str, Any] = {
        "requested_at": at(seconds),
        "started_at": at(seconds),
        "ended_at": at(seconds),
        "proof": proof,
    }
    return Run(id=1, supplier=SUPPLIER, purpose=purpose, date_from=NOW.date(), date_to=NOW.date(), **facts)


def test_a_sweep_that_was_not_read_to_its_end_is_said() -> None:
    assert codes(judged(whole=run("sweep", -60, "partial")).problems) == ["not_fully_read"]
    assert codes(judged(whole=run("sweep", -60)).problems) == []


def test_a_read_is_late_only_while_an_agent_runs_and_nothing_explains_it() -> None:
    def late(begun: float | None, **facts: Any) -> list[str]:  # noqa: ANN401 - any fact
        supplier = SupplierState(SUPPLIER, sweep=run("sweep", -9999), poll=run("poll", -9999), **facts)
        since = None if begun is None else at(begun)
        verdict = judge_supplier(supplier, SETTINGS, NOW, lane_of=LANE_OF, runs_since=since)
        assert (verdict.state == "failing") == ("read_late" in codes(verdict.problems))
        return codes(verdict.problems)

    assert late(-9000) == ["read_late"]
    assert late(None) == [], "no agent runs"
    assert late(-60) == [], "it has just begun"
    assert late(-9000, asked_at=at(-60)) == [], "it was read"
    assert late(-9000, paused_at=NOW) == ["paused"]
    assert late(-9000, quiet_until=at(60)) == []


def test_the_next_read_waits_for_pauses_and_is_none_while_a_person_paused_it() -> None:
    assert judged().next_read_at == NOW
    assert judged(quiet_until=at(60)).next_read_at == at(60)
    assert judged(lanes={"reads": lane("reads")}).next_read_at == at(30)
    assert judged(paused_at=NOW).next_read_at is None


def test_what_a_person_may_do_about_a_supplier() -> None:
    assert judged().may == {Act.PAUSE}
    assert judged(paused_at=NOW, flags_asked_at=NOW).may == {Act.RESUME, Act.APPROVE}


@pytest.mark.parametrize(
    ("facts", "codes_"),
    [
        ({}, []),
        ({"ledger_lost_at": NOW, "held_after_restore": 4}, ["ledger_lost", "held_after_restore"]),
        ({"refused_at": NOW, "refused_why": "no"}, ["configuration_refused"]),
        ({"ahead_seconds": (900, 800, 700)}, ["clock_off"]),
        ({"ahead_seconds": (-900, -800, -700)}, ["clock_off"]),
        ({"ahead_seconds": (900, -800, 700)}, []),
        ({"ahead_seconds": (900, 800)}, []),
        ({"ahead_seconds": (900, 1, 900)}, []),
    ],
)
def test_what_the_database_knows_of_the_installation(facts: dict[str, Any], codes_: list[str]) -> None:
    assert codes(judge_installation(InstallationState(**facts), SETTINGS)) == codes_


def test_an_agent_that_only_reads_is_said() -> None:
    assert codes(judge_installation(InstallationState(), settings_of(read_only=True))) == ["read_only"]


def test_every_problem_has_a_severity_and_an_exit_code() -> None:
    assert not URGENT & INFO
    assert set(EXIT_CODES) <= set(ProblemCode)
    for code in ProblemCode:
        problem = Problem(code)
        assert (problem.exit_code == 0) == (problem.severity is Severity.INFO)
