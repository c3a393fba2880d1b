"""A new configuration while the agent runs: a bad one is refused and said, a good one is taken up, and nothing is lost."""

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import actions
from supplier_agent.base.clock import Clock
from supplier_agent.base.errors import ConfigError
from supplier_agent.base.process import Hangup
from supplier_agent.labels.pdf import Check, Checks
from supplier_agent.marketplace.wire import Wire
from supplier_agent.reports import health
from supplier_agent.runtime.wiring import Reload
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from supplier_agent.suppliers.circuit_breakers import LABELS
from tests.e2e.installation import Site as Installation
from tests.e2e.installation import installed
from tests.world.clocks import until
from tests.world.harness import ManualClock, Site, no_fault, settings_for

pytestmark = pytest.mark.slow

BOTH = ("asir-group", "notio")


class HeldChecks(Checks):
    """Checks that end when the test says so."""

    def __init__(self) -> None:
        self.held: list[tuple[Future[Any], Check]] = []

    def submit(self, supplier: str, check: Check) -> "Future[Any]":  # noqa: ARG002 - as in Checks
        self.held.append((Future(), check))
        return self.held[-1][0]

    def end(self) -> None:
        """Find every file whole."""
        while self.held:
            future, check = self.held.pop()
            future.set_result(check(no_fault))

    def close(self) -> None:
        self.end()


@dataclass
class Turned:
    """A site, and the configuration that it is given next."""

    site: Site
    next: Settings | ConfigError = field(init=False)

    def __post_init__(self) -> None:
        self.hangup = Hangup(terminal=True)
        self.reload = Reload(self.site.agent, {}, self.hangup, self._load, lambda _settings, _clock: self.site.wire)
        self.reload.start()

    def _load(self) -> Settings:
        if isinstance(self.next, ConfigError):
            raise self.next
        return self.next

    def take(self, settings: Settings | ConfigError) -> bool:
        """Ask for a new configuration, and see it through as the daemon does; return whether it was adopted."""
        self.next = settings
        self.hangup.event.set()
        assert self.reload.is_asked
        if self.reload.begin():
            while not self.reload.finish():
                self.site.run_for(0.1)
        assert not self.reload.is_asked
        return self.reload.refused is None

    def problems(self) -> list[str]:
        agent = self.site.agent
        with agent.ctx.store.read() as tx:
            return [each.what for each in health.problems(tx, agent.ctx.settings, {}, now=agent.ctx.clock.now())]


def turned(tmp_path: Path, orders: int = 8, *names: str, semantics: Semantics | None = None, **sections: Any) -> Turned:  # noqa: ANN401 - as settings_for
    clock = ManualClock()
    clock.sleep(3600)
    world = World.with_orders(orders, today=clock.now().date(), days=1, clock=clock, suppliers=BOTH)
    settings = settings_for(tmp_path / "state", *(names or BOTH), **sections)
    site = Site(settings, world, clock, semantics or Semantics())
    site.start()
    return Turned(site)


def acknowledged(site: Site, name: str) -> int:
    return sum(bool(order.acknowledged_at) for order in site.world.orders(name))


def test_a_supplier_is_added_and_another_taken_away(tmp_path: Path) -> None:
    it = turned(tmp_path, 8, "notio")
    it.site.run_for(60)
    assert it.take(settings_for(tmp_path / "state", "asir-group"))
    known = len(it.site.world.log)
    it.site.world.arrive("notio")
    it.site.run_for(1000)
    assert acknowledged(it.site, "asir-group") == 4
    assert {line.supplier for line in it.site.world.log[known:]} == {"asir-group"}
    assert it.site.ask("SELECT count(*) FROM orders WHERE supplier = 'notio'") == [(4,)]
    it.site.stop()


def test_a_bad_one_is_refused_with_its_reason_and_the_one_before_stays(tmp_path: Path) -> None:
    it = turned(tmp_path)
    it.site.run_for(30)
    assert not it.take(ConfigError("agent.toml:3: ship.undo_second is not a key", "correct it"))
    assert any("ship.undo_second" in what and "the previous one is still in use" in what for what in it.problems())
    assert ("configuration.refused") in [event for event, _ in it.site.said]
    late = it.site.world.arrive("notio")
    it.site.run_for(1000)
    assert late.acknowledged_at
    assert it.take(it.site.settings)
    assert not [what for what in it.problems() if "refused" in what]
    it.site.stop()


def test_all_the_mistakes_of_one_that_is_refused_are_told_on_one_line(tmp_path: Path) -> None:
    it = turned(tmp_path)
    it.site.run_for(30)
    mistakes = "The configuration cannot be used:\n  a.toml:3: x is not a key\n  a.toml:5: y must be a number"
    assert not it.take(ConfigError(mistakes, "correct it"))
    said = "The configuration cannot be used: a.toml:3: x is not a key; a.toml:5: y must be a number"
    assert any(what.endswith(said) for what in it.problems())
    (details,) = [facts for event, facts in it.site.said if event == "configuration.refused"]
    assert details["detail"] == said
    it.site.stop()


def test_one_in_which_no_supplier_has_a_token_is_refused(tmp_path: Path) -> None:
    it = turned(tmp_path)
    bare = Settings(state_dir=tmp_path / "state", suppliers={"notio": {"token_file": str(tmp_path / "absent")}})
    assert not it.take(bare)
    assert any("absent" in what for what in it.problems())
    assert set(it.site.agent.accounts) == set(BOTH)
    it.site.stop()


def test_a_refusal_is_forgotten_by_the_next_start(tmp_path: Path) -> None:
    it = turned(tmp_path)
    it.take(ConfigError("no", ""))
    it.site.stop()
    it.site.start()
    assert not Turned(it.site).problems()
    it.site.stop()


@pytest.mark.parametrize("turns", [0, 2, 5, 9, 14, 20])
def test_what_is_in_flight_is_taken_in_first_and_nothing_is_lost_or_done_twice(tmp_path: Path, turns: int) -> None:
    it = turned(tmp_path, 6, ship={"undo_seconds": 0})
    site = it.site
    for _ in range(turns):
        site.agent.turn()
        site.clock.sleep(0.5)
    stored = [each for (each,) in site.ask("SELECT menzzo_order_id FROM orders")]
    with site.agent.ctx.store.write() as tx:
        for each in stored:
            actions.ship(tx, actions.find(tx, each), site.clock.now(), "anna")
    site.agent.turn()
    assert it.take(settings_for(tmp_path / "state", *BOTH, ship={"undo_seconds": 0}, http={"timeout_seconds": 10}))
    site.flag([])
    site.run_for(2000, until=lambda: all(acknowledged(site, name) == 3 for name in BOTH))
    site.run_for(30)
    assert {len(order.acknowledged_at) for name in BOTH for order in site.world.orders(name)} == {1}
    assert {len(order.shipped_at) for name in BOTH for order in site.world.orders(name)} <= {0, 1}
    assert sum(len(order.shipped_at) for name in BOTH for order in site.world.orders(name)) == len(stored)
    assert site.ask("SELECT count(*) FROM calls WHERE state IN ('unknown', 'parked', 'sending')") == [(0,)]
    site.stop()


def test_a_run_in_the_middle_of_its_pages_goes_on(tmp_path: Path) -> None:
    it = turned(tmp_path, 24, semantics=Semantics(page_size=3))
    while (run := it.site.agent.accounts["notio"].run) is None or run.plan.pages < 2:
        it.site.run_for(0.25)
    assert it.take(settings_for(tmp_path / "state", *BOTH, schedule={"poll_seconds": 60}))
    it.site.run_for(60)
    assert it.site.ask("SELECT count(*) FROM runs WHERE supplier = 'notio' AND purpose = 'sweep'") == [(1,)]
    urls = it.site.ask(
        "SELECT url FROM reads WHERE supplier = 'notio' AND run_id = (SELECT min(id) FROM runs WHERE supplier = 'notio')"
    )
    assert len(urls) == len(set(urls)) >= 4
    it.site.stop()


def test_the_rate_is_kept_through_a_change(tmp_path: Path) -> None:
    it = turned(tmp_path, 16)
    for _ in range(8):
        it.site.run_for(1.3)
        it.take(it.site.settings)
    moments = sorted(line.monotonic for line in it.site.world.log if line.supplier == "notio")
    assert len(moments) > 5
    assert min(after - before for before, after in pairwise(moments)) >= 0.99
    it.take(settings_for(tmp_path / "state", *BOTH, requests_per_second=5))
    known = it.site.clock.monotonic()
    it.site.run_for(20)
    soon = sorted(line.monotonic for line in it.site.world.log if line.supplier == "notio" and line.monotonic > known)
    assert soon[0] - moments[-1] >= 0.19
    it.site.stop()


def test_another_undo_window_holds_for_flags_that_wait(tmp_path: Path) -> None:
    it = turned(tmp_path, 4, ship={"undo_seconds": 3600})
    it.site.run_for(60)
    with it.site.agent.ctx.store.write() as tx:
        one = actions.find(tx, it.site.world.orders("notio")[0].menzzo_order_id)
        actions.ship(tx, one, it.site.clock.now(), "anna")
    it.site.run_for(30)
    assert it.take(settings_for(tmp_path / "state", *BOTH, ship={"undo_seconds": 60}))
    it.site.run_for(45)
    assert len(it.site.world.orders("notio")[0].shipped_at) == 1
    it.site.stop()


def test_read_only_can_be_switched_on_and_off(tmp_path: Path) -> None:
    it = turned(tmp_path, 4, read_only=True)
    it.site.run_for(60)
    assert acknowledged(it.site, "notio") == 0
    assert it.take(settings_for(tmp_path / "state", *BOTH))
    it.site.run_for(60)
    assert acknowledged(it.site, "notio") == 2
    it.site.stop()


def test_another_state_folder_waits_for_a_restart_and_that_is_said(tmp_path: Path) -> None:
    it = turned(tmp_path, 2)
    assert it.take(settings_for(tmp_path / "elsewhere", *BOTH))
    assert ("configuration.postponed", "state_dir") in [(event, facts.get("key")) for event, facts in it.site.said]
    assert it.site.agent.ctx.settings.state_dir == tmp_path / "state"
    it.site.stop()


@pytest.mark.parametrize("back", ["before the checks end", "after the checks ended"])
def test_a_supplier_that_goes_and_comes_back_while_its_labels_are_checked(tmp_path: Path, back: str) -> None:
    it = turned(tmp_path, 8)
    site, checks = it.site, HeldChecks()
    site.agent.ctx.workers.checks = checks
    site.run_for(60)
    assert len(checks.held) == 8, "four of each supplier"
    assert it.take(settings_for(tmp_path / "state", "asir-group"))
    if back == "after the checks ended":
        checks.end()
        site.run_for(10)
    assert it.take(settings_for(tmp_path / "state", *BOTH))
    checks.end()
    site.run_for(60)
    assert site.agent.ctx.under_way() == 0
    assert all(not account.under_way(LABELS) for account in site.agent.accounts.values())
    assert [event for event, _ in site.said if event.startswith("internal")] == []
    assert site.ask("SELECT count(*) FROM orders WHERE label_path IS NOT NULL") == [(8,)]
    site.stop()


def test_an_error_of_our_own_refuses_the_change_and_sending_goes_on(tmp_path: Path) -> None:
    it = turned(tmp_path, 8, "notio")

    def breaks(_settings: Settings, _clock: Clock) -> Wire:
        raise KeyError("wire")

    it.reload = Reload(it.site.agent, {}, it.hangup, it._load, breaks)  # noqa: SLF001 - of this file
    assert not it.take(settings_for(tmp_path / "state", *BOTH))
    assert any("an internal error (KeyError)" in what for what in it.problems())
    assert [event for event, _ in it.site.said].count("internal.error") == 1
    assert set(it.site.agent.accounts) == {"notio"}
    it.site.run_for(60)
    assert acknowledged(it.site, "notio") == 4
    it.site.stop()


def test_a_request_that_never_ends_refuses_the_change_and_sending_goes_on(tmp_path: Path) -> None:
    it = turned(tmp_path, 8)
    while not it.site.agent.ctx.in_flight():
        it.site.clock.sleep(0.2)
        it.site.agent.turn()
    it.next = settings_for(tmp_path / "state", "notio")
    assert it.reload.begin()
    assert not it.reload.finish()
    it.site.clock.sleep(timedelta(minutes=2).total_seconds())
    assert it.reload.finish()
    assert any("does not end" in what for what in it.problems())
    assert set(it.site.agent.accounts) == set(BOTH)
    it.site.run_for(60)
    assert acknowledged(it.site, "notio") == 4
    it.site.stop()


# -- the real program --------------------------------------------------------------------------------------------------


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path, 4, days=2) as made:
        yield made


def test_sighup_reloads_the_daemon_and_systemd_is_told(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)  # noqa: FBT003 - socket's own

        def hears(what: str) -> bool:
            try:
                while True:
                    heard.append(systemd.recv(4096).decode())
            except BlockingIOError:
                return any(what in each for each in heard)

        def first(name: str) -> str:
            return f'[suppliers.{name}]\ntoken = "{installation.world.tokens[name]}"\n'

        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        installation.configure(suppliers=first("notio"))
        process = installation.start()
        until(lambda: all(order.acknowledged_at for order in installation.world.orders("notio")))
        until(lambda: hears("READY=1"))
        heard.clear()
        installation.configure(suppliers=first("notio") + first("asir-group"))
        process.send_signal(signal.SIGHUP)
        until(lambda: all(order.acknowledged_at for order in installation.world.orders("asir-group")))
        until(lambda: hears("READY=1"))
        assert any(each.startswith("RELOADING=1\nMONOTONIC_USEC=") for each in heard)
        heard.clear()
        installation.configure("poll_secondss = 3\n", suppliers=first("notio"))
        process.send_signal(signal.SIGHUP)
        until(lambda: hears("the new configuration was refused"))
        installation.run("status", code=78)
        assert "poll_secondss" in installation.said
        said = installation.stop(process)
    assert "configuration.adopted" in said
    assert "configuration.refused" in said
    assert "poll_secondss" in said
    assert not [token for token in installation.world.tokens.values() if token in said]
