"""Furniture in several boxes: how many parcels an order has, and that it is marked when each of them was scanned."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from supplier_agent import actions
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Barcode, Event, Order
from supplier_agent.db.warehouse import Article, Parcel
from supplier_agent.labels import parcels
from supplier_agent.labels.barcodes import Content, keep
from supplier_agent.labels.parcels import Count
from supplier_agent.labels.progress import Parcels, Source, expected
from tests.scan.shelf import SUPPLIER, order_of, put
from tests.world.clocks import NOW

SHA = "0" * 64
THREE_PAGES = Content(3, [("P1", 1), ("R1", 1), ("P2", 2), ("P3", 3), ("15000012345_789", None)])


def labelled(store: Store, found: Content, **facts: Any) -> int:  # noqa: ANN401 - any column
    """Store an order whose label was read; return its row id."""
    (row,) = put(store, order_of(**facts))
    with store.write() as tx:
        assert keep(tx, row, SHA, found)
    return row


def scan(store: Store, row: int, code: str) -> tuple[Count, int, int]:
    with store.write() as tx:
        count, now = parcels.scanned(tx, row, code, NOW, "Anna", "Bench 1")
    return count, now.done, now.total


def of(store: Store, row: int) -> Parcels:
    with store.read() as tx:
        return parcels.of_orders(tx, [row])[row]


def article(store: Store, cartons: int | None, sku: str = "SOFA-3P", supplier: str = SUPPLIER) -> None:
    with store.write() as tx:
        tx.add(Article(supplier=supplier, sku=sku, name="Sofa Oslo", bin="A-12", cartons=cartons, imported_at=NOW))


@pytest.mark.parametrize(
    ("known", "number"),
    [
        ((None, None, 2, 0, None), (1, Source.PAGES)),  # the label was not read yet
        ((None, None, 2, 0, 0), (1, Source.PAGES)),  # it cannot be read
        ((None, None, 2, 1, 1), (1, Source.CODES)),
        ((None, None, 1, 0, 3), (3, Source.PAGES)),  # no code, or the same on each page
        ((None, None, 1, 2, 3), (2, Source.CODES)),  # the third page has instructions
        ((None, None, 1, 20, 24), (24, Source.PAGES)),  # the last four pages were not searched
        ((None, 2, 3, 3, 3), (6, Source.ARTICLES)),
        ((None, 2, None, 3, 3), (3, Source.CODES)),  # the quantity cannot be read
        ((2, 2, 3, 3, 3), (2, Source.PERSON)),
    ],
)
def test_the_number_is_from_the_first_that_tells(
    known: tuple[int | None, int | None, int | None, int, int | None], number: tuple[int, Source]
) -> None:
    assert expected(*known) == number


COUNTS = st.none() | st.integers(0, 30)


@given(COUNTS, COUNTS, COUNTS, st.integers(0, 20), COUNTS)
def test_there_is_always_a_parcel(
    confirmed: int | None, cartons: int | None, quantity: int | None, own: int, pages: int | None
) -> None:
    assert expected(confirmed, cartons, quantity, own, pages)[0] >= 1


def test_each_page_with_a_code_of_its_own_is_a_parcel(store: Store) -> None:
    row = labelled(store, THREE_PAGES)
    assert (of(store, row).total, of(store, row).done) == (3, 0)
    assert scan(store, row, "P2") == (Count.NEW, 1, 3)
    assert scan(store, row, "P1") == (Count.NEW, 2, 3)
    assert scan(store, row, "P3") == (Count.NEW, 3, 3)
    assert of(store, row).is_complete


def test_two_scans_of_one_parcel_are_one(store: Store) -> None:
    row = labelled(store, THREE_PAGES)
    assert scan(store, row, "P1") == (Count.NEW, 1, 3)
    assert scan(store, row, "P1") == (Count.AGAIN, 1, 3)
    assert scan(store, row, "R1") == (Count.AGAIN, 1, 3)  # another code of the same label


@pytest.mark.parametrize("code", ["15000012345_789", "of another label", ""])
def test_a_code_that_names_no_parcel_counts_for_none(store: Store, code: str) -> None:
    row = labelled(store, THREE_PAGES)
    assert scan(store, row, code) == (Count.NONE, 0, 3)


def test_a_label_with_the_same_codes_on_each_page_has_a_parcel_for_each_page(store: Store) -> None:
    row = labelled(store, Content(2, [("SAME", None)]))
    assert (of(store, row).total, scan(store, row, "SAME")) == (2, (Count.NONE, 0, 2))


def test_a_page_without_a_code_of_its_own_is_no_parcel(store: Store) -> None:
    assert of(store, labelled(store, Content(2, [("P1", 1), ("R1", 1)]))) == Parcels(1, Source.CODES, pages=2)


def test_the_articles_file_beats_the_label(store: Store) -> None:
    article(store, cartons=2)
    row = labelled(store, THREE_PAGES, quantity=2)
    assert of(store, row) == Parcels(4, Source.ARTICLES, name="Sofa Oslo", bin="A-12", pages=3)
    other = labelled(store, THREE_PAGES, menzzo_order_id="1_1", supplier="asir-group")
    assert of(store, other) == Parcels(3, Source.CODES, pages=3)  # the file of another supplier


def test_an_article_without_cartons_leaves_the_number_to_the_label(store: Store) -> None:
    article(store, cartons=None)
    assert of(store, labelled(store, THREE_PAGES)) == Parcels(3, Source.CODES, name="Sofa Oslo", bin="A-12", pages=3)


def test_what_was_scanned_of_an_old_label_does_not_count(store: Store) -> None:
    row = labelled(store, THREE_PAGES)
    scan(store, row, "P1")
    with store.write() as tx:
        tx.get_one(Order, row).label_sha256 = "1" * 64
    assert of(store, row) == Parcels(3, Source.CODES, pages=3), (
        "the new one was not read yet: nothing says that it is less"
    )
    with store.write() as tx:
        keep(tx, row, "1" * 64, Content(2, [("N1", 1), ("N2", 2)]))
    assert of(store, row) == Parcels(2, Source.CODES, pages=2)


def test_a_newer_label_that_cannot_be_read_does_not_make_one_parcel_of_three(store: Store) -> None:
    row = labelled(store, THREE_PAGES)
    with store.write() as tx:
        tx.get_one(Order, row).label_sha256 = "1" * 64
        tx.flush()
        assert keep(tx, row, "1" * 64, Content())
    assert of(store, row) == Parcels(3, Source.PAGES, pages=3)
    (never,) = put(store, order_of("2_2"))
    with store.write() as tx:
        assert keep(tx, never, SHA, Content())
    assert of(store, never) == Parcels(1, Source.PAGES)


def test_a_person_may_confirm_fewer_and_that_is_recorded(store: Store) -> None:
    row = labelled(store, THREE_PAGES)
    scan(store, row, "P1")
    with store.write() as tx:
        assert parcels.confirm(tx, row, 2, NOW, "Anna", "Bench 1").is_complete
    assert (of(store, row).total, of(store, row).is_complete) == (2, True)
    with store.read() as tx:
        told = [(each.who, each.station, each.what, each.detail) for each in tx.exec(select(Event))]
    assert told == [("Anna", "Bench 1", "parcel scanned", "1/3"), ("Anna", "Bench 1", "parcels confirmed", "2/3")]


@pytest.mark.parametrize("how", ["unship", "sql"])
def test_an_undo_of_the_mark_forgets_the_scans_and_keeps_the_record(store: Store, how: str) -> None:
    row = labelled(store, THREE_PAGES)
    scan(store, row, "P1")
    with store.write() as tx:
        parcels.confirm(tx, row, 2, NOW, "Anna", "Bench 1")
        order = tx.get_one(Order, row)
        actions.ship(tx, order, NOW, "Anna")
        if how == "unship":
            actions.unship(tx, order, NOW, "Anna")
        else:
            tx.connection().exec_driver_sql("UPDATE orders SET shipped = 0 WHERE id = ?", (row,))
    assert of(store, row) == Parcels(3, Source.CODES, pages=3)
    with store.read() as tx:
        (scanned,) = tx.exec(select(Parcel))
    assert (scanned.code, scanned.undone_at is not None) == ("P1", True)
    assert scan(store, row, "P1") == (Count.NEW, 1, 3)


def test_a_number_that_cannot_be_read_is_not_believed(store: Store) -> None:
    article(store, cartons=2)
    row = labelled(store, THREE_PAGES)
    with store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE articles SET cartons = 'two'")
    assert of(store, row).source is Source.CODES


CODES = st.dictionaries(st.sampled_from("ABCDEF"), st.none() | st.integers(1, 4), max_size=6)


@given(CODES, st.lists(st.sampled_from("ABCDEFX"), max_size=12))
def test_no_order_of_scans_makes_two_parcels_of_one(codes: Mapping[str, int | None], scans: list[str]) -> None:
    """By the pure rule alone: what is done is never more than the pages with a code of their own that were scanned."""
    total, source = expected(None, None, 1, len({page for page in codes.values() if page}), 4)
    found = Parcels(total, source)
    for code in scans:
        found = found.plus(codes.get(code))
    assert found.done == min(total, len({codes[code] for code in scans if codes.get(code)}))


def test_orders_are_loaded_together(store: Store) -> None:
    rows = put(store, *(order_of(f"{number}_{number}", order_date=date(2026, 11, 20)) for number in range(1, 600)))
    with store.write() as tx:
        tx.add(Barcode(order_id=rows[-1], code="P1", label_sha256=SHA, page=1))
        tx.add(Barcode(order_id=rows[-1], code="P2", label_sha256=SHA, page=2))
    with store.read() as tx:
        found = parcels.of_orders(tx, [*rows, 10**6])
    assert (list(found), found[rows[-1]].total, found[rows[0]].total) == (rows, 2, 1)
