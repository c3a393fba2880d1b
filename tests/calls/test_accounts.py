"""An account is someone we talk to. A second account of a supplier has its own rate, breakers, token, brake and threads."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import cli
from supplier_agent.base.errors import ConfigError
from supplier_agent.calls import Ending, Job
from supplier_agent.marketplace.rate_limit import Pace
from supplier_agent.outbox import DONE, LATER, REFUSED, UNKNOWN, Outcome
from supplier_agent.reports import health
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import WRITES
from supplier_agent.tick.context import MOST_IN_FLIGHT, Account, Flight
from tests.calls.conftest import SUPPLIER, Raise, ids, state
from tests.calls.new_call import BEFORE, NOTIFY, Notify, with_notify
from tests.world.harness import AtOnce, ManualClock, Site

RECEIVER = "receiver"
NAME = f"{SUPPLIER}/{RECEIVER}"
HOUR = 3600


@dataclass
class Receiver:
    """What listens at the other end. `answers`: how the next calls end, with the token that they bring; then well."""

    clock: ManualClock
    answers: Callable[[str], Ending] = lambda _token: Ending(Outcome(DONE, "thanks", 200))
    heard_at: list[datetime] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)


class Deliver(Notify):
    """Notify, at the receiver's account."""

    def perform(self, job: Job, tools: Any) -> Ending:  # noqa: ANN401, ARG002 - see OutwardCall
        receiver, token, pace = tools
        pace.wait_turn()
        receiver.heard_at.append(receiver.clock.now())
        receiver.tokens.append(token())
        ending: Ending = receiver.answers(token())
        return ending


def told(site: Site) -> list[tuple[str, str, str]]:
    """Return the problems of accounts that `status` lists."""
    with site.agent.ctx.store.read() as tx:
        found = health.problems(tx, site.settings, now=site.clock.now())
    return [(each.supplier, each.code, each.what) for each in found if each.order is None]


class World:
    """An installation whose supplier has a receiver, too."""

    def __init__(self, installation: Raise, orders: int = 1, per_second: float = 1.0, **sections: Any) -> None:  # noqa: ANN401 - sections are of many shapes
        self.token, self.receiver = "first", Receiver(ManualClock())
        site = installation(with_notify(Deliver(once=False, account=RECEIVER), BEFORE), orders, **sections)
        site.stop()  # before it has done anything: it begins again, with the second account
        self.receiver.clock = site.clock
        site.others = lambda one: [self.account(one, per_second)]
        self.site = site

    def account(self, site: Site, per_second: float) -> Account:
        pace = Pace(site.clock, per_second)
        account = Account(
            NAME,
            SUPPLIER,
            tools=lambda _heard: (self.receiver, lambda: account.token, pace),
            pace=pace,
            kind=RECEIVER,
            read_token=lambda: self.token,
            token=self.token,
        )
        return account

    def says(self, ending: Ending) -> None:
        self.receiver.answers = lambda _token: ending

    def failing(self, name: str) -> bool:
        found = self.site.ask("SELECT 1 FROM lanes WHERE supplier = ? AND failing_since IS NOT NULL", name)
        return bool(found)


@pytest.fixture
def world(installation: Raise) -> World:
    return World(installation)


def test_what_a_receiver_refuses_to_take_delays_nothing_at_the_marketplace(world: World) -> None:
    world.says(Ending(Outcome(UNKNOWN, "it is down", 503), outage=True))
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
    world.says(Ending(Outcome(UNKNOWN, "it is down", 503), outage=True))
    site = world.site
    site.start()
    site.run_for(2 * HOUR, 900)
    assert 4 <= len(world.receiver.heard_at) <= 12
    world.says(Ending(Outcome(DONE, "thanks", 200)))
    site.run_for(HOUR, 900)
    assert (state(site, NOTIFY)[0], world.failing(NAME)) == ("done", False)


def test_a_marketplace_that_is_down_delays_nothing_at_a_receiver(world: World) -> None:
    site = world.site
    site.start()
    site.run_for(5, until=lambda: state(site, "acknowledge")[0] == "done")
    site.wire.reachable = lambda: False
    site.world.arrive(SUPPLIER)
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
    refused = Ending(Outcome(LATER, "who are you?", 401), token_refused=True)
    world.receiver.answers = lambda token: refused if token == "first" else Ending(Outcome(DONE, "thanks", 200))
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
    assert (name, code) == (NAME, "writes_failing")
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
    answers = iter([Ending(Outcome(LATER, "who are you?", 401), token_refused=True)])
    world.receiver.answers = lambda _token: next(answers, Ending(Outcome(DONE, "thanks", 200)))
    site.run_for(300)
    assert (state(site, NOTIFY), world.receiver.tokens) == (("done", 2), ["", ""]), "there is no other to try"


def test_so_many_404s_pause_the_account_that_gave_them_alone(installation: Raise) -> None:
    world = World(installation, orders=4, brakes={"not_found_in_a_row": 3})
    world.says(Ending(Outcome(REFUSED, "no such hook", 404)))
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
    world.says(Ending(Outcome(LATER, "slowly", 429), quiet_seconds=600))
    site = world.site
    site.start()
    site.run_for(300)
    assert len(world.receiver.heard_at) == 1
    site.flag(ids(site))
    site.run_for(60)
    assert state(site, "ship") == ("done", 1)


def test_settings_are_those_of_the_supplier(world: World) -> None:
    assert isinstance(world.site.settings, Settings)
    assert WRITES == Deliver(once=False).LANE
