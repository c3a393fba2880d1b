"""`check` without --offline: one read for each supplier proves the token, the clock and where labels come from."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.check import reads
from supplier_agent.db.plain_sql import look_at
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.world import World
from supplier_agent.settings import Settings
from tests.check.conftest import Found
from tests.world.clocks import HandClock

Make = Callable[..., Settings]
TOKEN = "sandbox-notio"
ROW = {"menzzo_order_id": "15000012345_789", "sku": "CHAIR", "qty": "1"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    clock = SystemClock()
    world = World.with_orders(3, today=clock.now().date(), days=1, clock=clock, suppliers=["notio"])
    with Sandbox(world) as sandbox:
        yield sandbox


def look(found: Found, settings: Settings, ahead_seconds: float = 0) -> Found:
    clock = HandClock()
    clock.seconds = (SystemClock().now() - clock.now()).total_seconds() + ahead_seconds
    reads.look(found.report, settings, {}, clock, {})
    return found


def of(settings: Make, sandbox: Sandbox, token: str = TOKEN, slug: str = "notio") -> Settings:
    return settings(base_url=sandbox.url, suppliers={slug: {"token": token}})


def test_one_read_proves_token_clock_and_labels(found: Found, settings: Make, sandbox: Sandbox) -> None:
    link = f"{sandbox.url}/labels/a.pdf"
    sandbox.world.faults.arm("get-sales", faults.says([{**ROW, "link_to_label": link}]))
    look(found, of(settings, sandbox))
    said = "\n".join(found.of("ok"))
    assert "the token works" in said
    assert "agree within" in said
    assert "labels come from allowed places" in said
    assert not found.of("warning") + found.of("wrong")
    assert len(sandbox.world.requests("get-sales")) == 1
    assert not (of(settings, sandbox).state_dir / "agent.db").exists()


def test_a_wrong_token_is_77(found: Found, settings: Make, sandbox: Sandbox) -> None:
    look(found, of(settings, sandbox, token="other"))
    found.only("wrong", "refuses the token", "technique@menzzo.fr")
    assert found.report.exit_code == 77


def test_an_address_that_nobody_knows_is_78(found: Found, settings: Make, sandbox: Sandbox) -> None:
    sandbox.world.faults.arm("get-sales", faults.status(404))
    look(found, of(settings, sandbox))
    found.only("wrong", "404", "base_url")
    assert found.report.exit_code == 78


def test_a_marketplace_that_is_away_is_69(found: Found, settings: Make, sandbox: Sandbox) -> None:
    sandbox.world.faults.arm("get-sales", faults.status(502))
    look(found, of(settings, sandbox))
    found.only("wrong", "the read failed", sandbox.url)
    assert found.report.exit_code == 69


@pytest.mark.parametrize(("ahead", "words"), [(300, "ahead of"), (-300, "behind")])
def test_a_clock_that_is_minutes_off_is_a_doubt(
    found: Found, settings: Make, sandbox: Sandbox, ahead: float, words: str
) -> None:
    look(found, of(settings, sandbox), ahead)
    found.only("warning", words, "timedatectl")


def test_labels_from_elsewhere_are_a_doubt(found: Found, settings: Make, sandbox: Sandbox) -> None:
    link = "https://labels.example.com/a.pdf"
    sandbox.world.faults.arm("get-sales", faults.says([{**ROW, "link_to_label": link}]))
    look(found, of(settings, sandbox))
    found.only("warning", "labels would not be fetched", "label_origins")


def test_while_an_agent_runs_its_last_reads_are_shown_and_none_is_made(
    found: Found, settings: Make, sandbox: Sandbox, database: Path
) -> None:
    held = InstanceLock(database.with_name("agent.lock"), "run", HandClock())
    look(found, of(settings, sandbox))
    held.release()
    found.only("warning", "has not read it yet", "supplier-agent status")
    assert not sandbox.world.requests("get-sales")


@pytest.mark.usefixtures("database")
def test_what_was_asked_is_in_the_journal(found: Found, settings: Make, sandbox: Sandbox) -> None:
    configured = of(settings, sandbox)
    look(found, configured)
    (line,) = sandbox.world.requests("get-sales")
    with look_at(configured.state_dir / "agent.db") as database:
        (read,) = database.rows("SELECT url, outcome FROM reads")
    assert line.target.endswith(read.url)
    assert read.outcome == "listed"
