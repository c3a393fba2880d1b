"""An account is someone we talk to. A second account of a supplier has its own rate, breakers, token, brake and threads."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from supplier_agent import cli
from supplier_agent.alerts.decide import Recipient, group
from supplier_agent.base.errors import ConfigError
from supplier_agent.calls import Job
from supplier_agent.db.tables import Alert, Order
from supplier_agent.marketplace.connections import Deadline
from supplier_agent.marketplace.wire import Answer, Reply, Wire
from supplier_agent.reports import health, orders
from supplier_agent.runtime.wiring import calls_without_account
from supplier_agent.suppliers import read_log
from supplier_agent.tick.context import MOST_IN_FLIGHT, Account, Flight
from supplier_agent.verdict.supplier import MARKETPLACE
from tests.calls.conftest import SUPPLIER, Raise, ids, state
from tests.calls.new_account import RECEIVER, Deliver, make_receiver
from tests.calls.new_call import BEFORE, NOTIFY, with_notify
from tests.world.harness import AtOnce, ManualClock, Site

NAME = f"{SUPPLIER}/{RECEIVER}"
HOUR = 3600
OTHER = "hausen"
THANKS = Answer(200, {}, b"thanks")
DOWN = Answer(503, {}, b"it is down")
WHO = Answer(401, {}, b"who are you?")


class Listener(Wire):
    """The receiver, without sockets. `answers`: what it answers to a token."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock, timeout_seconds=20)
        self.clock = clock
        self.answers: Callable[[str], Reply] = lambda _token: THANKS
        self.heard_at: list[datetime] = []
        self.tokens: list[str] = []
        self.bodies: list[bytes] = []

    def exchange(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        limit_bytes: int,
        turn: Callable[[], None],
        deadline: Deadline | None = None,
    ) -> Reply:
        """Answer."""
        assert (method, limit_bytes > 0, deadline) == ("POST", True, None), url
        turn()
        self.heard_at.append(self.clock.now())
        self.tokens.append(headers["Authorization"].removeprefix("Bearer "))
        self.bodies.append(content or b"")
        return self.answers(self.tokens[-1])


def told(site: Site) -> list[tuple[str, str, str]]:
    """Return the problems of accounts that `status` lists."""
    with site.agent.ctx.store.read() as tx:
        found = health.problems(tx, site.settings, now=site.clock.now())
    return [(each.supplier, each.code, each.what) for each in found if each.order is None]


class World:
    """An installation whose supplier has a receiver, too."""

    def __init__(self, installation: Raise, orders: int = 1, per_second: float = 1.0, **sections: Any) -> None:  # noqa: ANN401 - sections are of many shapes
        self.token = "first"
        site = installation(with_notify(Deliver(once=False, account=RECEIVER), BEFORE), orders, **sections)
        site.stop()  # before it has done anything: it begins again, with the second account
        self.receiver = Listener(site.clock)
        site.others = lambda one: [self.account(one, per_second)]
        self.site = site

    def account(self, site: Site, per_second: float) -> Account:
        account = make_receiver(SUPPLIER, self.receiver, site.clock, lambda: self.token, per_second)
        account.token = self.token
        return account

    def says(self, reply: Reply) -> None:
        self.receiver.answers = lambda _token: reply

    def failing(self, name: str) -> bool:
        found = self.site.ask("SELECT 1 FROM lanes WHERE supplier = ? AND failing_since IS NOT NULL", name)
        return bool(found)


@pytest.fixture
def world(installation: Raise) -> World:
    return World(installation)


def test_what_a_receiver_refuses_to_take_delays_nothing_at_the_marketplace(world: World) -> None:
    world.says(DOWN)
    site = world.site
    site.start()
    site.run_for(200)
    assert (world.failing(NAME), world.failing(SUPPLIER)) == (True, False)
    site.flag(ids(site))
    site.run_for(30)
    assert state(site, "ship") == ("done", 1)
    with site.agent.ctx.store.read() as tx:
        found = health.problems(tx, site.settings, {}, now=site.clock.now())
    assert {each.supplier for each in found} <= {NAME}, "of the marketplace, nothing is wrong"


def test_a_receiver_that_is_down_is_asked_less_and_less_often_and_then_served(world: World) -> None:
    world.says(DOWN)
    site = world.site
    site.start()
    site.run_for(2 * HOUR, 900)
    assert 4 <= len(world.receiver.heard_at) <= 12
    world.says(THANKS)
    site.run_for(HOUR, 900)
    assert (state(site, NOTIFY)[0], world.failing(NAME)) == ("done", False)


def test_a_marketplace_that_is_down_delays_nothing_at_a_receiver(world: World) -> None:
    site = world.site
    site.start()
    site.run_for(5, until=lambda: state(site, "acknowledge")[0] == "done")
    site.wire.reachable = lambda: False
    with site.agent.ctx.store.write() as tx:
        read_log.request(tx, SUPPLIER, site.clock.now().date(), site.clock.now().date(), site.clock.now())
    site.run_for(HOUR, 900)
    assert (state(site, NOTIFY), world.failing(SUPPLIER), world.failing(NAME)) == (("done", 1), True, False)


def test_each_account_has_its_own_rate(installation: Raise) -> None:
    world = World(installation, orders=5, per_second=0.1)
    site = world.site
    site.start()
    site.run_for(40)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NULL") == [(0,)]
    site.run_for(60)
    times = world.receiver.heard_at
    assert len(times) == 5
    assert min((later - earlier).total_seconds() for earlier, later in pairwise(times)) >= 10


def test_each_account_has_its_own_token_and_takes_up_a_new_one(world: World) -> None:
    world.receiver.answers = lambda token: WHO if token == "first" else THANKS
    site = world.site
    site.start()
    site.run_for(300)
    assert state(site, NOTIFY)[0] == "owed"
    assert site.ask("SELECT token_refused_at FROM suppliers WHERE name = ?", SUPPLIER) == [(None,)]
    world.token = "second"
    site.run_for(600)
    assert (state(site, NOTIFY)[0], world.receiver.tokens[-1]) == ("done", "second")
    assert site.agent.accounts[NAME].refused == set()


def test_an_account_whose_token_is_missing_waits_alone(world: World) -> None:
    site, missing = world.site, ConfigError("there is no token", "write one")

    def read() -> str:
        if missing is not None:
            raise missing
        return "first"

    site.start()
    account = site.agent.accounts[NAME]
    account.read_token, account.token, account.token_suspect = read, None, True
    site.run_for(60)
    assert (state(site, NOTIFY)[0], account.token_problem, world.failing(NAME)) == ("owed", "there is no token", True)
    ((name, code, what),) = told(site)
    assert (name, code) == (NAME, "calls_failing")
    assert what.endswith(": there is no token")
    site.flag(ids(site))
    site.run_for(60)
    assert state(site, "ship") == ("done", 1)


def test_a_token_that_comes_late_is_used(world: World) -> None:
    site = world.site
    site.start()
    site.agent.accounts[NAME].token = None
    site.run_for(120)
    assert (state(site, NOTIFY), world.receiver.tokens) == (("done", 1), ["first"])


def test_an_account_may_need_no_token(world: World) -> None:
    site = world.site
    site.start()
    account = site.agent.accounts[NAME]
    account.read_token, account.token = None, ""
    answers = iter([WHO])
    world.receiver.answers = lambda _token: next(answers, THANKS)
    site.run_for(300)
    assert (state(site, NOTIFY), world.receiver.tokens) == (("done", 2), ["", ""]), "there is no other to try"


def test_so_many_404s_pause_the_account_that_gave_them_alone(installation: Raise) -> None:
    world = World(installation, orders=4, brakes={"not_found_in_a_row": 3})
    world.says(Answer(404, {}, b"no such hook"))
    site = world.site
    site.start()
    site.run_for(120)
    assert site.ask("SELECT name FROM suppliers WHERE paused_at IS NOT NULL") == [(NAME,)]
    assert len(world.receiver.heard_at) == 3
    ((name, code, what),) = told(site)
    assert (name, code, "404: wrong address or credentials?" in what) == (NAME, "paused", True)
    site.flag(ids(site))
    site.run_for(60)
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(4,)]


def test_a_receiver_that_redirects_parks_no_order(installation: Raise) -> None:
    world = World(installation, orders=3)
    world.says(Answer(302, {"location": "https://elsewhere.example/"}, b""))
    site = world.site
    site.start()
    site.run_for(600, 900)
    assert (state(site, NOTIFY)[0], world.failing(NAME)) == ("owed", True)
    world.says(THANKS)
    site.run_for(2 * HOUR, 900)
    assert site.ask("SELECT DISTINCT state FROM calls WHERE kind = 'notify'") == [("done",)]


def test_a_person_pauses_and_resumes_an_account_by_its_name(world: World, tmp_path: Path) -> None:
    site = world.site
    site.start()
    site.run_for(5)
    site.stop()
    config = tmp_path / "agent.toml"
    config.write_text(f'state_dir = "{site.settings.state_dir}"\n[suppliers.{SUPPLIER}]\ntoken = "t"\n')
    paused = "SELECT name FROM suppliers WHERE paused_at IS NOT NULL"
    assert cli.run(["--config", str(config), "pause", NAME]) == 0
    assert site.ask(paused) == [(NAME,)]
    assert cli.run(["--config", str(config), "resume", NAME]) == 0
    assert site.ask(paused) == []
    assert cli.run(["--config", str(config), "resume", f"{SUPPLIER}/other"]) == 2
    assert cli.run(["--config", str(config), "resume", "stranger/shop"]) == 2


class Silent(AtOnce):
    """Works at once, but for calls of one kind: they never come back."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401 - as in Executor
        if args and isinstance(args[0], Job) and args[0].kind == NOTIFY:
            return Future()
        return super().submit(fn, *args, **kwargs)


def test_a_receiver_that_never_answers_holds_only_its_own_places(installation: Raise) -> None:
    world = World(installation, orders=6)
    site = world.site
    site.executor = Silent()
    site.start()
    site.flag(ids(site))
    for _ in range(4000):
        site.clock.sleep(min(max(site.agent.turn(), 0.01), 1))
    flights: list[Flight] = site.agent.accounts[NAME].in_flight
    assert 1 <= len(flights) <= MOST_IN_FLIGHT
    site.flag(ids(site))
    for _ in range(1000):
        site.clock.sleep(min(max(site.agent.turn(), 0.01), 1))
    assert site.ask("SELECT count(*) FROM orders WHERE ship_confirmed_at IS NOT NULL") == [(6,)]
    site.crash()


def test_an_error_of_ours_at_one_account_lets_the_other_go_on(world: World) -> None:
    site = world.site
    site.start()

    def broken(_heard: Callable[[float], None]) -> Any:  # noqa: ANN401 - as in Account
        raise RuntimeError("a mistake")

    site.agent.accounts[NAME].tools = broken
    site.run_for(60)
    assert state(site, NOTIFY) == ("owed", 0), "nothing was claimed that could not be sent"
    site.flag(ids(site))
    site.run_for(60)
    assert state(site, "ship") == ("done", 1)


def test_a_receiver_that_asks_for_silence_gets_it_and_the_marketplace_is_served(world: World) -> None:
    world.says(Answer(429, {"retry-after": "600"}, b"slowly"))
    site = world.site
    site.start()
    site.run_for(300)
    assert len(world.receiver.heard_at) == 1
    site.flag(ids(site))
    site.run_for(60)
    assert state(site, "ship") == ("done", 1)


def test_a_call_that_is_switched_on_and_has_no_account_is_refused(world: World) -> None:
    site = world.site
    both = [world.account(site, 1), replace(world.account(site, 1), name=SUPPLIER, kind=MARKETPLACE)]
    assert calls_without_account(both, site.settings, site.calls) == []
    assert calls_without_account(both[1:], site.settings, site.calls) == [NOTIFY]
    off = site.settings.model_copy(update={"calls": {}})
    assert calls_without_account(both[1:], off, site.calls) == []


def next_of(site: Site) -> tuple[object, str]:
    """Return what happens next to the first order."""
    ctx = site.agent.ctx
    with ctx.store.read() as tx:
        order = tx.exec(select(Order)).first()
        assert order is not None
        found = orders.whole(tx, order, site.settings, site.clock.now(), kinds=ctx.calls)
    return found["next_code"], str(found["next"])


def test_what_an_order_waits_for_is_its_receiver_and_not_the_marketplace(world: World) -> None:
    site = world.site
    world.says(DOWN)
    site.start()
    site.run_for(200)
    code, said = next_of(site)
    assert (code, f"the others of {NAME} pause" in said) == ("outage", True), said
    with site.agent.ctx.store.write() as tx:
        tx.connection().exec_driver_sql(
            "UPDATE suppliers SET paused_at = ?, paused_by = 'Ana', paused_reason = 'a test' WHERE name = ?",
            ("2026-11-23 06:00:00.000000", NAME),
        )
    code, said = next_of(site)
    assert (code, f"supplier-agent resume {NAME}" in said) == ("paused", True), said


def test_a_paused_supplier_does_not_hold_back_the_calls_to_its_receiver_and_nothing_says_so(world: World) -> None:
    site = world.site
    site.start()
    site.run_for(5, until=lambda: state(site, "acknowledge")[0] == "done")
    with site.agent.ctx.store.write() as tx:
        tx.connection().exec_driver_sql(
            "UPDATE suppliers SET paused_at = ?, paused_by = 'Ana', paused_reason = 'a test' WHERE name = ?",
            ("2026-11-23 06:00:00.000000", SUPPLIER),
        )
    assert next_of(site)[0] == "later"
    site.run_for(60)
    assert state(site, NOTIFY) == ("done", 1)


def test_what_is_sent_has_the_facts_that_the_call_asks_for(world: World) -> None:
    site = world.site
    site.start()
    site.run_for(60)
    ((this, sku),) = site.ask("SELECT menzzo_order_id, sku FROM orders")
    assert world.receiver.bodies == [f'{{"order": "{this}", "sku": "{sku}"}}'.encode()]


def test_the_recipients_of_a_supplier_get_the_alerts_of_its_other_accounts(world: World) -> None:
    site = world.site
    world.says(DOWN)
    site.start()
    site.run_for(2 * HOUR, 900)
    with site.agent.ctx.store.read() as tx:
        facts = group(health.judged(tx, site.settings, site.clock.now()), site.settings, site.clock.now())
    (fact,) = facts
    row = Alert(cause=fact.code.value, supplier=fact.supplier, text="", since=site.clock.now())
    assert fact.supplier == NAME
    hears = [Recipient("a", supplier).hears(row) for supplier in (None, SUPPLIER, NAME.replace(SUPPLIER, OTHER), OTHER)]
    assert hears == [True, True, False, False]
