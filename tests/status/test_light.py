"""A start is light. A health check asks `status` every 30 seconds, so it brings neither ORM nor HTTP nor the command line along."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.reports.heartbeat import AGENT, Heartbeat
from supplier_agent.reports.vitals import Trouble
from tests.world.databases import store_at

PROGRAM = [sys.executable, "-m", "supplier_agent"]
HEAVY = {"sqlmodel", "sqlalchemy", "alembic", "httpx", "httpcore", "typer", "rich", "structlog", "apscheduler"}
MOST_SECONDS = {"status": 0.3, "--help": 0.4, "--version": 0.4}
"""The CPU of a command. Measured: 0.21, 0.25, 0.25; with the ORM `status` took 0.7."""

CONFIG = """
state_dir = "state"
[suppliers.notio]
token = "t0ken-that-nobody-may-see"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the configuration of a state on which a run has begun before."""
    config = tmp_path / "supplier-agent.toml"
    config.write_text(CONFIG)
    (tmp_path / "state").mkdir()
    store_at(tmp_path / "state" / "agent.db").close()
    return config


def cpu_seconds(*words: str) -> float:
    """Return the CPU of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@cache
def slowness() -> float:
    """Return how many times as much CPU as usual a start takes on this machine, by what pydantic takes; at least 1."""
    return max(1, 9 * min(cpu_seconds(sys.executable, "-c", "import pydantic_settings") for _ in range(3)))


def is_light(config: Path, *words: str) -> bool:
    """Tell whether one run of five takes little CPU: what the others took more, the machine took."""
    command, most = (*PROGRAM, "--config", str(config), *words), MOST_SECONDS[words[0]]
    return any(cpu_seconds(*command) <= most * slowness() for _ in range(5))


@pytest.mark.parametrize("word", MOST_SECONDS)
def test_it_costs_little_cpu(config: Path, word: str) -> None:
    assert is_light(config, word)


@pytest.fixture
def working(config: Path) -> Iterator[Path]:
    """Return the configuration of a state on which an agent works now, with troubles to show."""
    folder, clock = config.parent / "state", SystemClock()
    lock = InstanceLock(folder / "agent.lock", "run", clock)
    beat = Heartbeat(folder / AGENT, clock, "run")
    beat.keep("loop", [Trouble("configuration_refused", "no")])
    beat.beat()
    yield config
    lock.release()


def test_nor_does_it_cost_more_while_an_agent_works(working: Path) -> None:
    assert is_light(working, "status", "--alive")


@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("status", "--alive")])
def test_it_stays_light_while_an_agent_works_and_the_database_is_locked(working: Path, words: tuple[str, ...]) -> None:
    assert not imported(working, *words) & HEAVY
    with closing(sqlite3.connect(working.parent / "state" / "agent.db", isolation_level=None)) as editor:
        editor.execute("PRAGMA locking_mode = EXCLUSIVE")
        editor.execute("BEGIN EXCLUSIVE")
        assert not imported(working, *words) & HEAVY


def imported(config: Path, *words: str) -> set[str]:
    """Return the top-level names of everything that a command imports."""
    return {name.partition(".")[0] for name in modules(config, *words)}


def modules(config: Path, *words: str) -> set[str]:
    """Return the names of all modules that a command imports."""
    command = [sys.executable, "-X", "importtime", "-m", "supplier_agent", "--config", str(config), *words]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stderr
    return {line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import")}


def test_the_check_of_imports_would_see_them(config: Path) -> None:
    assert {"sqlmodel", "typer"} <= imported(config, "orders")


OF_THE_PAGE = ("uvicorn", "starlette", "jinja2", "pypdf", "pypdfium2", "zxingcpp", "supplier_agent.web")
UNUSED = {
    "--help": ("pydantic", "sqlmodel", "httpx", "sqlite3", "supplier_agent.reports", "supplier_agent.verdict"),
    "--version": ("pydantic", "sqlmodel", "httpx", "supplier_agent.reports", "supplier_agent.verdict"),
    "config show": ("sqlmodel", "httpx", "structlog", "supplier_agent.reports"),
    "orders": ("httpx", "structlog", "apscheduler", "alembic", "rich", "sqlalchemy.dialects.postgresql", *OF_THE_PAGE),
    "run --once --dry-run": ("apscheduler", "alembic.command", "sqlalchemy.dialects.postgresql", *OF_THE_PAGE),
    "run --once": ("apscheduler", "alembic.command", "sqlalchemy.dialects.postgresql", *OF_THE_PAGE),
}
"""What a command does without. Each would cost more than the command's own work."""


@pytest.mark.parametrize("words", UNUSED)
def test_a_command_imports_only_what_it_uses(config: Path, words: str) -> None:
    config.write_text(CONFIG.replace("token =", "token_file ="))  # it is not there, so nobody is asked
    found = modules(config, *words.split())
    assert "supplier_agent.cli" in found
    assert not {name for name in found if name.startswith(UNUSED[words])}


CYCLE = """
import sys
from supplier_agent.__main__ import main
class Cycle:
    def __init__(self): self.itself = self
    def __del__(self): print("taken apart")
sys.argv[1:], kept = ["--version"], Cycle()
{}
"""


@pytest.mark.parametrize(("end", "said"), [("main()", False), ("sys.exit()", True)])
def test_a_command_does_not_take_its_objects_apart_before_it_ends(end: str, *, said: bool) -> None:
    done = subprocess.run([sys.executable, "-c", CYCLE.format(end)], capture_output=True, text=True, check=True)
    assert ("taken apart" in done.stdout) is said


def test_a_change_of_the_configuration_counts_at_once(config: Path) -> None:
    config.write_text(CONFIG.replace("notio", "orion"))
    done = subprocess.run([*PROGRAM, "--config", str(config), "status"], capture_output=True, text=True, check=False)
    assert "orion" in done.stdout
    assert "notio" not in done.stdout


def test_a_mistake_in_the_configuration_is_found(config: Path) -> None:
    config.write_text(CONFIG + "polling = 3\n")
    done = subprocess.run([*PROGRAM, "--config", str(config), "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert "polling" in done.stderr


def test_a_variable_counts(config: Path) -> None:
    env = os.environ | {"SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN": "t"}
    command = [*PROGRAM, "--config", str(config), "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert '"asir-group"' in done.stdout
    assert "t0ken" not in done.stdout
