"""What is exported is all there is, in columns that stay, and harmless to whoever opens it."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Attempt, Call, Event, Order
from supplier_agent.maintenance.export import BATCH, SUBJECTS, Chosen, write
from supplier_agent.reports import orders
from tests.unit.conftest import settings_of

NOON = datetime(2026, 11, 21, 11, tzinfo=UTC)
SETTINGS = settings_of()
ALL = Chosen(None, None, None, SETTINGS, NOON)


def keep(store: Store, number: int, **facts: Any) -> int:  # noqa: ANN401 - any column
    known: dict[str, Any] = {
        "supplier": "notio",
        "menzzo_order_id": f"1500_{number}",
        "increment_id": "1500",
        "sale_product_id": str(number),
        "sku": "CHAIR",
        "price_cents": 1999,
        "order_date": date(2026, 11, 21),
        "first_seen_at": NOON,
    }
    with store.write() as tx:
        order = Order(**(known | facts))
        tx.add(order)
        tx.flush()
        return order.id or 0


def as_csv(store: Store, what: str, chosen: Chosen = ALL) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO("".join(write(store, what, "csv", chosen)), newline=""))]


def as_json(store: Store, what: str, chosen: Chosen = ALL) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads("".join(write(store, what, "json", chosen)))
    return found


@pytest.mark.parametrize("what", SUBJECTS)
def test_nothing_to_export_is_a_head_or_an_empty_list(store: Store, what: str) -> None:
    assert "".join(write(store, what, "csv", ALL)).strip() == ",".join(SUBJECTS[what].columns)
    assert as_json(store, what) == []


def test_both_forms_have_every_order_over_many_batches(store: Store) -> None:
    for number in range(BATCH * 2 + 3):
        keep(store, number)
    names = [f"1500_{number}" for number in range(BATCH * 2 + 3)]
    assert [row["menzzo_order_id"] for row in as_csv(store, "orders")] == names
    assert [row["menzzo_order_id"] for row in as_json(store, "orders")] == names


def test_an_exported_order_says_what_the_commands_say(store: Store) -> None:
    keep(store, 1)
    with store.read() as tx:
        said = orders.whole(tx, tx.get_one(Order, 1), SETTINGS, NOON)
    (row,) = as_json(store, "orders")
    assert {name: said[name] for name in row} | {"blockers": "not_acknowledged no_label", "label_codes": ""} == row
    assert (row["price"], row["stage"], row["shipped"]) == ("19.99", "new", False)


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])  # noqa: RUF001 - see export.py
def test_no_cell_is_a_formula(store: Store, evil: str) -> None:
    keep(store, 1, sku=evil, carrier=f"good {evil}")
    (row,) = as_csv(store, "orders")
    assert row["sku"].startswith("'")
    assert row["carrier"].startswith("good")
    assert as_json(store, "orders")[0]["sku"] == evil


def test_a_line_is_a_line_and_steers_no_terminal(store: Store) -> None:
    keep(store, 1, sku='a "quoted", thing;\nsecond line\x1b[31m', held_reason="é ü ł ş")
    text = "".join(write(store, "orders", "csv", ALL))
    assert text.count("\n") == 2
    assert "\x1b" not in text
    (row,) = as_csv(store, "orders")
    assert row["sku"] == 'a "quoted", thing;\\nsecond line\\x1b[31m'
    assert row["held_reason"] == "é ü ł ş"


def test_calls_come_with_every_attempt_and_those_never_tried_too(store: Store) -> None:
    order = keep(store, 1)
    with store.write() as tx:
        tx.add(
            Call(order_id=order, supplier="notio", kind="label", state="owed", owed_at=NOON, due_at=NOON, detail="soon")
        )
        ship = Call(order_id=order, supplier="notio", kind="ship", state="done", owed_at=NOON, attempts=2)
        tx.add(ship)
        tx.flush()
        for number, outcome in ((1, "not_sent"), (2, "done")):
            tx.add(Attempt(call_id=ship.id or 0, number=number, started_at=NOON, ended_at=NOON, outcome=outcome))
    rows = [(row["kind"], row["attempt"], row["outcome"], row["detail"]) for row in as_json(store, "calls")]
    assert rows == [("label", None, None, "soon"), ("ship", 1, "not_sent", None), ("ship", 2, "done", None)]


def test_days_are_those_of_the_warehouse_and_both_ends_count(store: Store) -> None:
    order = keep(store, 1)
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # 00:30 of the 21st in Paris
    with store.write() as tx:
        for at in (late - timedelta(hours=1), late, late + timedelta(hours=22), late + timedelta(hours=24)):
            tx.add(Event(order_id=order, at=at, who="anna", what="held"))
    day = date(2026, 11, 21)
    assert len(as_json(store, "events", Chosen(day, day, None, SETTINGS, NOON))) == 2
    assert len(as_json(store, "events", Chosen(day, None, None, SETTINGS, NOON))) == 3
    assert len(as_json(store, "events", Chosen(None, day, "asir-group", SETTINGS, NOON))) == 0


def test_orders_are_chosen_by_their_day_or_the_day_they_were_first_seen(store: Store) -> None:
    keep(store, 1)
    keep(store, 2, order_date=None)
    keep(store, 3, order_date=date(2026, 11, 22))
    keep(store, 4, supplier="asir-group")
    day = date(2026, 11, 21)
    assert [row["menzzo_order_id"] for row in as_json(store, "orders", Chosen(day, day, "notio", SETTINGS, NOON))] == [
        "1500_1",
        "1500_2",
    ]


def test_a_slow_reader_holds_no_lock(store: Store) -> None:
    for number in range(BATCH + 1):
        keep(store, number)
    lines = write(store, "orders", "csv", ALL)
    next(lines)
    keep(store, BATCH + 1)  # would wait for a transaction of the export, on this one connection
    assert sum(1 for _ in lines) >= BATCH
