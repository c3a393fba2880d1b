"""`status`: the same rules as the loop's, on plain rows; the screen; what happens on a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent import cli
from supplier_agent.base.errors import StateError
from supplier_agent.db import plain_sql
from supplier_agent.db.state_folder import InstanceLock
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Call, Run
from supplier_agent.reports import screen, status
from supplier_agent.reports.heartbeat import Heartbeat
from supplier_agent.reports.screen import Asked
from supplier_agent.settings import Settings
from supplier_agent.suppliers import circuit_breakers, read_log, snapshot
from supplier_agent.suppliers.circuit_breakers import READS, Patience
from supplier_agent.words import Words
from tests.unit.conftest import SUPPLIER, at, ready, settings_of
from tests.world.clocks import NOW, HandClock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(state_dir=tmp_path, suppliers={SUPPLIER: {"token": "t"}})


def read(store: Store, seconds: float = 0, purpose: str = "sweep") -> None:
    """Note a reading that was complete."""
    with store.write() as tx:
        supplier = snapshot.known_supplier(tx, SUPPLIER)
        supplier.last_success_at = at(seconds)
        run = Run(supplier=SUPPLIER, purpose=purpose, date_from=NOW.date(), requested_at=at(seconds), proof="complete")
        run.started_at = run.ended_at = at(seconds)
        tx.add_all([supplier, run])


def told(settings: Settings, seconds: float = 0) -> status.Told:
    return status.tell(settings, HandClock(seconds))


def test_a_state_where_nothing_has_run_says_how_to_begin(settings: Settings) -> None:
    found = told(settings)
    assert (found.exit_code, found.as_json()["running"]) == (3, False)
    assert "run --once --dry-run" in Words().fix(found.problems[0])
    assert found.suppliers[SUPPLIER].state == "failing"


def test_a_supplier_that_was_never_read_says_why_in_a_sentence(settings: Settings) -> None:
    assert told(settings).suppliers[SUPPLIER].reason(Words()) == "nothing has run yet"


def test_all_is_well(settings: Settings, store: Store) -> None:
    read(store)
    found = told(settings, 60)
    assert found.exit_code == 0
    assert found.as_json()["healthy"]
    shown = screen.page(found, at(60))
    assert shown.endswith("no problems")
    assert re.search(rf"^{SUPPLIER} +ok +1 min ago +in 14 min ", shown, re.MULTILINE)


def test_long_silence_of_nobody_is_3_and_of_a_running_agent_is_not(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    read(store)
    assert told(settings, 1801).exit_code == 3
    lock = InstanceLock(tmp_path / "agent.lock", "run", HandClock())
    beat = Heartbeat(tmp_path / "health.json", HandClock(1801), "run")
    beat.beat()
    read(store, 1500, "poll")
    found = told(settings, 1801)
    assert found.exit_code == 0
    shown = screen.page(found, at(1801))
    assert f"`run` since Sat 12:00 (pid {os.getpid()})" in shown
    lock.release()


def test_a_problem_is_shown_with_the_command_that_cures_it(settings: Settings, store: Store) -> None:
    read(store)
    with store.write() as tx:
        order = ready(shipped=1)
        tx.add(order)
        tx.flush()
        assert order.id is not None
        detail = "lost\x1b[2J"
        tx.add(Call(order_id=order.id, supplier=SUPPLIER, kind="ship", state="unknown", owed_at=NOW, detail=detail))
    found = told(settings)
    shown = screen.page(found, NOW)
    assert found.exit_code == 1
    assert found.suppliers[SUPPLIER].counts["attention"] == 1
    assert "supplier-agent resolve 15000012345_789 --supplier notio --shipped" in shown
    assert "\x1b" not in shown, "nothing from outside steers a terminal"


def test_a_pause_says_its_reason_below_the_supplier(settings: Settings, store: Store) -> None:
    read(store)
    with store.write() as tx:
        supplier = snapshot.known_supplier(tx, SUPPLIER)
        supplier.token_refused_at = NOW
        tx.add(supplier)
        circuit_breakers.failed(
            tx, circuit_breakers.of(tx, SUPPLIER, READS), Patience(30, 3600, 0), NOW, "HTTP 401: no"
        )
    found = told(settings)
    shown = screen.page(found, NOW)
    assert (found.exit_code, found.suppliers[SUPPLIER].state) == (77, "paused")
    assert re.search(rf"^{SUPPLIER} +paused.*\n +the marketplace refuses the token: HTTP 401: no$", shown, re.MULTILINE)


@pytest.mark.parametrize("history", ["", "s", "p", "sp", "sps", "sl", "x", "sr", "sq", "sf"])
def test_the_next_read_is_the_one_that_the_loop_would_make(settings: Settings, store: Store, history: str) -> None:
    for number, each in enumerate(history):
        if each in "sp":
            read(store, number * 100, {"s": "sweep", "p": "poll"}[each])
        elif each == "l":
            read(store, 21_000, "poll")  # so late that the sweep comes first
        with store.write() as tx:
            supplier = snapshot.known_supplier(tx, SUPPLIER)
            if each == "x":
                supplier.token_refused_at = NOW
            elif each == "q":
                supplier.quiet_until = at(100_000)
            elif each == "f":
                circuit_breakers.failed(
                    tx, circuit_breakers.of(tx, SUPPLIER, READS), Patience(95_000, 95_000, 0), NOW, "no"
                )
            elif each == "r":
                read_log.request(tx, SUPPLIER, NOW.date(), NOW.date(), NOW)
            tx.add(supplier)
    for seconds in (0, 60, 901, 21_100, 21_600, 30_000, 90_000):
        with store.read() as tx:
            expected = read_log.due(tx, SUPPLIER, settings, at(seconds)).at
        assert told(settings, seconds).suppliers[SUPPLIER].next_read_at == expected, seconds


def test_a_database_of_another_version_is_explained(settings: Settings, store: Store) -> None:
    with store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Exception, match="newer supplier-agent"):
        told(settings)


def test_a_damaged_database_is_explained(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "agent.db").write_bytes(b"no database at all, but long enough to look at" * 100)
    with pytest.raises(StateError) as error:
        told(settings)
    assert "agent.db" in str(error.value)


def test_a_look_leaves_nothing_behind_and_cannot_write(settings: Settings, store: Store, tmp_path: Path) -> None:
    store.close()
    before = {path.name for path in tmp_path.iterdir()}
    told(settings)
    with plain_sql.look_at(tmp_path / "agent.db") as look, pytest.raises(Exception, match="readonly"):
        look.rows("UPDATE suppliers SET name = ''")
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("status", Asked()),
        ("status --json", Asked(as_json=True)),
        ("--config x status --watch", Asked("x", watch=True)),
        ("--config=x status --json", Asked("x", as_json=True)),
        ("status --alive", Asked(alive=True)),
        ("", None), ("--config", None), ("--config=", None), ("--config x", None), ("status x", None), ("orders", None),
        ("status --help", None), ("--version status", None), ("status --config x", None),
    ],
)  # fmt: skip
def test_the_quick_door_opens_to_its_own_words_alone(words: str, asked: Asked | None) -> None:
    assert screen.understood(words.split()) == asked


def test_both_doors_tell_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text('state_dir = "."\n[suppliers.notio]\ntoken = "t"\n')
    assert screen.answer(Asked(str(config), as_json=True), {}) == 3
    quick = json.loads(capsys.readouterr().out)
    assert cli.run(["--config", str(config), "status", "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == quick


@contextmanager
def terminal(*command: str, env: dict[str, str] | None = None) -> Iterator[tuple["subprocess.Popen[bytes]", Any]]:
    """Run a command on a terminal of 24 by 100, and yield what reads its screen until a text has come."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=os.environ | (env or {}), start_new_session=True
    )
    os.close(slave)
    seen = b""

    def wait_for(text: str, times: int = 1) -> str:
        nonlocal seen
        end = time.monotonic() + 20
        while seen.count(text.encode()) < times:
            assert select.select([master], [], [], max(0, end - time.monotonic()))[0], f"never saw {text!r} in {seen!r}"
            seen += os.read(master, 65536)
        return seen.decode()

    try:
        yield process, wait_for
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)


def command(tmp_path: Path, *words: str) -> list[str]:
    config = tmp_path / "c.toml"
    config.write_text(f'state_dir = "{tmp_path}"\n[suppliers.{SUPPLIER}]\ntoken = "t"\n')
    return [sys.executable, "-m", "supplier_agent", "--config", str(config), "status", *words]


def test_watch_draws_again_on_a_terminal_until_ctrl_c(store: Store, tmp_path: Path) -> None:
    read(store)
    with terminal(*command(tmp_path, "--watch")) as (process, wait_for):
        assert "\x1b[32mok" in wait_for("Ctrl-C ends")
        wait_for("Ctrl-C ends", times=2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_colours_are_for_terminals_and_no_color_is_heeded(store: Store, tmp_path: Path) -> None:
    read(store)
    with terminal(*command(tmp_path)) as (_, wait_for):
        assert "\x1b[32mok" in wait_for("supplier-agent run)")
    with terminal(*command(tmp_path), env={"NO_COLOR": "1"}) as (_, wait_for):
        assert "\x1b" not in wait_for("supplier-agent run)")


def test_watch_without_a_terminal_tells_once(store: Store, tmp_path: Path) -> None:
    read(store, seconds=-timedelta(days=1).total_seconds())
    done = subprocess.run(command(tmp_path, "--watch"), capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 3
    assert "\x1b" not in done.stdout
    assert done.stdout.count("SUPPLIER") == 1
