"""A paused supplier sends nothing and the other goes on; unusual flags wait for a person; a wrong address stops itself."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from supplier_agent import actions
from supplier_agent.base.errors import AgentError
from supplier_agent.db.store import open_store
from supplier_agent.reports import health
from supplier_agent.reports import orders as order_reports
from supplier_agent.reports.health import exit_code
from supplier_agent.reports.status import tell
from supplier_agent.runtime.once import run_once
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import LogLine
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers import safety_stops
from tests.world.harness import ManualClock, Site, settings_for

pytestmark = pytest.mark.slow

BOTH = ("asir-group", "notio")


def site_of(tmp_path: Path, orders: int = 0, **sections: Any) -> Site:  # noqa: ANN401 - as settings_for
    clock = ManualClock()
    clock.sleep(3600)
    world = World.with_orders(orders, today=clock.now().date(), days=1, clock=clock, suppliers=BOTH)
    return Site(settings_for(tmp_path / "state", *BOTH, **sections), world, clock)


def person(site: Site, act: Callable[[Session], str]) -> str:
    """Do what a command does, on a connection of its own."""
    store = open_store(site.database)
    try:
        with store.write() as tx:
            return act(tx)
    finally:
        store.close()


def pause(site: Site, name: str) -> None:
    person(site, lambda tx: safety_stops.pause(tx, name, site.clock.now(), "anna", "the warehouse moves"))


def flag(site: Site, orders: Iterable[str]) -> None:
    """Flag orders as the command line does, by the site's clock."""
    now = site.clock.now()

    def all_of_them(tx: Session) -> str:
        return "".join(actions.ship(tx, actions.find(tx, each), now, "anna") for each in orders)

    person(site, all_of_them)


def since(site: Site, known: int, supplier: str) -> list[LogLine]:
    return [line for line in site.world.log[known:] if line.supplier == supplier]


def ids(site: Site, supplier: str) -> list[str]:
    return [order.menzzo_order_id for order in site.world.orders(supplier)]


def problems(site: Site) -> list[tuple[str, str, int]]:
    store = open_store(site.database)
    try:
        with store.read() as tx:
            found = health.problems(tx, site.settings, {}, now=site.clock.now())
    finally:
        store.close()
    return [(each.what, each.cure, each.exit_code) for each in found]


def next_of(site: Site, menzzo_order_id: str) -> str:
    store = open_store(site.database)
    try:
        with store.read() as tx:
            whole = order_reports.whole(tx, actions.find(tx, menzzo_order_id), site.settings, site.clock.now())
    finally:
        store.close()
    return str(whole["next"])


# -- paused ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paused", "after_seconds"), [("notio", 0), ("asir-group", 3), ("notio", 7.5), ("asir-group", 60)]
)
def test_a_paused_supplier_sends_nothing_and_the_other_goes_on(
    tmp_path: Path, paused: str, after_seconds: float
) -> None:
    site = site_of(tmp_path, 8)
    other = next(name for name in BOTH if name != paused)
    site.start()
    site.run_for(after_seconds)
    pause(site, paused)
    known, in_flight = len(site.world.log), len(site.agent.accounts[paused].in_flight)
    site.run_for(60)
    stored = [each for (each,) in site.ask("SELECT menzzo_order_id FROM orders")]
    assert {*stored} >= {*ids(site, other)}
    flag(site, stored)
    site.run_for(2400)
    assert len(since(site, known, paused)) <= in_flight
    assert {line.endpoint for line in since(site, known, other)} >= {"get-sales", "ship-sale"}
    assert site.ask("SELECT count(*) FROM orders WHERE supplier = ? AND ship_confirmed_at IS NULL", other) == [(0,)]
    site.stop()


def test_it_stays_paused_over_a_restart_and_goes_on_where_it_was(tmp_path: Path) -> None:
    site = site_of(tmp_path, 12)
    site.start()
    site.run_for(5)
    pause(site, "notio")
    site.stop()
    known = len(site.world.log)
    site.start()
    site.run_for(1800)
    assert not since(site, known, "notio")
    person(site, lambda tx: safety_stops.resume(tx, "notio", site.clock.now()))
    site.run_for(1800)
    assert site.ask("SELECT count(*) FROM orders WHERE supplier = 'notio' AND acknowledged_at IS NULL") == [(0,)]
    assert site.ask("SELECT count(*) FROM orders WHERE supplier = 'notio'") == [(6,)]
    site.stop()


def test_everybody_is_told_that_it_is_paused(tmp_path: Path) -> None:
    site = site_of(tmp_path, 4)
    site.start()
    site.run_for(2)
    pause(site, "notio")
    site.run_for(60)
    assert ("supplier-agent resume notio", 1) in {(cure, code) for _, cure, code in problems(site)}
    (what,) = [what for what, _, _ in problems(site) if "paused" in what]
    assert "by anna" in what
    assert "the warehouse moves" in what
    told = tell(site.settings, site.clock).suppliers
    assert [told[name].state for name in BOTH] == ["ok", "paused"]
    assert told["notio"].next_read_at is None
    (waiting,) = site.ask(
        "SELECT menzzo_order_id FROM orders WHERE supplier = 'notio' AND acknowledged_at IS NULL LIMIT 1"
    )
    assert next_of(site, waiting[0]).endswith("supplier-agent resume notio")
    site.stop()


def test_a_round_does_not_wait_for_a_paused_supplier(tmp_path: Path) -> None:
    site = site_of(tmp_path, 4, requests_per_second=100)
    site.start()
    site.run_for(0.02)
    assert site.agent.accounts["notio"].run is not None, "in the middle of a run"
    pause(site, "notio")
    site.agent.ctx.round_at = site.clock.now()
    began = site.clock.monotonic()
    code = exit_code(run_once(site.agent, lambda _text: site.clock.sleep(0.05), lambda: False))
    assert code == 1
    assert site.clock.monotonic() - began < 60
    assert site.ask("SELECT count(*) FROM orders WHERE supplier = 'asir-group' AND acknowledged_at IS NULL") == [(0,)]
    site.crash()


def test_pausing_and_resuming_twice_changes_nothing(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    site.start()
    now = site.clock.now()
    assert person(site, lambda tx: safety_stops.resume(tx, "notio", now)) == "it is not paused"
    pause(site, "notio")
    said = person(site, lambda tx: safety_stops.pause(tx, "notio", now, "bert", "another reason"))
    assert "already, by anna" in said
    assert site.ask("SELECT paused_by FROM suppliers WHERE name = 'notio'") == [("anna",)]
    site.stop()


# -- read-only ---------------------------------------------------------------------------------------------------------


def test_read_only_reads_and_does_nothing_else_and_says_so(tmp_path: Path) -> None:
    site = site_of(tmp_path, 4, read_only=True)
    site.start()
    site.run_for(60)
    flag(site, ids(site, "notio"))
    site.run_for(3600)
    assert {line.endpoint for line in site.world.log} == {"get-sales"}
    assert site.ask("SELECT count(*) FROM orders") == [(4,)]
    assert any(what.startswith("READ-ONLY") and code == 1 for what, _, code in problems(site))
    assert "only reads" in next_of(site, ids(site, "notio")[0])
    site.stop()


# -- unusually many flags ----------------------------------------------------------------------------------------------


def collected(tmp_path: Path, orders: int, **sections: Any) -> Site:  # noqa: ANN401 - as settings_for
    site = site_of(tmp_path, orders, **sections)
    site.start()
    site.run_for(100)
    return site


def ships(site: Site, supplier: str) -> int:
    return len(site.world.requests("ship-sale", supplier))


@pytest.mark.parametrize("undo_seconds", [0, 120])
def test_more_flags_within_a_minute_than_usual_wait_for_a_person(tmp_path: Path, undo_seconds: float) -> None:
    site = collected(tmp_path, 24, brakes={"flags_per_minute": 10}, ship={"undo_seconds": undo_seconds})
    flag(site, ids(site, "notio")[:11])
    flag(site, ids(site, "asir-group")[:10])
    site.run_for(1200)
    assert (ships(site, "notio"), ships(site, "asir-group")) == (0, 10)
    (cure,) = [cure for what, cure, _ in problems(site) if "unusually many" in what]
    assert "supplier-agent approve notio" in cure
    assert "supplier-agent approve notio" in next_of(site, ids(site, "notio")[0])
    said = person(site, lambda tx: safety_stops.agree(tx, "notio", site.clock.now()))
    assert said.startswith("approved: 11 orders")
    site.run_for(600)
    assert ships(site, "notio") == 11
    assert not [what for what, _, _ in problems(site) if "unusually many" in what]
    assert [event for event, _ in site.said if event in {"ships.paused", "ships.resumed"}] == ["ships.paused"]
    site.stop()


def test_what_is_agreed_to_is_not_asked_again_and_what_comes_later_is(tmp_path: Path) -> None:
    site = collected(tmp_path, 40, brakes={"flags_per_minute": 5}, ship={"undo_seconds": 0})
    mine = ids(site, "notio")
    flag(site, mine[:8])
    site.run_for(5)
    person(site, lambda tx: safety_stops.agree(tx, "notio", site.clock.now()))
    site.clock.sleep(0.001)
    flag(site, mine[8:12])  # with those before they would be too many
    site.run_for(300)
    assert ships(site, "notio") == 12
    flag(site, mine[12:20])
    site.run_for(300)
    assert ships(site, "notio") == 12
    site.stop()


def test_flags_that_are_taken_back_or_closed_end_the_question(tmp_path: Path) -> None:
    site = collected(tmp_path, 24, brakes={"flags_per_minute": 10})
    mine = ids(site, "notio")
    flag(site, mine[:12])
    site.run_for(30)
    assert [what for what, _, _ in problems(site) if "unusually many" in what]
    with closing(sqlite3.connect(site.database, isolation_level=None)) as staff:
        staff.execute("UPDATE orders SET shipped = 0 WHERE menzzo_order_id = ?", (mine[0],))
        staff.execute("UPDATE orders SET closed_reason = 'no', planned_at = NULL WHERE menzzo_order_id = ?", (mine[1],))
    site.run_for(600)
    assert ships(site, "notio") == 10
    assert not [what for what, _, _ in problems(site) if "unusually many" in what]
    site.stop()


def test_the_question_stands_over_a_restart(tmp_path: Path) -> None:
    site = collected(tmp_path, 24, brakes={"flags_per_minute": 10})
    flag(site, ids(site, "notio")[:15])
    site.run_for(30)
    site.crash()
    site.start()
    site.run_for(1800)
    assert ships(site, "notio") == 0
    site.stop()


def test_nobody_can_approve_what_was_not_asked(tmp_path: Path) -> None:
    site = collected(tmp_path, 2)
    with pytest.raises(AgentError, match="nothing to approve"):
        person(site, lambda tx: safety_stops.agree(tx, "notio", site.clock.now()))
    site.stop()


def test_ships_wait_even_where_a_write_must_tell_whether_an_outage_is_over(tmp_path: Path) -> None:
    site = collected(tmp_path, 16, brakes={"flags_per_minute": 5})
    flag(site, ids(site, "notio")[:6])
    site.world.faults.arm("acknowledge-sale", faults.status(500), supplier="notio", times=1)
    late = site.world.arrive("notio").menzzo_order_id
    site.run_for(1200, until=lambda: bool(site.ask("SELECT 1 FROM lanes WHERE lane = 'writes' AND failures > 0")))
    person(
        site, lambda tx: actions.hold(tx, actions.find(tx, late), site.clock.now(), "anna", "then only ships are due")
    )
    site.run_for(1200)
    assert ships(site, "notio") == 0
    person(site, lambda tx: actions.release(tx, actions.find(tx, late), site.clock.now(), "anna"))
    site.run_for(300)
    assert site.ask("SELECT acknowledged_at IS NOT NULL FROM orders WHERE menzzo_order_id = ?", late) == [(1,)]
    assert ships(site, "notio") == 0
    site.stop()


# -- many 404s ---------------------------------------------------------------------------------------------------------


LIMIT = {"not_found_in_a_row": 5}


def acknowledged(site: Site) -> bool:
    return site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NULL") == [(0,)]


def test_many_404s_in_a_row_pause_the_supplier(tmp_path: Path) -> None:
    site = site_of(tmp_path, 16, brakes=LIMIT)
    site.world.faults.arm("acknowledge-sale", faults.status(404), supplier="notio", seconds=1e6)
    site.start()
    site.run_for(300)
    asked = {line.menzzo_order_id for line in site.world.requests("acknowledge-sale", "notio")}
    assert 5 <= len(asked) <= 7, "those in flight may still land"
    (what,) = [what for what, _, _ in problems(site) if "paused" in what]
    assert "by agent" in what
    assert "wrong slug or token?" in what
    assert site.ask("SELECT count(*) FROM orders WHERE supplier = 'asir-group' AND acknowledged_at IS NULL") == [(0,)]
    assert site.ask("SELECT count(*) FROM calls WHERE state = 'parked'") == [(0,)]
    site.world.faults.disarm()
    person(site, lambda tx: safety_stops.resume(tx, "notio", site.clock.now()))
    site.run_for(4000, until=lambda: acknowledged(site))
    assert acknowledged(site)
    site.stop()


@pytest.mark.parametrize("limit", [0, 9])
def test_fewer_404s_than_that_pause_nothing(tmp_path: Path, limit: int) -> None:
    site = site_of(tmp_path, 16, brakes={"not_found_in_a_row": limit})
    site.world.faults.arm("acknowledge-sale", faults.status(404), supplier="notio", seconds=1e6)
    site.start()
    site.run_for(60)
    assert len({line.menzzo_order_id for line in site.world.requests("acknowledge-sale", "notio")}) == 8
    assert site.ask("SELECT paused_at FROM suppliers") == [(None,), (None,)]
    site.stop()


def test_after_a_person_let_it_go_on_old_404s_do_not_count(tmp_path: Path) -> None:
    site = site_of(tmp_path, 16, brakes=LIMIT)
    site.world.faults.arm("acknowledge-sale", faults.status(404), supplier="notio", seconds=1e6)
    site.start()
    site.run_for(60)
    known = len(site.world.log)
    person(site, lambda tx: safety_stops.resume(tx, "notio", site.clock.now()))
    site.run_for(300)
    again = {line.menzzo_order_id for line in since(site, known, "notio") if line.endpoint == "acknowledge-sale"}
    assert len(again) >= 5, "as many again before it stops again"
    assert [what for what, _, _ in problems(site) if "paused" in what]
    site.stop()
