"""What happens to orders is told, once and in order, from the first start with webhooks on; without one, nothing is done."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from supplier_agent import actions
from supplier_agent.db import plain_sql
from supplier_agent.db.tables import Order
from supplier_agent.integrations.webhooks import body
from supplier_agent.integrations.webhooks.feed import Feed
from supplier_agent.maintenance.restore import back_up, put_back
from supplier_agent.marketplace.wire import Lost
from supplier_agent.reports.orders import whole
from supplier_agent.suppliers import safety_stops
from tests.webhooks.conftest import ERP, HOUR, SUPPLIER, Build, House

LIFE = ["order.new", "order.acknowledged", "order.ready"]


def act(house: House, what: object, number: int = 0) -> None:
    """Do something to an order as a person does, in another process."""
    with house.agent.ctx.store.write() as tx:
        order = tx.exec(select(Order).order_by(Order.id)).all()[number]  # type: ignore[arg-type]
        what(tx, order, house.clock.now(), "Anna")  # type: ignore[operator]


def test_the_life_of_an_order_is_told_in_order(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    house.flag()
    house.run_for(60)
    types = house.town.types()
    assert types[0] == "order.new"
    assert types[-1] == "order.shipped"
    assert [each for each in (*LIFE, "order.flagged", "order.shipped") if each in types] == types
    ids = [event["id"] for _, event in house.town.heard]
    assert len(set(ids)) == len(ids)
    assert {state for state, _ in house.sent()} == {"done"}


def test_the_body_is_what_order_id_says_in_codes(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    event = house.town.heard[-1][1]
    with house.agent.ctx.store.read() as tx:
        order = tx.exec(select(Order)).one()
        said = whole(tx, order, house.settings, house.clock.now())
    assert event["data"].keys() == {*body.OF_ORDER, "calls", "next_code"}
    for key in (*body.OF_ORDER, "next_code"):
        assert event["data"][key] == said[key], key
    calls: Any = said["calls"]
    assert [call["kind"] for call in event["data"]["calls"]] == [call["kind"] for call in calls]
    assert event.keys() == {"schema", "id", "type", "timestamp", "data"}


def test_no_text_of_people_or_of_the_marketplace_leaves(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    act(house, partial(actions.hold, reason="Mrs Dupont called"))
    house.run_for(10)
    act(house, actions.release)
    with house.agent.ctx.store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE attempts SET detail = 'for Mrs Dupont'")
    house.flag()
    house.run_for(60)
    sent = json.dumps([event for _, event in house.town.heard])
    assert "order.held" in house.town.types()
    assert "Dupont" not in sent
    assert "Anna" not in sent
    assert "https" not in sent, "nor the link to the label, which names the customer"


def test_what_was_there_before_is_not_told(build: Build) -> None:
    house = build(orders=3)
    house.run_for(60)
    house.again(webhooks=[ERP])
    house.run_for(60)
    assert house.town.heard == []
    house.flag()
    house.run_for(60)
    assert house.town.types().count("order.shipped") == 3
    assert "order.new" not in house.town.types()


def test_an_order_that_comes_later_is_told_as_new(build: Build) -> None:
    house = build(orders=1)
    house.run_for(60)
    house.again(webhooks=[ERP])
    house.run_for(60)
    house.arrive()
    house.run_for(2 * HOUR)
    assert house.town.types()[:1] == ["order.new"]
    assert len({event["data"]["menzzo_order_id"] for _, event in house.town.heard}) == 1


def test_an_order_that_was_closed_before_and_is_opened_again_is_told(build: Build) -> None:
    house = build(orders=1)
    house.run_for(60)
    act(house, partial(actions.close, reason="by hand"))
    house.run_for(10)
    house.again(webhooks=[ERP])
    house.run_for(60)
    act(house, actions.reopen)
    house.run_for(60)
    assert house.town.types() == ["order.ready"]


def test_holds_and_closed_orders_are_told_and_hold_up_nothing(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    house.town.heard.clear()
    act(house, partial(actions.hold, reason="why?"))
    house.run_for(10)
    act(house, partial(actions.close, reason="by hand"))
    house.run_for(10)
    assert house.town.types() == ["order.held", "order.closed"]


def test_a_problem_that_comes_with_time_alone_is_told_and_its_end(build: Build) -> None:
    house = build(ERP, orders=1, alerts={"unflagged_seconds": HOUR})
    house.run_for(60)
    house.town.heard.clear()
    house.run_for(3 * HOUR, 60)
    assert house.town.types() == ["order.problem_started"]
    assert house.town.heard[0][1]["problem"] == {"code": "unflagged", "call": None}
    house.flag()
    house.run_for(60)
    assert "order.problem_ended" in house.town.types()


def test_a_problem_that_a_packer_reports_is_told_soon(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    house.town.heard.clear()
    with house.agent.ctx.store.write() as tx:
        tx.connection().exec_driver_sql(
            "INSERT INTO events (order_id, at, who, what, detail) VALUES (1, ?, 'Anna', 'problem reported', 'damaged')",
            (f"{house.clock.now():%Y-%m-%d %H:%M:%S.%f}",),
        )
    house.run_for(10, until=lambda: bool(house.town.heard))
    assert house.town.heard[0][1]["problem"] == {"code": "order_reported", "call": None}


def test_a_supplier_that_is_paused_and_resumed_is_told(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    house.town.heard.clear()
    with house.agent.ctx.store.write() as tx:
        safety_stops.pause(tx, SUPPLIER, house.clock.now(), "Anna", "stocktaking of Mrs Dupont")
    house.run_for(10)
    with house.agent.ctx.store.write() as tx:
        safety_stops.resume(tx, SUPPLIER, house.clock.now())
    house.run_for(10)
    assert house.town.types() == ["supplier.paused", "supplier.resumed"]
    assert [event["data"]["paused"] for _, event in house.town.heard] == [True, False]
    assert "Dupont" not in json.dumps(house.town.heard)


def test_only_what_a_webhook_takes_is_sent_to_it(build: Build) -> None:
    shop = {**ERP, "name": "shop", "url": "https://shop.example/", "events": ["order.shipped"]}
    house = build(ERP, shop, orders=1)
    house.run_for(60)
    house.flag()
    house.run_for(60)
    assert house.town.types("shop.example") == ["order.shipped"]
    assert house.town.types()[0] == "order.new"


def test_what_nobody_takes_is_not_stored(build: Build) -> None:
    house = build({**ERP, "events": ["order.shipped"]}, orders=1)
    house.run_for(60)
    assert house.ask("SELECT count(*) FROM webhook_events") == [(0,)]


def test_a_webhook_that_comes_later_gets_only_what_happens_later(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    house.clock.sleep(60)
    shop = {**ERP, "name": "shop", "url": "https://shop.example/"}
    house.again(webhooks=[ERP, shop])
    house.run_for(30)
    house.flag()
    house.run_for(60)
    assert "order.new" not in house.town.types("shop.example")
    assert house.town.types("shop.example")[-1] == "order.shipped"


def test_a_webhook_that_was_removed_leaves_nothing_that_waits(build: Build) -> None:
    house = build(ERP, orders=2)
    house.town.answers["erp.example"] = lambda _event: Lost("x")
    house.run_for(60)
    assert "owed" in {state for state, _ in house.sent()}
    shop = {**ERP, "name": "shop", "url": "https://shop.example/"}
    house.again(webhooks=[shop])
    house.run_for(60)
    assert house.sent() == []
    house.flag()
    house.run_for(60)
    assert house.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(2,)]


def test_switched_off_and_on_again_it_begins_from_then(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    house.again()
    assert house.ask("SELECT count(*) FROM webhook_events") == [(0,)]
    assert house.sent() == []
    house.flag()
    house.run_for(60)
    house.town.heard.clear()
    house.again(webhooks=[ERP])
    house.run_for(HOUR)
    assert house.town.heard == []


def test_what_a_crash_left_out_is_told_after_the_start(build: Build) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    house.town.heard.clear()
    house.flag()
    house.agent.ctx.publish = lambda: False  # the process dies before it looks
    house.run_for(30)
    house.crash()
    assert house.town.heard == []
    house.start()
    house.run_for(60)
    assert house.town.types()[-1] == "order.shipped"


def test_an_error_of_it_never_stops_the_loop(build: Build) -> None:
    house = build(ERP, orders=1)
    for table in ("webhook_states", "webhook_events"):
        with house.agent.ctx.store.write() as tx:
            tx.connection().exec_driver_sql(f"ALTER TABLE {table} RENAME TO gone_{table}")
    house.run_for(60)
    house.flag()
    house.run_for(60)
    assert house.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(1,)]
    assert [facts["about"] for event, facts in house.said if event == "internal.error"].count("webhooks") >= 1


@pytest.mark.slow
def test_events_are_told_while_many_orders_are_compared_and_a_step_stays_short(build: Build) -> None:
    house = build(ERP, orders=40)
    house.run_for(
        600, until=lambda: house.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(40,)]
    )
    house.run_for(600, until=lambda: house.town.types().count("order.new") == 40)
    assert house.town.types().count("order.new") == 40
    by_order: dict[str, list[str]] = {}
    for _, event in house.town.heard:
        by_order.setdefault(event["data"]["menzzo_order_id"], []).append(event["type"])
    assert all(types == [each for each in LIFE if each in types] for types in by_order.values())


def test_without_a_webhook_nothing_is_imported_and_nothing_is_written(build: Build) -> None:
    house = build(orders=1)
    assert house.agent.ctx.touched is None
    house.run_for(60)
    assert house.ask("SELECT (SELECT count(*) FROM webhook_states) + (SELECT count(*) FROM webhook_baseline)") == [(0,)]
    assert not [kind for kind in house.agent.ctx.calls if kind.startswith("webhook")]


def test_the_history_of_a_year_is_not_compared_again(build: Build) -> None:
    house = build(ERP, orders=3)
    house.run_for(60)
    house.flag()
    house.run_for(60)
    feed = getattr(house.agent.ctx.publish, "__self__", None)
    assert isinstance(feed, Feed)
    with house.agent.ctx.store.read() as tx:
        assert list(feed._missed(plain_sql.within(tx))) == []  # noqa: SLF001 - how much it looks at shows nowhere else


def test_after_a_restore_nothing_is_told_twice_but_what_happened_since_the_copy(build: Build, tmp_path: Path) -> None:
    house = build(ERP, orders=2)
    house.run_for(60)
    copy = tmp_path / "copy.db"
    back_up(house.agent.ctx.store, house.settings.state_dir, copy)
    first, second = (order.menzzo_order_id for order in house.world.orders(SUPPLIER))
    house.flag([first])
    house.run_for(60)
    house.stop()
    put_back(copy, house.settings.state_dir, house.clock.now())
    house.town.heard.clear()
    house.start()
    house.flag([second])
    house.run_for(600)
    told = [(event["data"]["menzzo_order_id"], event["type"]) for _, event in house.town.heard]
    assert [type_ for order, type_ in told if order == first] == ["order.shipped"]
    assert [type_ for order, type_ in told if order == second][-1] == "order.shipped", (
        "and what happens goes on being told"
    )
    assert "order.new" not in {type_ for _, type_ in told}
