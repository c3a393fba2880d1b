"""A shop that contradicts a person, a restore or its own clock: no report of what a person took back, and nothing is lost."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from supplier_agent.maintenance.restore import back_up, put_back
from tests.shops.conftest import DAY, HOUR, ONE_PLATFORM, Connect, Connected
from tests.shops.test_read_back import WHO, act, mirrored

pytestmark = pytest.mark.slow


@pytest.fixture
def platform() -> str:
    """Return one platform: these are rules of the agent."""
    return "woocommerce"


@pytest.fixture
def connect(connect: Connect) -> Connect:
    """Read the shop as often as by default, with a long undo window."""
    return partial(connect, read_back_seconds=300, sections={"ship": {"undo_seconds": 1800}})


def told(there: Connected) -> list[str]:
    """Return what the shop reported."""
    return [detail for who, what, detail in there.events() if (who, what) == (WHO, "problem reported")]


@ONE_PLATFORM
def test_a_mark_that_was_taken_back_after_it_was_fulfilled_is_not_made_again(connect: Connect) -> None:
    there = mirrored(connect())
    there.shop.fulfil(there.placed[0])
    there.site.clock.sleep(5)
    act(there, "ship")
    there.site.clock.sleep(5)
    act(there, "unship")  # as `recall` does: the parcel did not leave
    there.site.run_for(HOUR, 300)
    assert there.shipped() == [(0, 0)]
    (said,) = told(there)
    assert "its mark was taken back since" in said


@ONE_PLATFORM
def test_what_is_fulfilled_after_a_mark_was_taken_back_is_marked(connect: Connect) -> None:
    there = mirrored(connect())
    act(there, "ship")
    there.site.clock.sleep(5)
    act(there, "unship")
    there.site.run_for(HOUR, 300)
    there.shop.fulfil(there.placed[0])
    there.site.run_for(HOUR, 300)
    assert (there.shipped(), told(there)) == ([(1, 1)], [])


@ONE_PLATFORM
def test_after_a_restore_the_shop_does_not_mark_what_a_person_had_taken_back_since_the_copy(
    connect: Connect, tmp_path: Path
) -> None:
    there = mirrored(connect())
    site, copy = there.site, tmp_path / "copy.db"
    back_up(site.agent.ctx.store, site.settings.state_dir, copy)
    there.shop.fulfil(there.placed[0])
    site.run_for(900, 300)
    act(there, "unship")
    site.run_for(900, 300)
    site.stop()
    done = put_back(copy, site.settings.state_dir, site.clock.now())
    site.start()
    site.run_for(HOUR, 300)
    assert len(there.site.world.requests("ship-sale")) == 0
    assert [each.taken_back.partition(" by ")[0] for each in done.held] == ["the flag was taken back"]
    assert len(told(there)) == 1, "a lead sees that it is fulfilled in the shop"


@ONE_PLATFORM
def test_what_was_marked_by_the_shop_since_the_copy_is_marked_again_and_shipped_once(
    connect: Connect, tmp_path: Path
) -> None:
    there = mirrored(connect(orders=2))
    site, copy = there.site, tmp_path / "copy.db"
    back_up(site.agent.ctx.store, site.settings.state_dir, copy)
    there.shop.fulfil(there.placed[0])
    site.run_for(HOUR, 300)
    there.shop.fulfil(there.placed[1])
    site.run_for(900, 300)
    site.stop()
    put_back(copy, site.settings.state_dir, site.clock.now())
    site.start()
    site.run_for(HOUR, 300)
    assert [confirmed for _, confirmed in there.shipped()] == [1, 1]
    assert [len(order.shipped_at) for order in site.world.orders("notio")] == [1, 1]
    assert len(there.placed) == 2, "no order is made twice"


@ONE_PLATFORM
def test_an_order_that_is_fulfilled_before_it_is_known_here_is_marked_once_it_is(connect: Connect) -> None:
    there = mirrored(connect())
    there.site.run_for(900, 300)  # the list was just read, and is not for most of an hour
    new = there.site.world.arrive("notio").menzzo_order_id
    pairs = {"menzzo_order_id": new, "menzzo_supplier": "notio"}
    meta = [{"key": key, "value": value} for key, value in pairs.items()]
    placed = there.shop.store.place("processing", {"meta_data": meta, "billing": {"last_name": new}})
    there.shop.fulfil(placed.id)
    for number in range(8):  # others of the shop, so that the cursor goes on
        there.site.run_for(900, 300)
        there.shop.store.place("processing", {"number": number})
    assert there.rows("SELECT shipped FROM orders WHERE menzzo_order_id = ?", new) == [(1,)]


def test_a_time_in_the_future_hides_nothing(connect: Connect) -> None:
    there = mirrored(connect())
    odd = there.shop.store.place("processing", {})
    odd.modified_at += timedelta(days=3650)
    there.site.run_for(HOUR, 300)
    there.shop.fulfil(there.placed[0])
    there.site.run_for(HOUR, 300)
    assert there.shipped() == [(1, 1)]
    ((cursor,),) = there.rows("SELECT cursor FROM shop_reads")
    assert cursor <= f"{there.site.clock.now() + timedelta(seconds=DAY):%Y-%m-%d}"
