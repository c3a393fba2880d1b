"""No ship call goes before its sale was checked, as far as the setting asks for it. And nothing else ever waits for that."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from supplier_agent import actions
from supplier_agent.reports import orders
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.support import SALE
from supplier_agent.tick.sale_gate import SKIPPED
from tests.support.conftest import SUPPLIER, Raise, events, first, ids, settings_of, state
from tests.world.harness import Site

LONG = 7200.0


def held(site: Site) -> list[tuple[str, str]]:
    return site.ask("SELECT held_code, held_reason FROM orders WHERE held_reason IS NOT NULL ORDER BY id")


def ships(site: Site) -> int:
    return len(site.world.requests("ship-sale"))


def checks(site: Site) -> int:
    return len(site.world.requests(SALE))


def whole(site: Site, number: int = 0) -> dict[str, object]:
    """Return `order ID --json`."""
    with site.agent.ctx.store.read() as tx:
        return orders.whole(tx, actions.find(tx, ids(site)[number]), site.settings, site.clock.now())


def cancel(site: Site, word: str = "canceled") -> None:
    site.world.support.statuses[first(site)] = word


def test_a_sale_that_stands_is_checked_once_and_shipped(installation: Raise) -> None:
    site = installation()
    site.flag()
    site.run_for(130, 1)
    assert (checks(site), ships(site), state(site, "ship")[0]) == (1, 1, "done")
    (asked,), (sent,) = site.world.requests(SALE), site.world.requests("ship-sale")
    assert timedelta(0) < sent.at - asked.at <= timedelta(minutes=10)
    assert whole(site)["stage"] == "shipped"


@pytest.mark.parametrize("word", ["canceled", "Cancelled", "REFUNDED", "holded"])
def test_a_sale_that_was_cancelled_is_held_and_never_reported(installation: Raise, word: str) -> None:
    site = installation()
    cancel(site, word)
    site.flag()
    site.run_for(LONG)
    assert ships(site) == 0
    assert held(site) == [("sale_stopped", f"Menzzo says that its sale is {word.lower()}")]
    told = whole(site)
    assert {"held", "sale_stopped"} <= set(told["blockers"])  # type: ignore[call-overload]
    assert (told["stage"], told["problem_codes"]) == ("held", ["sale_stopped"])


def test_a_sale_that_is_cancelled_between_mark_and_report_is_held(installation: Raise) -> None:
    site = installation(ship={"undo_seconds": 900})
    site.flag()
    site.run_for(800)
    assert checks(site) == 0, "it is asked just before the report"
    cancel(site)
    site.run_for(LONG)
    assert (ships(site), held(site)[0][0]) == (0, "sale_stopped")


def released_by_ana(installation: Raise) -> Site:
    """Return an installation whose order was marked, held because of its sale, and released."""
    site = installation()
    cancel(site)
    site.flag()
    site.run_for(300)
    with site.agent.ctx.store.write() as tx:
        actions.release(tx, actions.find(tx, ids(site)[0]), site.clock.now(), "Ana")
    return site


def test_after_a_release_the_same_word_does_not_hold_it_again_and_another_one_does(installation: Raise) -> None:
    site = released_by_ana(installation)
    site.run_for(300)
    assert (ships(site), held(site)) == (1, [])
    assert site.ask("SELECT accepted_status, accepted_by FROM sale_checks") == [("canceled", "Ana")]


def test_after_a_release_another_stop_word_holds_it_again(installation: Raise) -> None:
    site = released_by_ana(installation)
    cancel(site, "refunded")
    site.run_for(300)
    assert (ships(site), held(site)[0][1]) == (0, "Menzzo says that its sale is refunded")


def test_a_release_after_a_restore_does_not_release_what_its_sale_stops(installation: Raise) -> None:
    site = installation()
    cancel(site)
    site.flag()
    site.run_for(300)
    with site.agent.ctx.store.read() as tx:
        assert actions.held_by_agent(tx, None) == []


def test_an_unknown_word_is_a_warning_and_it_goes(installation: Raise) -> None:
    site = installation(ship={"undo_seconds": 60})
    cancel(site, "pending_warehouse")
    site.flag()
    site.run_for(30, 1)
    assert whole(site)["problem_codes"] == ["sale_doubtful"]
    assert whole(site)["sale"]["verdict"] == "unknown_word"  # type: ignore[index]
    site.run_for(60, 1)
    assert ships(site) == 1


def test_a_sale_that_the_support_api_does_not_know_is_a_warning(installation: Raise) -> None:
    site = installation()
    site.world.faults.arm(SALE, faults.status(404), times=9)
    site.flag()
    site.run_for(300, 1)
    assert (ships(site), site.ask("SELECT found, status FROM sale_checks")) == (1, [(0, None)])


def test_other_lines_of_a_cancelled_sale_are_held_too_with_one_question(installation: Raise) -> None:
    site = installation(orders=0)
    order = site.world.arrive(SUPPLIER)
    row = {
        "menzzo_order_id": f"{order.menzzo_order_id.rpartition('_')[0]}_777",
        "sku": "X",
        "quantity": 1,
        "price": 1.0,
    }
    site.world.arrive_raw(SUPPLIER, row)
    site.run_for(3700)
    cancel(site)
    site.flag([order.menzzo_order_id])
    site.run_for(300)
    assert [code for code, _ in held(site)] == ["sale_stopped"] * 2
    assert checks(site) == 1


def test_a_word_that_became_a_stop_word_since_holds_the_order_and_the_loop_goes_on(installation: Raise) -> None:
    site = installation()
    site.world.support.statuses[first(site)] = "fraud"
    site.flag()
    site.run_for(90)  # it was asked about, and is not due yet
    assert (checks(site), ships(site), held(site)) == (1, 0, [])
    site.stop()
    site.settings = settings_of(site.settings.state_dir, {"stop_words": ["fraud"]})
    site.start()
    site.run_for(300)
    assert (ships(site), [code for code, _ in held(site)], state(site, "ship")[0]) == (0, ["sale_stopped"], "dropped")


# -- no answer ---------------------------------------------------------------------------------------------------------


def test_unreachable_with_warn_it_goes_in_bounded_time_and_says_so(installation: Raise) -> None:
    site = installation({"wait_seconds": 7}, ship={"undo_seconds": 0})
    site.world.faults.arm(SALE, faults.hang(applied=False), times=99)
    marked = site.clock.now()
    site.flag()
    site.run_for(60, 1)
    (sent,) = site.world.requests("ship-sale")
    # The harness works in one thread, so a request that hangs takes 20 s of everybody's time.
    assert sent.at - marked <= timedelta(seconds=7 + 21)
    assert SKIPPED in events(site)


def test_an_outage_of_the_support_api_costs_no_time_if_it_was_noticed_before(installation: Raise) -> None:
    site = installation()
    site.world.faults.arm(SALE, faults.status(500), times=99)
    marked = site.clock.now()
    site.flag()
    site.run_for(130, 1)
    (sent,) = site.world.requests("ship-sale")
    assert sent.at - marked < timedelta(seconds=122)


def test_unreachable_with_hold_it_waits_and_goes_when_the_answer_comes(installation: Raise) -> None:
    site = installation({"when_unreachable": "hold"})
    site.world.faults.arm(SALE, faults.status(500), seconds=LONG)
    site.flag()
    site.run_for(LONG - 100)
    told = whole(site)
    assert (ships(site), held(site), told["blockers"]) == (0, [], ["sale_unchecked"])
    assert "its sale" in str(told["next"])
    site.run_for(4000)
    assert (ships(site), state(site, "ship")[0]) == (1, "done")


def test_while_it_waits_with_hold_its_ship_call_is_not_looked_at_all_the_time(installation: Raise) -> None:
    site = installation({"when_unreachable": "hold"})
    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.execute("CREATE TABLE looks (at TEXT)")
        connection.execute(
            "CREATE TRIGGER looked AFTER UPDATE OF due_at ON calls WHEN NEW.kind = 'ship' AND NEW.due_at IS NOT NULL "
            "BEGIN INSERT INTO looks VALUES (NEW.due_at); END"
        )
    site.world.faults.arm(SALE, faults.status(500), seconds=9e9)
    site.flag()
    site.run_for(6 * 3600)
    (looks,) = site.ask("SELECT count(*) FROM looks")
    assert 30 <= looks[0] <= 4 * 36, "each failed answer plans it again"


def test_a_refused_support_token_stops_nothing_with_warn(installation: Raise) -> None:
    site = installation({"token": "wrong"}, orders=3)
    site.flag()
    site.run_for(400, 1)
    assert ships(site) == 3
    assert site.ask("SELECT supplier FROM lanes WHERE failing_since IS NOT NULL") == [(f"{SUPPLIER}/support",)]


def test_a_strict_gate_delays_nothing_but_the_report(installation: Raise) -> None:
    site = installation({"when_unreachable": "hold"}, orders=2)
    site.world.faults.arm(SALE, faults.status(500), seconds=9e9)
    site.flag([ids(site)[0]])
    site.world.arrive(SUPPLIER)
    site.run_for(LONG)
    assert len(site.world.requests("acknowledge-sale")) == 3
    assert len(site.world.requests("label")) >= 3
    assert ships(site) == 0


def test_an_override_names_no_sale_so_it_does_not_pass_a_stop_word(installation: Raise) -> None:
    site = installation()
    cancel(site)
    with site.agent.ctx.store.write() as tx:
        actions.ship(tx, actions.find(tx, ids(site)[0]), site.clock.now(), "Ana", "Ana")
    site.run_for(LONG)
    assert (ships(site), held(site)[0][0]) == (0, "sale_stopped")


# -- age and clock -----------------------------------------------------------------------------------------------------


def test_an_answer_that_is_too_old_is_asked_for_again(installation: Raise) -> None:
    site = installation()
    site.world.faults.arm("ship-sale", faults.status(429, headers=(("Retry-After", "900"),)))
    site.flag()
    site.run_for(130, 1)
    assert (checks(site), ships(site)) == (1, 1)
    cancel(site)
    site.run_for(LONG)
    assert (ships(site), held(site)[0][0]) == (1, "sale_stopped"), "the second try was not made on the old answer"


def test_an_answer_from_a_cache_is_as_old_as_the_cache_says(installation: Raise) -> None:
    site = installation({"when_unreachable": "hold"})
    body = b'{"success": true, "data": {"status": "processing"}}'
    site.world.faults.arm(SALE, faults.status(200, body=body, headers=(("Age", "700"),)), times=99)
    site.flag()
    site.run_for(LONG)
    assert ships(site) == 0


def test_an_answer_from_the_future_is_not_relied_on(installation: Raise) -> None:
    site = installation()
    site.flag()
    site.run_for(90, 1)
    assert checks(site) == 1
    later = f"{site.clock.now() + timedelta(hours=1):%Y-%m-%d %H:%M:%S.%f}"
    with site.agent.ctx.store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE sale_checks SET checked_at = ?", (later,))
    site.run_for(60, 1)
    assert (checks(site), ships(site)) == (2, 1)


# -- off ---------------------------------------------------------------------------------------------------------------


def test_without_the_section_nothing_is_asked_and_no_table_is_read(installation: Raise) -> None:
    site = installation(None)
    for table in ("products", "after_sales", "sav_requests"):
        with site.agent.ctx.store.write() as tx:
            tx.connection().exec_driver_sql(f"DROP TABLE {table}")
    site.flag()
    site.run_for(LONG)
    assert (ships(site), whole(site)["stage"]) == (1, "shipped")
    assert site.world.support.asked == []
    assert not site.ask("SELECT 1 FROM sale_checks")  # what is there from before is still shown: a tracking number
    assert not site.ask("SELECT 1 FROM calls WHERE kind NOT IN ('acknowledge', 'label', 'ship')")
    assert "sale" not in whole(site)


def test_a_word_that_became_a_stop_word_after_its_answer_holds_the_order_and_the_loop_goes_on(
    installation: Raise,
) -> None:
    site = installation(orders=2)
    site.flag([ids(site)[0]])
    site.run_for(90, 1)
    assert checks(site) == 1
    with site.agent.ctx.store.write() as tx:  # as after a change of `stop_words`
        tx.connection().exec_driver_sql("UPDATE sale_checks SET status = 'canceled'")
    site.run_for(LONG)
    assert (ships(site), held(site)[0][0]) == (0, "sale_stopped")
    site.flag([ids(site)[1]])
    site.run_for(LONG)
    assert ships(site) == 1, "the others go on"
