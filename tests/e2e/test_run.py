"""The run modes: daemon, once, dry run; one instance per state; the rate; the exit codes."""

import hashlib
import signal
import subprocess
import time
from pathlib import Path

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.orders import draw
from tests.e2e.installation import Site
from tests.world.clocks import until

pytestmark = pytest.mark.slow


def shipped(site: Site) -> dict[str, int]:
    return {
        order.menzzo_order_id: len(order.shipped_at) for name in site.world.tokens for order in site.world.orders(name)
    }


def acknowledged(site: Site) -> set[int]:
    return {len(order.acknowledged_at) for name in site.world.tokens for order in site.world.orders(name)}


def test_once_does_the_whole_job_and_a_second_run_repeats_nothing(site: Site) -> None:
    site.run("run", "--once")
    assert acknowledged(site) == {1}
    assert {row["stage"] for row in site.json("orders", "--all")} == {"ready"}
    site.sql("UPDATE orders SET shipped = 1")
    site.run("run", "--once")
    assert set(shipped(site).values()) == {1}
    before = len(site.world.log)
    site.run("run", "--once")
    assert len(site.world.log) - before == len(site.world.tokens)  # one poll each, and nothing else
    assert {row["stage"] for row in site.json("orders", "--all")} == {"shipped"}


def test_labels_on_disk_are_the_bytes_of_the_marketplace(site: Site) -> None:
    site.run("run", "--once")
    for row in site.json("orders", "--all"):
        order = site.world.order(row["supplier"], row["menzzo_order_id"])
        assert order is not None
        content = (site.folder / "state" / row["label_path"]).read_bytes()
        assert content == draw(order.menzzo_order_id, order.sku, order.quantity, order.carrier)
        assert hashlib.sha256(content).hexdigest() == row["label_sha256"]


def test_a_flag_by_sql_reaches_the_marketplace_within_two_seconds(site: Site) -> None:
    process = site.start()
    until(lambda: site.database.exists() and acknowledged(site) == {1})
    until(lambda: not site.sql("SELECT 1 FROM orders WHERE label_path IS NULL"))
    one = site.sql("SELECT menzzo_order_id FROM orders LIMIT 1")[0][0]
    flagged = time.monotonic()
    site.sql(f"UPDATE orders SET shipped = 1 WHERE menzzo_order_id = '{one}'")
    until(lambda: shipped(site)[one] == 1, seconds=5)
    assert time.monotonic() - flagged < 2
    site.stop(process)
    assert sum(shipped(site).values()) == 1


def test_the_dry_run_names_every_write_and_changes_nothing(site: Site) -> None:
    told = site.run("run", "--once", "--dry-run")
    assert told.count("would send acknowledge-sale") == 8
    assert acknowledged(site) == {0}
    assert not site.database.exists()
    site.run("run", "--once")
    site.sql("UPDATE orders SET shipped = 1 WHERE id = 1")
    before = [*site.sql("SELECT * FROM orders ORDER BY id"), *site.sql("SELECT * FROM calls ORDER BY id")]
    assert site.run("run", "--once", "--dry-run").count("would send ship-sale") == 1
    assert [*site.sql("SELECT * FROM orders ORDER BY id"), *site.sql("SELECT * FROM calls ORDER BY id")] == before
    assert sum(shipped(site).values()) == 0


def test_a_second_instance_is_refused_and_told_who_works(site: Site) -> None:
    process = site.start()
    until(lambda: (site.folder / "state" / "agent.lock").exists() and site.database.exists())
    site.run("run", "--once", code=75)
    assert str(process.pid) in site.said
    site.run("run", "--once", "--dry-run", code=75)
    site.stop(process)


def test_sigterm_finishes_what_is_in_flight(site: Site) -> None:
    site.run("run", "--once")
    one = site.world.orders("notio")[0].menzzo_order_id
    site.world.faults.arm("ship-sale", faults.late(1.0), menzzo_order_id=one)
    process = site.start()
    site.run("ship", one)
    until(lambda: site.world.requests("ship-sale"))
    site.stop(process)
    assert shipped(site)[one] == 1
    assert site.json("order", one)["stage"] == "shipped"


def test_the_rate_holds_across_kill_and_restart(site: Site) -> None:
    site.configure("requests_per_second = 5\n[ship]\nundo_seconds = 0\n")
    for _ in range(2):
        process = site.start()
        count = len(site.world.log)
        until(lambda count=count: len(site.world.log) >= count + 12)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.communicate()
    site.run("run", "--once")
    for name in site.world.tokens:
        times = sorted(line.monotonic for line in site.world.log if line.supplier == name)
        busiest = max(sum(start <= other < start + 0.95 for other in times) for start in times)
        assert busiest <= 5


def test_a_refused_token_pauses_one_supplier_and_the_other_goes_on(site: Site) -> None:
    token_file = site.folder / "token"
    token_file.write_text("old\n")
    token_file.chmod(0o600)
    site.configure(
        "[retry]\nonce_patience_seconds = 0\n",
        suppliers='[suppliers.asir-group]\ntoken_file = "token"\n[suppliers.notio]\ntoken = "sandbox-notio"\n',
    )
    site.run("run", "--once", code=77)
    assert {len(order.acknowledged_at) for order in site.world.orders("notio")} == {1}
    status = site.json("status", code=77)
    assert status["suppliers"]["asir-group"]["state"] == "paused"
    assert status["suppliers"]["notio"]["state"] == "ok"
    token_file.write_text("sandbox-asir-group\n")
    site.run("run", "--once")
    assert acknowledged(site) == {1}
    assert site.json("status")["healthy"]


def test_an_unreachable_marketplace_is_69_and_ends_soon(site: Site) -> None:
    site.sandbox.stop()
    site.configure("[retry]\nonce_patience_seconds = 0\n[http]\ntimeout_seconds = 2\n")
    site.run("run", "--once", code=69)
    site.sandbox.start()
    site.run("run", "--once", code=0)


def test_a_wrong_configuration_is_78_and_says_where(site: Site) -> None:
    site.config.write_text(site.config.read_text().replace("undo_seconds", "undo_second"))
    site.run("orders", code=78)
    assert "undo_seconds" in site.said


def test_status_is_3_when_nothing_has_run_for_long(site: Site) -> None:
    assert site.json("status", code=3)["problems"][0]["what"] == "nothing has run yet"
    site.run("run", "--once")
    site.sql("UPDATE runs SET ended_at = '2026-01-01 00:00:00.000000'")
    assert site.json("status", code=3)["running"] is False


@pytest.mark.parametrize(
    "words", [["ship", "no-such_1"], ["order", "../../etc_1"], ["orders", "--stage", "lost"], ["bogus"]]
)
def test_a_mistake_on_the_command_line_is_2(site: Site, words: list[str]) -> None:
    site.run("run", "--once")
    site.run(*words, code=2)


def test_backup_is_sound_while_the_agent_runs(site: Site, tmp_path: Path) -> None:
    process = site.start()
    until(lambda: site.database.exists() and acknowledged(site) == {1})
    site.run("backup", str(tmp_path / "copy.db"))
    answer = subprocess.run(
        ["sqlite3", str(tmp_path / "copy.db"), "PRAGMA integrity_check; SELECT count(*) FROM orders"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["ok", "8"]
    site.stop(process)


def test_a_restored_database_ships_nothing_again_and_learns_from_the_ledger(site: Site, tmp_path: Path) -> None:
    site.run("run", "--once")
    site.run("backup", str(tmp_path / "copy.db"))
    one, other = (order.menzzo_order_id for order in site.world.orders("notio")[:2])
    site.world.faults.arm("ship-sale", faults.close(applied=True), menzzo_order_id=other)
    site.configure("[ship]\nundo_seconds = 0\n[retry]\nonce_patience_seconds = 0\n")
    site.run("ship", one)
    site.run("run", "--once")
    site.run("ship", other)
    site.run("run", "--once", code=1)
    for name in ("agent.db-wal", "agent.db-shm"):
        site.database.with_name(name).unlink(missing_ok=True)
    site.database.write_bytes((tmp_path / "copy.db").read_bytes())
    site.run("run", "--once", code=1)
    assert {row["menzzo_order_id"]: row["stage"] for row in site.json("orders", "--all")}[one] == "shipped"
    assert site.json("order", other)["stage"] == "attention"
    site.run("ship", one, other)
    site.run("run", "--once", code=1)
    assert (shipped(site)[one], shipped(site)[other]) == (1, 1)
