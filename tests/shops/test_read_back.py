"""What is fulfilled in the supplier's shop is a mark here: with all gates, with the undo window, and never twice."""

import sqlite3
from contextlib import closing
from functools import partial

import pytest

from supplier_agent import actions
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.shops import ShopSemantics
from tests.shops.conftest import ACCOUNT, DAY, HOUR, NEW, ONE_PLATFORM, Connect, Connected, shape

WHO = "Atelier (program)"


@pytest.fixture
def connect(connect: Connect) -> Connect:
    """Read the shop as often as by default."""
    return partial(connect, read_back_seconds=300)


def mirrored(there: Connected) -> Connected:
    """Let the orders be made in the shop, and read once."""
    there.site.run_for(HOUR, 300)
    assert there.placed
    return there


def act(there: Connected, what: str, *arguments: object) -> None:
    """Do what a person does."""
    ((this,),) = there.rows("SELECT menzzo_order_id FROM orders LIMIT 1")
    with there.site.agent.ctx.store.write() as tx:
        getattr(actions, what)(tx, actions.find(tx, this), there.site.clock.now(), "Ann", *arguments)
    there.site.agent.ctx.look_again()


def test_fulfilled_in_the_shop_is_marked_in_its_name_and_reported(connect: Connect) -> None:
    there = mirrored(connect())
    there.shop.fulfil(there.placed[0])
    there.site.run_for(600, until=lambda: there.shipped() == [(1, 0)])
    assert there.shipped() == [(1, 0)], "the undo window runs"
    assert (WHO, "flagged as shipped") in [(who, what) for who, what, _ in there.events()]
    there.site.run_for(600, 60)
    assert there.shipped() == [(1, 1)]
    assert there.rows("SELECT marked_at IS NOT NULL, refused, fulfilled FROM shop_orders") == [(1, None, 1)]


@ONE_PLATFORM
def test_the_mark_can_be_undone_in_its_window_and_does_not_come_back(connect: Connect) -> None:
    there = mirrored(connect(sections={"ship": {"undo_seconds": 1800}}))
    there.shop.fulfil(there.placed[0])
    there.site.run_for(900, 60)
    act(there, "unship")
    there.site.run_for(2 * HOUR, 900)
    assert there.shipped() == [(0, 0)]


@ONE_PLATFORM
def test_an_order_that_must_not_leave_is_not_marked_and_that_is_shown_once(connect: Connect) -> None:
    there = mirrored(connect())
    act(there, "hold", "the customer called")
    there.shop.fulfil(there.placed[0])
    there.site.run_for(2 * HOUR, 900)
    assert there.shipped() == [(0, 0)]
    told = [detail for who, what, detail in there.events() if (who, what) == (WHO, "problem reported")]
    assert len(told) == 1
    assert "on hold" in told[0]
    assert [code for _, code, _ in there.problems()].count("order_reported") == 1
    act(there, "release")
    there.site.run_for(HOUR, 900)
    assert there.shipped() == [(0, 0)], "a person decides"


def test_no_longer_fulfilled_is_a_problem_and_no_undo(connect: Connect) -> None:
    there = mirrored(connect(sections={"ship": {"undo_seconds": 7200}}))
    there.shop.fulfil(there.placed[0])
    there.site.run_for(900, 60)
    there.site.clock.sleep(5)
    there.shop.take_back(there.placed[0])
    there.site.run_for(900, 60)
    assert there.shipped() == [(1, 0)]
    assert [what for _, code, what in there.problems() if code == "order_reported"]
    assert there.rows("SELECT undone_at IS NOT NULL FROM shop_orders") == [(1,)]


def test_orders_of_others_are_ignored(connect: Connect, platform: str) -> None:
    there = mirrored(connect())
    ((ours,),) = there.rows("SELECT menzzo_order_id FROM orders")
    for reference, supplier in ((None, ""), (ours, "asir-group"), (ours, ""), ("15000099999_1", "notio")):
        placed = there.shop.store.place(NEW[platform], shape(platform, reference, supplier))
        there.shop.fulfil(placed.id)
    there.site.run_for(HOUR, 300)
    assert there.shipped() == [(0, 0)]
    assert there.rows("SELECT count(*) FROM shop_orders") == [(1,)]


def test_what_was_fulfilled_before_the_shop_was_connected_marks_nothing(connect: Connect, platform: str) -> None:
    there = connect(start=False)
    this = there.site.world.orders("notio")[0].menzzo_order_id
    placed = there.shop.store.place(NEW[platform], shape(platform, this, "notio"))
    there.shop.fulfil(placed.id)
    there.site.clock.sleep(120)
    there.site.start()
    there.site.run_for(2 * HOUR, 900)
    assert (there.shipped(), there.placed) == ([(0, 0)], [placed.id])
    there.shop.take_back(placed.id)
    there.site.run_for(HOUR, 300)
    there.shop.fulfil(placed.id)
    there.site.run_for(HOUR, 300)
    assert there.shipped() == [(1, 1)], "now it was fulfilled while it is connected"


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [-5400.0, 5400.0])
@pytest.mark.parametrize("totals", [True, False])
def test_every_mark_is_found_however_the_clocks_differ_and_however_many_there_are(
    connect: Connect,
    ahead: float,
    totals: bool,  # noqa: FBT001 - a case
) -> None:
    there = connect(
        orders=60, semantics=ShopSemantics(clock_ahead_seconds=ahead, totals=totals), requests_per_second=50
    )
    there.site.run_for(2 * HOUR, 900)
    assert len(there.placed) == 60
    for each in there.placed:
        there.shop.fulfil(each)  # all within one second: more than a page
    there.site.run_for(2 * HOUR, 300)
    assert set(there.shipped()) == {(1, 1)}


@pytest.mark.slow
def test_an_order_that_moves_while_pages_are_read_hides_no_other(connect: Connect) -> None:
    there = connect(orders=120, requests_per_second=5)
    there.site.run_for(4 * HOUR, 900)
    assert len(there.placed) == 120
    for each in there.placed:
        there.shop.fulfil(each)
        there.site.clock.sleep(1)
    asked = len(there.asked("GET"))
    there.site.run_for(HOUR, 1, until=lambda: len(there.asked("GET")) > asked)
    for each in there.placed[:40]:
        there.shop.store.set_status(each, there.shop.store.orders[each].status)  # it is touched, and moves to the end
    there.site.run_for(HOUR, 300)
    assert {shipped for shipped, _ in there.shipped()} == {1}


@ONE_PLATFORM
def test_a_shop_that_does_not_answer_is_read_less_often_and_is_a_problem_of_its_own(
    connect: Connect, platform: str
) -> None:
    there = mirrored(connect())
    there.site.world.faults.arm(platform, faults.hang(applied=False), seconds=3 * HOUR)
    asked = len(there.asked())
    there.site.run_for(2 * HOUR, 900)
    assert [(supplier, code) for supplier, code, _ in there.problems()] == [(ACCOUNT, "reads_failing")]
    assert len(there.asked()) - asked < 20
    there.shop.fulfil(there.placed[0])
    there.site.run_for(3 * HOUR, 900)
    assert (there.shipped(), there.problems()) == ([(1, 1)], [])


@ONE_PLATFORM
def test_the_marks_of_a_person_and_of_the_shop_are_one_mark(connect: Connect) -> None:
    there = mirrored(connect())
    there.site.flag()
    there.shop.fulfil(there.placed[0])
    there.site.run_for(HOUR, 300)
    assert there.shipped() == [(1, 1)]
    assert [what for _, what, _ in there.events()].count("flagged as shipped") == 1


@ONE_PLATFORM
def test_after_a_crash_it_goes_on_where_it_was(connect: Connect) -> None:
    there = mirrored(connect())
    there.site.crash()
    there.shop.fulfil(there.placed[0])
    there.site.clock.sleep(DAY)
    there.site.start()
    there.site.run_for(HOUR, 300)
    assert there.shipped() == [(1, 1)], "it was fulfilled while nothing ran"


@ONE_PLATFORM
def test_a_mark_needs_no_more_than_one_read_each_interval(connect: Connect) -> None:
    there = mirrored(connect(read_back_seconds=600))
    asked = len(there.asked())
    there.site.run_for(6 * HOUR, 300)
    assert 30 < len(there.asked()) - asked <= 38


@ONE_PLATFORM
def test_another_address_is_another_shop_and_begins_anew(connect: Connect) -> None:
    there = mirrored(connect())
    ((before,),) = there.rows("SELECT connected_at FROM shop_reads")
    there.site.run_for(HOUR, 300)
    assert there.rows("SELECT connected_at FROM shop_reads") == [(before,)]
    there.site.stop()
    with closing(sqlite3.connect(there.site.database)) as connection, connection:
        connection.execute("UPDATE shop_reads SET url = 'https://old.example'")
    there.site.start()
    there.site.run_for(HOUR, 300)
    ((after,),) = there.rows("SELECT connected_at FROM shop_reads")
    assert after > before


@pytest.mark.slow
def test_a_mass_change_in_the_shop_is_read_in_parts_and_to_its_end(connect: Connect, platform: str) -> None:
    there = mirrored(connect(requests_per_second=50))
    for _ in range(1200):  # more than MOST_PAGES, all within one second, and before ours
        placed = there.shop.store.place(NEW[platform], {"ext_order_id": "of another program"})
        there.shop.store.set_status(placed.id, NEW[platform])
    there.shop.fulfil(there.placed[0])
    there.site.run_for(2 * HOUR, 300)
    assert there.shipped() == [(1, 1)]
