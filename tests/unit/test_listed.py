"""Every listed entry is kept once per change, with the answers that listed it; an error there harms no order."""

import json
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event

from supplier_agent.db.journal import pages_of
from supplier_agent.db.store import Store
from supplier_agent.marketplace import Listing
from supplier_agent.marketplace.entries import Entry
from supplier_agent.marketplace.listing import parse_rows
from supplier_agent.marketplace.masking import Mask
from supplier_agent.reading.strategy import Query
from supplier_agent.sandbox.world import World
from supplier_agent.suppliers import read_log
from tests.unit.conftest import SUPPLIER, at
from tests.world.harness import ManualClock, Site, arrive, settings_for

Sql = Callable[..., list[Any]]
A, B = {"menzzo_order_id": "1_1", "sku": "A"}, {"menzzo_order_id": "1_2", "sku": "B", "box": {"height": 4}}


def read(store: Store, *rows: object, seconds: float = 0, entries: tuple[Entry, ...] | None = None) -> Exception | None:
    parsed = parse_rows(json.dumps(rows).encode(), Mask(b"key"))
    assert isinstance(parsed, tuple)
    done = read_log.read_done(Query(), Listing(parsed, 200, "hash"), at(seconds), at(seconds))
    if entries is not None:
        done = read_log.ReadDone(**{**vars(done), "entries": entries})
    with store.write() as tx:
        return read_log.write(tx, SUPPLIER, done, None)


def pages(store: Store) -> list[list[str]]:
    with store.read() as tx:
        found = pages_of(tx, range(1, 100))
        return [[one for one, _ in page] for _, page in sorted(found.items())]


def test_the_same_content_is_stored_once_and_a_change_is_another_row(store: Store, sql: Sql) -> None:
    assert read(store, A, B) is None
    assert read(store, B, A, seconds=60) is None
    assert read(store, {**A, "note": "new"}, seconds=120) is None
    rows = sql(
        "SELECT menzzo_order_id AS one, first_listed_at AS f, last_listed_at AS l, body FROM raw_entries ORDER BY id"
    )
    assert [(row["one"], row["f"][14:19], row["l"][14:19]) for row in rows] == [
        ("1_1", "00:00", "01:00"),
        ("1_2", "00:00", "01:00"),
        ("1_1", "02:00", "02:00"),
    ]
    assert zlib.decompress(rows[2]["body"]) == b'{"menzzo_order_id":"1_1","note":"new","sku":"A"}'
    assert pages(store) == [["1_1", "1_2"], ["1_2", "1_1"], ["1_1"]]


def test_fields_are_noted_with_the_pages_that_had_them(store: Store, sql: Sql) -> None:
    read(store, A, B)
    read(store, A, seconds=60)
    found = {row["name"]: row["seen"] for row in sql("SELECT name, seen FROM listed_fields")}
    assert found == {"menzzo_order_id": 2, "sku": 2, "box": 1, "box.height": 1}


def test_entries_without_an_id_and_empty_pages_are_kept_too(store: Store) -> None:
    read(store, "odd", A, "odd")
    read(store)
    assert pages(store) == [["", "1_1", ""], []]


def test_an_error_leaves_the_read_in_the_journal_and_is_returned(store: Store, sql: Sql) -> None:
    broken = Entry("1_1", "\ud800", "hash", frozenset(), is_masked=False)  # cannot be encoded
    assert isinstance(read(store, A, entries=(broken,)), UnicodeEncodeError)
    assert [row["listed"] for row in sql("SELECT listed FROM reads")] == [1]
    assert sql("SELECT * FROM raw_entries") == sql("SELECT * FROM listed_pages") == []
    assert read(store, A, seconds=60) is None
    assert pages(store) == [["1_1"]]


def test_a_page_costs_a_few_statements_whatever_its_length(store: Store) -> None:
    said: list[str] = []
    rows = [{"menzzo_order_id": f"{n}_1", "sku": "A"} for n in range(300)]
    read(store, *rows)
    with store.write() as tx:
        engine = tx.connection().engine

    def hear(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    read(store, *rows, seconds=60)
    event.remove(engine, "before_cursor_execute", hear)
    assert len(said) <= 9, said


def test_what_cannot_be_kept_stops_no_order_and_is_a_problem_until_it_is_over(tmp_path: Path) -> None:
    clock = ManualClock()
    world = World(clock, [SUPPLIER])
    arrive(world, SUPPLIER, 3)
    site = Site(
        settings_for(tmp_path, SUPPLIER, schedule={"off_hours_poll_seconds": 60, "sweep_seconds": 60}), world, clock
    )
    site.start()
    with sqlite3.connect(site.database) as connection:
        connection.execute("CREATE TRIGGER no BEFORE INSERT ON raw_entries BEGIN SELECT raise(ABORT, 'no'); END")
    site.run_for(30)
    assert site.ask("SELECT count(*) FROM orders WHERE acknowledged_at IS NOT NULL") == [(3,)]
    assert site.ask("SELECT count(*) FROM raw_entries") == [(0,)]
    assert list(site.agent.ctx.contained.values()) == [
        f"the listed entries of {SUPPLIER} cannot be kept (IntegrityError); no order is affected"
    ]
    assert [event for event, _ in site.said].count("internal.error") == 1
    with sqlite3.connect(site.database) as connection:
        connection.execute("DROP TRIGGER no")
    site.run_for(120)
    assert site.agent.ctx.contained == {}
    assert site.ask("SELECT count(*) FROM raw_entries") == [(3,)]
    site.crash()
