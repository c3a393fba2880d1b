"""Connections are kept. A kept one shows no old file and no old rows, and no transaction waits for it."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, event

from supplier_agent.db.store import Store, open_store
from tests.unit.conftest import order_of


@contextmanager
def opened() -> Iterator[list[sqlite3.Connection]]:
    """Yield the connections that are opened meanwhile."""
    found: list[sqlite3.Connection] = []
    listen = lambda connection, _record: found.append(connection)  # noqa: E731 - one line
    event.listen(Engine, "connect", listen)
    try:
        yield found
    finally:
        event.remove(Engine, "connect", listen)


def ids(store: Store) -> list[str]:
    with store.read() as tx:
        return [str(row[0]) for row in tx.connection().exec_driver_sql("SELECT menzzo_order_id FROM orders").all()]


def put(store: Store, menzzo_order_id: str) -> None:
    with store.write() as tx:
        tx.add(order_of(menzzo_order_id))


def test_one_connection_serves_one_transaction_after_another(database: Path, store: Store) -> None:
    with opened() as connections, closing(open_store(database)) as page:
        for number in range(5):
            put(store, f"1_{number}")
            put(page, f"2_{number}")
            assert len(ids(page)) == 2 * number + 2, "it sees what others have written meanwhile"
        assert len(connections) == 1


def test_no_transaction_waits_for_the_connection_of_another_one(database: Path, store: Store) -> None:
    put(store, "1_1")
    with closing(open_store(database)) as page, opened() as connections:
        with ExitStack() as held:
            for _ in range(20):
                held.enter_context(page.read())
            assert ids(page) == ["1_1"]
        with ExitStack() as held:
            before = len(connections)
            for _ in range(5):
                held.enter_context(page.read())
            assert len(connections) == before, "five are kept"


def test_a_kept_connection_does_not_keep_the_wal_from_being_emptied(database: Path, store: Store) -> None:
    with closing(open_store(database)) as page:
        put(store, "1_1")
        with page.read() as tx:
            rows = tx.connection().exec_driver_sql("SELECT * FROM orders")
            assert rows.fetchone() is not None  # and the rest is never fetched
        with closing(sqlite3.connect(database)) as another:
            assert another.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


def test_a_kept_connection_follows_the_file_and_leaves_the_new_wal_alone(database: Path, store: Store) -> None:
    put(store, "1_1")
    page = open_store(database)
    assert ids(page) == ["1_1"]
    fresh = database.with_name("fresh.db")
    store.backup(fresh)
    store.close()
    for tail in ("-wal", "-shm", ""):
        moved = database.with_name(database.name + tail)
        if moved.exists():
            moved.rename(database.with_name(f"aside.db{tail}"))
    fresh.rename(database)
    with closing(open_store(database, agent=True)) as restored:
        put(restored, "2_2")
        assert ids(page) == ["1_1", "2_2"]
        page.close()
        assert database.with_name("agent.db-wal").stat().st_size > 0
        assert ids(restored) == ["1_1", "2_2"]


def test_the_stores_of_limited_people_are_closed_with_the_store(database: Path, store: Store) -> None:
    put(store, "1_1")
    with opened() as connections:
        page = open_store(database)
        assert (ids(page.only(["notio"])), ids(page.only(["asir-group"]))) == (["1_1"], [])
        page.close()
    assert len(connections) == 3
    for connection in connections:
        assert is_closed(connection)


def is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return True
    return False
