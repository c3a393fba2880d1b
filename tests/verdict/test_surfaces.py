"""No surface contradicts another, and none is silent: hundreds of invented orders, each shown by every surface.

The verdict itself is judged apart, from the rows of the ORM; so a surface that derives anything of its own is noticed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.db.plain_sql import within
from supplier_agent.reports.health import judged
from supplier_agent.reports.status import counts
from supplier_agent.verdict import Blocker, NextStep, Role, Verdict
from supplier_agent.verdict.codes import INFO, severity_of
from tests.verdict.invented import DAYS, FEW, HOURS, MANY, STRANGER, Invented, invented, states
from tests.verdict.surfaces import SURFACES, OrderSaid, Said

FRESH = count()


def contradictions(made: Invented, said: Said) -> Iterable[str]:
    """Yield what a surface says that is not so, and what it does not say though it shows such things."""
    if said.orders:
        for key, verdict in made.orders.items():
            of_order = said.orders.get(key)
            if of_order is None:
                yield f"{key} is not shown"
            else:
                yield from (f"{key}: {each}" for each in _of_order(of_order, verdict))
    if said.states is not None:
        for name, supplier in made.suppliers.items():
            if said.states.get(name) != supplier.state:
                yield f"{name} is {said.states.get(name)}, and it is {supplier.state}"
    if said.counts is not None:
        stages = Counter((name, verdict.stage.value) for (name, _), verdict in made.orders.items() if name != STRANGER)
        if {key: number for key, number in said.counts.items() if number} != stages:
            yield f"the counts are {said.counts}, and it is {stages}"
    if said.problems is not None:
        is_so = listed(made)
        yield from (f"{each} is said, and is not so" for each in said.problems - is_so)
        yield from (f"{each} is not said" for each in is_so - said.problems)
    yield from _of_groups(made, said)


def _of_groups(made: Invented, said: Said) -> Iterable[str]:
    # Neither an alert nor a metric says that nothing runs: it is sent, and scraped, while something does.
    is_so = listed(made) - Counter({("not_running", "", None): 1})
    groups = Counter((code, supplier) for code, supplier, _ in is_so.elements())
    severities = Counter((supplier, severity_of(code).value) for code, supplier, _ in is_so.elements())
    for what, told, expected in (("groups", said.groups, groups), ("severities", said.severities, severities)):
        if told is not None and +told != expected:
            yield f"the {what} are {+told}, and it is {expected}"


def _of_order(said: OrderSaid, verdict: Verdict) -> Iterable[str]:
    codes = {each.code.value for each in verdict.problems}
    is_so: dict[str, object] = {
        "stage": verdict.stage.value,
        "blockers": {each.value for each in verdict.blockers if each is not Blocker.CLOSED},
        "problems": codes,
        "next": verdict.next.step.value,
        "may": {act.value for act in verdict.may[Role.IT]},
        "advises_shipping": verdict.next.step is NextStep.WAREHOUSE,
    }
    if said.problems is not None and said.problems == codes - {"unflagged"}:
        is_so["problems"] = (
            said.problems
        )  # a list of many orders loads no attempts, and does not judge the age of labels
    for name, expected in is_so.items():
        told = getattr(said, name)
        if told is not None and told != expected:
            yield f"{name} is {told}, and it is {expected}"


def listed(made: Invented) -> Counter[tuple[str, str, str | None]]:
    """Return every problem that a list of problems must have: those of each order by its verdict, and the rest."""
    found = Counter[tuple[str, str, str | None]]()
    for (supplier, order), verdict in made.orders.items():
        found.update((each.code.value, supplier, order) for each in verdict.problems if each.code not in INFO)
    with made.store.read() as tx:
        others = [each for each in judged(within(tx), made.settings, made.now) if each.order is None]
    found.update((each.code.value, each.supplier or "", None) for each in others)
    return found + Counter({("not_running", "", None): 1})


def agree(folder: Path, state: dict[str, Any]) -> None:
    """Assert that every surface says of these states what the verdict says, and leaves out nothing."""
    made = invented(folder / str(next(FRESH)), state)
    try:
        for name, surface in SURFACES.items():
            said = surface.read(surface.render(made), made)
            assert list(contradictions(made, said)) == [], name
        with made.store.read() as tx:
            for supplier in made.suppliers:
                stages = Counter(v.stage.value for (name, _), v in made.orders.items() if name == supplier)
                assert {stage: n for stage, n in counts(tx, supplier).items() if n} == stages
    finally:
        made.store.close()


@pytest.mark.parametrize("number", [FEW // 2, pytest.param(MANY, marks=pytest.mark.slow)])
def test_no_surface_contradicts_the_verdict_and_none_is_silent(
    tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    folder = tmp_path_factory.mktemp("state")
    for state in states(number):
        agree(folder, state)


# -- planted lies ------------------------------------------------------------------------------------------------------


def one(
    *calls: tuple[str, str],
    printed: set[str] | None = None,
    reported: str | None = None,
    **facts: Any,  # noqa: ANN401 - any fact
) -> dict[str, Any]:
    """Return an order that is ready, with these facts changed."""
    order: dict[str, Any] = {
        "supplier": "notio", "first_seen_at": -HOURS, "acknowledged_at": -HOURS, "acknowledge_evidence": None, "has_label": True,
        "shipped_at": None, "held_reason": None, "held_code": None, "closed_reason": None, "ship_confirmed_at": None,
        "ship_evidence": None, "vanished_at": None, "override_covers": None, "fault": None, "problem": None,
    }  # fmt: skip
    made = [{"kind": kind, "state": state, "due_at": None, "attempts": 1, "fetched": -HOURS} for kind, state in calls]
    return {"order": order | facts, "calls": made, "printed": printed, "reported": reported}


RICH: dict[str, Any] = {
    "orders": [
        one(), one(supplier="asir-group"), one(supplier=STRANGER), one(has_label=False), one(held_reason="scratched"),
        one(held_reason="scratched", shipped_at=-HOURS), one(vanished_at=-HOURS), one(vanished_at=-HOURS, shipped_at=-HOURS),
        one(("ship", "unknown"), shipped_at=-HOURS), one(("label", "parked")), one(fault="an internal error"),
        one(ship_confirmed_at=-HOURS, ship_evidence="confirmed", shipped_at=-HOURS), one(closed_reason="by hand"),
        one(first_seen_at=-DAYS, acknowledged_at=None), one(acknowledged_at=-DAYS), one(printed={"quantity"}),
        one(reported="damaged: leg"),
    ],
    "suppliers": {
        "asir-group": {"row": {"paused_at": -HOURS, "paused_by": "Ana", "paused_reason": "stocktaking"}, "lanes": {}},
        "notio": {"row": {"token_refused_at": -HOURS}, "lanes": {"reads": -HOURS}},
    },
    "read_only": True,
}  # fmt: skip
"""A state in which each kind of thing is met once."""


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invented]:
    made = invented(tmp_path_factory.mktemp("rich") / "state", RICH)
    yield made
    made.store.close()


@pytest.mark.parametrize("name", SURFACES)
def test_a_lie_of_a_surface_is_noticed(rich: Invented, name: str) -> None:
    surface = SURFACES[name]
    raw = surface.render(rich)
    assert list(contradictions(rich, surface.read(raw, rich))) == []
    for lie, changes in surface.lies.items():
        try:
            noticed = list(contradictions(rich, surface.read(changes(raw), rich)))
        except AssertionError:  # no sentence of the catalogue any more
            continue
        assert noticed, lie
