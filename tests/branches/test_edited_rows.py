"""Rows that a person edits, deletes or guards by hand while the agent works: this harms that row, and nothing is sent twice."""

import sqlite3
from contextlib import closing

import pytest

from supplier_agent.order import UNREADABLE
from supplier_agent.tick.context import READ
from tests.branches.conftest import Raise, first_request, work_for
from tests.model.later import Later
from tests.world.mortal import MortalSite


def by_hand(site: MortalSite, *statements: str) -> None:
    """Run SQL as a database browser does: nothing checks foreign keys there."""
    with closing(sqlite3.connect(site.database, isolation_level=None)) as connection:
        for each in statements:
            connection.execute(each)


def collected(site: MortalSite) -> MortalSite:
    """Let it read, acknowledge and fetch labels; then flag every order."""
    site.start()
    site.run_for(60)
    site.flag(this for (this,) in site.ask("SELECT menzzo_order_id FROM orders"))
    return site


@pytest.mark.parametrize("damage", ["attempts = 'three', subject = x'00ff'", "subject = x'00ff'"])
def test_a_ship_call_whose_row_was_damaged_while_it_waited_is_repaired_and_sent_once(
    installation: Raise, damage: str
) -> None:
    site = collected(installation(2, ship={"undo_seconds": 30}))
    site.run_for(5)
    by_hand(site, f"UPDATE calls SET {damage} WHERE kind = 'ship' AND order_id = 1")
    site.run_for(20)
    assert site.world.requests("ship-sale") == [], "the undo window is still open"
    site.run_for(60)
    assert (
        site.ask("SELECT state, attempts, strikes, detail FROM calls WHERE kind = 'ship'") == [("done", 1, 0, None)] * 2
    )
    assert len(site.world.requests("ship-sale")) == 2
    assert [facts for event, facts in site.said if event == "internal.error"] == []
    site.stop()


def test_an_order_whose_calls_cannot_be_told_apart_is_held_back_and_no_other(installation: Raise) -> None:
    site = collected(installation(2, ship={"undo_seconds": 30}))
    site.run_for(5)
    by_hand(
        site,
        "UPDATE calls SET kind = 'chip' WHERE kind = 'ship' AND order_id = 1",
        "UPDATE orders SET planned_at = 'yesterday' WHERE id = 2",
    )
    site.stop()
    site.start()
    site.run_for(120)
    assert site.ask(
        "SELECT fault, ship_confirmed_at IS NOT NULL, planned_at <> 'yesterday' FROM orders ORDER BY id"
    ) == [
        (f"{UNREADABLE}: calls.kind", 0, 1),
        (None, 1, 1),
    ]
    assert len(site.world.requests("ship-sale")) == 1
    site.stop()


def test_a_ship_call_that_a_trigger_never_lets_begin_is_parked_and_the_others_go(installation: Raise) -> None:
    site = installation(2)
    site.start()
    by_hand(
        site,
        "CREATE TRIGGER never BEFORE UPDATE ON calls WHEN NEW.state = 'sending' AND NEW.kind = 'ship' AND NEW.order_id = 1 "
        "BEGIN SELECT RAISE(IGNORE); END",
    )
    site.run_for(60)
    site.flag(this for (this,) in site.ask("SELECT menzzo_order_id FROM orders"))
    site.run_for(60)
    (stuck, other) = site.ask("SELECT state, attempts, detail FROM calls WHERE kind = 'ship' ORDER BY order_id")
    assert stuck[:2] == ("parked", 0)
    assert stuck[2].startswith("internal error")
    assert other[:2] == ("done", 1)
    assert len(site.world.requests("ship-sale")) == 1
    site.stop()


def test_a_call_of_an_order_that_is_not_there_keeps_nobody_from_starting(installation: Raise) -> None:
    site = collected(installation(1, ship={"undo_seconds": 600}))
    site.run_for(5)
    site.stop()
    by_hand(
        site,
        "INSERT INTO calls (order_id, supplier, kind, subject, state, attempts, strikes, owed_at) "
        "SELECT 99, supplier, kind, subject, 'sending', 1, 0, owed_at FROM calls WHERE kind = 'ship'",
    )
    site.start()
    site.run_for(700)
    assert site.ask("SELECT state FROM calls WHERE order_id = 99") == [("unknown",)]
    assert site.ask("SELECT state FROM calls WHERE kind = 'ship' AND order_id = 1") == [("done",)]
    assert len(site.world.requests("ship-sale")) == 1
    site.stop()


def test_a_reading_whose_row_somebody_deleted_is_given_up_and_begins_again(installation: Raise) -> None:
    site = installation(1)
    later = Later(site.clock.monotonic)
    site.executor = later
    site.start()
    first_request(site, later)
    by_hand(site, "DELETE FROM runs")
    later.make(0)
    site.agent.turn()
    assert site.ask("SELECT count(*) FROM orders") == [(0,)]
    assert [facts["call"] for event, facts in site.said if event == "internal.error"] == [READ]
    work_for(site, 300, later)
    assert site.ask("SELECT acknowledged_at IS NOT NULL FROM orders") == [(1,)]
    assert len([event for event, _ in site.said if event == "internal.error"]) == 1
    site.crash()


def test_the_answer_to_a_reading_that_was_given_up_is_ignored_and_read_again(installation: Raise) -> None:
    site = installation(3, brakes={"flags_per_minute": 1})
    later = Later(site.clock.monotonic)
    site.executor = later
    site.start()
    work_for(site, 60, later)
    first_request(site, later)
    assert [each.job for each in later.waiting] == [None], "a read is on its way"
    new = site.world.arrive("notio").menzzo_order_id
    by_hand(
        site,
        "CREATE TRIGGER breaks BEFORE UPDATE OF flags_asked_at ON suppliers BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    site.flag(this for (this,) in site.ask("SELECT menzzo_order_id FROM orders"))
    site.agent.turn()
    ((run, proof),) = site.ask("SELECT id, proof FROM runs ORDER BY id DESC LIMIT 1")
    assert proof == "failed"
    by_hand(site, "DROP TRIGGER breaks")
    later.make(0)
    site.agent.turn()
    assert site.ask("SELECT * FROM orders WHERE menzzo_order_id = ?", new) == []
    assert site.ask("SELECT count(*) FROM reads WHERE run_id = ?", run) == [(0,)]
    work_for(site, 2000, later)
    assert site.ask("SELECT acknowledged_at IS NOT NULL FROM orders WHERE menzzo_order_id = ?", new) == [(1,)]
    assert [facts["error"] for event, facts in site.said if event == "internal.error"] == ["RefusedError"]
    site.crash()
