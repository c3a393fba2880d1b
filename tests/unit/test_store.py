"""The database: what SQLite really set, who may write when, and what is refused with a sentence."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Integer, inspect
from sqlmodel import create_engine

from supplier_agent import actions
from supplier_agent.base.errors import ConfigError, StateError
from supplier_agent.db import SCHEMA
from supplier_agent.db.columns import Day, Instant, Number, Raw, Text
from supplier_agent.db.migrations import known, upgrade
from supplier_agent.db.schema import TABLES
from supplier_agent.db.store import LockedError, Store, open_store
from supplier_agent.db.tables import Order, Supplier
from supplier_agent.db.triggers import DAMAGE, TRIGGERS
from tests.unit.conftest import order_of
from tests.world.clocks import NOW

Sql = Callable[..., list[Any]]
Keep = Callable[..., int]


@contextmanager
def staff(path: Path) -> Iterator[Store]:
    """Open the database as staff's commands do."""
    store = open_store(path)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def edited_by_another_program(path: Path, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
    """Hold the database's lock, as a browser with unsaved changes does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(begin)
        yield connection


def pragma(store: Store, name: str) -> object:
    with store.read() as tx:
        return tx.connection().exec_driver_sql(f"PRAGMA {name}").scalar()


# ------------------------------------------------------------------------------------------------------- as opened


def test_sqlite_answers_that_it_is_set_as_we_asked(database: Path, store: Store) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert {name: pragma(store, name) for name in wanted} == wanted
    assert pragma(store, "wal_autocheckpoint") == 1000
    with staff(database) as other:
        assert {name: pragma(other, name) for name in wanted} == wanted
        assert pragma(other, "wal_autocheckpoint") == 0, "only the agent checkpoints"


def test_nobody_else_may_read_it_whatever_the_umask_was(database: Path) -> None:
    os.umask(0)
    open_store(database, agent=True).close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE orders SET shipped = 1")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in database.parent.glob("agent.db*")}
    assert modes == dict.fromkeys(("agent.db", "agent.db-wal", "agent.db-shm"), 0o660)


def test_a_start_that_changes_nothing_writes_nothing(database: Path, store: Store) -> None:
    store.checkpoint()
    store.close()
    before = database.read_bytes()
    for _ in range(3):
        open_store(database, agent=True).close()
    assert database.read_bytes() == before


def test_instants_are_text_in_one_form_whoever_writes_them(store: Store, keep: Keep, sql: Sql) -> None:
    keep(order_of("1_1", first_seen_at=NOW, acknowledged_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)))
    sql("UPDATE orders SET shipped = 1")
    (row,) = sql("SELECT first_seen_at, acknowledged_at, shipped_at, order_date FROM orders")
    assert row["first_seen_at"] == "2026-11-21 12:00:00.000000"
    assert row["acknowledged_at"] == "2026-01-02 03:04:05.000678"
    assert row["order_date"] == "2026-11-20"
    assert len(row["shipped_at"]) == len("2026-11-21 12:00:00.000000")
    assert datetime.fromisoformat(row["shipped_at"]).tzinfo is None
    with store.read() as tx:
        order = tx.get_one(Order, 1)
        assert order.first_seen_at == NOW
        assert order.shipped_at is not None
        assert order.shipped_at.tzinfo is not None
        assert abs((datetime.now(UTC) - order.shipped_at).total_seconds()) < 60


# ----------------------------------------------------------------------------------------------------- transactions


def test_a_write_begins_with_the_lock_and_not_at_its_first_statement(database: Path, store: Store) -> None:
    with store.write(), closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM orders").fetchone() == (0,), "reading goes on"


def test_a_read_holds_no_lock_and_sees_one_moment(database: Path, store: Store, keep: Keep) -> None:
    keep(order_of("1_1"))
    with store.read() as tx:
        assert tx.get(Order, 1) is not None
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as other:
            other.execute("UPDATE orders SET sku = 'changed'")
        tx.expire_all()
        assert tx.get_one(Order, 1).sku == "CHAIR"
    with store.read() as tx:
        assert tx.get_one(Order, 1).sku == "changed"


def test_a_step_that_fails_leaves_nothing_behind(store: Store, sql: Sql) -> None:
    def add_and_fail() -> None:
        with store.write() as tx:
            tx.add(order_of("1_1"))
            tx.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()
    assert not sql("SELECT 1 FROM orders")
    with store.write() as tx:
        tx.add(order_of("1_1"))
    assert sql("SELECT 1 FROM orders")


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_locked_by_another_program_is_said_and_nothing_is_lost(database: Path, store: Store, begin: str) -> None:
    store.close()
    brief = open_store(database, agent=True)
    with brief.read() as tx:
        tx.connection().exec_driver_sql("PRAGMA busy_timeout=50")
    with edited_by_another_program(database, begin):
        with pytest.raises(LockedError, match="locked by another program") as caught, brief.write():
            pass
        assert caught.value.exit_code == 74
        assert "close the program" in caught.value.cure
        with brief.read() as tx:
            assert tx.get(Supplier, "notio") is None
    with brief.write() as tx:
        tx.add(Supplier(name="notio"))
    brief.close()


def test_a_full_disk_is_said_and_can_be_tried_again(store: Store) -> None:
    with store.read() as tx:
        pages = tx.connection().exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.connection().exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(LockedError, match=r"disk of .* is full"), store.write() as tx:
        tx.add(Supplier(name="x" * 100_000))
    with store.read() as tx:
        tx.connection().exec_driver_sql("PRAGMA max_page_count=100000")
    with store.write() as tx:
        tx.add(Supplier(name="x" * 100_000))


def test_what_others_write_is_noticed_and_what_a_turn_writes_is_not(store: Store, keep: Keep, sql: Sql) -> None:
    assert not store.changed_elsewhere()
    with store.turn():
        keep(order_of("1_1"))
    assert not store.changed_elsewhere()
    for write in (partial(sql, "UPDATE orders SET shipped = 1"), partial(keep, order_of("1_2"))):
        write()
        assert store.changed_elsewhere()
        assert not store.changed_elsewhere(), "once"


@pytest.mark.parametrize("micros", [0, 999_499, 999_500, 999_999])
def test_every_microsecond_of_a_day_is_an_instant(store: Store, keep: Keep, sql: Sql, micros: int) -> None:
    last = datetime(2026, 11, 21, 23, 59, 59, micros, tzinfo=UTC)
    keep(order_of("1_1", first_seen_at=last, acknowledged_at=last, shipped=1, shipped_at=last))
    keep(order_of("1_2", first_seen_at=last))
    with store.write() as tx:
        actions.ship(tx, actions.find(tx, "1_2", None), last, "Anna")
    assert [row["shipped_at"] for row in sql("SELECT shipped_at FROM orders")] == [
        f"2026-11-21 23:59:59.{micros:06}"
    ] * 2
    assert sql("SELECT id FROM damaged_orders") == [], "SQLite would round it up to the next second"


# ---------------------------------------------------------------------------------------------- what is refused


def test_staff_do_not_create_a_database_by_asking(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no database") as caught:
        open_store(tmp_path / "agent.db")
    assert "run --once" in caught.value.cure
    assert not list(tmp_path.iterdir())


def test_a_creation_that_was_cut_short_is_done_again(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=wal").fetchall()
    assert database.stat().st_size > 0, "SQLite has written its head already"
    with pytest.raises(StateError, match="no database"):
        open_store(database)
    open_store(database, agent=True).close()
    with staff(database) as store, store.read() as tx:
        assert tx.get(Order, 1) is None


@pytest.mark.parametrize("agent", [True, False])
def test_a_foreign_database_is_left_alone(database: Path, agent: bool) -> None:  # noqa: FBT001 - who opens it
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    with pytest.raises(StateError, match="not one of supplier-agent"):
        open_store(database, agent=agent)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


@pytest.mark.parametrize("agent", [True, False])
def test_a_newer_schema_is_refused_with_a_way_out(database: Path, store: Store, sql: Sql, agent: bool) -> None:  # noqa: FBT001 - who opens it
    store.close()
    sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="written by a newer supplier-agent") as caught:
        open_store(database, agent=agent)
    assert "9999" in caught.value.what
    assert "supplier-agent restore" in caught.value.cure
    assert sql("SELECT version_num FROM alembic_version")[0][0] == "9999"


@pytest.mark.parametrize("content", [b"this is no database\n" * 200, b"SQLite format 3\0" + bytes(range(256)) * 16])
def test_a_file_that_is_no_database_is_refused_and_not_overwritten(database: Path, content: bytes) -> None:
    database.write_bytes(content)
    with pytest.raises(StateError) as caught:
        open_store(database, agent=True)
    assert caught.value.cure
    assert database.read_bytes() == content


def test_a_database_that_was_moved_or_replaced_is_noticed(database: Path, store: Store) -> None:
    store.must_still_be_there()
    database.rename(database.with_name("elsewhere.db"))
    with pytest.raises(StateError, match="moved or replaced"):
        store.must_still_be_there()
    database.write_bytes(database.with_name("elsewhere.db").read_bytes())
    with pytest.raises(StateError, match="moved or replaced"):
        store.must_still_be_there()


# --------------------------------------------------------------------------------------------------- guards, schema


@pytest.mark.parametrize(
    "spoil", ["DROP TRIGGER {0}", "DROP TRIGGER {0}; CREATE TRIGGER {0} AFTER DELETE ON events BEGIN SELECT 1; END"]
)
@pytest.mark.parametrize("name", TRIGGERS)
def test_a_guard_that_was_dropped_or_changed_is_made_again(
    database: Path, store: Store, name: str, spoil: str, sql: Sql
) -> None:
    store.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(spoil.format(name))
    open_store(database, agent=True).close()
    made = {row["name"]: row["sql"] for row in sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")}
    assert made == {each: text.strip() for each, text in TRIGGERS.items()}


def shape(database: Path) -> object:
    """Return tables, columns, indexes and constraints, in a form that can be compared."""
    engine = create_engine(f"sqlite:///{database}")
    found = inspect(engine)
    try:
        return {
            table: (
                {c["name"]: (str(c["type"]), c["nullable"], str(c.get("default"))) for c in found.get_columns(table)},
                sorted(
                    (str(index["name"]), tuple(index["column_names"]), str(_where(index)))
                    for index in found.get_indexes(table)
                    if index["name"] not in DAMAGE  # made at every start, like the triggers
                ),
                sorted(tuple(unique["column_names"]) for unique in found.get_unique_constraints(table)),
                sorted(str(check["sqltext"]) for check in found.get_check_constraints(table)),
                sorted(
                    (tuple(key["constrained_columns"]), key["referred_table"]) for key in found.get_foreign_keys(table)
                ),
            )
            for table in sorted(found.get_table_names())
        }
    finally:
        engine.dispose()


def _where(index: Any) -> object:  # noqa: ANN401 - what SQLAlchemy found
    return index.get("dialect_options", {}).get("sqlite_where")


def test_the_migrations_lead_to_what_the_tables_say(tmp_path: Path, database: Path, store: Store) -> None:  # noqa: ARG001 - created
    migrated = tmp_path / "migrated.db"
    engine = create_engine(f"sqlite:///{migrated}")
    upgrade(engine)
    engine.dispose()
    assert shape(migrated) == shape(database)
    assert {SCHEMA} <= known()
    with closing(sqlite3.connect(migrated)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(SCHEMA,)]


def test_every_cell_of_every_table_may_be_damaged() -> None:
    kinds = (Instant, Day, Number, Raw, Text)
    plain = [column for table in TABLES.values() for column in table.columns if not isinstance(column.type, kinds)]
    assert all(column.primary_key and isinstance(column.type, Integer) for column in plain), plain


@pytest.mark.parametrize(
    "module", ["businessonbot", "carriers", "programs", "shops", "support", "warehouse", "webhooks"]
)
def test_a_start_defines_only_the_tables_that_it_uses_and_each_of_them_whole(module: str) -> None:
    script = f"""if True:
        import supplier_agent.db.{module}
        from sqlmodel import SQLModel
        from supplier_agent.db.columns import Day, Instant, Number, Raw, Text
        for table in SQLModel.metadata.tables.values():
            for column in table.columns:
                assert column.primary_key or isinstance(column.type, (Day, Instant, Number, Raw, Text)), column
        assert "orders" not in SQLModel.metadata.tables
        """
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr


def test_every_table_is_known_to_the_tables(sql: Sql) -> None:
    names = {
        row["name"] for row in sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    }
    assert names == set(TABLES) | {"alembic_version"}


# ----------------------------------------------------------------------------------------------------------- backup


def test_a_backup_is_sound_while_the_agent_writes(tmp_path: Path, database: Path, store: Store) -> None:
    written: list[int] = []
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            with store.write() as tx:
                tx.add(order_of(f"{len(written)}_1"))
                tx.add(order_of(f"{len(written)}_2"))
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with staff(database) as other:
            for number in range(5):
                copy = tmp_path / f"{number}.db"
                other.backup(copy)
                assert stat.S_IMODE(copy.stat().st_mode) == 0o600
                with closing(sqlite3.connect(copy)) as connection:
                    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                    (found,) = connection.execute("SELECT count(*) FROM orders").fetchone()
                assert found % 2 == 0, "no half transaction"
    finally:
        over.set()
        writer.join()
    assert written
    assert not list(tmp_path.glob("*.part*"))


def test_a_backup_can_be_opened_as_a_state(tmp_path: Path, store: Store, keep: Keep) -> None:
    keep(order_of("1_1"))
    store.backup(tmp_path / "copy.db")
    with staff(tmp_path / "copy.db") as copy, copy.read() as tx:
        assert tx.get_one(Order, 1).menzzo_order_id == "1_1"


def test_a_backup_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StateError, match="could not be written") as caught:
        store.backup(tmp_path / "absent" / "copy.db")
    assert caught.value.cure
    (tmp_path / "old.db").write_text("yesterday's")
    (tmp_path / "old.db.part").mkdir()
    with pytest.raises((StateError, OSError)):
        store.backup(tmp_path / "old.db")
    assert (tmp_path / "old.db").read_text() == "yesterday's"


def test_a_database_that_is_moved_away_keeps_what_only_its_wal_holds(tmp_path: Path) -> None:
    path = tmp_path / "odd name? #1%.db"
    agent = open_store(path, agent=True)
    with agent.write() as tx:
        tx.add(order_of("1_1"))
    other = open_store(path)
    path.rename(tmp_path / "moved.db")
    with pytest.raises(StateError), other.read():
        pass
    assert not path.exists(), "nobody makes an empty one in its place"
    (tmp_path / "moved.db").rename(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    agent.close()
