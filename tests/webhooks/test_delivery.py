"""Events are delivered at least once, each order's in order; a receiver's trouble is its own, and ends with a person being told."""

import json
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine

from supplier_agent import cli
from supplier_agent.calls.webhook import Event, next_event
from supplier_agent.db.plain_sql import within
from supplier_agent.marketplace.wire import Answer, Lost, NotSent, Reply, TooLarge
from supplier_agent.reports import health
from supplier_agent.reports.webhooks import endpoints
from supplier_agent.tick import plan
from tests.webhooks.conftest import DAY, ERP, HOUR, SECRET, SUPPLIER, THANKS, Build, House
from tests.world.harness import AtOnce

SHOP = {**ERP, "name": "shop", "url": "https://shop.example/"}
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def problems(house: House) -> dict[str, str]:
    with house.agent.ctx.store.read() as tx:
        return {each.code: each.what for each in health.problems(tx, house.settings, now=house.clock.now())}


def shipped(house: House) -> int:
    return int(house.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL")[0][0])


# -- the next event of an order


def events(*states: str | None) -> list[Event]:
    return [Event(str(place), "order.new", NOW, state) for place, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "following"),
    [
        ((), None),
        ((None,), "0"),
        (("done", None, None), "1"),
        (("owed", None), None),
        (("parked", None), None),
        (("sending", None), None),
        (("done", "done"), None),
        (("done", "dropped", "done"), "1"),
        (("dropped", "dropped"), "0"),
        ((None, "done"), None),
    ],
)
def test_the_next_event_of_an_order(states: tuple[str | None, ...], following: str | None) -> None:
    assert next_event(events(*states), lambda _type: True, NOW) == following


def test_events_from_before_a_webhook_and_of_other_types_are_not_next() -> None:
    assert next_event(events(None), lambda _type: False, NOW) is None
    assert next_event(events(None), lambda _type: True, NOW.replace(year=2027)) is None


# -- faults


@pytest.mark.parametrize(
    "reply",
    [
        Answer(500, {}, b"x"),
        Lost("gone"),
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (
                NotSent("refused"),
                TooLarge(9),
                Answer(302, {"location": "https://a.example"}, b""),
                Answer(404, {}, b""),
                Answer(401, {}, b""),
            )
        ),
    ],
)
def test_a_receiver_that_is_out_of_order_is_asked_seldom_and_then_gets_everything_once_in_order(
    build: Build, reply: Reply
) -> None:
    house = build(ERP, orders=3)
    house.town.answers["erp.example"] = lambda _event: reply
    house.run_for(120)
    house.flag()
    house.run_for(4 * HOUR, 900)
    assert shipped(house) == 3
    assert 3 <= len(house.town.heard) <= 40
    assert "webhook_failing" in problems(house)
    house.town.heard.clear()
    del house.town.answers["erp.example"]
    house.run_for(3 * HOUR, 900)
    by_order: dict[str, list[str]] = {}
    for _, event in house.town.heard:
        by_order.setdefault(event["data"]["menzzo_order_id"], []).append(event["type"])
    assert len(by_order) == 3
    for types in by_order.values():
        assert types[0] == "order.new"
        assert types[-1] == "order.shipped"
        assert len(set(types)) == len(types)
    assert "webhook_failing" not in problems(house)
    assert {state for state, _ in house.sent()} == {"done"}


def test_one_order_whose_event_is_refused_holds_up_only_itself(build: Build) -> None:
    house = build(ERP, orders=3)
    first = house.world.orders(SUPPLIER)[0].menzzo_order_id
    refuse = Answer(422, {}, b"I do not know it")
    house.town.answers["erp.example"] = lambda event: refuse if event["data"]["menzzo_order_id"] == first else THANKS
    house.run_for(300)
    house.flag()
    house.run_for(300)
    types: dict[str, set[str]] = {}
    for _, event in house.town.heard:
        types.setdefault(event["data"]["menzzo_order_id"], set()).add(event["type"])
    assert types.pop(first) == {"order.new"}
    assert all("order.shipped" in each for each in types.values())
    assert "webhook_failing" not in problems(house)
    assert shipped(house) == 3


@pytest.mark.slow
def test_after_three_days_it_is_given_up_a_person_is_told_and_the_rest_waits_for_a_replay(build: Build) -> None:
    house = build(ERP, orders=1)
    house.town.answers["erp.example"] = lambda _event: Answer(400, {}, b"no")
    house.run_for(60)
    house.flag()
    house.run_for(3 * DAY - HOUR, 900)
    assert house.sent()[0][0] == "owed"
    house.run_for(3 * HOUR, 900)
    assert house.sent()[0][0] == "parked"
    assert problems(house)["webhook_parked"].startswith("1 events for webhook erp")
    assert house.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NULL") == [(0,)]
    assert {event["type"] for _, event in house.town.heard} == {"order.new"}
    del house.town.answers["erp.example"]
    house.town.heard.clear()
    assert command(house, "webhooks", "replay", "erp", "--parked") == 0
    house.run_for(60)
    assert house.town.types()[0] == "order.new"
    assert house.town.types()[-1] == "order.shipped"
    assert "webhook_parked" not in problems(house)


def test_410_is_given_up_at_once(build: Build) -> None:
    house = build(ERP, orders=1)
    house.town.answers["erp.example"] = lambda _event: Answer(410, {}, b"")
    house.run_for(60)
    assert house.sent() == [("parked", 1)]
    assert "410" in house.ask("SELECT detail FROM calls WHERE kind = 'webhook.erp'")[0][0]


def test_one_that_asks_to_wait_is_left_alone_for_that_long(build: Build) -> None:
    house = build(ERP, orders=2)
    house.town.answers["erp.example"] = lambda _event: Answer(429, {"retry-after": "600"}, b"")
    house.run_for(500, 900)
    assert len(house.town.heard) == 1
    house.flag()
    house.run_for(60)
    assert shipped(house) == 2


@pytest.mark.slow
def test_a_receiver_that_never_answers_delays_neither_ship_calls_nor_another_receiver(build: Build) -> None:
    class Silent(AtOnce):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - as in Executor
            if args and getattr(args[0], "kind", "") == "webhook.erp":
                return Future()
            return super().submit(fn, *args, **kwargs)

    house = build(ERP, SHOP, orders=6, start=False)
    house.executor = Silent()
    house.start()
    for _ in range(1500):
        house.clock.sleep(min(max(house.agent.turn(), 0.01), 1))
    house.flag()
    for _ in range(1500):
        house.clock.sleep(min(max(house.agent.turn(), 0.01), 1))
    assert shipped(house) == 6
    assert house.town.types("shop.example").count("order.shipped") == 6
    assert 1 <= len(house.agent.accounts["webhook.erp"].in_flight) <= 4
    house.crash()


def test_each_webhook_has_its_own_rate(build: Build) -> None:
    house = build({**ERP, "requests_per_second": 0.1, "events": ["order.new"]}, SHOP, orders=4)
    instants: list[float] = []

    def answer(_event: object) -> Reply:
        instants.append(house.clock.monotonic())
        return THANKS

    house.town.answers["erp.example"] = answer
    house.run_for(30)
    assert house.town.types("shop.example").count("order.new") == 4
    house.run_for(60)
    assert len(instants) == 4
    assert min(later - earlier for earlier, later in pairwise(instants)) >= 10


# -- a process that dies


def test_an_event_that_was_being_sent_when_the_process_died_is_sent_again_with_its_id(build: Build) -> None:
    house = build({**ERP, "events": ["order.new"]}, orders=1)

    class Dies(AtOnce):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - as in Executor
            done = super().submit(fn, *args, **kwargs)
            return Future() if args and getattr(args[0], "kind", "") == "webhook.erp" else done

    house.agent.ctx.workers._executor = Dies()  # noqa: SLF001 - it runs already
    house.run_for(30, until=lambda: bool(house.town.heard))
    assert house.sent() == [("sending", 1)]
    house.crash()
    house.start()
    house.run_for(60)
    assert [event["id"] for _, event in house.town.heard] == [house.town.heard[0][1]["id"]] * 2
    assert house.town.heard[0][1] == house.town.heard[1][1], "word for word"
    assert house.sent() == [("done", 2)]


def test_an_event_that_was_not_sent_yet_when_the_process_died_is_sent(build: Build) -> None:
    house = build({**ERP, "events": ["order.new"]}, orders=1)
    house.agent.accounts["webhook.erp"].token = None
    house.agent.accounts["webhook.erp"].read_token = None
    house.run_for(30)
    assert house.sent() == [("owed", 0)]
    house.crash()
    house.start()
    house.run_for(60)
    assert house.town.types() == ["order.new"]


def test_a_clock_that_was_ahead_when_a_webhook_was_configured_costs_no_event(build: Build) -> None:
    """A machine that takes its clock for local time is hours ahead until it has asked for the time."""
    house = build({**ERP, "events": ["order.new"]})
    house.run_for(30)
    house.clock._start -= timedelta(hours=5)  # noqa: SLF001 - a person sets it right
    plan.clock_changed(house.agent.ctx)
    house.arrive()
    house.run_for(2 * HOUR)
    assert (house.town.types(), house.sent()) == (["order.new"], [("done", 1)])


# -- disk


@pytest.mark.slow
def test_a_receiver_that_is_away_for_weeks_costs_bounded_disk_and_what_is_lost_is_counted_and_said(
    build: Build,
) -> None:
    house = build(ERP, orders=1, keep={"webhooks_days": 5})
    house.town.answers["erp.example"] = lambda _event: NotSent("refused")
    house.run_for(60)
    house.flag()
    house.run_for(60)
    stored = house.ask("SELECT count(*) FROM webhook_events")[0][0]
    assert stored >= 3
    house.run_for(7 * DAY, 3600)
    assert house.ask("SELECT count(*) FROM webhook_events") == [(0,)]
    assert house.ask("SELECT count(*) FROM calls WHERE kind = 'webhook.erp'") == [(0,)]
    assert house.ask("SELECT lost FROM webhook_endpoints") == [(stored,)]
    lost = [facts["events"] for event, facts in house.said if event == "webhook.lost"]
    assert sum(lost) == stored  # type: ignore[arg-type]


@pytest.mark.slow
def test_what_was_delivered_is_removed_too_and_is_not_lost(build: Build) -> None:
    house = build(ERP, orders=1, keep={"webhooks_days": 5})
    house.run_for(60)
    house.run_for(7 * DAY, 3600)
    assert house.ask("SELECT lost FROM webhook_endpoints") == [(0,)]
    assert house.ask("SELECT count(*) FROM webhook_events WHERE type = 'order.new'") == [(0,)]


# -- commands


def command(house: House, *words: str) -> int:
    config = house.settings.state_dir.parent / "agent.toml"
    config.write_text(
        f'state_dir = "{house.settings.state_dir}"\n[suppliers.{SUPPLIER}]\ntoken = "t"\n[[webhooks]]\nname = "erp"\n'
        f'url = "https://erp.example/hook?key=hidden"\nsecret = "{SECRET}"\n'
    )
    with time_machine.travel(house.clock.now()):  # what it writes must be of the time in which the agent lives
        return cli.run(["--config", str(config), *words])


def test_list_shows_how_it_stands(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    assert command(house, "webhooks", "list", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["webhooks"]
    assert (row["name"], row["host"], row["state"], row["owed"], row["parked"]) == ("erp", "erp.example", "ok", 0, 0)
    assert row["delivered_at"] is not None
    house.town.answers["erp.example"] = lambda _event: Answer(410, {}, b"")
    house.flag()
    house.run_for(60)
    assert command(house, "webhooks", "list") == 1
    shown = capsys.readouterr().out
    assert "1 parked" in shown
    assert "hidden" not in shown
    assert SECRET not in shown


def test_status_has_a_line_of_each(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    house = build(ERP, orders=1)
    house.run_for(60)
    house.town.answers["erp.example"] = lambda _event: Answer(410, {}, b"")
    house.flag()
    house.run_for(60)
    command(house, "status", "--json")
    told = json.loads(capsys.readouterr().out)["webhooks"]["erp"]
    assert (told["state"], told["parked"], told["delivered_at"] is not None) == ("ok", 1, True)
    command(house, "status")
    assert "webhook erp: ok, last delivery" in (shown := capsys.readouterr().out)
    assert "1 given up" in shown


def test_while_nothing_may_be_sent_events_wait_and_that_is_said(build: Build) -> None:
    house = build(ERP, orders=1, start=False, read_only=True)
    house.start()
    house.run_for(60)
    house.world.arrive(SUPPLIER)
    house.run_for(7200)
    assert house.town.heard == []
    with house.agent.ctx.store.read() as tx:
        (told,) = endpoints(within(tx), read_only=True)
    assert (told.state, told.reason.partition(":")[0], told.owed) == ("paused", "read_only", 2)
    house.stop()
    house.settings = house.settings.model_copy(update={"read_only": False})
    house.start()
    house.run_for(60)
    assert house.town.types()[0] == "order.new"


def test_an_order_is_sent_again_in_order_with_the_same_ids(build: Build) -> None:
    house = build(ERP, orders=2)
    house.run_for(60)
    house.flag()
    house.run_for(60)
    first = house.world.orders(SUPPLIER)[0].menzzo_order_id
    before = [event["id"] for _, event in house.town.heard if event["data"]["menzzo_order_id"] == first]
    house.town.heard.clear()
    assert command(house, "webhooks", "replay", "erp", "--order", first) == 0
    house.run_for(60)
    assert [event["id"] for _, event in house.town.heard] == before
    house.town.heard.clear()
    assert command(house, "webhooks", "replay", "erp", before[1]) == 0
    house.run_for(60)
    assert [event["id"] for _, event in house.town.heard] == [before[1]]
    house.town.heard.clear()
    assert command(house, "webhooks", "replay", "erp", "--since", "2026-11-23T00:00") == 0
    house.run_for(120)
    assert len(house.town.heard) == house.ask("SELECT count(*) FROM webhook_events")[0][0]
    assert command(house, "webhooks", "replay", "erp", "evt_of_nobody") == 2
    assert command(house, "webhooks", "replay", "erp") == 2
    assert command(house, "webhooks", "replay", "shop", "--parked") == 2


def test_a_person_pauses_and_resumes_a_webhook_by_its_name(build: Build) -> None:
    house = build(ERP, orders=1, start=False)
    house.start()
    house.run_for(60)
    house.town.heard.clear()
    assert command(house, "pause", "webhook.erp", "--reason", "a test") == 0
    house.flag()
    house.run_for(60)
    assert (house.town.heard, shipped(house)) == ([], 1)
    assert command(house, "resume", "webhook.erp") == 0
    house.run_for(60)
    assert house.town.types()[-1] == "order.shipped"
    assert command(house, "pause", "webhook.shop") == 2
