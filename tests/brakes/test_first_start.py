"""A first start with many orders asks a person before they are acknowledged, if that is set; all else goes on."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from supplier_agent import actions
from supplier_agent.cli import run
from supplier_agent.db.plain_sql import look_at
from supplier_agent.db.store import open_store
from supplier_agent.reports import health
from supplier_agent.runtime.once import run_once
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers import safety_stops
from supplier_agent.verdict import Problem, ProblemCode
from supplier_agent.words import Words
from tests.world.harness import ManualClock, Site, settings_for

NAMES = ("asir-group", "notio")


def site_of(tmp_path: Path, orders: int = 30, limit: int = 10, names: tuple[str, ...] = NAMES, **sections: Any) -> Site:  # noqa: ANN401 - as settings_for
    clock = ManualClock()
    world = World.with_orders(orders, today=clock.now().date(), days=3, clock=clock, suppliers=NAMES)
    brakes = {"first_acknowledgements": limit}
    return Site(
        settings_for(tmp_path / "state", *names, brakes=brakes, ship={"undo_seconds": 0}, **sections), world, clock
    )


def acknowledged(site: Site, supplier: str) -> int:
    return len(site.world.requests("acknowledge-sale", supplier))


def problems(site: Site) -> list[Problem]:
    with look_at(site.database) as look:
        found = health.judged(look, site.settings, site.clock.now())
    return [each for each in found if each.code is ProblemCode.FIRST_START]


def approve(site: Site, name: str) -> str:
    store = open_store(site.database)
    try:
        with store.write() as tx:
            return safety_stops.agree(tx, name, site.clock.now())
    finally:
        store.close()


def test_many_orders_wait_and_the_problem_has_their_number_and_the_command(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    site.run_for(300)
    assert (acknowledged(site, "asir-group"), acknowledged(site, "notio")) == (0, 0)
    assert site.ask("SELECT count(*) FROM orders WHERE label_path IS NOT NULL") == [(30,)], "labels do not wait"
    number = len(site.world.orders("notio"))
    (mine,) = [each for each in problems(site) if each.supplier == "notio"]
    assert mine.facts["number"] == number > 10
    assert "supplier-agent approve notio" in Words().fix(mine)
    assert "start_date in [suppliers.notio]" in Words().fix(mine)
    assert [facts["cure"] for event, facts in site.said if event == "acknowledges.paused"].count(
        "supplier-agent approve notio"
    ) == 1
    site.stop()


def test_after_an_approval_they_are_acknowledged_and_those_of_the_other_supplier_still_wait(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    site.run_for(120)
    number = len(site.world.orders("notio"))
    assert approve(site, "notio") == f"approved: {number} orders will be acknowledged"
    site.run_for(120)
    assert (acknowledged(site, "notio"), acknowledged(site, "asir-group")) == (number, 0)
    assert [each.supplier for each in problems(site)] == ["asir-group"]
    site.stop()


def test_it_is_asked_once_over_restarts_and_not_again_after_the_approval(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    site.run_for(60)
    site.stop()
    site.start()
    site.run_for(60)
    assert acknowledged(site, "notio") == 0
    approve(site, "notio")
    site.run_for(120)
    for _ in range(20):
        site.world.arrive("notio")
    site.run_for(4000)
    assert acknowledged(site, "notio") == len(site.world.orders("notio"))
    site.stop()


def test_few_orders_are_acknowledged_at_once_and_many_later_ones_too(tmp_path: Path) -> None:
    site = site_of(tmp_path, orders=6, limit=10)
    site.start()
    site.run_for(60)
    assert acknowledged(site, "notio") == len(site.world.orders("notio"))
    for _ in range(30):
        site.world.arrive("notio")
    site.run_for(4000)
    assert acknowledged(site, "notio") == len(site.world.orders("notio"))
    assert not problems(site)
    site.stop()


def test_it_is_off_by_default(tmp_path: Path) -> None:
    site = site_of(tmp_path, limit=0)
    assert settings_for(tmp_path, "notio").brakes.first_acknowledgements == 0
    site.start()
    site.run_for(60)
    assert acknowledged(site, "notio") == len(site.world.orders("notio"))
    site.stop()


def test_no_order_is_acknowledged_before_the_list_was_read_to_its_end(tmp_path: Path) -> None:
    site = site_of(tmp_path, orders=600, limit=260, names=("notio",))
    site.start()
    site.run_for(1500, until=lambda: bool(site.ask("SELECT 1 FROM suppliers WHERE last_success_at IS NOT NULL")))
    site.run_for(60)
    assert site.ask("SELECT count(*) FROM orders")[0][0] > 260
    assert acknowledged(site, "notio") == 0
    site.stop()


def test_a_start_date_that_leaves_few_orders_ends_the_wait(tmp_path: Path) -> None:
    site = site_of(tmp_path, orders=60, limit=15, names=("notio",))
    site.start()
    site.run_for(60)
    site.stop()
    today = site.clock.now().date()
    supplier = site.settings.suppliers["notio"].model_copy(update={"start_date": today})
    site.settings = site.settings.model_copy(update={"suppliers": {"notio": supplier}})
    site.start()
    site.run_for(60)
    mine = [each for each in site.world.orders("notio") if each.order_date >= today]
    assert 0 < len(mine) <= 15 < len(site.world.orders("notio")), "the world does not fit the test"
    assert acknowledged(site, "notio") == len(mine)
    assert not problems(site)
    closed = site.ask("SELECT count(*), min(closed_reason) FROM orders WHERE closed_reason IS NOT NULL")
    assert closed == [(len(site.world.orders("notio")) - len(mine), f"dated before start_date {today}")]
    site.stop()


def test_an_order_that_was_acknowledged_before_is_still_shipped(tmp_path: Path) -> None:
    site = site_of(tmp_path, names=("notio",))
    site.start()
    site.run_for(60)
    this = site.world.orders("notio")[0].menzzo_order_id
    store = open_store(site.database)
    with store.write() as tx:  # by hand, as with another tool
        tx.connection().exec_driver_sql(
            "UPDATE orders SET acknowledged_at = first_seen_at, planned_at = NULL WHERE menzzo_order_id = ?", (this,)
        )
        tx.connection().exec_driver_sql(
            "UPDATE suppliers SET first_agreed_at = NULL, first_asked_at = '2026-11-23 06:00:00.000000'"
        )
    store.close()
    site.flag([this])
    site.run_for(60)
    assert [line.menzzo_order_id for line in site.world.requests("ship-sale")] == [this]
    site.stop()


def test_a_supplier_that_has_begun_is_not_asked_when_it_is_switched_on_and_one_that_is_added_later_is(
    tmp_path: Path,
) -> None:
    site = site_of(tmp_path, limit=0, names=("notio",))
    site.start()
    site.run_for(120)
    site.stop()
    for _ in range(20):
        site.world.arrive("notio")
    site.settings = settings_for(site.settings.state_dir, *NAMES, brakes={"first_acknowledgements": 10})
    site.start()
    site.run_for(4000)
    assert acknowledged(site, "notio") == len(site.world.orders("notio"))
    assert acknowledged(site, "asir-group") == 0
    assert [each.supplier for each in problems(site)] == ["asir-group"]
    site.stop()


def test_switched_off_again_they_are_acknowledged(tmp_path: Path) -> None:
    site = site_of(tmp_path, names=("notio",))
    site.start()
    site.run_for(60)
    site.stop()
    site.settings = settings_for(site.settings.state_dir, "notio")
    site.start()
    site.run_for(120)
    assert acknowledged(site, "notio") == len(site.world.orders("notio"))
    assert not problems(site)
    site.stop()


def test_a_round_ends_with_the_problem(tmp_path: Path) -> None:
    site = site_of(tmp_path, names=("notio",))
    site.assemble().ctx.round_at = site.clock.now()
    found = run_once(site.agent, lambda _doing: site.clock.sleep(0.25), lambda: False)
    assert "first_start" in [each.code for each in found]
    assert acknowledged(site, "notio") == 0
    site.crash()


def test_the_command_approves_and_the_order_says_why_it_waits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = site_of(tmp_path, names=("notio",))
    site.start()
    site.run_for(60)
    site.stop()
    config = tmp_path / "agent.toml"
    config.write_text(
        f'state_dir = "{site.settings.state_dir}"\n[brakes]\nfirst_acknowledgements = 10\n[suppliers.notio]\ntoken = "t"\n'
    )
    run(["--config", str(config), "order", site.world.orders("notio")[0].menzzo_order_id])
    assert "supplier-agent approve notio" in capsys.readouterr().out
    assert run(["--config", str(config), "approve", "notio"]) == 0
    assert f"{len(site.world.orders('notio'))} orders will be acknowledged" in capsys.readouterr().out
    assert run(["--config", str(config), "approve", "notio"]) == 1
    assert "nothing to approve" in capsys.readouterr().err


def test_what_a_person_reopened_stays_open(tmp_path: Path) -> None:
    site = site_of(tmp_path, orders=60, limit=2, names=("notio",))
    site.start()
    site.run_for(60)
    site.stop()
    now, today = site.clock.now(), site.clock.now().date()
    this = min(site.world.orders("notio"), key=lambda each: each.order_date).menzzo_order_id

    def round_(tx: Session) -> None:
        safety_stops.mind_the_first_start(tx, "notio", 2, today, now)

    store = open_store(site.database)
    with store.write() as tx:
        round_(tx)
        actions.reopen(tx, actions.find(tx, this), now, "ana")
        tx.flush()
        round_(tx)
    store.close()
    assert site.ask("SELECT closed_reason FROM orders WHERE menzzo_order_id = ?", this) == [(None,)]
