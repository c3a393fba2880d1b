"""The database of every release comes up to date by itself, after a copy of it was made; whatever happens meanwhile."""

import json
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from supplier_agent.base.errors import StateError
from supplier_agent.db import SCHEMA, state_folder
from supplier_agent.db.backup_copy import FOLDER, KEPT
from supplier_agent.db.migrations import known
from supplier_agent.db.state_folder import LEDGER
from supplier_agent.db.store import open_store
from supplier_agent.db.triggers import TRIGGERS
from supplier_agent.sandbox.world import World
from tests.upkeep.conftest import DUMPS, Rows, made_from, rows_of, schema_of
from tests.world.harness import ManualClock, Site, settings_for

ROOT = Path(__file__).parents[2]


def upgraded(database: Path) -> Path:
    open_store(database, agent=True).close()
    return database


def copies(database: Path) -> list[Path]:
    return sorted((database.parent / FOLDER).iterdir())


def master(database: Path, kind: str) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = ?", (kind,)).fetchall()
    return {(name, sql) for name, sql in found if sql}


def test_there_is_a_database_of_every_release_but_the_newest() -> None:
    assert {dump.stem.removeprefix("schema_") for dump in DUMPS} == known() - {SCHEMA}


def test_it_has_rows_in_every_table(old: Path) -> None:
    assert all(rows_of(old).values())


def test_nothing_is_lost(old: Path) -> None:
    before, after = rows_of(old), rows_of(upgraded(old))
    assert schema_of(old) == SCHEMA
    for table, rows in before.items():
        kept = [{name: row[name] for name in rows[0]} for row in after[table]]
        assert kept == rows, table


def test_it_is_as_good_as_new(old: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    new = upgraded(tmp_path / "new" / "agent.db")
    upgraded(old)
    assert dict(master(old, "trigger")) == {name: sql.strip() for name, sql in TRIGGERS.items()}
    assert {name for name, _ in master(old, "index")} == {name for name, _ in master(new, "index")}
    assert {name for name, _ in master(old, "table")} == {name for name, _ in master(new, "table")}


def test_a_copy_of_what_it_was_is_made_first_for_the_agent_alone(old: Path, dump: Path) -> None:
    before, schema = rows_of(old), schema_of(old)
    upgraded(old)
    (copy,) = copies(old)
    assert copy.name.startswith(f"agent-{schema}-")
    assert (rows_of(copy), schema_of(copy)) == (before, schema)
    assert dump.stem == f"schema_{schema}"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def test_a_database_that_is_up_to_date_is_not_copied_again(old: Path) -> None:
    upgraded(old)
    copies(old)[0].unlink()
    upgraded(old)
    assert not copies(old)


def test_the_last_few_copies_stay_and_other_files_are_nobodys_business(old: Path) -> None:
    folder = old.parent / FOLDER
    folder.mkdir()
    earlier = [folder / f"agent-0001-2026010{number}T000000Z.db" for number in range(1, 6)]
    for path in (*earlier, folder / "mine.db"):
        path.write_bytes(b"x")
    upgraded(old)
    assert [path.exists() for path in earlier] == [False] * (len(earlier) - KEPT + 1) + [True] * (KEPT - 1)
    assert (folder / "mine.db").exists()
    assert len(copies(old)) == KEPT + 1


def test_without_room_for_the_copy_nothing_is_upgraded_and_a_person_is_told(old: Path) -> None:
    before, schema = rows_of(old), schema_of(old)
    (old.parent / FOLDER).write_text("a file where the folder should be")
    with pytest.raises(StateError, match="cannot be made") as caught:
        upgraded(old)
    assert "nothing was upgraded" in caught.value.cure
    assert (rows_of(old), schema_of(old)) == (before, schema)


def test_staff_do_not_upgrade_and_are_told_who_does(old: Path) -> None:
    with pytest.raises(StateError, match="waits for an upgrade") as caught:
        open_store(old)
    assert "supplier-agent run --once" in caught.value.cure
    assert not (old.parent / FOLDER).exists()


def test_killed_at_any_statement_it_is_whole_and_old_or_whole_and_new(tmp_path: Path) -> None:
    old = made_from(DUMPS[0], tmp_path / "agent.db")
    every = 4
    words = [sys.executable, "-m", "tests.upkeep.killed_upgrade", str(old), str(every)]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100, check=True)
    told = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(told) > 10
    assert {line["verdict"] for line in told} == {"ok"}
    assert [line["killed"] for line in told] == [True] * (len(told) - 1) + [False]
    # One commit: before it all are old, after it all are new.
    schemas = [line["schema"] for line in told]
    assert schemas == sorted(schemas)
    assert set(schemas) == {schema_of(old), SCHEMA}
    before = rows_of(old)
    for line in (told[0], told[len(told) // 2], told[-2]):
        assert_nothing_lost(before, upgraded(tmp_path / f"killed-{line['statements']}" / old.name))


def assert_nothing_lost(before: Rows, database: Path) -> None:
    after = rows_of(database)
    assert {table: len(rows) for table, rows in before.items()} == {table: len(after[table]) for table in before}
    assert before["orders"] == [{name: row[name] for name in before["orders"][0]} for row in after["orders"]]


def test_an_upgraded_agent_goes_on_where_the_old_one_stopped(old: Path) -> None:
    """What was owed is done; what was being sent or unknown is not sent again; what is held or closed stays so."""
    calls = {(row["order_id"], row["kind"]): row["state"] for row in rows_of(old)["calls"]}
    ids = {row["id"]: row["menzzo_order_id"] for row in rows_of(old)["orders"]}
    doubtful = {ids[order] for (order, kind), state in calls.items() if kind == "ship" and state != "owed"}
    assert {state for (_, kind), state in calls.items() if kind == "ship"} >= {"unknown", "sending", "done"}
    clock = ManualClock()
    clock.sleep(7 * 3600)
    world = World(clock)
    site = Site(settings_for(old.parent, "asir-group", "notio"), world, clock)
    site.start()
    site.run_for(3600)
    site.stop()
    sent = {line.menzzo_order_id for line in world.requests("ship-sale")}
    assert not sent & doubtful
    assert len(world.requests("get-sales")) > 2
    states = {(row["order_id"], row["kind"]): row["state"] for row in rows_of(old)["calls"]}
    assert [states[key] for key, state in calls.items() if state in {"unknown", "sending"}] == ["unknown"] * 2


def as_the_first_release_reads(ledger: Path) -> dict[str, str | None]:
    """Return what 0.1.0 learns of the ship ledger, by its own rule: each order's last outcome; other lines are skipped."""
    learned: dict[str, str | None] = {}
    for line in ledger.read_bytes().split(b"\n"):
        try:
            fact = json.loads(line)
            int(fact["attempt"]), str(fact["at"]), fact["supplier"]
            learned[fact["order"]] = fact["outcome"]
        except (ValueError, KeyError, TypeError):
            continue
    return learned


def test_the_way_back_to_the_first_release_ships_nothing_again(tmp_path: Path) -> None:
    """docs/how-to/upgrade.md: its copy of the database, and the ship ledger as it is today."""
    old = made_from(DUMPS[0], tmp_path / "agent.db")
    before, clock = rows_of(old), ManualClock()
    ids = {row["id"]: row["menzzo_order_id"] for row in before["orders"]}
    shipped = {
        ids[row["order_id"]]: row["supplier"] for row in before["calls"] if row["kind"] == "ship" and row["attempts"]
    }
    line = '{{"at":"2026-11-23T06:06:40+00:00","supplier":"{1}","order":"{0}","attempt":1,"outcome":null}}\n'
    (tmp_path / Path(LEDGER).name).write_text("".join(line.format(*each) for each in shipped.items()))
    state_folder.adopt(tmp_path / state_folder.PRIVATE, Path(LEDGER).name)
    clock.sleep(7 * 3600)
    world = World(clock)
    site = Site(settings_for(tmp_path, "notio", ship={"undo_seconds": 0}), world, clock)
    site.start()
    new = [world.arrive("notio").menzzo_order_id for _ in range(2)]
    site.run_for(4000)
    site.flag(new)
    site.run_for(60)
    site.stop()
    sent = {line.menzzo_order_id for line in world.requests("ship-sale")}
    told = "SELECT menzzo_order_id, shipped, held_reason, state, due_at FROM orders LEFT JOIN calls ON order_id = orders.id"
    assert sent >= {*new}, site.ask(f"{told} AND kind = 'ship'")
    (copy,) = copies(old)
    assert rows_of(copy) == before
    learned = as_the_first_release_reads(tmp_path / LEDGER)
    assert [learned[each] for each in new] == ["done", "done"]
    assert {*learned} == {*shipped} | sent


def test_the_evidence_of_what_was_shipped_before_is_what_the_journal_shows(tmp_path: Path) -> None:
    old = made_from(DUMPS[1], tmp_path / "agent.db")  # of schema 0002, which kept no evidence
    at = "2026-11-20 10:00:00.000000"
    cases = {  # the last attempt's outcome and words, and whether a person decided
        "1_1": ("done", '{"success": true}', False, "confirmed"),
        "1_2": ("done", "unverified, the answer was: '{}'", False, "unverified"),
        "1_3": ("unknown", "the connection broke", True, "person"),
        "1_4": (None, None, False, None),  # the ship ledger's word, after a restore
    }
    with closing(sqlite3.connect(old)) as connection, connection:
        for this, (outcome, words, decided, _) in cases.items():
            order = connection.execute(
                "INSERT INTO orders (supplier, menzzo_order_id, increment_id, sale_product_id, first_seen_at, shipped, shipped_at,"
                " ship_confirmed_at) VALUES ('upgraded', ?, '1', '1', ?, 1, ?, ?)",
                (this, at, at, at),
            ).lastrowid
            call = connection.execute(
                "INSERT INTO calls (order_id, supplier, kind, subject, state, owed_at, attempts, strikes)"
                " VALUES (?, 'upgraded', 'ship', '', 'done', ?, 1, 0)",
                (order, at),
            ).lastrowid
            connection.execute(
                "INSERT INTO attempts (call_id, number, started_at, outcome, detail) VALUES (?, 1, ?, ?, ?)",
                (call, at, outcome, words),
            )
            if decided:
                connection.execute(
                    "INSERT INTO events (order_id, at, who, what) VALUES (?, ?, 'Ana', 'resolved: shipped')",
                    (order, at),
                )
    with closing(sqlite3.connect(upgraded(old))) as connection:
        found = connection.execute("SELECT menzzo_order_id, ship_evidence FROM orders WHERE supplier = 'upgraded'")
        assert dict(found.fetchall()) == {this: evidence for this, (*_, evidence) in cases.items()}


def test_an_order_that_was_only_missed_is_blocked_no_longer_where_absence_means_nothing(tmp_path: Path) -> None:
    database = made_from(next(dump for dump in DUMPS if dump.stem == "schema_0003"), tmp_path / "agent.db")
    later = "2026-12-01 00:00:00.000000"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE orders SET acknowledged_at = ?, vanished_at = ? WHERE id IN (1, 2)", (later, later))
        connection.execute("UPDATE orders SET acknowledged_at = NULL, vanished_at = ? WHERE id = 3", (later,))
    upgraded(database)
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT id, missed_at, vanished_at FROM orders WHERE missed_at IS NOT NULL"
        ).fetchall()
    assert rows == [(1, later, None), (2, later, None), (3, later, later)]
