"""Ways through one tick of a supplier that a good day does not take: what is listed, what is owed, who is asked and told."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from supplier_agent import actions
from supplier_agent.db.store import open_store
from supplier_agent.db.tables import Order
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.suppliers import read_log, snapshot
from supplier_agent.tick import choose, claim, plan, pull
from tests.branches.conftest import Raise, meets
from tests.world.harness import ManualClock, Site
from tests.world.mortal import SHIP, Spell

HOUR = 3600
HOURLY = {"poll_seconds": HOUR, "off_hours_poll_seconds": HOUR, "sweep_seconds": 2 * HOUR}
UNPAGED = Semantics(page_size=2, page="ignored", cursor="ignored")
"""A list of which nobody can see more than the first two of a day."""


def told(site: Site, event: str, about: str = "") -> list[dict[str, object]]:
    return [facts for said, facts in site.said if said == event and about in str(facts.get("about", ""))]


def lane(site: Site, name: str) -> tuple[int, str | None]:
    """Return how often a lane has failed in a row, and why."""
    ((failures, reason),) = site.ask("SELECT failures, reason FROM lanes WHERE lane = ?", name)
    return failures, reason


def calls(site: Site, kind: str) -> list[tuple[str, int]]:
    return site.ask("SELECT state, attempts FROM calls WHERE kind = ?", kind)


def act(site: Site, what: Callable[..., object], *how: str) -> None:
    """Let a person say something about the first order."""
    with site.agent.ctx.store.write() as tx:
        what(tx, tx.get_one(Order, 1), site.clock.now(), "Ana", *how)
    site.agent.ctx.look_again()


# -- pull, observe -----------------------------------------------------------------------------------------------------


def test_an_order_that_vanishes_and_comes_back_is_noted_twice(installation: Raise) -> None:
    site = installation(2, schedule=HOURLY)
    site.collected()
    gone, stays = site.world.orders("notio")
    listed = "SELECT menzzo_order_id, missed_at IS NULL FROM orders ORDER BY id"
    gone.visible_from = site.clock.true_now() + timedelta(days=99)
    site.run_for(5 * HOUR)
    assert site.ask(listed) == [(gone.menzzo_order_id, 0), (stays.menzzo_order_id, 1)]
    gone.visible_from = None
    site.run_for(5 * HOUR)
    assert site.ask(listed) == [(gone.menzzo_order_id, 1), (stays.menzzo_order_id, 1)]
    events = "SELECT menzzo_order_id, what FROM events JOIN orders o ON o.id = order_id WHERE who = 'marketplace'"
    assert site.ask(events) == [(gone.menzzo_order_id, "no longer listed"), (gone.menzzo_order_id, "listed again")]
    site.stop()


def test_an_entry_without_an_id_is_kept_and_told_once_however_often_it_is_listed(installation: Raise) -> None:
    site = installation(1, schedule=HOURLY)
    site.world.arrive_raw("notio", {"sku": "SOFA-1"})
    site.start()
    site.run_for(5 * HOUR)
    assert site.ask("SELECT raw, last_listed_at > received_at FROM rejected_entries") == [('{"sku": "SOFA-1"}', 1)]
    site.world.arrive_raw("notio", "two")
    site.run_for(3 * HOUR)
    assert [facts["entries"] for facts in told(site, "entry.rejected")] == [1, 1]
    assert site.ask("SELECT raw FROM rejected_entries WHERE id = 2") == [('"two"',)]
    assert site.ask("SELECT acknowledged_at IS NOT NULL FROM orders") == [(1,)], "it hides no good one"
    site.stop()


def test_a_list_that_cannot_be_read_to_its_end_is_told_once_and_so_is_that_it_can(installation: Raise) -> None:
    site = installation(5, semantics=UNPAGED, schedule=HOURLY)
    site.start()
    site.run_for(7 * HOUR)
    whole = "SELECT proof FROM runs WHERE purpose = 'sweep' ORDER BY id"
    assert {proof for (proof,) in site.ask(whole)} == {"partial"}
    assert site.ask("SELECT count(*) FROM orders") == [(2,)]
    (problem,) = told(site, "problem.found", "reading of notio")
    assert "not fully read: neither page nor cursor" in str(problem["detail"])
    site.api.semantics = Semantics()
    site.run_for(3 * HOUR)
    assert site.ask(whole)[-1] == ("complete",)
    assert site.ask("SELECT count(*) FROM orders") == [(5,)]
    assert len(told(site, "problem.found", "reading of notio")) == 1
    assert len(told(site, "problem.solved", "reading of notio")) == 1
    site.stop()


def test_what_the_servers_cache_would_answer_is_not_asked_and_moves_no_cursor(installation: Raise) -> None:
    site = installation(2, "asir-group", semantics=Semantics(page="ignored", cursor="ignored"))
    site.collected()
    ((cursor,),) = site.ask("SELECT cursor FROM suppliers")
    late, today, day = site.world.arrive("asir-group"), site.clock.now().date(), timedelta(days=1)
    for _ in range(2):
        with site.agent.ctx.store.write() as tx:
            read_log.request(tx, "asir-group", today - day, today, site.clock.now())
        site.agent.ctx.look_again()
        site.run_for(60)
    assert site.ask("SELECT proof, detail FROM runs WHERE purpose = 'resync'") == [("partial", pull.ALREADY_ASKED)] * 2
    first = "SELECT min(r.id), url FROM reads r JOIN runs ON runs.id = run_id WHERE purpose = 'resync' GROUP BY run_id"
    ends = f"&date_to={today + day}"
    assert [url for _, url in site.ask(first)] == [
        f"get-sales?page=1&date_from={since}{ends}" for since in (today - day, today - 2 * day)
    ]
    assert not any(line.cached for line in site.world.log)
    assert site.ask("SELECT id FROM orders WHERE menzzo_order_id = ?", late.menzzo_order_id) == [(3,)]
    assert site.ask("SELECT cursor FROM suppliers") == [(cursor,)]
    site.stop()


def test_a_list_that_is_not_found_is_an_outage_only_until_it_was_found_once(installation: Raise) -> None:
    site = installation(1, schedule=HOURLY)
    site.sky = meets("get-sales", faults.status(404))
    site.start()
    site.run_for(5)
    assert lane(site, "reads")[0] == 1
    site.sky = lambda _endpoint: Spell()
    site.run_for(300)
    assert lane(site, "reads") == (0, None)
    ((known,),) = site.ask("SELECT max(id) FROM runs")
    site.sky = meets("get-sales", faults.status(404))
    site.run_for(5 * HOUR)
    later = site.ask("SELECT purpose, proof, listed FROM runs WHERE id > ?", known)
    assert set(later) == {("poll", "complete", 0), ("sweep", "complete", 0)}
    assert lane(site, "reads") == (0, None)
    assert site.ask("SELECT missed_at FROM orders") == [(None,)], "a list of nothing proves no absence"
    site.stop()


def test_a_cursor_that_is_not_heeded_is_tried_again_only_after_a_day(installation: Raise) -> None:
    site = installation(3, semantics=Semantics(cursor="ignored"), schedule=HOURLY | {"sweep_seconds": 99 * HOUR})
    site.start()
    site.run_for(23 * HOUR)
    by_cursor = "SELECT started_at FROM reads WHERE url LIKE '%last_menzzo_order_number%' ORDER BY id"
    assert len(site.ask(by_cursor)) == 1
    late = site.world.arrive("notio")
    site.run_for(4 * HOUR)
    assert site.ask("SELECT menzzo_order_id, acknowledged_at IS NOT NULL FROM orders WHERE id = 4") == [
        (late.menzzo_order_id, 1)
    ]
    first, second = (datetime.fromisoformat(at) for (at,) in site.ask(by_cursor))
    assert second - first > timedelta(days=1)
    site.stop()


# -- plan, deliver -----------------------------------------------------------------------------------------------------


def test_a_label_file_that_somebody_removed_is_fetched_again_within_the_hour(installation: Raise) -> None:
    site = installation(1)
    site.collected()
    order = site.world.orders("notio")[0]
    file = site.settings.state_dir / "labels" / "notio" / f"{order.menzzo_order_id}.pdf"
    file.unlink()
    site.run_for(HOUR)
    site.run_for(10)
    assert file.read_bytes() == order.label
    assert calls(site, "label") == [("done", 2)]
    ((who, detail),) = site.ask("SELECT who, detail FROM events WHERE what = 'label lost'")
    assert (who, detail) == ("agent", "the label file is gone or was changed; it is fetched again")
    site.stop()


@pytest.mark.parametrize(("back", "requests"), [(timedelta(days=1), 4), (timedelta(minutes=1), 1)], ids=["far", "near"])
def test_silence_that_was_asked_for_ends_if_the_clock_is_set_back_by_more_than_it_can_last(
    installation: Raise, back: timedelta, requests: int
) -> None:
    site = installation(1)
    site.sky = meets("get-sales", faults.status(429, headers=(("Retry-After", "3000"),)), 1)
    site.start()
    site.run_for(20)
    assert site.ask("SELECT quiet_until FROM suppliers") != [(None,)]
    assert len(site.world.log) == 1
    site.clock.wrong_by -= back
    plan.clock_changed(site.agent.ctx)
    site.run_for(30)
    assert len(site.world.log) >= requests
    assert len(site.ask("SELECT id FROM orders")) == int(requests > 1)
    site.stop()


def test_an_order_that_is_held_after_a_lost_answer_is_sent_once_more_only_when_it_is_released(
    installation: Raise,
) -> None:
    site = installation(1, ship={"undo_seconds": 0, "after_lost_answer": "resend", "settle_seconds": 600})
    site.collected()
    act(site, actions.ship)
    site.sky = meets(SHIP, faults.close(applied=False), 1)
    site.run_for(60)
    act(site, actions.hold, "the customer called")
    site.run_for(2 * HOUR)
    assert calls(site, "ship") == [("unknown", 1)]
    act(site, actions.release)
    site.run_for(60)
    assert calls(site, "ship") == [("done", 2)]
    assert site.ask("SELECT who, what FROM events ORDER BY id DESC LIMIT 2") == [
        ("agent", "ship is sent once more"),
        ("Ana", "released"),
    ]
    site.stop()


def test_of_two_agents_that_chose_the_same_call_one_has_it(installation: Raise) -> None:
    site = installation(1, ship={"undo_seconds": 30})
    site.collected()
    act(site, actions.ship)
    site.run_for(5)
    site.clock.sleep(30)
    agent, now, other = site.agent, site.clock.now(), open_store(site.database)
    account = agent.accounts["notio"]
    with agent.ctx.store.read() as tx:
        seen = snapshot.look(tx, "notio")
        chosen = choose.choose(agent.ctx, tx, account, seen, now, read_waits=False).call
    assert chosen is not None
    assert chosen.id is not None
    jobs = []
    for store in (other, agent.ctx.store):
        with store.write() as tx:
            jobs.append(claim.claim(agent.ctx, tx, account, seen, chosen.id))
    other.close()
    assert [job and (job.kind, job.number) for job in jobs] == [("ship", 1), None]
    assert calls(site, "ship") == [("sending", 1)]
    assert site.ask("SELECT number FROM attempts WHERE call_id = ?", chosen.id) == [(1,)]
    site.stop()


def test_a_row_of_404s_begins_anew_after_another_no_and_is_then_given_the_caches_life(installation: Raise) -> None:
    site = installation(1, "asir-group")
    answers = iter([404, 422, 404, 500, 404, 404, 404])

    def over(endpoint: str) -> Spell:
        return Spell(fault=faults.status(next(answers))) if endpoint == "acknowledge-sale" else Spell()

    site.sky = over
    site.start()
    site.run_for(HOUR, until=lambda: calls(site, "acknowledge") == [("parked", 2)])
    act(site, actions.retry)
    site.run_for(1500)
    assert calls(site, "acknowledge") == [("owed", 6)], "the 404 before the 422 is none of this row"
    site.run_for(500)
    assert calls(site, "acknowledge") == [("parked", 7)]
    site.stop()


# -- renewal -----------------------------------------------------------------------------------------------------------


def test_without_a_token_nothing_goes_which_is_told_once_and_it_begins_when_there_is_one(tmp_path: Path) -> None:
    clock = ManualClock()
    world = World(clock, ("notio",))
    world.arrive("notio")
    file = tmp_path / "token"
    settings = Settings(state_dir=tmp_path / "state", suppliers={"notio": {"token_file": str(file)}})
    site = Site(settings, world, clock)
    site.start()
    site.run_for(120)
    file.write_text("")
    site.run_for(120)
    first, second = told(site, "problem.found", "token notio")
    assert "does not exist" in str(first["detail"])
    assert "is empty" in str(second["detail"])
    assert lane(site, "reads") == (2, second["detail"])
    assert site.ask("SELECT token_refused_at IS NOT NULL FROM suppliers") == [(1,)]
    assert not world.log
    file.write_text("sandbox-notio")
    site.run_for(35)
    assert site.ask("SELECT acknowledged_at IS NOT NULL FROM orders") == [(1,)]
    assert site.ask("SELECT token_refused_at FROM suppliers") == [(None,)]
    assert len(told(site, "problem.solved", "token notio")) == 1
    file.unlink()
    world.tokens["notio"], known = "another", len(world.log)
    site.run_for(HOUR, until=lambda: len(world.log) > known)
    site.run_for(1)
    assert "refused the token" in str(lane(site, "reads")[1]), "there is one, which may come to work again"
    site.stop()
