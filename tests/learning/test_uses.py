"""What the agent does more carefully because of what it has learned. Next to each: without the estimate, it does as before."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.db.plain_sql import within
from supplier_agent.learning import Question
from supplier_agent.learning.written import save, settle
from supplier_agent.reading import strategy
from supplier_agent.reports import supplier_facts
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.verdict import ProblemCode, judge_supplier
from tests.learning.test_careful import learned
from tests.world.harness import ManualClock, Site, arrive, settings_for

HOUR = 3600.0
ORDERED = date(2026, 11, 23)
SUCCESS = ["success_true"] * 20


def opened(folder: Path, orders: int, semantics: Semantics | None = None, **learned_answers: list[str]) -> Site:
    """Return an installation, before its first start, that has learned these answers."""
    clock = ManualClock()
    world = World(clock, ("notio",))
    arrive(world, "notio", orders)
    site = Site(settings_for(folder, "notio", ship={"undo_seconds": 0}), world, clock, semantics or Semantics())
    site.assemble()
    teach(site, **learned_answers)
    site.agent.start()
    return site


def teach(site: Site, **answers: list[str]) -> None:
    with site.agent.ctx.store.write() as tx:
        save(tx, "notio", [learned(Question(name), *given) for name, given in answers.items()])


def told(site: Site) -> list[tuple[str, dict[str, Any]]]:
    """Return the problems of the supplier."""
    with site.agent.ctx.store.read() as tx:
        state = supplier_facts.suppliers(within(tx), site.settings)["notio"]
    found = judge_supplier(state, site.settings, site.clock.now(), lane_of={}).problems
    return [(each.code.value, dict(each.facts)) for each in found]


# -- success ---------------------------------------------------------------------------------------------------------


def shipped(site: Site) -> list[tuple[Any, ...]]:
    site.run_for(60)
    site.flag()
    site.run_for(600)
    return site.ask("SELECT ship_evidence, state FROM orders o JOIN calls c ON c.order_id = o.id WHERE kind = 'ship'")


@pytest.mark.parametrize("success", ["empty", "no_content", "no_success_key"])
def test_where_ship_sale_has_always_said_success_another_answer_is_unknown(tmp_path: Path, success: Any) -> None:  # noqa: ANN401 - one of the names
    semantics = Semantics(success="success_true")
    assert shipped(opened(tmp_path / "as before", 1, Semantics(success=success))) == [("unverified", "done")]
    site = opened(tmp_path / "learned", 1, semantics, ship_body=SUCCESS)
    site.run_for(60)
    site.api.semantics = Semantics(success=success)
    assert shipped(site) == [(None, "unknown")]
    assert len(site.world.requests("ship-sale")) == 1


def test_a_call_needs_no_query_to_know_what_is_learned(tmp_path: Path) -> None:
    site = opened(tmp_path, 3, ship_body=SUCCESS)
    site.run_for(60)
    site.flag()
    site.run_for(30, until=lambda: len(site.world.requests("ship-sale")) == 1)
    before = site.agent.accounts["notio"].snapshot
    assert before is not None
    assert before.careful.always_success == {"ship-sale"}
    site.run_for(30)
    assert len(site.world.requests("ship-sale")) == 3
    assert site.agent.accounts["notio"].snapshot is before


def test_where_ship_sale_has_said_so_in_several_ways_any_answer_counts_as_before(tmp_path: Path) -> None:
    site = opened(tmp_path, 1, Semantics(success="empty"), ship_body=["success_true", "empty"] * 20)
    assert shipped(site) == [("unverified", "done")]


def test_an_acknowledgement_without_its_usual_success_is_made_once_more(tmp_path: Path) -> None:
    before = opened(tmp_path / "as before", 1, Semantics(success="empty"))
    before.run_for(HOUR)
    assert len(before.world.requests("acknowledge-sale")) == 1
    site = opened(tmp_path / "learned", 1, Semantics(success="empty"), acknowledge_body=SUCCESS)
    site.run_for(HOUR)
    assert len(site.world.requests("acknowledge-sale")) == 2
    assert site.ask("SELECT acknowledge_evidence FROM orders") == [("unverified",)]


# -- absence -----------------------------------------------------------------------------------------------------------


def gone(site: Site) -> int:
    """Let one of three acknowledged orders leave the list; return whether its absence counts."""
    site.run_for(60)
    site.world.orders("notio")[0].visible_from = site.clock.now() + timedelta(days=99)
    site.run_for(20 * HOUR)
    return int(site.ask("SELECT count(*) FROM orders WHERE vanished_at IS NOT NULL")[0][0])


def test_where_acknowledged_orders_stay_the_absence_of_one_counts_though_few_were_seen(tmp_path: Path) -> None:
    assert gone(opened(tmp_path / "as before", 3)) == 0
    assert gone(opened(tmp_path / "learned", 3, acknowledged_leave=["no"] * 20)) == 1


def test_that_acknowledged_orders_leave_takes_nothing_away(tmp_path: Path) -> None:
    assert gone(opened(tmp_path / "as before", 9)) == 1
    assert gone(opened(tmp_path / "learned", 9, acknowledged_leave=["yes"] * 20)) == 1


# -- reads -------------------------------------------------------------------------------------------------------------


def days_of_the_first_sweep(site: Site) -> int:
    site.run_for(60)
    return int(site.ask("SELECT julianday(date_to) - julianday(date_from) FROM runs WHERE purpose = 'sweep'")[0][0]) - 1


def test_sweeps_widen_if_orders_are_listed_late_and_say_so(tmp_path: Path) -> None:
    before = opened(tmp_path / "as before", 1)
    assert days_of_the_first_sweep(before) == before.settings.schedule.sweep_days == 14
    assert told(before) == []
    site = opened(tmp_path / "learned", 1, lateness_days=["0", "10"])
    assert days_of_the_first_sweep(site) == 20
    assert told(site) == [(ProblemCode.SWEEPS_WIDENED, {"late": 10, "days": 20, "configured": 14})]


def refused(site: Site) -> int:
    """Let orders come in during a day; return how often the cursor was refused."""
    for _ in range(8):
        arrive(site.world, "notio")
        site.run_for(3 * HOUR)
    lines = site.world.requests("get-sales")
    assert {each for (each,) in site.ask("SELECT menzzo_order_id FROM orders")} == {
        each.menzzo_order_id for each in site.world.orders("notio")
    }
    return sum(line.status == 400 for line in lines)


def test_a_cursor_that_is_always_refused_is_tried_once_a_day_and_not_with_each_order(tmp_path: Path) -> None:
    semantics = Semantics(cursor="always_refused")
    assert refused(opened(tmp_path / "as before", 1, semantics)) > 4
    assert refused(opened(tmp_path / "learned", 1, semantics, cursor=["refused"] * 20)) <= 2


def test_a_day_that_fills_a_page_may_go_on_even_if_longer_pages_were_seen() -> None:
    run = strategy.sweep("sweep", ORDERED, ORDERED, ORDERED, 50)
    by_day = replace(run, phase=strategy.Phase.DAYS, query=strategy.Query(date_from=ORDERED, date_to=ORDERED))
    page = [f"1_{number}" for number in range(20)]
    as_before, learned_size = (strategy.advance(each, page, ()) for each in (by_day, replace(by_day, full=20)))
    assert isinstance(as_before, strategy.End)
    assert isinstance(learned_size, strategy.End)
    assert (as_before.proof, learned_size.proof) == ("complete", "partial")


def test_a_short_page_is_never_the_end_of_a_run() -> None:
    run = replace(strategy.sweep("sweep", ORDERED, ORDERED, ORDERED, 50), full=50)
    after = strategy.advance(run, ["1_1", "1_2"], ())
    assert isinstance(after, strategy.Run)
    assert after.query.page == 2


# -- changes -----------------------------------------------------------------------------------------------------------


def test_a_change_is_a_problem_of_the_supplier_until_a_person_settles_it(tmp_path: Path) -> None:
    site = opened(tmp_path, 1, page_size=["50"] * 20)
    assert told(site) == []
    teach(site, page_size=["50"] * 20 + ["20"] * 6, ship_body=SUCCESS)
    ((code, given),) = told(site)
    assert (code, given["changes"]) == (ProblemCode.MARKETPLACE_CHANGED, "page_size 50 → 20")
    with site.agent.ctx.store.write() as tx:
        assert settle(tx, "notio", "Ana") == ["page_size 50 → 20"]
    assert told(site) == []
    assert site.ask("SELECT accepted, accepted_by FROM learned WHERE question = 'page_size'") == [("20", "Ana")]


def test_an_undocumented_field_is_told_until_a_person_has_seen_it(tmp_path: Path) -> None:
    site = opened(tmp_path, 1, Semantics(fields="more"))
    site.run_for(60)
    assert told(site) == [(ProblemCode.UNKNOWN_FIELDS, {"names": "notes"})]
    with site.agent.ctx.store.write() as tx:
        assert settle(tx, "notio", "Ana") == ["field notes"]
    site.run_for(7 * HOUR)
    assert told(site) == []
