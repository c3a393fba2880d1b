"""`status` is light: a health check asks every 30 seconds, so it brings no ORM along, and costs a few bare starts of Python."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.db.store import open_store
from supplier_agent.reports import known
from supplier_agent.reports.heartbeat import AGENT, Heartbeat
from supplier_agent.reports.vitals import Trouble
from supplier_agent.settings import load

PROGRAM = [sys.executable, "-m", "supplier_agent"]
HEAVY = {
    "sqlmodel",
    "sqlalchemy",
    "alembic",
    "pydantic",
    "pydantic_settings",
    "httpx",
    "typer",
    "rich",
    "structlog",
    "asyncio",
}
BARE_STARTS = {"status": 12, "--help": 18, "--version": 18}
"""At most so many times the CPU of `python -c pass`. Measured: 7, 11, 11; with ORM and settings `status` took 70."""

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
    open_store(tmp_path / "state" / "agent.db", agent=True).close()
    remember(config)
    return config


def remember(config: Path) -> None:
    seen = known.appearance(str(config), {})
    known.remember(load(config, {}), seen)


def cpu_seconds(*words: str) -> float:
    """Return the least CPU of five runs: what the others took more, the machine took."""
    taken = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=30)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


@pytest.mark.parametrize("word", BARE_STARTS)
def test_it_costs_no_more_cpu_than_a_few_bare_starts_of_python(config: Path, word: str) -> None:
    limit = BARE_STARTS[word] * max(cpu_seconds(sys.executable, "-c", "pass"), 0.008)
    assert cpu_seconds(*PROGRAM, "--config", str(config), word) <= limit


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
    limit = BARE_STARTS["status"] * max(cpu_seconds(sys.executable, "-c", "pass"), 0.008)
    assert cpu_seconds(*PROGRAM, "--config", str(working), "status", "--alive") <= min(limit, 0.3)


@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("status", "--alive")])
def test_it_stays_light_while_an_agent_works_and_the_database_is_locked(working: Path, words: tuple[str, ...]) -> None:
    assert not imported(working, *words) & HEAVY
    with closing(sqlite3.connect(working.parent / "state" / "agent.db", isolation_level=None)) as editor:
        editor.execute("PRAGMA locking_mode = EXCLUSIVE")
        editor.execute("BEGIN EXCLUSIVE")
        assert not imported(working, *words) & HEAVY


def imported(config: Path, *words: str) -> set[str]:
    """Return the top-level names of everything that a command imports."""
    command = [sys.executable, "-X", "importtime", "-m", "supplier_agent", "--config", str(config), *words]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stderr
    return {
        line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines() if line.startswith("import")
    }


@pytest.mark.parametrize("words", [("status",), ("status", "--json")])
def test_it_imports_neither_orm_nor_http_nor_the_command_line(config: Path, words: tuple[str, ...]) -> None:
    assert not imported(config, *words) & HEAVY


def test_the_check_of_imports_would_see_them(config: Path) -> None:
    config.write_text(CONFIG + "\n")
    assert {"pydantic", "sqlmodel"} <= imported(config, "status"), "the configuration looks different now"


def test_what_a_run_left_is_what_the_configuration_says(config: Path) -> None:
    config.write_text(
        'timezone = "Asia/Tokyo"\nstate_dir = "state"\n[schedule]\npoll_seconds = 60\nbusiness_hours = "22:00-06:00"\n'
        'business_days = "mon,sun"\n[suppliers.notio]\ntoken_file = "/etc/t"\n[suppliers.asir-group]\n'
    )
    remember(config)
    left, said = known.recall(str(config), {}), known.of(load(config, {}))
    assert left == said
    assert left is not None
    assert (left.business_hours, str(left.timezone)) == (load(config, {}).schedule.business_hours, "Asia/Tokyo")


@pytest.mark.parametrize(
    "variable",
    [
        "SUPPLIER_AGENT_SCHEDULE__POLL_SECONDS", "SUPPLIER_AGENT_STATE_DIR", "SUPPLIER_AGENT_TIMEZONE",
        "SUPPLIER_AGENT_WEB__LISTEN", "SUPPLIER_AGENT_ALERTS__CLOCK_SECONDS", "SUPPLIER_AGENT_ALERTS__DISK_FREE_BYTES",
        "SUPPLIER_AGENT_SUPPLIERS__NOTIO__CACHE_SECONDS", "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN",
    ],
)  # fmt: skip
def test_a_variable_that_was_not_there_puts_it_in_doubt(config: Path, variable: str) -> None:
    assert known.recall(str(config), {"HOME": "/", "SUPPLIER_AGENT_CONFIG": "x"}) is not None
    assert known.recall(str(config), {variable: "60"}) is None


def test_any_change_of_the_file_puts_it_in_doubt(config: Path) -> None:
    other = config.with_name("other.toml")
    other.write_text(CONFIG)
    assert known.recall(str(other), {}) is None, "the same text elsewhere"
    at = config.stat()
    config.write_text(CONFIG.replace("notio", "orion"))
    os.utime(config, ns=(at.st_atime_ns, at.st_mtime_ns))
    assert known.recall(str(config), {}) is None, "the same size and time"
    config.unlink()
    assert known.recall(str(config), {}) is None


@pytest.mark.parametrize("left", ["", "[]", "{}", '{"seen": [], "known": {}}', "null", '{"seen": 1, "known": 2}'])
def test_what_cannot_be_read_is_in_doubt(config: Path, left: str) -> None:
    (config.parent / "state" / known.FILE).write_text(left)
    assert known.recall(str(config), {}) is None


def test_what_is_left_holds_no_secret(config: Path) -> None:
    env = {
        "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN": "hidden-1",
        "SUPPLIER_AGENT_HEARTBEAT_URL": "https://hidden-2/",
        "SUPPLIER_AGENT_SUPPLIERS__ASIR_GROUP__TOKEN_NEXT": "hidden-3",
    }
    known.remember(load(config, env), known.appearance(str(config), env))
    left = (config.parent / "state" / known.FILE).read_text()
    assert "hidden" not in left
    assert "nobody-may-see" not in left
    assert known.recall(str(config), env) is not None


def test_a_mistake_in_the_configuration_is_still_found(config: Path) -> None:
    config.write_text(CONFIG + "polling = 3\n")
    done = subprocess.run([*PROGRAM, "--config", str(config), "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert "polling" in done.stderr
