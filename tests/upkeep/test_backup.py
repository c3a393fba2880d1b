"""A backup is put back by the steps that it prints, and nothing is shipped twice; files of ids; the commands of the brakes."""

import contextlib
import csv
import io
import json
import shlex
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent import cli
from supplier_agent.base.clock import SystemClock
from supplier_agent.base.errors import UsageError
from supplier_agent.cli.batch import Named, lines_of
from supplier_agent.db.state_folder import PAGE_LOCK, InstanceLock, is_held
from supplier_agent.sandbox import faults
from tests.e2e.installation import Site, installed
from tests.world.clocks import until

pytestmark = pytest.mark.slow

NOW = "[ship]\nundo_seconds = 0\n[retry]\nonce_patience_seconds = 0\n"


class Here(Site):
    """An installation whose commands run in this process; its daemons have processes of their own."""

    def run(self, *words: str, code: int = 0, stdin: str = "") -> str:
        assert not stdin
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = cli.run(["--config", str(self.config), *words])
        self.said = err.getvalue()
        assert found == code, f"{words} ended with {found}: {out.getvalue()}\n{self.said}"
        return out.getvalue()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with installed(tmp_path, 4, days=2, suppliers=("notio",), make=Here) as made:
        made.configure(NOW)
        yield made


def ids(site: Site) -> list[str]:
    return [order.menzzo_order_id for order in site.world.orders("notio")]


def ships(site: Site) -> dict[str, int]:
    return {order.menzzo_order_id: len(order.shipped_at) for order in site.world.orders("notio")}


def stages(site: Site) -> dict[str, str]:
    return {row["menzzo_order_id"]: row["stage"] for row in site.json("orders", "--all")}


def read(file: Path) -> list[dict[str, str]]:
    return [*csv.DictReader(file.read_text().splitlines())]


def restored_by_the_printed_steps(site: Site, code: int = 0) -> None:
    """Do what the backup said, but for systemctl, which stands for stopping and starting."""
    steps = [line.strip() for line in site.said.splitlines() if line.startswith("  ")]
    assert [step for step in steps if step.startswith("systemctl")] == [
        "systemctl stop supplier-agent",
        "systemctl start supplier-agent",
    ]
    (mine,) = [shlex.split(step) for step in steps if step.startswith("supplier-agent")]
    site.run(*mine[1:], code=code)


def test_the_printed_steps_ship_nothing_twice_and_ask_about_what_is_not_known(site: Site, tmp_path: Path) -> None:
    site.run("run", "--once")
    one, other, flagged, _ = ids(site)
    site.run("ship", flagged)  # in the copy it waits for its call
    site.run("backup", str(tmp_path / "copy.db"))
    printed = site.said
    site.world.faults.arm("ship-sale", faults.close(applied=True), menzzo_order_id=other)
    site.run("ship", one, other)
    site.run("run", "--once", code=1)
    assert ships(site)[flagged] == ships(site)[one] == ships(site)[other] == 1
    site.said = printed
    restored_by_the_printed_steps(site)
    site.run("run", "--once", code=1)
    found = stages(site)
    assert [found[each] for each in (one, flagged, other)] == ["shipped", "shipped", "attention"]
    assert sorted(ships(site).values()) == [0, 1, 1, 1]
    assert list((tmp_path / "state").glob("agent-before-restore-*.db")), "what was there before is kept"


def test_a_restore_says_what_was_taken_back_and_releases_nothing_before_its_list_was_shown(
    site: Site, tmp_path: Path
) -> None:
    site.run("run", "--once")
    one, other, third, _ = ids(site)
    site.run("ship", one, other, third)
    site.run("backup", str(tmp_path / "copy.db"))
    site.run("unship", one)
    site.run("close", other, "--reason", "by hand")  # no agent has run since
    out = site.run("restore", str(tmp_path / "copy.db"), code=1)
    for each, what in ((one, "the flag was taken back by"), (other, "it was closed by")):
        assert f"since the copy was made: {each} (notio): {what}" in out
    assert out.count("held: ") == 3
    site.run("run", "--once", code=1)
    assert not any(ships(site).values())
    assert "3 orders are on hold since a restore" in site.run("status", code=1)
    listed = site.run("release", "--all", code=1)
    assert all(each in listed for each in (one, other, third))
    told = json.loads(site.run("release", "--all", "--json", code=1))["orders"]
    assert [(each["menzzo_order_id"], each["done"], each["exit_code"]) for each in told] == [
        (each, False, 1) for each in (one, other, third)
    ]
    assert all(each["error"] in listed for each in told), "why it is held"
    held = next(row for row in site.json("orders") if row["menzzo_order_id"] == one)
    assert (held["held_code"], held["blockers"]) == ("restored", ["held", "restored"])
    assert stages(site)[one] == "held"
    site.run("release", third, "--all", code=2)
    site.run("release", code=2)
    site.run("release", one, "--by", "Ana", code=2)
    site.run("unship", one)
    site.run("close", other, "--reason", "by hand")
    assert "new undo window" in site.run("release", "--all", "--by", "Ana")
    assert site.run("release", "--all") == ""
    site.run("run", "--once")
    assert (ships(site)[one], ships(site)[other], ships(site)[third]) == (0, 0, 1)
    assert "no problems" in site.run("status")


def test_a_restore_brings_back_neither_a_revoked_key_nor_a_person_who_left(site: Site, tmp_path: Path) -> None:
    site.run("run", "--once")
    for name in ("wms", "erp"):
        site.run("key", "add", name, "--may", "ship")
    for name in ("Anna", "Lea"):
        site.run("person", "add", name, "--no-pin")
    site.run("backup", str(tmp_path / "copy.db"))
    site.run("key", "revoke", "wms")
    site.run("person", "remove", "Anna")
    out = site.run("restore", str(tmp_path / "copy.db"))
    assert [line for line in out.splitlines() if line.startswith("no access")] == [
        "no access, as before the restore: key wms",
        "no access, as before the restore: Anna",
    ]
    assert [each["name"] for each in site.json("key", "list")["keys"]] == ["erp"]
    assert [each["name"] for each in site.json("person", "list")["people"]] == ["Lea"]


def test_a_restore_over_a_database_that_cannot_be_read_says_that_access_may_be_back(site: Site, tmp_path: Path) -> None:
    site.run("run", "--once")
    site.run("backup", str(tmp_path / "copy.db"))
    for tail in ("", "-wal", "-shm"):
        (tmp_path / f"state/agent.db{tail}").unlink(missing_ok=True)
    (tmp_path / "state/agent.db").write_bytes(b"no database" * 1000)
    told = json.loads(site.run("restore", str(tmp_path / "copy.db"), "--json"))
    assert told["ended"] is None


def test_what_a_restore_did_comes_as_json_too(site: Site, tmp_path: Path) -> None:
    site.run("run", "--once")
    one, other, *_ = ids(site)
    site.run("ship", one, other)
    site.run("backup", str(tmp_path / "copy.db"))
    site.run("unship", one)
    told = json.loads(site.run("restore", str(tmp_path / "copy.db"), "--json", code=1))
    assert [(each["menzzo_order_id"], bool(each["taken_back"])) for each in told["held"]] == [
        (one, True),
        (other, False),
    ]
    (taken_back,) = told["taken_back"]
    assert (taken_back["supplier"], taken_back["menzzo_order_id"]) == ("notio", one)
    assert "the flag was taken back by" in taken_back["what"]
    assert Path(told["aside"]).is_file()
    assert (told["schema"], told["learned"], told["ledger_lost"]) == (1, 0, None)


def test_after_a_snapshot_of_the_machine_a_person_says_so(site: Site) -> None:
    site.run("restore", "--rolled-back", code=74)  # there is nothing yet
    site.run("run", "--once")
    one = ids(site)[0]
    site.run("ship", one)
    site.run("restore", code=2)
    assert f"held: {one} (notio)" in site.run("restore", "--rolled-back", code=1)
    site.run("run", "--once", code=1)
    assert not any(ships(site).values())


def test_two_suppliers_with_one_id_are_told_apart_by_every_act(site: Site) -> None:
    site.run("run", "--once")
    one = ids(site)[0]
    with contextlib.closing(sqlite3.connect(site.database)) as connection, connection:
        columns = "menzzo_order_id, increment_id, sale_product_id, first_seen_at, shipped"
        connection.execute(f"INSERT INTO orders (supplier, {columns}) SELECT 'other', {columns} FROM orders LIMIT 1")
        (one,) = connection.execute("SELECT menzzo_order_id FROM orders WHERE supplier = 'other'").fetchone()
    for words in (
        ("ship", one),
        ("unship", one),
        ("hold", one, "--reason", "x"),
        ("release", one),
        ("close", one, "--reason", "x"),
        ("reopen", one),
        ("retry", one),
        ("resolve", one, "--shipped", "--by", "Ana"),
        ("order", one),
    ):
        site.run(*words, code=2)
        assert "say which: --supplier" in site.said, words
    assert "marked as shipped" in site.run("ship", one, "--supplier", "notio")


def test_a_restore_needs_a_stopped_agent_and_a_sound_copy(site: Site, tmp_path: Path) -> None:
    process = site.start()
    until(lambda: site.database.exists() and all(order.acknowledged_at for order in site.world.orders("notio")))
    site.run("backup", str(tmp_path / "copy.db"))
    site.run("restore", str(tmp_path / "copy.db"), code=75)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    (tmp_path / "torn.db").write_bytes((tmp_path / "copy.db").read_bytes()[:20_000])
    before = site.database.stat().st_ino
    site.run("restore", str(tmp_path / "torn.db"), code=74)
    site.run("restore", str(tmp_path / "absent.db"), code=2)
    site.run("restore", str(site.database), code=2)
    assert site.database.stat().st_ino == before


def test_a_backup_replaces_nothing_unless_it_is_told_to(site: Site, tmp_path: Path) -> None:
    site.run("run", "--once")
    site.run("backup", str(tmp_path / "copy.db"))
    (tmp_path / "copy.db").write_text("yesterday's")
    site.run("backup", str(tmp_path / "copy.db"), code=2)
    assert (tmp_path / "copy.db").read_text() == "yesterday's"
    site.run("backup", str(tmp_path / "copy.db"), "--overwrite")
    assert (tmp_path / "copy.db").stat().st_size > 10_000
    assert (tmp_path / "copy.db.shipped.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_file_of_orders_is_flagged_and_told_apart(site: Site, tmp_path: Path) -> None:
    site.run("run", "--once")
    one, other, closed, _ = ids(site)
    site.run("close", closed, "--reason", "cancelled")
    (tmp_path / "left.csv").write_text(
        f"\ufeffdate;menzzo_order_id;supplier\nx;{one};notio\nx;{other};\nx;{closed};notio\nx;no-such_1;\n"
    )
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    said = site.run(
        *("ship", "--file", str(tmp_path / "left.csv"), "--success", str(good), "--failure", str(bad)), code=2
    )
    assert "2 orders" in said
    assert [row["menzzo_order_id"] for row in read(good)] == [one, other]
    refused = {row["menzzo_order_id"]: row["said"] for row in read(bad)}
    assert set(refused) == {closed, "no-such_1"}
    assert "it is closed: cancelled" in refused[closed]
    site.run(
        "ship", "--file", str(good), "--success", str(tmp_path / "again.csv")
    )  # its own result is a file of orders too
    site.run("run", "--once")
    assert [ships(site)[each] for each in (one, other, closed)] == [1, 1, 0]
    site.run("ship", "--file", str(good), "--failure", str(good), code=2)
    site.run("ship", "--file", str(good), one, code=2)
    site.run("ship", code=2)


def test_the_brakes_are_commands_and_status_says_so(site: Site) -> None:
    site.run("run", "--once")
    assert "paused" in site.run("pause", "notio", "--reason", "the warehouse moves")
    known = len(site.world.log)
    site.run("run", "--once", code=1)
    assert "the warehouse moves" in site.run("run", "--once", "--dry-run", code=1)
    assert "is paused by command line" in site.run("check")
    assert len(site.world.log) == known
    told = site.json("status", code=1)
    assert told["suppliers"]["notio"]["state"] == "paused"
    assert [each["cure"] for each in told["problems"]] == ["supplier-agent resume notio"]
    site.run("resume", "notio")
    site.run("approve", "notio", code=1)
    site.run("agree", "notio", code=1)  # its first name
    site.run("pause", "nobody", code=2)


def test_a_read_only_round_and_daemon_say_what_they_are(site: Site) -> None:
    site.run("run", "--once", "--read-only")
    assert "READ-ONLY" in site.said
    assert {line.endpoint for line in site.world.log} == {"get-sales"}
    process = site.start("--read-only")
    until(lambda: is_held(site.folder / "state" / "agent.lock"))
    assert "READ-ONLY" in str(site.json("status", code=1)["problems"])
    assert {line.endpoint for line in site.world.log} == {"get-sales"}
    site.stop(process)


def test_an_export_goes_to_stdout(site: Site) -> None:
    site.run("run", "--once")
    assert len(site.run("export", "orders").splitlines()) == 5
    assert len(site.run("export", "calls", "--supplier", "notio").splitlines()) == 9
    assert site.run("export", "events", "--format", "json", "--from", "2020-01-01", "--to", "2020-01-02") == "[]\n"
    site.run("export", "money", code=2)


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("1_1\n\n 2_2 \r\n", [("1_1", ""), ("2_2", "")]),
        ("order\n1_1\n", [("1_1", "")]),
        ("supplier,menzzo_order_id\nnotio,'-1_1\n,2_2\n", [("-1_1", "notio"), ("2_2", "")]),
        ('"menzzo_order_id"\t"x"\n"1_1"\t"a"\n', [("1_1", "")]),
        ("", []),
    ],
)
def test_files_of_orders_come_in_several_forms(text: str, orders: list[tuple[str, str]]) -> None:
    assert [*lines_of(text.splitlines())] == [Named(*each) for each in orders]


def test_a_csv_without_a_column_of_orders_is_refused() -> None:
    with pytest.raises(UsageError, match="menzzo_order_id"):
        list(lines_of(["date,carrier", "x,y"]))


def test_a_restore_waits_for_no_page_and_says_which_unit_to_stop(site: Site, tmp_path: Path) -> None:
    site.run("run", "--once")
    site.run("backup", str(tmp_path / "copy.db"))
    page = InstanceLock(tmp_path / "state" / PAGE_LOCK, "supplier-agent page", SystemClock())
    try:
        site.run("restore", str(tmp_path / "copy.db"), code=75)
    finally:
        page.release()
    assert not list((tmp_path / "state").glob("agent-before-restore-*.db"))
