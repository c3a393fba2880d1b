"""What is to be fetched, what may go, what the driver signs for, and the card of commands."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
import zxingcpp
from sqlalchemy import event

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Barcode, Event, Print
from supplier_agent.labels.typed import Command, as_typed, read
from supplier_agent.printing.papers import card
from supplier_agent.web.lists import Search, around, to_ship
from supplier_agent.web.order_view import Judged
from supplier_agent.web.request import Visit
from supplier_agent.web.sheets import batch, hand_over, may_go, pick_list
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
        assert names(may_go(tx, visit, Search())) == ["9_9", "1_1", "11_11"]
        assert names(may_go(tx, visit, Search(supplier="asir-group"))) == ["9_9"]


def test_the_oldest_come_first_as_on_the_screen(store: Store, visit: Visit) -> None:
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
        assert names(may_go(tx, visit, Search())) == ["40_6", "30_5", "10_2", "20_1", "20_4", "30_3"]


@pytest.mark.parametrize("supplier", [None, "notio"])
def test_listing_what_may_go_reads_the_open_orders_alone(store: Store, visit: Visit, supplier: str | None) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    with store.read() as tx:
        event.listen(tx.get_bind(), "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        may_go(tx, visit, Search(supplier=supplier or ""))
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
        assert [(pick.sku, pick.quantity, names(pick.orders)) for pick in pick_list(tx, visit, Search())] == [
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
        assert [(each.senders, each.pieces) for each in lists] == [(["notio"], 1), (["notio"], 2), (["notio"], 1)]
        assert hand_over(tx, visit, day, day + timedelta(days=1), "asir-group") == ((), [])


def test_the_header_counts_what_the_hand_over_list_of_today_has(store: Store, visit: Visit) -> None:
    today: dict[str, Any] = {"shipped": 1, "shipped_at": NOW}
    put(
        store,
        order_of("1_1", **today),
        order_of("2_2", **today, ship_confirmed_at=NOW),
        order_of("3_3", **today, held_reason="glass broken"),
        order_of("4_4", **today, held_reason="too late", ship_confirmed_at=NOW),
        order_of("5_5", **today, vanished_at=NOW),
        order_of("6_6", **today, vanished_at=NOW, override_by="Lea", override_covers="vanished"),
        order_of("7_7", **today, closed_reason="by hand"),
        order_of("8_8", **today, fault="internal error"),
        order_of("9_9", shipped=1, shipped_at=NOW - timedelta(days=1)),
        order_of("10_10"),
    )
    with store.read() as tx:
        lists, _stay = hand_over(tx, visit, visit.midnight(), NOW + timedelta(seconds=1))
        assert sorted(names(parcel.each for parcel in lists[0].parcels)) == ["1_1", "2_2", "4_4", "6_6"]
        assert around(tx, visit).handed_over == 4


def test_labels_and_pick_list_have_the_same_order(store: Store, visit: Visit) -> None:
    rows = put(
        store,
        order_of("1_1", sku="SOFA", order_date=date(2026, 11, 20)),
        order_of("2_2", sku="CHAIR", order_date=date(2026, 11, 21)),
        order_of("3_3", sku="SOFA", order_date=date(2026, 11, 18)),
        order_of("4_4", sku=None),
        order_of("5_5", sku="CHAIR", order_date=date(2026, 11, 19)),
        order_of("6_6", sku="BED"),
    )
    with store.read() as tx:
        for ticked, first in ((None, ["6_6"]), (list(reversed(rows[:5])), [])):
            picks = pick_list(tx, visit, Search(), ticked)
            picked = [name for pick in picks for name in names(pick.orders)]
            assert picked == [*first, "5_5", "2_2", "3_3", "1_1", "4_4"]
            assert names(batch(tx, visit, Search(), ticked).orders) == picked


def test_what_must_not_be_printed_in_a_batch_is_left_out_by_reason_ticked_or_not(store: Store, visit: Visit) -> None:
    rows = put(
        store,
        order_of("1_1"),
        order_of("2_2", held_reason="x"),
        order_of("3_3", vanished_at=NOW),
        order_of("4_4", quantity=2),
        order_of("5_5", closed_reason="x"),
        order_of("6_6", shipped=1, shipped_at=NOW),
        order_of("7_7", ship_confirmed_at=NOW),
        order_of("8_8", label_path=None),
        order_of("9_9", fault="internal error"),
    )
    with store.write() as tx:
        about: dict[str, Any] = {"printed_at": NOW, "who": "Anna", "printer": "browser"}
        tx.add(Print(order_id=rows[3], quantity=1, **about))
    with store.read() as tx:
        ticked = batch(tx, visit, Search(), rows)
        every = batch(tx, visit, Search(), None)
    assert names(ticked.orders) == names(every.orders) == ["1_1"]
    assert (ticked.total, every.total) == (1, 1)
    assert ticked.left_out == {
        "left_out_stopped": ["2_2", "3_3", "5_5", "9_9"],
        "left_out_changed": ["4_4"],
        "left_out_over": ["6_6", "7_7", "8_8"],
    }
    assert every.left_out == {"left_out_stopped": ["2_2", "3_3", "9_9"], "left_out_changed": ["4_4"]}


def test_of_too_many_labels_the_oldest_are_printed_and_then_the_next(store: Store, visit: Visit) -> None:
    rows = put(store, *(order_of(f"{n}_{n}", order_date=date(2026, 11, 20 - n), sku=f"SKU-{n}") for n in range(5)))
    with store.read() as tx:
        first = batch(tx, visit, Search(unprinted=True), None, most=2)
    assert (names(first.orders), first.total) == (["3_3", "4_4"], 5)
    with store.write() as tx:
        for row in (rows[3], rows[4]):
            tx.add(Print(order_id=row, printed_at=NOW, who="Anna", printer="browser"))
    with store.read() as tx:
        next_ = batch(tx, visit, Search(unprinted=True), None, most=2)
        assert [each.printed for each in to_ship(tx, visit, Search(), 1).lines] == [1, 1, 0, 0, 0]
    assert (names(next_.orders), next_.total) == (["1_1", "2_2"], 3)


@pytest.mark.parametrize("text", ["1_1", "XY123", "xy123", "SOFA-RED", "dpd", "1"])
def test_the_search_finds_what_is_no_longer_to_ship(store: Store, visit: Visit, text: str) -> None:
    over = {"shipped": 1, "shipped_at": NOW, "ship_confirmed_at": NOW}
    rows = put(
        store,
        order_of("1_1", **over, sku="SOFA-RED", carrier="DPD"),
        order_of("2_2", **over, sku="BED", carrier="GLS"),
        order_of("3_3"),
    )
    with store.write() as tx:
        tx.add(Barcode(order_id=rows[0], code="XY123", label_sha256="0" * 64))
        tx.add(Barcode(order_id=rows[2], code="ZZ999", label_sha256="0" * 64))
    with store.read() as tx:
        found = to_ship(tx, visit, Search(text), 1)
        assert ([each.id for each in found.lines], [(each.id, each.stage) for each in found.over]) == (
            [],
            [("1_1", "shipped")],
        )
        assert [each.id for each in to_ship(tx, visit, Search("ZZ999"), 1).lines] == ["3_3"]
        assert to_ship(tx, visit, Search(text, carrier="GEODIS"), 1).over == []


def test_a_search_reads_no_more_than_the_open_orders_and_the_newest_marks(store: Store, visit: Visit) -> None:
    put(store, order_of("1_1"))
    asked: list[tuple[str, tuple[object, ...]]] = []
    with store.read() as tx:
        event.listen(tx.get_bind(), "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        to_ship(tx, visit, Search("chair oslo"), 1)
        plans = [
            str(tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all())
            for statement, values in list(asked)
        ]
    whole = [plan for plan in plans if re.search(r"SCAN orders(?! USING (COVERING )?INDEX)", plan)]
    assert whole == []
    assert any("orders_by_shipped_at" in plan and "USING INTEGER PRIMARY KEY" in plan for plan in plans)


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


def test_what_did_not_leave_is_neither_on_the_hand_over_list_nor_counted_until_it_is_settled(
    store: Store, visit: Visit
) -> None:
    today: dict[str, Any] = {"shipped": 1, "shipped_at": NOW}
    rows = put(
        store,
        order_of("1_1", **today, ship_confirmed_at=NOW),
        order_of("2_2", **today),
        order_of("3_3", **today, ship_confirmed_at=NOW),
        order_of("4_4", **today),
    )
    told = [
        (rows[0], "problem reported", "not_left: no room"), (rows[0], "problem reported", "damaged"),
        (rows[1], "problem settled", None), (rows[1], "problem reported", "not_left"),
        (rows[2], "problem reported", "not_left: no room"), (rows[2], "problem settled", None),
        (rows[3], "problem reported", "damaged: not_left"),
    ]  # fmt: skip
    with store.write() as tx:
        for row, what, detail in told:
            tx.add(Event(order_id=row, at=NOW, who="Anna", what=what, detail=detail))
            tx.flush()
    with store.read() as tx:
        lists, stay = hand_over(tx, visit, visit.midnight(), NOW + timedelta(seconds=1))
        assert sorted(names(parcel.each for parcel in lists[0].parcels)) == ["3_3", "4_4"]
        assert names(stay) == ["1_1", "2_2"]
        assert around(tx, visit).handed_over == 2
