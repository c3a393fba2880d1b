"""Every surface of the page says of every invented order what the verdict says: no contradiction, no silence; a lie is caught."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.reports.facts import OrderFacts
from supplier_agent.reports.orders import Judge
from supplier_agent.verdict import Act, Blocker, Role, Verdict
from supplier_agent.verdict.codes import INFO
from supplier_agent.web.request import Visit
from tests.verdict.invented import FEW, HOURS, MANY, invented, states
from tests.verdict.page_surfaces import SURFACES, Surface, differences, wider, words_of

FRESH = count()


def agree(folder: Path, state: dict[str, Any]) -> None:
    """Assert that every surface says of these states what the verdict says, and leaves out nothing."""
    made = invented(folder / str(next(FRESH)), state)
    try:
        for surface in SURFACES:
            assert differences(made, surface) == [], surface.name
        cards, bar = wider(made)
        for name, verdict in made.suppliers.items():
            for problem in verdict.problems:
                assert problem.code in INFO or words_of(made).trouble(problem) in cards, problem
            if verdict.because:
                assert f"{name}: {words_of(made).state(verdict.because[0])}" in bar
            else:
                assert f"{name}:" not in bar
    finally:
        made.store.close()


@pytest.mark.parametrize("number", [FEW // 3, pytest.param(MANY, marks=pytest.mark.slow)])
def test_the_page_says_what_the_verdict_says(tmp_path_factory: pytest.TempPathFactory, number: int) -> None:
    folder = tmp_path_factory.mktemp("page")
    for state in states(number):
        agree(folder, state)


WORKING = (
    *("paused_at", "paused_by", "paused_reason", "token_refused_at", "quiet_until", "flags_asked_at", "token_since"),
)
ORDINARY = {"supplier": "notio", "has_label": True}
FACTS = {
    "first_seen_at",
    "acknowledged_at",
    "acknowledge_evidence",
    "shipped_at",
    "held_reason",
    "held_code",
    "closed_reason",
}
FACTS |= {"ship_confirmed_at", "ship_evidence", "vanished_at", "override_covers", "fault", "problem"}


def a_state(**facts: Any) -> dict[str, Any]:  # noqa: ANN401 - any column
    """Return a state with one order, whose supplier works."""
    order = dict.fromkeys(FACTS) | ORDINARY | {"first_seen_at": -HOURS, "acknowledged_at": -HOURS} | facts
    quiet = {
        "row": dict.fromkeys(WORKING),
        "lanes": dict.fromkeys(("reads", "writes", "labels")),
    }  # fmt: skip
    return {
        "orders": [{"order": order, "calls": [], "printed": None, "reported": None}],
        "suppliers": {"notio": quiet, "asir-group": quiet},
        "read_only": False,
    }


class LyingJudge(Judge):
    """A judge that tells the page something else than the verdict."""

    def __init__(self, honest: Judge, lie: Callable[[Verdict], Verdict]) -> None:
        self.suppliers, self.of_suppliers, self._honest, self._lie = honest.suppliers, honest.of_suppliers, honest, lie

    def of(self, each: OrderFacts) -> Verdict:
        return self._lie(self._honest.of(each))


def silent(verdict: Verdict) -> Verdict:
    """Leave out that its data is damaged, and let a packer ship it."""
    return replace(
        verdict,
        blockers=tuple(each for each in verdict.blockers if each is not Blocker.DAMAGED),
        may=dict.fromkeys(Role, frozenset({Act.SHIP, Act.PRINT})),
        problems=(),
    )


def alarmed(verdict: Verdict) -> Verdict:
    """Say that it has vanished, though it has not."""
    return replace(
        verdict, blockers=(*verdict.blockers, Blocker.VANISHED), may=dict.fromkeys(Role, frozenset({Act.PRINT}))
    )


@pytest.mark.parametrize("surface", SURFACES, ids=lambda each: each.name)
@pytest.mark.parametrize("lie", [silent, alarmed], ids=["silence", "contradiction"])
def test_a_planted_lie_is_caught(tmp_path: Path, surface: Surface, lie: Callable[[Verdict], Verdict]) -> None:
    marked = surface.name == "hand-over list"
    facts: dict[str, Any] = {"fault": "an internal error"} if lie is silent else {}
    if surface.name == "problems page" and lie is alarmed:
        facts["held_reason"] = "scratched"
    made = invented(tmp_path / "state", a_state(shipped_at=-HOURS if marked else None, **facts))
    try:
        assert differences(made, surface) == []

        def lying(_visit: Visit, judge: Judge) -> Judge:
            return LyingJudge(judge, lie)

        assert differences(made, surface, lying) != []
    finally:
        made.store.close()
