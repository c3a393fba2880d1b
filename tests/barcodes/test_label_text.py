"""What the text of a label says about its order, whatever the label is; of the customer on it, nothing is kept."""

import hashlib
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select, update

from supplier_agent.base.log import Log
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Order
from supplier_agent.db.warehouse import LabelFacts
from supplier_agent.labels.barcodes import LabelCodes
from supplier_agent.labels.pdf import Done, PdfWork
from supplier_agent.labels.text import compare, fits, names
from tests.barcodes.drawing import Code, Page, pdf
from tests.barcodes.test_pdfwork import BIG_STREAM, HOSTILE, page_of
from tests.scan.shelf import order_of, put

ID = "15000012345_789"
CUSTOMER = ("Madame Brigitte Lévêque", "17 rue des Acacias", "69003 Lyon", "+33 6 12 34 56 78")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ref: 15000012345_789.", ID),
        ("1500 0012 345-789", ID),
        ("15000012345789", ID),
        ("ref. 15000012345_\r\n789", ID),
        ("(ab-12_x)", "AB12_X"),
        ("GÉODIS France", "Geodis"),
        (unicodedata.normalize("NFD", "Géodis"), "GÉODIS"),
        ("DBSCHENKER", "DB Schenker"),
        ("www.gls-group.eu", "GLS"),
    ],
)
def test_a_name_is_found_in_any_spelling(text: str, name: str) -> None:
    assert names(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", ID),
        ("15000012345_788", ID),
        ("115000012345_789", ID),
        ("15000012345_7890", ID),
        ("15000012345 and far away 789", ID),
        ("groups", "UPS"),
        ("anything", ""),
        ("anything", "_-"),
    ],
)
def test_a_part_of_a_word_is_no_name(text: str, name: str) -> None:
    assert not names(text, name)


def test_pages_fit_if_each_piece_has_the_same_number_of_them() -> None:
    assert [fits(pages, 2) for pages in (1, 2, 3, 4)] == [False, True, False, True]
    assert [fits(pages, 1) for pages in (1, 3)] == [None, None], "a piece may come in any number of boxes"
    assert [fits(0, 2), fits(2, None)] == [None, None]


@pytest.mark.parametrize(
    "text", ["1 " * 10_000, "1" * 20_000, "a" * 20_000, "1" + " " * 20_000, "﷽" * 20_000, "1_" * 10_000]
)
def test_no_text_takes_long(store: Store, text: str) -> None:
    (row,) = put(store, order_of(ID))
    with store.read() as tx:
        began = time.monotonic()
        compare(within(tx), tx.get_one(Order, row), "0" * 64, text, 1)
        assert time.monotonic() - began < 2


# -- labels in files ---------------------------------------------------------------------------------------------------

Said = list[tuple[str, dict[str, object]]]


@pytest.fixture
def said() -> Said:
    return []


@pytest.fixture
def reader(tmp_path: Path, work: PdfWork, said: Said) -> Iterator[LabelCodes]:
    reader = LabelCodes(tmp_path, work, Log(None, lambda event, facts: said.append((event, facts))))
    yield reader
    reader.close()


def label(*lines: str, pages: int = 1, codes: Sequence[Code] = ()) -> bytes:
    return pdf(*[Page(codes, text=(*CUSTOMER, *lines))] * pages)


def stored(folder: Path, content: bytes, menzzo_order_id: str = ID, **facts: Any) -> Order:  # noqa: ANN401 - any column
    order = order_of(menzzo_order_id, label_sha256=hashlib.sha256(content).hexdigest(), **facts)
    path = folder / str(order.label_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return order


def read(store: Store, reader: LabelCodes, order: Order) -> LabelFacts:
    (row,) = put(store, order)
    assert reader.catch_up(lambda: False)
    return facts_of(store, row)


def facts_of(store: Store, row: int) -> LabelFacts:
    with store.read() as tx:
        return tx.exec(select(LabelFacts).where(LabelFacts.order_id == row)).one()


def found(facts: LabelFacts) -> tuple[int | None, ...]:
    return facts.names_order, facts.names_increment, facts.names_part, facts.names_carrier, facts.fits_quantity


def test_a_label_that_fits_says_so(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    content = label("GEODIS", f"Ref {ID}", pages=4)
    facts = read(store, reader, stored(tmp_path, content, quantity=2))
    assert found(facts) == (1, 1, 1, 1, 1)
    assert (facts.supplier, facts.carrier) == ("notio", "GEODIS")
    assert (facts.label_sha256, facts.seen_order, facts.seen_carrier) == (
        hashlib.sha256(content).hexdigest(),
        None,
        None,
    )


def test_a_label_may_name_the_customers_order_alone(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    facts = read(store, reader, stored(tmp_path, label("Geodis 15000012345"), quantity=2, carrier=None))
    assert found(facts) == (0, 1, 0, None, 0)
    assert facts.seen_order is None


def test_another_order_and_another_carrier_are_named(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    put(
        store,
        order_of("15000012377_801"),
        order_of("15000012345_790"),
        order_of("15000012399_9", supplier="asir-group"),
    )
    read(store, reader, stored(tmp_path, label("DPD"), "15000012301_1", carrier="DPD Predict"))
    assert read(store, reader, stored(tmp_path, label("dpd predict 15000012377-801"))).seen_order == "15000012377_801"
    facts = read(store, reader, stored(tmp_path, label("DPD PREDICT", "15000012377_9"), "15000012303_3"))
    assert (facts.seen_order, facts.seen_carrier) == ("15000012377", "DPD Predict")
    facts = read(store, reader, stored(tmp_path, label("15000012345_790"), "15000012345_791"))
    assert (facts.names_increment, facts.seen_order) == (1, "15000012345_790"), "another line of the same customer"
    assert read(store, reader, stored(tmp_path, label("15000012399_9"), "15000012304_4")).seen_order is None


NO_TEXT = {
    "blank": pdf(Page()),
    "a picture": pdf(Page([Code("XY123456789FR")])),
    "empty": b"",
    "broken": b"%PDF-1.4 broken",
    "text that swells": page_of("[0 0 300 400]", BIG_STREAM, b"/Filter /FlateDecode "),
    **{
        name: HOSTILE[name]
        for name in ("no page at all", "a page that is its own parent", "a million pages, it says", "noise")
    },
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_a_label_without_text_meets_nothing_and_is_read_once(
    tmp_path: Path, store: Store, reader: LabelCodes, name: str
) -> None:
    facts = read(store, reader, stored(tmp_path, NO_TEXT[name]))
    assert found(facts) == (0, 0, 0, 0, None)
    assert reader.catch_up(lambda: False) == 0
    assert found(read(store, reader, stored(tmp_path, label("GEODIS 2_2"), "2_2")))[:4] == (1, 1, 1, 1)


def test_of_a_very_long_text_the_beginning_is_read(tmp_path: Path, work: PdfWork) -> None:
    content = b"BT /F1 9 Tf 20 400 Td " + b"(0123456789) Tj " * 10_000 + b"ET"
    path = tmp_path / "long.pdf"
    path.write_bytes(page_of("[0 0 300 400]", content))
    answer = work.ask("text", path=str(path))
    assert isinstance(answer, Done)
    assert 0 <= len(answer.facts["text"]) <= 20_000
    path.write_bytes(pdf(*[Page(text=["0123456789" * 10] * 25)] * 10))
    answer = work.ask("text", path=str(path))
    assert isinstance(answer, Done)
    assert 19_000 < len(answer.facts["text"]) <= 20_010


def test_a_label_that_was_replaced_is_read_again(tmp_path: Path, store: Store, reader: LabelCodes) -> None:
    order = stored(tmp_path, label("GEODIS 1_1"))
    assert read(store, reader, order).names_order == 0
    newer = stored(tmp_path, label(f"GEODIS {ID}"))
    with store.write() as tx:
        tx.exec(update(Order).where(col(Order.menzzo_order_id) == ID).values(label_sha256=newer.label_sha256))
    assert reader.catch_up(lambda: False) == 1
    with store.read() as tx:
        (facts,) = tx.exec(select(LabelFacts)).all()
    assert (facts.names_order, facts.label_sha256) == (1, newer.label_sha256)


def test_nothing_of_the_customer_is_kept(tmp_path: Path, store: Store, reader: LabelCodes, said: Said) -> None:
    contents = [
        label("DPD 15000012377_801"),
        label(f"GEODIS {ID}"),
        label(),
        b"%PDF-1.4 " + " ".join(CUSTOMER).encode(),
    ]
    for number, content in enumerate(contents):
        put(store, stored(tmp_path, content, f"{number}_{number}"))
    assert reader.catch_up(lambda: False) == len(contents)
    store.checkpoint()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("agent.db*")) + repr(said).encode()
    assert b"label_facts" in kept
    for line in CUSTOMER:
        for word in (line, *line.split()):
            if len(word) > 3:
                assert word.encode() not in kept, word
