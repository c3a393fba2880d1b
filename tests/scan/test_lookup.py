"""Which orders a scan names, and that finding them never looks through the whole table."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Barcode, Order
from supplier_agent.labels import barcodes
from supplier_agent.labels.scan import Meaning, Way
from supplier_agent.labels.typed import as_typed, read
from tests.scan.shelf import order_of, put, unjudged, verdict_of
from tests.world.clocks import NOW

ID = "15000012345_789"


def find(store: Store, scanned: str) -> Meaning:
    with store.read() as tx:
        return barcodes.find(tx, read(scanned), unjudged)


def ids(store: Store, scanned: str) -> list[str]:
    """Return the orders that a scan names, in the order of the answer."""
    matches = find(store, scanned).matches
    with store.read() as tx:
        return [tx.get_one(Order, match.order).menzzo_order_id for match in matches]


def label(store: Store, order: int, *codes: str, sha256: str = "0" * 64) -> None:
    with store.write() as tx:
        tx.add_all(Barcode(order_id=order, code=code, label_sha256=sha256) for code in codes)


def test_an_order_is_found_by_each_of_its_names(store: Store) -> None:
    (order,) = put(store, order_of(ID))
    label(store, order, "XY123456789FR")
    for scanned, way in {
        ID: Way.ORDER,
        "789": Way.LAST_PART,
        "15000012345": Way.INCREMENT,
        "SOFA-3P": Way.SKU,
        "XY123456789FR": Way.LABEL,
        "XY 1234 5678 9FR": Way.LABEL,
        "sofa-3p": Way.SKU,
    }.items():
        (match,) = find(store, scanned).matches
        assert (match.order, match.ways) == (order, frozenset({way})), scanned


@pytest.mark.parametrize("layout", ["fr", "tr"])
def test_an_order_is_found_through_a_wrong_keyboard(store: Store, layout: str) -> None:
    put(store, order_of(ID))
    meaning = find(store, as_typed(ID, layout))
    assert (ids(store, as_typed(ID, layout)), meaning.layout) == ([ID], layout)


def test_what_names_an_order_as_it_came_is_not_repaired(store: Store) -> None:
    put(store, order_of("1_1", sku="A?B"), order_of("2_2", sku="A_B"))
    meaning = find(store, "A?B")
    assert (ids(store, "A?B"), meaning.layout) == (["1_1"], None)


def test_every_line_of_the_customers_order_is_named(store: Store) -> None:
    put(store, order_of("15_1"), order_of("15_2", ship_confirmed_at=NOW, shipped=1), order_of("16_3"))
    assert ids(store, "15") == ["15_1", "15_2"]


def test_a_code_on_two_labels_names_both_orders(store: Store) -> None:
    for order in put(store, order_of("1_1"), order_of("2_2")):
        label(store, order, "XY123456789FR")
    assert ids(store, "XY123456789FR") == ["1_1", "2_2"]


def test_an_id_that_is_also_a_code_on_another_label_names_both(store: Store) -> None:
    _, other = put(store, order_of("1_1"), order_of("2_2"))
    label(store, other, "1_1")
    assert ids(store, "1_1") == ["1_1", "2_2"]


def test_the_same_id_of_two_suppliers_names_both(store: Store) -> None:
    put(store, order_of(ID), order_of(ID, supplier="asir-group"))
    assert len(find(store, ID).matches) == 2


def test_the_code_of_a_label_that_was_replaced_names_nothing(store: Store) -> None:
    (order,) = put(store, order_of(ID))
    label(store, order, "OLD1", sha256="1" * 64)
    assert find(store, "OLD1").matches == ()


def test_a_product_names_its_open_orders_and_those_not_marked_first(store: Store) -> None:
    put(
        store,
        order_of("1_1", ship_confirmed_at=NOW, shipped=1),
        order_of("2_2", closed_reason="cancelled"),
        order_of("3_3", shipped=1, shipped_at=NOW),
        order_of("4_4"),
        order_of("5_5"),
    )
    assert ids(store, "SOFA-3P") == ["4_4", "5_5"]


def test_a_product_whose_orders_are_all_marked_names_those(store: Store) -> None:
    put(store, order_of("3_3", shipped=1, shipped_at=NOW))
    assert ids(store, "SOFA-3P") == ["3_3"]


def test_a_product_with_too_many_orders_says_so(store: Store) -> None:
    put(store, *(order_of(f"{number}_{number}") for number in range(1, 61)))
    meaning = find(store, "SOFA-3P")
    assert (len(meaning.matches), meaning.more) == (50, True)


def test_each_order_comes_with_its_verdict(store: Store) -> None:
    rows = put(store, order_of("15_1", held_reason="damaged"), order_of("15_2"))
    verdicts = {
        row: verdict_of(order_of(held_reason=reason)) for row, reason in zip(rows, ("damaged", None), strict=True)
    }
    with store.read() as tx:
        found = barcodes.find(tx, read("15"), lambda asked: {row: verdicts[row] for row in asked})
    assert [(match.order, match.verdict) for match in found.matches] == list(verdicts.items())


@pytest.mark.parametrize("scanned", ["'; DROP TABLE orders; --", "%", "_", "x" * 5000, "🛋️", "\ud800", "1_" + "9" * 400])
def test_whatever_is_typed_is_only_looked_for(store: Store, scanned: str) -> None:
    put(store, order_of(ID))
    assert find(store, scanned).matches == ()


def test_nothing_and_commands_are_not_looked_for(store: Store) -> None:
    assert find(store, "  ").empty
    assert find(store, "UNDO").command == "UNDO"


def asked(store: Store, scanned: str) -> list[tuple[str, object]]:
    """Return every statement that finding makes, with its values."""
    said: list[tuple[str, object]] = []
    with store.read() as tx:
        engine = tx.get_bind()
        listen = lambda _c, _cursor, statement, values, *_: said.append((statement, values))  # noqa: E731 - one line
        event.listen(engine, "before_cursor_execute", listen)
        barcodes.find(tx, read(scanned), unjudged)
        event.remove(engine, "before_cursor_execute", listen)
    return [(statement, values) for statement, values in said if statement.startswith("SELECT")]


def test_no_scan_looks_through_a_whole_table(store: Store, tmp_path: Path) -> None:
    (order,) = put(store, order_of(ID, shipped=1, shipped_at=NOW))
    label(store, order, "XY123456789FR")
    statements = asked(store, "XY123456789FR") + asked(store, as_typed(ID, "fr"))
    assert len(statements) > 10
    with closing(sqlite3.connect(tmp_path / "agent.db")) as connection:
        for statement, values in statements:
            assert isinstance(values, tuple)
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert plan
            assert not [step for step in plan if re.match(r"SCAN (orders|barcodes|events)", step)], plan


def test_a_statement_that_did_look_through_all_would_be_seen(store: Store) -> None:
    with store.read() as tx:
        assert [row[3] for row in tx.execute(text("EXPLAIN QUERY PLAN SELECT * FROM orders"))] == ["SCAN orders"]
