"""The database's own rules, tried with statements as staff, spreadsheets and scripts type them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Order
from tests.unit.conftest import order_of, ready
from tests.world.clocks import NOW

ID = "15000012345_789"
Keep = Callable[..., int]
Sql = Callable[..., list[Any]]
FLAG, UNDO = (
    "UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?",
    "UPDATE orders SET shipped = 0 WHERE menzzo_order_id = ?",
)


def row(sql: Sql, menzzo_order_id: str = ID) -> Any:  # noqa: ANN401 - a row
    return sql("SELECT * FROM orders WHERE menzzo_order_id = ?", menzzo_order_id)[0]


def ship_state(sql: Sql) -> str:
    return str(sql("SELECT state FROM calls WHERE kind = 'ship'")[0]["state"])


def history(sql: Sql) -> list[tuple[str, str]]:
    return [(event["who"], event["what"]) for event in sql("SELECT * FROM events ORDER BY id")]


def test_a_flag_notes_its_moment_and_asks_for_a_new_plan(keep: Keep, sql: Sql) -> None:
    keep(ready(ID, planned_at=NOW))
    sql(FLAG, ID)
    flagged = row(sql)
    assert (flagged["shipped"], flagged["planned_at"]) == (1, None)
    moment = datetime.strptime(flagged["shipped_at"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert history(sql) == [("database", "flagged as shipped")]


@pytest.mark.parametrize("stage", [order_of(ID), order_of(ID, held_reason="wait"), order_of(ID, sku=None), ready(ID)])
def test_a_flag_is_always_accepted(keep: Keep, sql: Sql, stage: Order) -> None:
    keep(Order(**stage.model_dump()))
    sql(FLAG, ID)
    assert row(sql)["shipped"] == 1


def test_flagging_again_changes_nothing(keep: Keep, sql: Sql) -> None:
    keep(ready(ID))
    sql(FLAG, ID)
    before = dict(row(sql))
    sql(FLAG, ID)
    assert dict(row(sql)) == before
    assert len(history(sql)) == 1


def test_an_undo_in_time_takes_everything_back(keep: Keep, sql: Sql) -> None:
    keep(ready(ID, shipped=1, shipped_at=NOW, planned_at=NOW), ship="owed")
    sql(UNDO, ID)
    assert (row(sql)["shipped"], row(sql)["shipped_at"], row(sql)["planned_at"]) == (0, None, None)
    assert ship_state(sql) == "dropped"
    assert history(sql) == [("database", "flag taken back")]


def test_the_undo_window_begins_anew_with_a_new_flag(keep: Keep, sql: Sql) -> None:
    keep(ready(ID, shipped=1, shipped_at=NOW))
    sql(UNDO, ID)
    sql(FLAG, ID)
    assert row(sql)["shipped_at"] != "2026-11-21 12:00:00.000000"


@pytest.mark.parametrize("state", ["sending", "unknown", "done"])
def test_an_undo_after_the_call_began_is_refused_with_a_clear_error(keep: Keep, sql: Sql, state: str) -> None:
    keep(ready(ID, shipped=1, shipped_at=NOW), ship=state)
    with pytest.raises(sqlite3.IntegrityError, match="too late to undo"):
        sql(UNDO, ID)
    assert (row(sql)["shipped"], ship_state(sql)) == (1, state)


@pytest.mark.parametrize("state", ["owed", "parked", "dropped"])
def test_an_undo_before_the_call_or_after_a_refusal_is_possible(keep: Keep, sql: Sql, state: str) -> None:
    keep(ready(ID, shipped=1, shipped_at=NOW), ship=state, acknowledge="sending", label="unknown")
    sql(UNDO, ID)
    assert (row(sql)["shipped"], ship_state(sql)) == (0, "dropped")


@pytest.mark.parametrize(
    "statement", [UNDO, "UPDATE orders SET shipped = 0, ship_confirmed_at = NULL WHERE menzzo_order_id = ?"]
)
def test_what_is_confirmed_cannot_be_undone(keep: Keep, sql: Sql, statement: str) -> None:
    keep(ready(ID, shipped=1, shipped_at=NOW, ship_confirmed_at=NOW))
    with pytest.raises(sqlite3.IntegrityError, match="this order is reported as shipped"):
        sql(statement, ID)
    assert row(sql)["ship_confirmed_at"] is not None


def test_one_undo_too_late_in_a_list_undoes_nothing(keep: Keep, sql: Sql) -> None:
    keep(ready("1_1", shipped=1, shipped_at=NOW), ship="owed")
    keep(ready("2_2", shipped=1, shipped_at=NOW), ship="sending")
    with pytest.raises(sqlite3.IntegrityError, match="too late"):
        sql("UPDATE orders SET shipped = 0")
    assert [row(sql, each)["shipped"] for each in ("1_1", "2_2")] == [1, 1]


@pytest.mark.parametrize(
    "statement", ["DELETE FROM orders", "DELETE FROM orders WHERE menzzo_order_id = '15000012345_789'"]
)
def test_an_order_cannot_be_deleted(keep: Keep, sql: Sql, statement: str) -> None:
    keep(ready(ID))
    with pytest.raises(sqlite3.IntegrityError, match=r"never deleted .*close ID"):
        sql(statement)
    assert row(sql)


@pytest.mark.parametrize("value", ["2", "-1", "'yes'", "''", "0.5", "NULL", "x'01'"])
def test_a_flag_is_0_or_1(keep: Keep, sql: Sql, value: str) -> None:
    keep(ready(ID))
    with pytest.raises(sqlite3.IntegrityError):
        sql(f"UPDATE orders SET shipped = {value}")
    assert row(sql)["shipped"] == 0


@pytest.mark.parametrize("value", ["1", "'1'", "1.0", "TRUE", "2 > 1"])
def test_what_spreadsheets_make_of_1_is_1(keep: Keep, store: Store, sql: Sql, value: str) -> None:
    order_id = keep(ready(ID))
    sql(f"UPDATE orders SET shipped = {value}")
    with store.read() as tx:
        assert tx.get_one(Order, order_id).shipped == 1
        assert tx.get_one(Order, order_id).shipped_at is not None


def test_a_bulk_flag_flags_each_order_once_and_with_a_history(keep: Keep, sql: Sql) -> None:
    for number in range(1, 51):
        keep(ready(f"{number}_1", shipped=int(number == 7), shipped_at=NOW if number == 7 else None))
    sql("UPDATE orders SET shipped = 1")
    rows = sql("SELECT shipped, shipped_at FROM orders")
    assert all(each["shipped"] == 1 and each["shipped_at"] for each in rows)
    assert row(sql, "7_1")["shipped_at"] == "2026-11-21 12:00:00.000000", "its window is not begun anew"
    assert len(history(sql)) == 49


def test_a_tool_that_writes_every_column_back_flags_too(keep: Keep, sql: Sql) -> None:
    keep(ready(ID, planned_at=NOW))
    sql(
        "UPDATE orders SET sku = sku, shipped = 1, shipped_at = shipped_at, planned_at = planned_at WHERE menzzo_order_id = ?",
        ID,
    )
    assert row(sql)["shipped_at"] is not None
    assert row(sql)["planned_at"] is None


INSERT = """INTO orders (supplier, menzzo_order_id, increment_id, sale_product_id, first_seen_at, shipped)
 VALUES (?, ?, '1', '1', '2026-11-21', 0)"""


@pytest.mark.parametrize("verb", ["INSERT", "REPLACE", "INSERT OR REPLACE", "INSERT OR IGNORE"])
def test_an_order_is_known_once_and_cannot_be_replaced(keep: Keep, sql: Sql, verb: str) -> None:
    keep(ready(ID, shipped=1, shipped_at=NOW))
    with pytest.raises(sqlite3.IntegrityError):
        sql(f"{verb} {INSERT}", "notio", ID)
    assert [each["shipped"] for each in sql("SELECT shipped FROM orders")] == [1]
    sql(f"{verb} {INSERT}", "asir-group", ID)


def test_the_unknown_state_of_a_call_cannot_be_invented(keep: Keep, sql: Sql) -> None:
    keep(ready(ID), ship="owed")
    with pytest.raises(sqlite3.IntegrityError):
        sql("UPDATE calls SET state = 'maybe'")


@pytest.mark.parametrize("written", ["'2020-01-01 00:00:00.000000'", "datetime('now', '-1 day')", "'21/11/2026'", "0"])
def test_the_moment_of_a_flag_is_the_databases_whatever_was_typed(keep: Keep, sql: Sql, written: str) -> None:
    keep(ready(ID))
    try:
        sql(f"UPDATE orders SET shipped = 1, shipped_at = {written}")
    except sqlite3.IntegrityError as error:
        assert "recorded by the database itself" in str(error)  # noqa: PT017 - refused, or corrected: either will do
        assert row(sql)["shipped"] == 0
    else:
        moment = datetime.strptime(row(sql)["shipped_at"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
        assert abs((datetime.now(UTC) - moment).total_seconds()) < 60


def test_an_undo_ends_an_override_and_its_undo_window(keep: Keep, sql: Sql) -> None:
    keep(order_of(ID, shipped=1, shipped_at=NOW, override_by="Bob", override_covers="no_label", undo_opened_at=NOW))
    sql("UPDATE orders SET shipped = 0 WHERE menzzo_order_id = ?", ID)
    sql("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", ID)
    (row,) = sql("SELECT override_by, override_covers, undo_opened_at FROM orders")
    assert tuple(row) == (None, None, None)


def test_one_statement_marks_the_order_of_one_supplier(keep: Keep, sql: Sql) -> None:
    keep(ready(ID))
    keep(order_of(ID, "asir-group"))
    keep(ready("2_2"))
    with pytest.raises(sqlite3.IntegrityError, match="two suppliers have an order of this id: say which"):
        sql("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ?", ID)
    assert not sql("SELECT 1 FROM orders WHERE shipped = 1"), "nothing was changed"
    assert not sql("SELECT 1 FROM events")
    sql("UPDATE orders SET shipped = 1 WHERE menzzo_order_id IN (?, '2_2') AND supplier = 'notio'", ID)
    sql("UPDATE orders SET shipped = 1 WHERE menzzo_order_id = ? AND supplier = 'asir-group'", ID)
    assert sql("SELECT count(*) AS n FROM orders WHERE shipped = 1")[0]["n"] == 3
    sql("UPDATE orders SET shipped = 0 WHERE menzzo_order_id = ?", ID)
    assert sql("SELECT count(*) AS n FROM orders WHERE shipped = 1")[0]["n"] == 1, "an undo of both harms nobody"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE OR REPLACE orders SET menzzo_order_id = (SELECT menzzo_order_id FROM orders WHERE id = 2) WHERE id = 1",
        "UPDATE orders SET menzzo_order_id = 'another' WHERE id = 1",
        "UPDATE orders SET supplier = 'another' WHERE id = 1",
        "UPDATE OR REPLACE orders SET id = 2 WHERE id = 1",
        "UPDATE OR REPLACE orders SET rowid = 2 WHERE id = 1",
        "UPDATE OR IGNORE orders SET _rowid_ = 7 WHERE id = 1",
        "REPLACE INTO orders SELECT * FROM orders WHERE id = 1",
        "INSERT INTO orders SELECT * FROM orders WHERE id = 1 ON CONFLICT DO UPDATE SET menzzo_order_id = 'another'",
        "UPDATE orders SET shipped_at = '2026-13-01 00:00:00.000000'",
        "UPDATE orders SET shipped_at = '2026-02-30 00:00:00.000000'",
        "UPDATE orders SET shipped_at = x'323032362d30312d30312030303a30303a30302e303030303030'",
        "UPDATE orders SET shipped_at = 'now'",
        "DELETE FROM orders",
    ],
)
@pytest.mark.parametrize("attached", [False, True])
def test_no_statement_moves_an_order_past_the_guards(
    keep: Keep, sql: Sql, database: Path, statement: str, *, attached: bool
) -> None:
    for each in ("1_1", "2_2"):
        keep(ready(each))
    before = [tuple(each) for each in sql("SELECT * FROM orders")]
    with closing(sqlite3.connect(":memory:" if attached else database, isolation_level=None)) as connection:
        if attached:
            connection.execute("ATTACH ? AS state", (str(database),))
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    assert [tuple(each) for each in sql("SELECT * FROM orders")] == before


def test_a_row_whose_identity_is_written_as_it_was_is_no_change(keep: Keep, sql: Sql) -> None:
    keep(ready())
    sql("UPDATE orders SET id = id, supplier = supplier, menzzo_order_id = menzzo_order_id, carrier = 'DPD'")
    assert row(sql)["carrier"] == "DPD"
