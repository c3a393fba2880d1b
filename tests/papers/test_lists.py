"""What is to be fetched, what may go, what the driver signs for, and the card of commands."""

import re
from collections.abc import Iterable
from datetime import date, timedelta

import pytest
import zxingcpp
from sqlalchemy import event

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Barcode
from supplier_agent.labels.scan import Command, as_typed, read
from supplier_agent.printing.papers import card
from supplier_agent.web.lists import hand_over, may_go, pick_list
from supplier_agent.web.order_view import Judged
from supplier_agent.web.request import Visit
from tests.scan.shelf import order_of, put
from tests.web.visits import visit_of
from tests.world.clocks import NOW


@pytest.fixture
def visit(store: Store) -> Visit:
    """Return a packer who looks at the lists."""
    return visit_of(store, NOW)


def names(orders: Iterable[Judged]) -> list[str]:
    return [each.order.menzzo_order_id for each in orders]


def test_only_what_may_go_is_listed(store: Store, visit: Visit) -> None:
    put(
        store,
        order_of("1_1"),
        order_of("2_2", shipped=1),
        order_of("3_3", held_reason="x"),
        order_of("4_4", closed_reason="x"),
        order_of("5_5", vanished_at=NOW),
        order_of("6_6", label_path=None),
        order_of("7_7", acknowledged_at=None),
        order_of("8_8", ship_confirmed_at=NOW),
        order_of("9_9", supplier="asir-group"),
        order_of("10_10", fault="internal error"),
        order_of("11_11", vanished_at=NOW, override_by="Lea", override_covers="vanished"),
    )
    with store.read() as tx:
        assert names(may_go(tx, visit)) == ["1_1", "9_9", "11_11"]
        assert names(may_go(tx, visit, "asir-group")) == ["9_9"]


def test_the_oldest_come_first_and_the_lines_of_one_customer_stay_together(store: Store, visit: Visit) -> None:
    put(
        store,
        order_of("20_1", order_date=date(2026, 11, 20)),
        order_of("10_2", order_date=date(2026, 11, 19)),
        order_of("30_3", order_date=date(2026, 11, 21)),
        order_of("20_4", order_date=date(2026, 11, 20)),
        order_of("30_5", order_date=date(2026, 11, 18)),
        order_of("40_6", order_date=None, first_seen_at=NOW - timedelta(days=30)),
    )
    with store.read() as tx:
        assert names(may_go(tx, visit)) == ["40_6", "30_3", "30_5", "10_2", "20_1", "20_4"]


@pytest.mark.parametrize("supplier", [None, "notio"])
def test_listing_what_may_go_reads_the_open_orders_alone(store: Store, visit: Visit, supplier: str | None) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    with store.read() as tx:
        event.listen(tx.get_bind(), "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        may_go(tx, visit, supplier)
        hand_over(tx, visit, NOW, NOW + timedelta(days=1), supplier)
        plans = [
            str(tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all())
            for statement, values in list(asked)
        ]
    assert re.search("INDEX orders_(open|by_sku|listed)", plans[0]), plans  # both hold open orders alone
    assert "INDEX orders_by_shipped_at" in plans[1], plans


def test_the_pick_list_adds_up_each_product(store: Store, visit: Visit) -> None:
    put(
        store,
        order_of("1_1", sku="SOFA", quantity=1),
        order_of("2_2", sku="CHAIR", quantity=4),
        order_of("3_3", sku="SOFA", quantity=2),
        order_of("4_4", sku=None, quantity=None),
        order_of("5_5", sku="SOFA", quantity=None),
    )
    with store.read() as tx:
        assert [(pick.sku, pick.quantity, names(pick.orders)) for pick in pick_list(tx, visit)] == [
            ("CHAIR", 4, ["2_2"]),
            ("SOFA", 3, ["1_1", "3_3", "5_5"]),
            (None, None, ["4_4"]),
        ]


def test_the_hand_over_list_has_what_left_that_day_for_each_carrier(store: Store, visit: Visit) -> None:
    noon = NOW.replace(hour=12)
    rows = put(
        store,
        order_of("1_1", shipped=1, shipped_at=noon, carrier="GEODIS"),
        order_of("2_2", shipped=1, shipped_at=noon + timedelta(minutes=5), carrier="CHRONOPOST"),
        order_of("3_3", shipped=1, shipped_at=noon - timedelta(minutes=5), carrier="GEODIS", ship_confirmed_at=NOW),
        order_of("4_4", shipped=1, shipped_at=noon - timedelta(days=1), carrier="GEODIS"),
        order_of("5_5", shipped=1, shipped_at=noon, carrier=None),
        order_of("6_6"),
        order_of("7_7", shipped=1, shipped_at=noon + timedelta(hours=12)),
        order_of("8_8", shipped=1, shipped_at=noon, held_reason="glass broken"),
        order_of("9_9", shipped=1, shipped_at=noon, vanished_at=NOW),
    )
    with store.write() as tx:
        for code in ("1_1", "XY123456789FR", "sha256:00"):
            tx.add(Barcode(order_id=rows[0], code=code, label_sha256="0" * 64))
        tx.add(Barcode(order_id=rows[0], code="OLD", label_sha256="1" * 64))
    day = noon.replace(hour=0)
    with store.read() as tx:
        lists, stay = hand_over(tx, visit, day, day + timedelta(days=1))
        assert [(each.carrier, names(parcel.each for parcel in each.parcels)) for each in lists] == [
            ("CHRONOPOST", ["2_2"]),
            ("GEODIS", ["3_3", "1_1"]),
            (None, ["5_5"]),
        ]
        assert [parcel.codes for parcel in lists[1].parcels] == [(), ("XY123456789FR",)]
        assert names(stay) == ["8_8", "9_9"]
        assert hand_over(tx, visit, day, day + timedelta(days=1), "asir-group") == ((), [])


def painted(svg: str) -> bytes:
    """Return one row of the picture, a byte for a dot."""
    width = int(re.findall(r'width="([0-9]+)"', svg)[0])
    row = bytearray(b"\xff" * width)
    for x, bar in re.findall(r"M([0-9]+) 0h([0-9]+)v", svg):
        row[int(x) : int(x) + int(bar)] = bytes(int(bar))
    return bytes(row)


def test_the_card_has_a_code_that_can_be_scanned_for_every_command() -> None:
    codes = card()
    assert [code.command for code in codes] == list(Command)
    for code in codes:
        row = painted(code.svg)
        (found,) = zxingcpp.read_barcodes(memoryview(row * 60).cast("B", shape=[60, len(row)]))
        assert found.text == code.command.value
        for layout in ("fr", "tr"):
            assert read(as_typed(found.text, layout)).command is code.command


def test_the_codes_of_the_card_may_stand_side_by_side_in_a_page() -> None:
    for code in card():
        assert code.svg.startswith("<svg viewBox=")
        assert not re.search(r"<\?|<!|\bid=|script|style|href", code.svg)
