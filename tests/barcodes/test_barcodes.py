"""The codes on a label lead to its order soon after the label was stored; whatever a label is, the agent goes on."""

import hashlib
import sys
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from supplier_agent.base.log import Log
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Barcode, Order
from supplier_agent.labels import barcodes, parcels
from supplier_agent.labels.barcodes import Content, LabelCodes, keep, unread
from supplier_agent.labels.pdf import PdfWork
from supplier_agent.labels.typed import read
from tests.barcodes.drawing import Code, Page, pdf
from tests.scan.shelf import order_of, put, unjudged
from tests.world.clocks import NOW, until

Said = list[tuple[str, dict[str, object]]]


@pytest.fixture
def said() -> Said:
    """Return what was logged."""
    return []


@pytest.fixture
def reader(tmp_path: Path, work: PdfWork, said: Said) -> LabelCodes:
    """Return a reader of labels that was not started."""
    return LabelCodes(tmp_path, work, Log(None, lambda event, facts: said.append((event, facts))))


def label(folder: Path, number: int, content: bytes, **facts: object) -> Order:
    """Store a label; return its order."""
    order = order_of(f"{number}_{number}", label_sha256=hashlib.sha256(content).hexdigest(), **facts)
    path = folder / str(order.label_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return order


def parcel(*codes: str) -> bytes:
    return pdf(*(Page([Code(code)]) for code in codes))


def never() -> bool:
    return False


def codes(store: Store, order: int) -> list[str]:
    """Return the codes on the present label of an order, as they are kept."""
    query = select(Barcode.code).join(Order).where(Barcode.order_id == order)
    with store.read() as tx:
        return list(tx.exec(query.where(Barcode.label_sha256 == Order.label_sha256).order_by(col(Barcode.id))))


def test_each_new_label_is_read_once(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    rows = put(store, *(label(tmp_path, number, parcel(f"XY00000{number:04}FR")) for number in range(1, 24)))
    assert reader.catch_up(never) == 23
    assert [codes(store, row) for row in rows] == [[f"XY00000{number:04}FR"] for number in range(1, 24)]
    assert reader.catch_up(never) == 0
    with store.read() as tx:
        assert [
            tx.get_one(Order, match.order).menzzo_order_id
            for match in barcodes.find(tx, read("XY000000007FR"), unjudged).matches
        ] == ["7_7"]


def test_the_parcels_on_a_label_are_counted(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    content = pdf(
        *(Page([Code(code), Code("1_1_ORDER", y_mm=80)]) for code in ("XY000000001FR", "XY000000002FR")), Page()
    )
    three, broken = put(store, label(tmp_path, 1, content), label(tmp_path, 2, b"%PDF-1.4 broken"))
    reader.catch_up(never)
    with store.read() as tx:
        assert {row: tx.get_one(Order, row).label_pages for row in (three, broken)} == {three: 3, broken: 0}
        assert {row: each.total for row, each in parcels.of_orders(tx, [three, broken]).items()} == {
            three: 2,
            broken: 1,
        }


def test_a_label_that_was_read_before_pages_were_counted_is_read_again(
    tmp_path: Path, store: Store, reader: LabelCodes
) -> None:
    order = label(tmp_path, 1, parcel("XY000000001FR", "XY000000002FR"))
    order.label_read_sha256 = order.label_sha256
    (row,) = put(store, order)
    assert reader.catch_up(never) == 1
    assert codes(store, row) == ["XY000000001FR", "XY000000002FR"]


def test_a_label_that_was_replaced_is_read_anew_and_its_old_codes_go(
    tmp_path: Path, store: Store, reader: LabelCodes
) -> None:
    (row,) = put(store, label(tmp_path, 1, parcel("XY000000001FR", "ROUTE-77")))
    reader.catch_up(never)
    newer = label(tmp_path, 1, parcel("ROUTE-77", "XY000000002FR"))
    with store.write() as tx:
        tx.get_one(Order, row).label_sha256 = newer.label_sha256
    assert reader.catch_up(never) == 1
    assert codes(store, row) == ["ROUTE-77", "XY000000002FR"]
    with store.read() as tx:
        assert len(tx.exec(select(Barcode)).all()) == 2


def test_a_label_that_changes_while_it_is_read_is_read_again(tmp_path: Path, store: Store) -> None:
    (row,) = put(store, label(tmp_path, 1, parcel("XY000000001FR")))
    with store.write() as tx:
        assert not keep(tx, row, "another", Content(1, [("XY000000009FR", 1)]))
        assert [each.order for each in unread(tx)] == [row]


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 broken", parcel()], ids=["empty", "broken", "blank"])
def test_a_label_without_a_readable_code_is_looked_at_once(
    tmp_path: Path, store: Store, reader: LabelCodes, content: bytes
) -> None:
    (row, other) = put(store, label(tmp_path, 1, content), label(tmp_path, 2, parcel("XY000000002FR")))
    assert reader.catch_up(never) == 2
    assert (codes(store, row), codes(store, other)) == ([], ["XY000000002FR"])
    assert reader.catch_up(never) == 0


def test_a_file_that_is_gone_or_is_not_what_was_stored_is_passed_over_until_it_changes(
    tmp_path: Path, store: Store, reader: LabelCodes
) -> None:
    gone, altered = label(tmp_path, 1, parcel("XY000000001FR")), label(tmp_path, 2, parcel("XY000000002FR"))
    (tmp_path / str(gone.label_path)).unlink()
    (tmp_path / str(altered.label_path)).write_bytes(parcel("XY000000666FR"))
    rows = put(store, gone, altered)
    assert reader.catch_up(never) == 0
    assert [codes(store, row) for row in rows] == [[], []]
    restored = tmp_path / str(gone.label_path)
    restored.write_bytes(parcel("XY000000001FR"))
    assert reader.catch_up(never) == 1


def test_what_is_shipped_or_closed_is_left_alone(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    put(store, label(tmp_path, 1, parcel(), ship_confirmed_at=NOW), label(tmp_path, 2, parcel(), closed_reason="x"))
    assert reader.catch_up(never) == 0


def test_it_stops_between_two_labels_and_keeps_what_it_has(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    put(store, *(label(tmp_path, number, parcel(f"XY00000{number:04}FR")) for number in range(1, 6)))
    answers = iter([False, False, True, True])
    assert reader.catch_up(lambda: next(answers)) == 2


def test_a_database_that_was_moved_away_is_said_once_and_looked_for_again(
    tmp_path: Path, store: Store, reader: LabelCodes, said: Said
) -> None:
    put(store, label(tmp_path, 1, parcel("XY000000001FR")), label(tmp_path, 2, parcel("XY000000002FR")))
    answers = iter([False, True])
    assert reader.catch_up(lambda: next(answers, True)) == 1
    (tmp_path / "agent.db").rename(tmp_path / "elsewhere.db")
    assert [reader.catch_up(never) for _ in range(2)] == [0, 0]
    (tmp_path / "elsewhere.db").rename(tmp_path / "agent.db")
    assert [event for event, _ in said] == ["problem.found", "problem.found"]
    assert reader.catch_up(never) == 1
    assert [event for event, _ in said] == ["problem.found", "problem.found", "problem.solved"]


def test_without_a_database_nothing_is_read_and_nothing_raised(reader: LabelCodes, said: Said) -> None:
    assert reader.catch_up(never) == 0
    assert said


def test_a_program_that_does_not_start_takes_no_label_for_read(
    tmp_path: Path, store: Store, reader: LabelCodes, work: PdfWork, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.rest()
    put(store, label(tmp_path, 1, parcel("XY000000001FR")))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert reader.catch_up(never) == 0
    assert "does not start" in str(said[0][1]["detail"])
    monkeypatch.undo()
    assert reader.catch_up(never) == 1


def test_it_goes_on_by_itself_until_it_is_closed(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    reader.start()
    (row,) = put(store, label(tmp_path, 1, parcel("XY000000001FR")))
    until(lambda: codes(store, row) == ["XY000000001FR"])
    reader.close()
    put(store, label(tmp_path, 2, parcel("XY000000002FR")))
    with store.read() as tx:
        assert len(unread(tx)) == 1


def test_looking_for_new_labels_reads_an_index_that_is_nearly_always_empty(store: Store) -> None:
    asked: list[str] = []
    with store.read() as tx:
        event.listen(tx.get_bind(), "before_cursor_execute", lambda *given: asked.append(given[2]))
        assert unread(tx) == []
        plan = tx.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[-1]}", ("", 20, 0)).all()
    assert [row[3].partition(" (")[0] for row in plan] == ["SEARCH orders USING INDEX orders_label_unread"]


def test_labels_are_read_a_few_at_a_time(store: Store) -> None:
    put(store, *(order_of(f"{n}_{n}", label_sha256=f"{n:064}") for n in range(1, 31)))
    with store.read() as tx:
        first = unread(tx)
        assert [each.menzzo_order_id for each in first] == [f"{n}_{n}" for n in range(1, 21)]
        assert [each.menzzo_order_id for each in unread(tx, after=first[-1].sha256)] == [
            f"{n}_{n}" for n in range(21, 31)
        ]
