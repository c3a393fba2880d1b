"""The commands, as the how-to has them: against a sandbox of their own, in processes of their own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.sandbox import options
from supplier_agent.sandbox.server import Sandbox
from supplier_agent.sandbox.support import SALE
from supplier_agent.sandbox.world import World

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "support-api.md"
ID = "15000012345_789"
SECONDS = 240


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = World(SystemClock(), ("notio",))
    for _ in range(2):
        world.arrive("notio")
    with Sandbox(world) as started:
        yield started


class Shell:
    """Runs the program on one state, with the configuration of the how-to."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        section = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
        (folder / "token").write_text("sandbox-support\n")
        section = section.replace("/etc/supplier-agent/tokens/notio-support", str(folder / "token"))
        self.file = folder / "supplier-agent.toml"
        self.file.write_text(
            f'base_url = "{sandbox.url}"\nstate_dir = "{folder / "state"}"\nrequests_per_second = 1000\n'
            f'[ship]\nundo_seconds = 0\n[suppliers.notio]\ntoken = "sandbox-notio"\n{section}'
            "requests_per_second = 1000\nopen_sav = true\n"
        )

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "supplier_agent", "--config", str(self.file), *words]
        env = {name: value for name, value in os.environ.items() if not name.startswith("SUPPLIER_AGENT_")}
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=env)


@pytest.mark.slow
def test_the_how_to_as_written(tmp_path: Path, sandbox: Sandbox) -> None:
    run = Shell(tmp_path, sandbox)
    checked = run("check")
    assert "the token of the support API works" in checked.stdout, checked.stdout + checked.stderr
    assert run("run", "--once").returncode == 0
    one, two = (order.menzzo_order_id for order in sandbox.world.orders("notio"))
    sandbox.world.support.statuses[one.rpartition("_")[0]] = "canceled"
    assert run("ship", one, two).returncode == 0
    run("run", "--once")
    assert [len(sandbox.world.requests("ship-sale", menzzo_order_id=each)) for each in (one, two)] == [0, 1]
    told = json.loads(run("order", one, "--json").stdout)
    assert (told["held_code"], told["sale"]["status"]) == ("sale_stopped", "canceled")
    status = json.loads(run("status", "--json").stdout)
    assert "sale_stopped" in {problem["code"] for problem in status["problems"]}
    commands = re.findall(r"^supplier-agent (.*)$", PAGE.read_text(), re.MULTILINE)
    for text in commands:
        if text.startswith(("check", "sandbox")):
            continue
        words = [word.strip('"').replace(ID, one) for word in re.findall(r'"[^"]*"|\S+', text)]
        ended = run(*words)
        assert ended.returncode == 0, (text, ended.stderr)
    run("run", "--once")
    assert [len(sandbox.world.requests("ship-sale", menzzo_order_id=each)) for each in (one, two)] == [1, 1]
    assert [case["complaint_type"] for case in sandbox.world.support.cases] == ["damage"]
    assert "sale status" in run("order", one).stdout


def test_a_wrong_token_is_found_by_check(tmp_path: Path, sandbox: Sandbox) -> None:
    run = Shell(tmp_path, sandbox)
    (tmp_path / "token").write_text("wrong")
    ended = run("check")
    assert (ended.returncode, "the support API refuses the token (HTTP 401)" in ended.stdout) == (77, True)
    (tmp_path / "token").unlink()
    assert run("check").returncode == 78


@pytest.mark.slow
def test_a_dry_run_checks_the_sale_and_sends_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    run = Shell(tmp_path, sandbox)
    run("run", "--once")
    one, two = (order.menzzo_order_id for order in sandbox.world.orders("notio"))
    sandbox.world.support.statuses[one.rpartition("_")[0]] = "refunded"
    run("ship", one, two)
    told = json.loads(run("run", "--once", "--dry-run", "--json").stdout)
    assert [each["menzzo_order_id"] for each in told["calls"] if each["kind"] == "ship"] == [two]
    assert not sandbox.world.requests("ship-sale")
    assert json.loads(run("order", one, "--json").stdout)["held_code"] is None


def test_the_sandbox_takes_faults_and_semantics_of_the_how_to() -> None:
    world = World(SystemClock(), ("notio",))
    text = PAGE.read_text()
    options.arm(world, re.findall(r"--fault (\S+)", text))
    assert options.semantics_of(re.findall(r"--semantics (\S+)", text)).support.sale_status == "canceled"
    assert SALE in options.ENDPOINTS
