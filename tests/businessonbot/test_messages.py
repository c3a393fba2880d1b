"""A customer of the shop is told once that the order has left; a customer of Menzzo is never told anything."""

import sqlite3
from contextlib import closing

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.businessonbot import BotSemantics
from tests.businessonbot.conftest import ACCOUNT, Raise, settings_of
from tests.shops.conftest import DAY, HOUR

BOT = "businessonbot"


def test_an_order_of_the_shop_itself_is_told_when_it_is_fulfilled(town: Raise) -> None:
    there = town()
    placed = there.place()
    there.live()
    assert there.messages == []
    there.shop.fulfil(placed.id)
    at = there.shop.store.orders[placed.id].modified_at
    there.live()
    assert there.messages == [
        {
            "delivery_id": f"{placed.id}-dispatched",
            "id": str(placed.id),
            "fulfillment_id": str(placed.id),
            "status": "Dispatched",
            "delivered_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        }
    ]
    there.shop.store.set_status(placed.id, "completed")  # touched again
    there.live()
    assert (len(there.messages), there.calls(), there.problems()) == (1, [("done", 1)], [])


def test_an_order_of_the_marketplace_is_never_told(town: Raise) -> None:
    there = town(orders=3)
    there.live()
    assert len(there.shop.store.orders) == 3, "all are mirrored"
    for each in [*there.shop.store.orders]:
        there.shop.fulfil(each)
    there.live(2 * HOUR)
    assert there.site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(3,)]
    assert (there.messages, there.calls()) == ([], [])


def test_a_mirrored_order_that_lost_its_fields_is_not_told_either(town: Raise) -> None:
    there = town(orders=1)
    there.live()
    ((shop_id, placed),) = there.shop.store.orders.items()
    placed.given["meta_data"] = []
    there.shop.fulfil(shop_id)
    there.live()
    placed.given["created_via"] = "checkout"  # and whatever made it look like the shop's own
    there.shop.store.set_status(shop_id, "completed")
    there.live()
    assert there.messages == []


def test_what_no_customer_placed_in_the_shop_is_not_told(town: Raise) -> None:
    there = town()
    for how in ("rest-api", "admin", "amazon", "", None):
        there.shop.fulfil(there.place(created_via=how).id)
    there.live()
    assert (there.messages, there.calls()) == ([], [])


def test_it_begins_with_what_is_placed_from_then_on(town: Raise) -> None:
    there = town(send_dispatched=False)
    before = there.place()
    there.live()
    there.again(settings_of(there.folder, there.shop))
    there.live()
    after = there.place()
    for each in (before, after):
        there.shop.fulfil(each.id)
    there.live()
    assert [each["id"] for each in there.messages] == [str(after.id)]


def test_switched_off_nothing_is_left_and_switched_on_it_begins_anew(town: Raise) -> None:
    there = town()
    placed = there.place()
    there.live()
    there.again(settings_of(there.folder, there.shop, send_dispatched=False))
    assert there.site.ask("SELECT * FROM bot_feeds") == there.site.ask("SELECT * FROM bot_orders") == []
    there.shop.fulfil(placed.id)
    there.live()
    there.again(settings_of(there.folder, there.shop))
    there.live()
    there.shop.store.set_status(placed.id, "completed")
    there.live()
    assert there.messages == []


def test_no_longer_fulfilled_before_it_left_is_not_told(town: Raise) -> None:
    there = town()
    placed = there.place()
    there.site.world.faults.arm(BOT, faults.status(429), seconds=HOUR)
    there.shop.fulfil(placed.id)
    there.live(1200)
    there.site.clock.sleep(5)
    there.shop.take_back(placed.id)
    there.live(3 * HOUR)
    assert (there.messages, [state for state, _ in there.calls()]) == ([], ["dropped"])
    there.shop.fulfil(placed.id)
    there.live(HOUR)
    assert len(there.messages) == 1, "then it is, once"


def test_a_message_whose_answer_was_lost_is_not_repeated(town: Raise) -> None:
    there = town()
    there.site.world.faults.arm(BOT, faults.close(applied=True), times=1)
    there.shop.fulfil(there.place().id)
    there.live(3 * HOUR)
    assert (there.asked(), there.calls()) == (1, [("unknown", 1)])
    assert [(supplier, code) for supplier, code, _ in there.problems()] == [("notio", "message_stuck")]


def test_what_certainly_did_not_arrive_is_sent_later(town: Raise) -> None:
    there = town()
    for status in (404, 429):
        there.site.world.faults.arm(BOT, faults.status(status), times=1)
    there.shop.fulfil(there.place().id)
    there.live(2 * HOUR)
    assert (len(there.messages), there.calls()) == (1, [("done", 3)])


def test_a_refused_key_is_no_refused_message_and_a_new_one_is_noticed(town: Raise) -> None:
    there = town()
    there.site.world.bot.semantics = BotSemantics(failures="body")
    there.site.world.bot.key = "another"
    there.shop.fulfil(there.place().id)
    there.live(2 * HOUR)
    assert [state for state, _ in there.calls()] == ["owed"], "the key is refused, not the message"
    assert (ACCOUNT, "calls_failing") in [(supplier, code) for supplier, code, _ in there.problems()]
    (there.folder / "guest").write_text("another")
    there.live(2 * HOUR)
    assert (len(there.messages), there.problems()) == (1, [])


def test_the_documented_failure_waits_for_a_person(town: Raise) -> None:
    there = town()
    bad = b'{"status":"failure","statusCode":400,"error":"Bad payload!!"}'
    there.site.world.faults.arm(BOT, faults.status(200, body=bad), times=1)
    there.shop.fulfil(there.place().id)
    there.live(2 * HOUR)
    assert (there.asked(), there.calls()) == (1, [("parked", 1)])
    assert "message_stuck" in [code for _, code, _ in there.problems()]


@pytest.mark.slow
def test_a_bot_that_is_away_for_days_delays_nothing_and_tells_no_old_news(town: Raise) -> None:
    there = town(orders=1)
    there.site.world.faults.arm(BOT, faults.status(404), seconds=4 * DAY)
    early = there.place()
    there.live()
    there.shop.fulfil(early.id)
    there.live()
    there.site.flag()
    there.live(2 * HOUR)
    assert there.site.ask("SELECT ship_confirmed_at IS NOT NULL FROM orders") == [(1,)]
    there.site.run_for(4 * DAY, HOUR)
    late = there.place()
    there.live()
    there.shop.fulfil(late.id)
    there.live(3 * HOUR)
    assert [each["id"] for each in there.messages] == [str(late.id)]
    assert [state for state, _ in there.calls()] == ["parked", "done"]
    assert there.asked() < 200, "it was tried seldom"


def test_a_crash_while_it_is_sent_does_not_repeat_it(town: Raise) -> None:
    there = town()
    there.shop.fulfil(there.place().id)
    there.site.run_for(HOUR, 1, until=lambda: there.calls() == [("sending", 1)])
    assert there.calls() == [("sending", 1)]
    there.site.crash()
    there.site.start()
    there.live(2 * HOUR)
    assert there.calls() == [("unknown", 1)]
    assert ("message.parked", "supplier-agent businessonbot list") in [
        (event, facts.get("cure")) for event, facts in there.site.said
    ]


def test_another_shop_begins_anew(town: Raise) -> None:
    there = town()
    there.shop.fulfil(there.place().id)
    there.live()
    ((since,),) = there.site.ask("SELECT since FROM bot_feeds")
    there.site.stop()
    with closing(sqlite3.connect(there.site.database)) as connection, connection:
        connection.execute("UPDATE bot_feeds SET shop_url = 'https://old.example'")
    there.site.start()
    there.live()
    assert there.site.ask("SELECT since > ? FROM bot_feeds", since) == [(1,)]
    assert there.site.ask("SELECT count(*) FROM bot_orders") == [(0,)]
    assert len(there.messages) == 1


def test_nothing_of_a_customer_is_written_anywhere(town: Raise) -> None:
    there = town()
    there.shop.fulfil(there.place().id)
    there.live()
    assert there.messages
    there.site.stop()
    written = b"".join(path.read_bytes() for path in (there.folder / "state").rglob("*") if path.is_file())
    for part in (b"Zephyrine", b"Quaddelbacher", b"+336"):
        assert part not in written
