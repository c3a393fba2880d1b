"""`fetch ID` on the command line: at once or by the running agent, by number or by day, and what came."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.state_folder import LOCK, is_held
from supplier_agent.sandbox.semantics import Semantics
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from tests.cli.conftest import Installation
from tests.unit.conftest import ready

BOTH = ("asir-group", "notio")


@contextmanager
def marketplace(here: Installation, *suppliers: str, cache_seconds: float = 0) -> Iterator[World]:
    world = World.with_orders(4, today=SystemClock().now().date(), days=1, clock=SystemClock(), suppliers=BOTH)
    with Sandbox(world, Semantics(cache_seconds={})) as sandbox:
        sections = "".join(
            f'[suppliers.{name}]\ntoken = "sandbox-{name}"\ncache_seconds = {cache_seconds}\n'
            for name in suppliers or BOTH
        )
        here.config.write_text(
            f'state_dir = "{here.folder}"\nbase_url = "{sandbox.url}"\nrequests_per_second = 50\n'
            f"[retry]\nonce_patience_seconds = 0\n{sections}"
        )
        yield world


def test_by_its_number_at_once(here: Installation) -> None:
    with marketplace(here) as world:
        this = world.orders("asir-group")[0].menzzo_order_id
        done = here.run("fetch", this, "--supplier", "asir-group", "--json")
        told = json.loads(done.stdout)
    assert (done.returncode, told["run"]["purpose"], told["run"]["proof"]) == (0, "fetch", "complete")
    assert told["run"]["order_number"] == this.rpartition("_")[0]
    assert (this, True, True) in [(each["menzzo_order_id"], each["listed"], each["new"]) for each in told["orders"]]
    assert f"order_number={this.rpartition('_')[0]}" in world.requests("get-sales", "asir-group")[0].target


def test_by_its_day_where_the_api_has_no_number(here: Installation) -> None:
    with marketplace(here, "notio") as world:
        this = world.orders("notio")[0]
        unknown = here.run("fetch", this.menzzo_order_id)
        assert unknown.returncode == 2
        assert b"say its day" in unknown.stderr
        done = here.run("fetch", this.menzzo_order_id, "--day", f"{this.order_date}")
        assert done.returncode == 0
        assert f"{this.menzzo_order_id} (notio): listed, new; " in done.stdout.decode()
        before = len(world.log)
        assert here.run("fetch", this.menzzo_order_id).returncode == 0, "its day is known now"
        days = {line.target.partition("?")[2] for line in world.log[before:]}
        assert all(f"date_from={this.order_date}" in each for each in days), "nothing else is read"
    assert here.ask("SELECT count(*) FROM runs WHERE purpose = 'resync' AND proof = 'complete'") == [(2,)]


def test_what_is_not_listed_is_said(here: Installation) -> None:
    with marketplace(here, "asir-group"):
        done = here.run("fetch", "15999999999_1")
    assert done.returncode == 1
    assert b"the marketplace does not list 15999999999_1" in done.stderr


def test_from_the_cache_nothing_is_requested_and_it_says_until_when(here: Installation) -> None:
    with marketplace(here, "asir-group", cache_seconds=1800) as world:
        this = world.orders("asir-group")[0].menzzo_order_id
        assert here.run("fetch", this).returncode == 0
        before = len(world.log)
        again = here.run("fetch", this, "--json")
        assert len(world.log) == before
    assert again.returncode == 1
    assert b"the marketplace would answer from its cache" in again.stderr
    told = json.loads(again.stdout)
    assert told["cached_until"] is not None
    assert told["run"] is None
    assert this in [each["menzzo_order_id"] for each in told["orders"]], "what is known is shown"


def test_the_supplier_is_asked_for_only_if_it_is_not_clear(here: Installation) -> None:
    unknown = here.told("fetch", "15999999999_1")
    assert unknown.returncode == 2
    assert "say whose: --supplier notio" in unknown.stderr
    here.keep([ready("15000012345_1"), ready("15000012345_1", supplier="asir-group")])
    assert "both have an order" in here.told("fetch", "15000012345_1").stderr
    assert here.told("fetch", "15000012345_1", "--supplier", "nobody").returncode == 2


def test_a_day_that_is_none_is_refused(here: Installation) -> None:
    assert here.told("fetch", "15000012345_1", "--supplier", "notio", "--day", "yesterday").returncode == 2


@pytest.mark.slow
def test_the_running_agent_reads_it_and_the_command_shows_what_came(here: Installation) -> None:
    with marketplace(here, "asir-group") as world, here.start("run", stderr=subprocess.DEVNULL) as agent:
        try:
            until = time.monotonic() + 60
            while (
                time.monotonic() < until
                and here.ask("SELECT 1 FROM runs WHERE purpose = 'sweep' AND proof = 'complete'") == []
            ):
                assert agent.poll() is None
            new = world.arrive("asir-group", date.today()).menzzo_order_id  # noqa: DTZ011 - any day
            refused = here.run("fetch", new, "--supplier", "asir-group", "--once")
            assert is_held(here.folder / LOCK)
            done = here.run("fetch", new, "--supplier", "asir-group")
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.wait(30)
    assert refused.returncode == 75
    assert done.returncode == 0, done.stderr
    assert f"{new} (asir-group): listed, new; " in done.stdout.decode()
