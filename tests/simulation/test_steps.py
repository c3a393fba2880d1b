"""Single scenes on the virtual clock: moments that days of everything at once meet too rarely to rely on."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import actions
from supplier_agent.calls import Job
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers import snapshot
from supplier_agent.tick import claim, plan
from tests.world.harness import MONDAY, ManualClock, Site, arrive, settings_for
from tests.world.mortal import MortalSite, SetClock

SUPPLIER = "notio"


def collected(folder: Path, orders: int) -> Site:
    """Return an installation that has acknowledged so many orders and has their labels."""
    clock = ManualClock()
    world = World(clock, (SUPPLIER,))
    arrive(world, SUPPLIER, orders)
    site = Site(settings_for(folder / "state", SUPPLIER, ship={"undo_seconds": 0}), world, clock)
    return site.collected()


def claimed_after(site: Site, change: str) -> tuple[int, Job | None]:
    """Flag the one order, change it after the plan and before the claim; return its ship call, and what was claimed."""
    agent = site.agent
    site.flag()
    agent.ctx.look_again()
    plan.plan(agent.ctx, agent.accounts[SUPPLIER])  # the change must come after the plan and before the claim
    ((call_id,),) = site.ask("SELECT id FROM calls WHERE kind = 'ship' AND state = 'owed'")
    with agent.ctx.store.write() as tx:
        tx.connection().exec_driver_sql(f"UPDATE orders SET {change}")
    with agent.ctx.store.write() as tx:
        job = claim.claim(agent.ctx, tx, agent.accounts[SUPPLIER], snapshot.look(tx, SUPPLIER), call_id)
    return call_id, job


@pytest.mark.parametrize(
    "change", ["held_reason = 'wait'", "closed_reason = 'cancelled'", "shipped = 0", "acknowledged_at = NULL"]
)
def test_a_call_is_dropped_if_its_order_does_not_ask_for_it_any_more_when_it_is_claimed(
    change: str, tmp_path: Path
) -> None:
    site = collected(tmp_path, 1)
    call_id, job = claimed_after(site, change)
    assert job is None
    assert site.ask("SELECT state FROM calls WHERE id = ?", call_id) == [("dropped",)]
    site.stop()


UNDO_SECONDS = 120


def with_an_undo_window(folder: Path, before_it_starts: Callable[[SetClock], None] = lambda _clock: None) -> MortalSite:
    """Return an installation with one order, whose clock may be set."""
    clock = SetClock(MONDAY)
    world = World(clock.true, (SUPPLIER,))
    arrive(world, SUPPLIER)
    before_it_starts(clock)
    site = MortalSite(settings_for(folder / "state", SUPPLIER, ship={"undo_seconds": UNDO_SECONDS}), world, clock)
    site.start()
    return site


def say(site: Site, change: Callable[..., Any]) -> None:
    """Let a person say something about the one order, before the agent notices."""
    (this,) = site.world.orders(SUPPLIER)
    with site.agent.ctx.store.write() as tx:
        change(tx, actions.find(tx, this.menzzo_order_id), site.clock.now(), "Ana")
    site.agent.ctx.look_again()


def seconds_to_the_report(site: Site) -> float:
    (this,) = site.world.orders(SUPPLIER)
    began = site.clock.monotonic()
    site.run_for(2 * 3600, until=lambda: bool(this.shipped_at))
    assert this.shipped_at
    return site.clock.monotonic() - began


def test_who_reopens_an_order_has_the_whole_undo_window_even_if_its_call_was_tried_before(tmp_path: Path) -> None:
    site = with_an_undo_window(tmp_path)
    site.run_for(60)
    say(site, actions.ship)
    site.world.faults.arm("ship-sale", faults.status(429, headers=(("Retry-After", "30"),)))
    site.run_for(UNDO_SECONDS + 1)
    assert site.ask("SELECT attempts, state FROM calls WHERE kind = 'ship'") == [(1, "owed")]
    site.world.faults.disarm()
    say(site, lambda tx, order, now, who: actions.close(tx, order, now, who, "cancelled"))
    say(site, actions.reopen)
    assert seconds_to_the_report(site) >= UNDO_SECONDS
    site.stop()


def test_a_call_whose_order_changed_since_it_was_planned_is_not_claimed_before_it_is_planned_anew(
    tmp_path: Path,
) -> None:
    site = collected(tmp_path, 1)
    _, job = claimed_after(site, "planned_at = NULL")
    assert job is None
    assert site.ask("SELECT state, attempts FROM calls WHERE kind = 'ship'") == [("owed", 0)]
    site.stop()


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_flagged_under_a_clock_that_ran_ahead_waits_no_longer_once_it_is_set_right(
    restarted: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
) -> None:
    """A machine that takes its clock for local time is hours ahead until it has asked for the time."""
    site = with_an_undo_window(tmp_path, lambda clock: setattr(clock, "wrong_by", timedelta(hours=5)))
    site.run_for(60)
    say(site, actions.ship)
    site.run_for(1)
    if restarted:
        site.stop()
    site.clock.wrong_by = timedelta(0)
    if restarted:
        site.start()
    else:
        plan.clock_changed(site.agent.ctx)
    assert UNDO_SECONDS - 1 <= seconds_to_the_report(site) <= UNDO_SECONDS + 5
    site.stop()


def test_what_was_listed_under_a_clock_that_ran_ahead_is_acknowledged_at_once(tmp_path: Path) -> None:
    site = with_an_undo_window(tmp_path, lambda clock: setattr(clock, "wrong_by", timedelta(hours=5)))
    site.run_for(1.5)
    site.stop()
    assert site.ask("SELECT attempts, state FROM calls WHERE kind = 'acknowledge'") == [(0, "owed")]
    site.clock.wrong_by = timedelta(0)
    site.start()
    site.run_for(120)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(1,)]
    site.stop()


@pytest.mark.parametrize("endpoint", ["acknowledge-sale", "ship-sale", "get-sales"])
def test_nothing_is_asked_while_the_marketplace_wants_silence(endpoint: str, tmp_path: Path) -> None:
    site = collected(tmp_path, 4)
    arrive(site.world, SUPPLIER, 4)
    site.flag()
    too_many = faults.status(429, headers=(("Retry-After", "300"),))
    site.world.faults.arm(endpoint, too_many, times=1)
    known = len(site.world.log)
    site.run_for(7200)
    lines = site.world.log[known:]
    (place,) = [number for number, line in enumerate(lines) if line.status == 429]
    on_their_way = [line for line in lines[place + 1 :] if line.monotonic - lines[place].monotonic < 10]
    assert len(on_their_way) <= 4, "what was claimed before the answer came may still leave"
    after = lines[place + 1 + len(on_their_way)]
    assert after.monotonic - lines[place].monotonic >= 300
    site.stop()


@pytest.mark.parametrize("endpoint", ["acknowledge-sale", "ship-sale", "get-sales"])
def test_a_429_without_a_time_is_asked_less_and_less_often_and_one_request_goes_first(
    endpoint: str, tmp_path: Path
) -> None:
    site = collected(tmp_path, 4)
    arrive(site.world, SUPPLIER, 4)
    site.flag()
    site.world.faults.arm(endpoint, faults.status(429), seconds=4 * 3600)
    known = len(site.world.log)
    site.run_for(4 * 3600)
    asked = [line for line in site.world.log[known:] if line.status == 429]
    assert 5 <= len(asked) <= 30, "each acknowledge that works opens the writes again"
    gaps = [after.monotonic - before.monotonic for before, after in pairwise(asked)]
    assert max(gaps) >= (900 if endpoint == "get-sales" else 1800), (
        "reading is asked no less often than the news is polled"
    )
    site.run_for(2 * 3600)  # it answers again
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NULL AND shipped = 1") == [(0,)]
    site.stop()


def test_after_a_refused_token_only_reads_ask_whether_a_new_one_works(tmp_path: Path) -> None:
    site = collected(tmp_path, 5)
    site.world.tokens[SUPPLIER] = "another"
    site.flag()
    known = len(site.world.log)
    site.run_for(6 * 3600, until=lambda: len(site.world.log) > known + 60)
    refused = site.world.log[known:]
    assert {line.status for line in refused} == {401}
    writes = [line for line in refused if line.endpoint != "get-sales"]
    assert 1 <= len(writes) <= 3, "what was claimed before the first answer came may still leave"
    probes = [line.monotonic for line in refused if line.endpoint == "get-sales"]
    assert 5 <= len(probes) <= 30
    gaps = [after - before for before, after in pairwise(probes)]
    assert max(gaps) <= 3600 * 1.26
    assert site.ask("SELECT DISTINCT state, strikes FROM calls WHERE kind = 'ship'") == [("owed", 0)]
    site.stop()


def test_a_poll_that_died_between_two_pages_is_made_again_from_where_it_began(tmp_path: Path) -> None:
    """Newest first: the first page ends far above what was known, and only the next poll can bring the rest before a sweep."""
    site = collected(tmp_path, 1)
    site.api.semantics = Semantics(order="newest", page_size=3)
    arrive(site.world, SUPPLIER, 8)
    account = site.agent.accounts[SUPPLIER]
    site.run_for(2 * 3600, until=lambda: account.run is not None and account.run.plan.pages == 1)
    assert account.run is not None
    assert account.run.plan.purpose == "poll"
    site.crash()
    site.start()
    site.run_for(1800)
    assert site.ask("SELECT count(*) FROM orders") == [(9,)]
    assert site.ask("SELECT DISTINCT purpose FROM runs WHERE id > 1") == [("poll",)], "it was no sweep that found them"
    site.stop()
