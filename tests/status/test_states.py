"""States in which nothing is well: a real agent, really broken, and what status, readyz and the health check say of it."""

import http.client
import json
import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.base.clock import SystemClock
from supplier_agent.db.state_folder import is_held
from supplier_agent.reports import heartbeat
from supplier_agent.reports.heartbeat import AGENT
from tests.promises.shop import SUPPLIER, Shop, open_shop
from tests.world.clocks import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
AS_IN_LIFE = {"poll_seconds": 900, "off_hours_poll_seconds": 900}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Return a shop whose page listens on a port of its own, and whose reads are as frequent as in life."""
    with open_shop(tmp_path, 3) as shop:
        shop.configure(web={"listen": f"127.0.0.1:{free_port()}"}, schedule=AS_IN_LIFE)
        yield shop


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def status(shop: Shop, *words: str) -> tuple[int, Any]:
    """Ask from outside; return the exit code and the JSON."""
    told = shop.run("status", "--json", *words)
    return told.code, told.json if told.out else {"problems": []}  # nothing while the database is being made


def codes(shop: Shop) -> set[str]:
    return {problem["code"] for problem in status(shop)[1]["problems"]}


def alive(shop: Shop) -> int:
    """Return what the image's health check comes to: the very line of the Dockerfile, in plain sh."""
    line = (ROOT / "Dockerfile").read_text().partition("HEALTHCHECK")[2].partition("CMD ")[2].partition("\n")[0]
    program = f"{shlex.quote(sys.executable)} -m supplier_agent --config {shlex.quote(str(shop.config))}"
    command = [word.replace("supplier-agent", program) for word in json.loads(line)]
    return subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=30
    ).returncode


def ready(shop: Shop) -> tuple[int, str]:
    """Ask the page that listens."""
    listen = shop.config.read_text().partition('listen = "')[2].partition('"')[0]
    host, _, port = listen.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


@contextmanager
def working(shop: Shop) -> Iterator["subprocess.Popen[str]"]:
    """Let a daemon run that has read its supplier, and of which all is well."""
    with shop.daemon() as process:
        until(lambda: (shop.state_dir / AGENT).exists() and is_held(shop.state_dir / "agent.lock"), "it runs")
        until(lambda: status(shop)[0] == 0 and listens(shop) and was_read(shop), "all is well")
        yield process


def was_read(shop: Shop) -> bool:
    return bool(shop.sql("SELECT 1 FROM runs WHERE ended_at IS NOT NULL"))


def listens(shop: Shop) -> bool:
    try:
        return ready(shop)[0] > 0
    except OSError:
        return False


def long_ago(shop: Shop, seconds: float) -> None:
    """Make the heartbeat that much older, as if the process had been stopped for so long."""
    for name in ("health.json", "page.json"):
        file = shop.state_dir / name
        if file.exists():
            at = time.time() - seconds
            os.utime(file, (at, at))


def test_all_is_well(shop: Shop) -> None:
    with working(shop):
        code, said = status(shop)
        assert (code, said["healthy"], said["running"], said["problems"]) == (0, True, True, [])
        assert ready(shop) == (200, "ready\n")
        assert alive(shop) == 0
        beats = {heartbeat.read(shop.state_dir / name, SystemClock()) for name in ("health.json", "page.json")}
        assert all(beat is not None and beat.is_fresh for beat in beats)
    assert codes(shop) == set(), "and it ends without a problem"


def test_a_page_that_cannot_listen_is_a_problem(shop: Shop) -> None:
    listen = shop.config.read_text().partition('listen = "127.0.0.1:')[2].partition('"')[0]
    with closing(socket.create_server(("127.0.0.1", int(listen)))), shop.daemon():
        until(lambda: "page_not_listening" in codes(shop), "it is said")
        code, said = status(shop)
        assert (code, said["healthy"]) == (1, False)
        (problem,) = said["problems"]
        assert f"127.0.0.1:{listen}" in problem["what"]
        assert problem["cure"]
        assert alive(shop) == 1


def test_a_process_that_hangs_is_a_problem_after_a_minute(shop: Shop) -> None:
    with working(shop) as process:
        process.send_signal(signal.SIGSTOP)
        try:
            long_ago(shop, 50)
            assert status(shop)[0] == 0, "not yet"
            long_ago(shop, 65)
            code, said = status(shop)
            assert (code, said["healthy"], said["running"]) == (1, False, True)
            assert said["problems"][0]["code"] == "agent_hung"
            assert f"pid {process.pid}" in said["problems"][0]["what"]
            assert alive(shop) == 1
        finally:
            process.send_signal(signal.SIGCONT)
        until(lambda: status(shop)[0] == 0, "it goes on, and all is well")
        assert alive(shop) == 0


def test_a_crash_is_said_at_once_and_its_heartbeat_is_not_taken_for_its_successors(shop: Shop) -> None:
    with working(shop) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        code, said = status(shop)
        assert (code, said["running"]) == (1, False)
        assert [problem["code"] for problem in said["problems"]] == ["agent_died"]
        assert alive(shop) == 1
    with working(shop):
        assert alive(shop) == 0
    assert codes(shop) == set()


def test_an_agent_that_gives_up_leaves_its_last_words(shop: Shop) -> None:
    with working(shop) as process:
        database = shop.state_dir / "agent.db"
        database.rename(database.with_name("moved.db"))
        assert process.wait(20) == 74
        database.with_name("moved.db").rename(database)
        (problem,) = [each for each in status(shop)[1]["problems"] if each["code"] == "agent_died"]
        assert "was moved or replaced while the agent runs" in problem["what"]


def test_a_database_that_another_program_locks_is_a_problem(shop: Shop) -> None:
    with (
        working(shop) as process,
        closing(sqlite3.connect(shop.state_dir / "agent.db", isolation_level=None)) as editor,
    ):
        editor.execute("BEGIN IMMEDIATE")
        shop.world.arrive(SUPPLIER)
        process.send_signal(signal.SIGHUP)  # makes it write: it notes that nothing is refused any more
        until(lambda: "database_locked" in codes(shop), "it is said")
        code, said = status(shop)
        assert (code, said["healthy"]) == (74, False)
        assert ready(shop) == (503, "database_locked\n")
        assert alive(shop) == 1
        editor.execute("ROLLBACK")
        until(lambda: status(shop)[0] == 0, "all is well again")


def test_a_database_that_nobody_may_even_read_does_not_keep_status_waiting(shop: Shop) -> None:
    with working(shop):
        pass
    with closing(sqlite3.connect(shop.state_dir / "agent.db", isolation_level=None)) as editor:
        editor.execute("PRAGMA locking_mode = EXCLUSIVE")
        editor.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        code, said = status(shop)
        assert time.monotonic() - began < 5
        assert code == 74
        assert [problem["code"] for problem in said["problems"]] == ["database_locked"]
        assert said["suppliers"][SUPPLIER]["counts"]["new"] is None, "not known is not none"


def test_a_configuration_that_was_refused_is_said_once(shop: Shop) -> None:
    with working(shop) as process:
        before = shop.config.read_text()
        shop.config.write_text(before + "\n[schedule.nonsense]\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: "configuration_refused" in shown_codes(shop), "it is shown")
        shop.config.write_text(before)
        found = [each for each in status(shop)[1]["problems"] if each["code"] == "configuration_refused"]
        assert len(found) == 1
        assert "\\n" not in found[0]["what"]
        assert "\n" not in found[0]["what"]
        process.send_signal(signal.SIGHUP)
        until(lambda: status(shop)[0] == 0, "all is well again")


def shown_codes(shop: Shop) -> set[str]:
    found = heartbeat.read(shop.state_dir / AGENT, SystemClock())
    return {trouble.code for trouble in found.troubles} if found is not None else set()


@pytest.mark.parametrize("cause", ["silence", "not_read"])  # what takes too long to find out for each `status`
def test_what_the_alerts_know_status_knows(shop: Shop, cause: str) -> None:
    assert shop.cycle() == 0
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(shop.state_dir / "agent.db")) as database, database:
        database.execute(
            "INSERT INTO alerts (cause, supplier, text, since) VALUES (?, ?, ?, ?)",
            (cause, SUPPLIER, "something lasts\nsupplier-agent coverage", now),
        )
    code, said = status(shop)
    assert code == 1
    (problem,) = said["problems"]
    assert (problem["code"], problem["supplier"]) == (cause, SUPPLIER)
    assert problem["what"]
    assert problem["cure"]
    shop.sql("UPDATE alerts SET solved_at = since")
    assert status(shop)[0] == 0


def test_a_clock_that_is_off_is_a_problem(shop: Shop) -> None:
    assert shop.cycle() == 0
    shop.sql("UPDATE reads SET ahead_seconds = -600")
    if len(shop.sql("SELECT 1 FROM reads")) < 3:
        for _ in range(3):
            shop.sql(
                "INSERT INTO reads (supplier, url, started_at, ended_at, tries, outcome, listed, added, ahead_seconds) "
                "SELECT supplier, url, started_at, ended_at, tries, outcome, 0, 0, -600 FROM reads LIMIT 1"
            )
    (problem,) = status(shop)[1]["problems"]
    assert problem["code"] == "clock_off"
    assert problem["what"] == "this machine's clock is about 10 min ahead of the marketplace's"


def test_a_low_disk_is_a_problem(shop: Shop) -> None:
    assert shop.cycle() == 0
    shop.configure(alerts={"disk_free_bytes": 1 << 50}, schedule=AS_IN_LIFE)
    code, said = status(shop)
    assert (code, [each["code"] for each in said["problems"]]) == (1, ["disk_low"])


def test_orders_that_are_marked_and_held_are_named(shop: Shop) -> None:
    assert shop.cycle() == 0
    (held, *_) = [order.menzzo_order_id for order in shop.orders]
    shop.run("hold", held, "--reason", "restored from a backup")
    assert status(shop)[0] == 0
    shop.flag(held)
    code, said = status(shop)
    (problem,) = said["problems"]
    assert (code, problem["menzzo_order_id"], problem["code"]) == (1, held, "held_though_marked")
    assert "restored from a backup" in problem["what"]
    assert f"supplier-agent release {held}" in problem["cure"]


# -- a supplier that is no longer configured ---------------------------------------------------------------------------


def renamed(shop: Shop) -> str:
    """Take the supplier out of the configuration; return one of its orders."""
    assert shop.cycle() == 0
    shop.config.write_text(shop.config.read_text().replace(f"[suppliers.{SUPPLIER}]", "[suppliers.asir-group]"))
    return shop.orders[0].menzzo_order_id


def test_orders_of_a_supplier_that_is_not_configured_are_named_by_status_and_check(shop: Shop) -> None:
    renamed(shop)
    code, said = status(shop)
    (problem,) = [each for each in said["problems"] if each["code"] == "supplier_unknown"]
    assert code == 1
    assert (problem["supplier"], problem["menzzo_order_id"]) == (SUPPLIER, None)
    assert "3 open orders" in problem["what"]
    checked = shop.run("check", "--offline")
    assert checked.code == 1
    assert f"{SUPPLIER}: it is not in the configuration, and has 3 open orders" in checked.out


def test_ship_says_that_it_will_not_be_reported(shop: Shop, tmp_path: Path) -> None:
    order = renamed(shop)
    told = shop.run("ship", order)
    assert told.code == 1
    assert (
        f"{order}: marked as shipped; but it will not be reported, because {SUPPLIER} is not in the configuration"
        in told.out
    )
    assert shop.row(order)["shipped"] == 1, "a flag is always accepted"
    (tmp_path / "ids.csv").write_text(f"{order}\n")
    told = shop.run("ship", "--file", str(tmp_path / "ids.csv"))
    assert told.code == 1
    assert "will not be reported" in told.err
    said = shop.whole(order)["next"]
    assert "is not in the configuration, so nothing is sent for this order" in said
    assert "due now" not in said


# -- reads that are late -----------------------------------------------------------------------------------------------


def aged(shop: Shop, age: timedelta) -> None:
    """Make all that was read so much older, as if nothing had been read since; and the agent's start with it."""
    seconds = age.total_seconds()
    for table, columns in (("runs", ("requested_at", "started_at", "ended_at")), ("reads", ("started_at", "ended_at"))):
        for column in columns:
            shop.sql(f"UPDATE {table} SET {column} = strftime('%Y-%m-%d %H:%M:%f000', {column}, '-{seconds} seconds')")


def test_a_round_that_was_long_ago_is_3_where_nothing_runs(shop: Shop) -> None:
    assert shop.cycle() == 0
    aged(shop, timedelta(seconds=1790))
    assert status(shop)[0] == 0
    aged(shop, timedelta(seconds=20))
    assert status(shop)[0] == 3
    assert alive(shop) == 1


def test_once_beats_while_it_works(shop: Shop) -> None:
    assert shop.cycle() == 0
    found = heartbeat.read(shop.state_dir / AGENT, SystemClock())
    assert found is not None
    assert (found.command, found.phase) == ("run --once", "stopped")
