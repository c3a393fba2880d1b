"""Ways through the core loop that a good day does not take."""

import os
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from supplier_agent import actions
from supplier_agent.agent import LOCKED_SECONDS
from supplier_agent.db.store import open_store
from supplier_agent.db.tables import Order
from supplier_agent.runtime.wiring import reassemble
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.tick.choose import LOOK_SECONDS
from supplier_agent.tick.context import MOST_IN_FLIGHT
from tests.branches.conftest import Raise, meets
from tests.model.later import Later
from tests.world.harness import arrive, settings_for
from tests.world.mortal import SHIP, Death, MortalSite, Spell


def ships(site: MortalSite) -> list[tuple[Any, ...]]:
    return site.ask(
        "SELECT c.state, c.attempts, o.ship_confirmed_at IS NOT NULL FROM calls c JOIN orders o ON o.id = c.order_id "
        "WHERE kind = 'ship' ORDER BY c.id"
    )


def test_a_call_that_a_death_left_in_doubt_is_told_at_the_start(installation: Raise) -> None:
    site = installation(1).collected()
    site.flag()
    site.doom.among, site.doom.steps_left = f"{SHIP}: answered", 1
    with pytest.raises(Death):
        site.run_for(10)
    site.crash()
    site.start()
    assert [facts["call"] for event, facts in site.said if event == "call.unknown"] == ["ship"]
    assert ships(site) == [("unknown", 1, 0)]
    site.stop()


def test_while_the_database_is_locked_nothing_goes_and_afterwards_everything_does(
    installation: Raise,
    impatient: None,  # noqa: ARG001 - a fixture
) -> None:
    site = installation(2).collected()
    site.flag()
    known = len(site.world.log)
    with closing(sqlite3.connect(site.database, isolation_level=None)) as editor:
        editor.execute("BEGIN IMMEDIATE")
        assert site.agent.turn() == LOCKED_SECONDS
        assert site.agent.database_problem is not None
        site.clock.sleep(LOCKED_SECONDS / 2)
        assert 0 < site.agent.turn() <= LOCKED_SECONDS / 2, "it does not ask again before the second is over"
        editor.execute("ROLLBACK")
    assert len(site.world.log) == known
    site.run_for(20)
    assert site.agent.database_problem is None
    assert ships(site) == [("done", 1, 1)] * 2
    site.stop()


def test_an_agent_that_stops_sends_nothing_more(installation: Raise) -> None:
    site = installation(2).collected()
    site.flag()
    known = len(site.world.log)
    site.agent.stopping = True
    site.agent.ctx.look_again()
    assert site.agent.turn() == LOOK_SECONDS
    assert len(site.world.log) == known
    assert {state for state, *_ in ships(site)} == {"owed"}
    site.stop()


def test_a_ship_call_whose_intent_cannot_be_noted_does_not_leave(installation: Raise) -> None:
    site = installation(1).collected()
    site.flag()
    ledger = site.agent.ctx.ledger._fd  # noqa: SLF001 - the disk under the open file is full, and only there
    spare, full = os.dup(ledger), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, ledger)
    for _ in range(2):
        site.agent.turn()
    assert not site.world.requests("ship-sale")
    ((state, outcome, detail),) = site.ask(
        "SELECT c.state, a.outcome, a.detail FROM calls c JOIN attempts a ON a.call_id = c.id WHERE kind = 'ship'"
    )
    assert (state, outcome) == ("owed", "not_sent")
    assert "cannot be written" in detail
    os.dup2(spare, ledger)
    site.run_for(120)
    assert len(site.world.requests("ship-sale")) == 1
    assert ships(site) == [("done", 2, 1)]
    for each in (spare, full):
        os.close(each)
    site.stop()


def test_a_stop_leaves_no_ship_call_in_doubt_whose_intent_could_not_be_noted(installation: Raise) -> None:
    site = installation(30, brakes={"flags_per_minute": 100}).collected()
    site.run_for(120)
    site.flag()
    ledger = site.agent.ctx.ledger._fd  # noqa: SLF001 - the disk under the open file is full, and only there
    spare, full = os.dup(ledger), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, ledger)
    site.agent.turn()
    assert 0 < sum(attempts for _, attempts, _ in ships(site)) <= MOST_IN_FLIGHT, (
        "no more are begun than if they had left"
    )
    site.agent.drain(1, 0.1, lambda: None)
    assert not site.world.requests("ship-sale")
    assert {state for state, *_ in ships(site)} == {"owed"}
    os.dup2(spare, ledger)
    for each in (spare, full):
        os.close(each)
    site.crash()


def test_a_decision_that_could_not_be_noted_is_noted_as_soon_as_it_can_be(installation: Raise) -> None:
    site = installation(1).collected()
    ledger = site.agent.ctx.ledger._fd  # noqa: SLF001 - the disk under the open file is full, and only there
    spare, full = os.dup(ledger), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, ledger)
    with closing(open_store(site.database)) as store, store.write() as tx:
        actions.hold(tx, tx.get_one(Order, 1), site.clock.now(), "Ana", "scratched")
    site.agent.turn()
    os.dup2(spare, ledger)
    for each in (spare, full):
        os.close(each)
    assert list(site.agent.ctx.ledger.decisions()) == []
    site.agent.turn()
    assert [each.what for each in site.agent.ctx.ledger.decisions()] == ["held"]
    site.stop()


def test_an_outcome_that_cannot_be_noted_in_the_ledger_is_told_and_in_the_database(installation: Raise) -> None:
    site = installation(1).collected()
    site.flag()
    ledger = site.agent.ctx.ledger._fd  # noqa: SLF001 - the disk under the open file fills up while the request is away
    spare, full = os.dup(ledger), os.open("/dev/full", os.O_WRONLY)

    def fills_up(endpoint: str) -> Spell:
        if endpoint == SHIP:
            os.dup2(full, ledger)
        return Spell()

    site.sky = fills_up
    site.run_for(5)
    assert ships(site) == [("done", 1, 1)]
    assert any("ledger" in event or "ledger" in str(facts) for event, facts in site.said)
    os.dup2(spare, ledger)
    for each in (spare, full):
        os.close(each)
    site.stop()


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("get-sales", []),
        ("acknowledge-sale", [("acknowledge", "owed", "unknown")]),
        ("label", [("acknowledge", "done", "done"), ("label", "owed", "unknown")]),
        ("ship-sale", [("acknowledge", "done", "done"), ("label", "done", "done"), ("ship", "unknown", "unknown")]),
    ],
)
def test_a_fault_of_our_own_in_a_worker_is_told_and_counts_as_a_lost_answer(
    installation: Raise, endpoint: str, expected: list[tuple[str, ...]]
) -> None:
    site = installation(1)

    def breaks(asked: str) -> Spell:
        if asked == endpoint:
            raise RuntimeError("a secret")
        return Spell()

    site.sky = breaks
    site.start()
    site.run_for(5)
    if endpoint == SHIP:
        site.flag()
    site.run_for(5)
    failed = [facts for event, facts in site.said if event == "worker.failed"]
    assert failed
    assert failed[0]["error"] == "RuntimeError"
    assert "a secret" not in str(site.said)
    told = site.ask(
        "SELECT kind, state, outcome FROM calls c JOIN attempts a ON a.call_id = c.id ORDER BY c.id, a.number"
    )
    assert [row for row in dict.fromkeys(told) if row[0] in {kind for kind, *_ in expected}] == expected
    site.sky = lambda _endpoint: Spell()
    site.run_for(3700)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL AND label_path IS NOT NULL") == [
        (1,)
    ]
    assert len(site.world.requests("ship-sale")) == 0, "it may have happened: it is not repeated"
    site.stop()


def test_who_chose_resend_gets_one_more_try_after_a_lost_answer_and_no_third(installation: Raise) -> None:
    site = installation(1, ship={"undo_seconds": 0, "after_lost_answer": "resend", "settle_seconds": 600}).collected()
    site.flag()
    site.sky = meets(SHIP, faults.close(applied=False))
    site.run_for(590)
    assert [state for state, *_ in ships(site)] == ["unknown"]
    assert len(site.world.requests("ship-sale")) == 1
    site.run_for(3600)
    assert len(site.world.requests("ship-sale")) == 2
    assert ships(site) == [("unknown", 2, 0)]
    site.stop()


def test_more_flags_within_a_minute_than_usual_wait_for_a_person(installation: Raise) -> None:
    site = installation(4, brakes={"flags_per_minute": 3}).collected()
    site.flag()
    site.run_for(120)
    assert not site.world.requests("ship-sale")
    assert any("unusually many marks need approval" in f"{event} {facts}" for event, facts in site.said)
    first = site.world.orders("notio")[0].menzzo_order_id
    with closing(sqlite3.connect(site.database, isolation_level=None)) as staff:
        staff.execute("UPDATE orders SET shipped = 0 WHERE menzzo_order_id = ?", [first])
    site.run_for(120)
    assert ships(site) == [("dropped", 0, 0), *[("done", 1, 1)] * 3]
    site.stop()


def test_a_cursor_that_the_marketplace_refuses_is_no_outage_and_loses_nothing(installation: Raise) -> None:
    site = installation(3, semantics=Semantics(cursor="always_refused")).collected()
    arrive(site.world, "notio")
    site.run_for(3700)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(4,)]
    assert site.ask("SELECT count(*) FROM lanes WHERE failing_since IS NOT NULL") == [(0,)]
    assert 400 in {line.status for line in site.world.log}, "no cursor was tried"
    site.stop()


def test_a_label_that_was_altered_on_the_disk_is_fetched_again_before_its_order_is_reported(
    installation: Raise,
) -> None:
    site = installation(1).collected()
    order = site.world.orders("notio")[0]
    file = site.settings.state_dir / "labels" / "notio" / f"{order.menzzo_order_id}.pdf"
    file.write_bytes(b"%PDF-1.4 somebody's own\n%%EOF\n")
    site.flag()
    site.run_for(60)
    assert file.read_bytes() == order.label
    assert [line.endpoint for line in site.world.log[-2:]] == ["label", "ship-sale"]
    assert ships(site)[-1][0] == "done"
    site.stop()


def test_no_page_is_read_while_an_acknowledge_is_on_its_way(installation: Raise) -> None:
    site = installation(1)
    later = Later(site.clock.monotonic)
    site.executor = later
    site.start()

    def reads() -> list[int]:
        return [place for place, each in enumerate(later.waiting) if each.job is None]

    for _ in range(60):
        site.agent.turn()
        site.clock.sleep(1)
        if [each for each in later.waiting if each.job is not None and each.job.kind == "acknowledge"]:
            break
        if reads():
            later.make(reads()[0])
    for _ in range(3):
        site.clock.sleep(3700)
        site.agent.turn()
    assert later.waiting
    assert not reads(), "the list might shift under the reader"
    while later.waiting:
        later.make(0)
    for _ in range(10):
        site.agent.turn()
        site.clock.sleep(1)
    assert reads(), "now that it is answered"
    later.die(sent=False)
    site.crash()


def test_a_round_that_a_person_starts_does_not_wait_for_a_back_off(installation: Raise) -> None:
    site = installation(1)
    site.sky = meets("get-sales", faults.status(500))
    site.start()
    site.run_for(4000)
    assert not site.ask("SELECT * FROM orders")
    site.sky = meets("", faults.status(500))
    site.agent.ctx.round_at = site.clock.now()
    site.agent.start()
    site.run_for(3)
    assert len(site.ask("SELECT * FROM orders")) == 1
    site.stop()


def test_another_configuration_holds_for_what_is_flagged_already_and_for_a_supplier_that_is_new(
    installation: Raise,
) -> None:
    site = installation(2).collected()
    with site.agent.ctx.store.write() as tx:
        for order in site.world.orders("notio"):
            actions.ship(tx, actions.find(tx, order.menzzo_order_id), site.clock.now(), "the warehouse")
    slower = settings_for(site.settings.state_dir, "notio", "asir-group", ship={"undo_seconds": 600})
    assert reassemble(site.agent, slower, {}, site.wire) == []
    site.run_for(300)
    assert not site.world.requests("ship-sale"), "the undo window is ten minutes now"
    assert site.ask("SELECT name FROM suppliers ORDER BY name") == [("asir-group",), ("notio",)]
    assert [line.supplier for line in site.world.requests("get-sales")].count("notio")
    site.run_for(400)
    assert ships(site) == [("done", 1, 1)] * 2
    alone = settings_for(site.settings.state_dir / "elsewhere", "notio")
    assert reassemble(site.agent, alone, {}, site.wire) == ["state_dir"]
    assert list(site.agent.accounts) == ["notio"]
    site.stop()
