"""What a get-sales answer says: a bad field spoils itself, a bad row itself, and neither the page."""

import json
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supplier_agent.marketplace.listing import Rejected, Seen, Unreadable, parse_rows

# An answer as the documentation shows it (API notes, 3).
DOCUMENTED = b"""[
{
"menzzo_order_id": "15000012345_789",
"sku": "PRODUCT-SKU",
"quantity": 1,
"price": 250.00,
"link_to_label": "https://api.menzzo.fr/api/files/path/to/label.pdf",
"order_date": "2026-01-15",
"carrier": "CHRONOPOST"
}
]"""
FIELD_TEXTS = {
    "menzzo_order_id": '"15000012345_789"',
    "sku": '"PRODUCT-SKU"',
    "quantity": "1",
    "price": "250.00",
    "link_to_label": '"https://api.menzzo.fr/api/files/path/to/label.pdf"',
    "order_date": '"2026-01-15"',
    "carrier": '"CHRONOPOST"',
}


def row(**fields: str | None) -> bytes:
    """Return one row in which the fields given are replaced by JSON texts, or left out."""
    whole: dict[str, str | None] = {**FIELD_TEXTS, **fields}
    return ("{" + ",".join(f'"{name}":{text}' for name, text in whole.items() if text is not None) + "}").encode()


def rows_of(body: bytes) -> tuple[Seen | Rejected, ...]:
    rows = parse_rows(body)
    assert not isinstance(rows, Unreadable), rows
    return rows


def seen(**fields: str | None) -> Seen:
    """Return the row, read between two good ones, which it must not harm."""
    before, found, after = rows_of(b"[" + row() + b"," + row(**fields) + b"," + row() + b"]")
    assert before == after == GOOD
    assert isinstance(found, Seen)
    return found


GOOD = Seen(
    menzzo_order_id="15000012345_789",
    increment_id="15000012345",
    sale_product_id="789",
    sku="PRODUCT-SKU",
    quantity=1,
    price_cents=25000,
    carrier="CHRONOPOST",
    order_date=date(2026, 1, 15),
    link_to_label="https://api.menzzo.fr/api/files/path/to/label.pdf",
    problems=(),
)


def test_the_documented_answer_is_read_in_full() -> None:
    assert rows_of(DOCUMENTED) == (GOOD,)


def test_an_empty_list_is_an_answer() -> None:
    assert rows_of(b"[]") == ()
    assert rows_of(b"\xef\xbb\xbf [ ] \n") == ()


@pytest.mark.parametrize("wrapper", ["data", "sales", "items", "orders"])
def test_a_wrapped_list_is_unwrapped(wrapper: str) -> None:
    assert rows_of(b'{"success": true, "total": 1, "%s": [%s]}' % (wrapper.encode(), row())) == (GOOD,)


UNREADABLE = [
    b"",
    b" ",
    b"null",
    b"5",
    b'"[]"',
    b"{}",
    b'{"data": {}}',
    b'{"data": [], "sales": []}',
    b'{"rows": []}',
    b'{"success": false, "data": []}',
    b'{"success": "true", "data": []}',
    b'{"error": "no", "data": []}',
    b"[" + row(),
    b"[" + row() + b",]",
    b"[" + row() + b"] x",
    b"<html>",
    b"[" * 100_000,
    b'[{"a":' * 50_000,
    b"[" + b"9" * 5000,
    "[]".encode("utf-16"),
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:40]))
def test_what_is_no_list_is_unreadable_and_not_an_empty_page(body: bytes) -> None:
    assert isinstance(parse_rows(body), Unreadable)


FIELDS: list[tuple[str, str | None, object]] = [
    ("sku", '" A-1 "', "A-1"),
    ("sku", "12345", "12345"),
    ("sku", '"' + "x" * 200 + '"', "x" * 200),
    ("sku", '"Étagère"', "Étagère"),
    ("quantity", '"3"', 3),
    ("quantity", '" 3 "', 3),
    ("quantity", "3.0", 3),
    ("quantity", '"3.0"', 3),
    ("quantity", "3e2", 300),
    ("quantity", "1000000", 1_000_000),
    ("price", "0", 0),
    ("price", "250", 25000),
    ("price", "250.1", 25010),
    ("price", "250.10000", 25010),
    ("price", "0.29", 29),
    ("price", "1.15", 115),
    ("price", "12345.67", 1234567),
    ("price", '"19.99"', 1999),
    ("price", "1e3", 100_000),
    ("price", "1000000000", 100_000_000_000),
    ("price", "1." + "0" * 5000, 100),
    ("carrier", "null", None),
    ("carrier", None, None),
    ("carrier", '""', None),
    ("carrier", '" GEODIS "', "GEODIS"),
    ("link_to_label", "null", None),
    ("link_to_label", None, None),
    ("link_to_label", '""', None),
    ("link_to_label", '"/x.pdf"', "/x.pdf"),
    ("order_date", '"2026-01-15 23:30:00"', date(2026, 1, 15)),
    ("order_date", '"2026-01-15T23:30:00Z"', date(2026, 1, 15)),
    ("order_date", '"2026-01-15T23:30:00.123+05:00"', date(2026, 1, 15)),
]
NAMES = {"price": "price_cents"}


@pytest.mark.parametrize(("name", "text", "value"), FIELDS, ids=str)
def test_a_field_that_can_be_read_is_read_without_a_problem(name: str, text: str | None, value: object) -> None:
    found = seen(**{name: text})
    assert getattr(found, NAMES.get(name, name)) == value
    assert found.problems == ()


BAD: list[tuple[str, str | None, str]] = [
    ("sku", None, "sku is missing"),
    ("sku", "null", "sku is missing"),
    ("sku", '""', "sku is missing"),
    ("sku", '"  "', "sku is missing"),
    ("sku", "true", "sku is true, not a text of at most 200 printable characters"),
    ("sku", "1.50", 'sku is "1.50", not a text of at most 200 printable characters'),
    ("sku", "[]", "sku is [], not a text of at most 200 printable characters"),
    ("sku", r'"a\u0000b"', r'sku is "a\u0000b", not a text of at most 200 printable characters'),
    ("sku", r'"a\nb"', r'sku is "a\nb", not a text of at most 200 printable characters'),
    ("sku", '"a\tb"', r'sku is "a\tb", not a text of at most 200 printable characters'),
    ("sku", r'"\ud800"', r'sku is "\ud800", not a text of at most 200 printable characters'),
    ("sku", '"' + "x" * 201 + '"', 'sku is "' + "x" * 38 + "…, not a text of at most 200 printable characters"),
    ("quantity", None, "quantity is missing"),
    ("quantity", "0", "quantity is 0, not a whole number from 1 to 1000000"),
    ("quantity", "-1", "quantity is -1, not a whole number from 1 to 1000000"),
    ("quantity", "1000001", "quantity is 1000001, not a whole number from 1 to 1000000"),
    ("quantity", "9223372036854775808", "quantity is 9223372036854775808, not a whole number from 1 to 1000000"),
    ("quantity", "1.5", 'quantity is "1.5", not a whole number from 1 to 1000000'),
    ("quantity", "true", "quantity is true, not a whole number from 1 to 1000000"),
    ("quantity", '"two"', 'quantity is "two", not a whole number from 1 to 1000000'),
    ("quantity", '"٣"', r'quantity is "\u0663", not a whole number from 1 to 1000000'),
    ("quantity", "NaN", 'quantity is "NaN", not a whole number from 1 to 1000000'),
    ("quantity", "1e999", 'quantity is "1E+999", not a whole number from 1 to 1000000'),
    ("price", None, "price is missing"),
    ("price", "null", "price is missing"),
    ("price", '"abc"', 'price is "abc", not a number'),
    ("price", '"250,00"', 'price is "250,00", not a number'),
    ("price", '"NaN"', 'price is "NaN", not a number'),
    ("price", "NaN", 'price is "NaN", not a number'),
    ("price", "-Infinity", 'price is "-Infinity", not a number'),
    ("price", "true", "price is true, not a number"),
    ("price", "{}", "price is {}, not a number"),
    ("price", "-0.01", 'price is "-0.01", not between 0 and 1000000000'),
    ("price", "1000000000.01", 'price is "1000000000.01", not between 0 and 1000000000'),
    ("price", "1e999999999", 'price is "1E+999999999", not between 0 and 1000000000'),
    ("price", "1e99999999999999999999", 'price is "1e99999999999999999999", not a number'),
    ("price", "250.001", 'price is "250.001", with more than two decimals'),
    ("price", "1e-999999999", 'price is "1E-999999999", with more than two decimals'),
    ("price", "9" * 5000, 'price is "' + "9" * 38 + "…, not a number"),
    ("carrier", "5", "carrier is 5, not a text of at most 200 printable characters"),
    ("carrier", r'"\u001b[2J"', r'carrier is "\u001b[2J", not a text of at most 200 printable characters'),
    ("link_to_label", "5", "link_to_label is 5, not a text of at most 2000 printable characters"),
    ("link_to_label", r'"/x\r\ny"', r'link_to_label is "/x\r\ny", not a text of at most 2000 printable characters'),
    ("order_date", None, "order_date is missing"),
    ("order_date", "null", "order_date is missing"),
    ("order_date", '"2026-02-30"', 'order_date is "2026-02-30", not YYYY-MM-DD'),
    ("order_date", '"2026-W03-4"', 'order_date is "2026-W03-4", not YYYY-MM-DD'),
    ("order_date", '"20260115"', 'order_date is "20260115", not YYYY-MM-DD'),
    ("order_date", '"15/01/2026"', 'order_date is "15/01/2026", not YYYY-MM-DD'),
    ("order_date", '"2026-01-15 later"', 'order_date is "2026-01-15 later", not YYYY-MM-DD'),
    ("order_date", "20260115", "order_date is 20260115, not YYYY-MM-DD"),
]


@pytest.mark.parametrize(("name", "text", "problem"), BAD, ids=lambda part: str(part)[:40])
def test_a_field_that_cannot_be_read_is_none_with_one_plain_sentence(name: str, text: str | None, problem: str) -> None:
    found = seen(**{name: text})
    assert getattr(found, NAMES.get(name, name)) is None
    assert found.problems == (problem,)


def test_a_byte_that_is_not_utf8_spoils_its_field_alone() -> None:
    (found,) = rows_of(b"[" + row().replace(b"CHRONOPOST", b"CHRONO\xff") + b"]")
    assert isinstance(found, Seen)
    assert (found.carrier, found.sku) == (None, "PRODUCT-SKU")
    assert len(found.problems) == 1


def test_a_field_given_twice_counts_the_last_time_and_is_told() -> None:
    (found,) = rows_of(b"[" + row()[:-1] + b', "quantity": 7}]')
    assert isinstance(found, Seen)
    assert found.quantity == 7
    assert found.problems == ("the entry gives a field twice; the last one counts",)


@pytest.mark.parametrize(
    ("named", "increment_id", "sale_product_id"),
    [
        ("15000012345_789", "15000012345", "789"),
        ("1_2_3", "1_2", "3"),
        ("FR-15_0", "FR-15", "0"),
        ("__1", "_", "1"),
        ("a" * 60 + "_" + "9" * 19, "a" * 60, "9" * 19),
    ],
)
def test_an_id_is_split_at_its_last_underscore(named: str, increment_id: str, sale_product_id: str) -> None:
    found = seen(menzzo_order_id=json.dumps(named))
    assert (found.menzzo_order_id, found.increment_id, found.sale_product_id) == (named, increment_id, sale_product_id)


BAD_IDS = [
    '"150_1\\n"',
    '" 150_1"',
    '"\u0661\u0665_\u0662"',
    '"15_²"',
    '"../x_1"',
    '"a/b_1"',
    '"a.b_1"',
    '"15000012345"',
    '"_1"',
    '"15_"',
    '"15_x"',
    '"' + "a" * 61 + '_1"',
    '"1_' + "9" * 20 + '"',
    '"' + "x" * 10_000 + '"',
    '"150_1\\u0000"',
    '"\\ud800_1"',
    '""',
    "null",
    "15",
    "1.5",
    "true",
    "[]",
    "NaN",
    None,
]


@pytest.mark.parametrize("text", BAD_IDS, ids=lambda text: str(text)[:30])
def test_a_row_without_a_usable_id_is_kept_and_harms_no_other(text: str | None) -> None:
    before, found, after = rows_of(b"[" + row() + b"," + row(menzzo_order_id=text) + b"," + row() + b"]")
    assert before == after == GOOD
    assert isinstance(found, Rejected)
    assert found.reason.startswith("menzzo_order_id is ")
    assert found.raw == row(menzzo_order_id=text)


@pytest.mark.parametrize("text", ["null", "5", "1.50", '"x"', "[]", "[[1]]", "true", "Infinity"])
def test_an_entry_that_is_no_object_is_kept(text: str) -> None:
    before, found, after = rows_of(b"[" + row() + b"," + text.encode() + b"," + row() + b"]")
    assert before == after == GOOD
    assert isinstance(found, Rejected)
    assert found.raw == text.encode()


ODD_ENTRIES = [
    b'{"price": 12345678901234567.89, "n": %s, "sku": "\xc3\xa9", "twice": 1, "twice": 2, "bad": "\xff"}'
    % (b"9" * 5000),
    b'{"price":1.50,  "a" : [1 , 2e0],"u":"\\u00e9\\/"}',
    b'{"menzzo_order_id": null, "note": "[ ] , }"}',
    b"1.50",
    b"NaN",
    b'"\x00\xed\xa0\x80"',
    b'{"x": "%s"}' % (b"y" * 200_000),
]
"""Entries without an id, as no program would write them again."""
AROUND = [
    b"[%s]",
    b" \r\n[ %s \t]",
    b"\xef\xbb\xbf[%s]",
    b'{"data": [%s]}',
    b'{"success": true, "n": 1.50, "x": {"data": [5]}, "orders" : [ %s ], "page": 1}',
    b'{"data": 5, "data": [%s]}',
    b'{"data": [1], "data": [%s]}',
    b'{"data": [1], "data": 5, "sales": [%s]}',
    b'{"sales": [%s], "data": [1], "data": 5}',
]


@pytest.mark.parametrize("around", AROUND)
def test_a_rejected_row_is_kept_byte_for_byte_whatever_it_is_wrapped_in(around: bytes) -> None:
    found = rows_of(around % b" , ".join([*ODD_ENTRIES, row()]))
    assert [each.raw for each in found if isinstance(each, Rejected)] == ODD_ENTRIES
    assert found[-1] == GOOD


@given(st.data())
@settings(max_examples=300, database=None)
def test_no_mutation_of_an_answer_escapes(data: st.DataObject) -> None:
    body = bytearray(b"[" + row() + b"," + row(price="NaN", quantity='"3"') + b"]")
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"])):
            case "flip":
                body[at] = data.draw(st.integers(0, 255))
            case "cut":
                del body[at : at + data.draw(st.integers(1, 20))]
            case "insert":
                body[at:at] = data.draw(
                    st.sampled_from([b"[", b"{", b'"', b"\\", b"\xff", b"9" * 5000, b"e9", b"\x00"])
                )
            case _:
                body[at:at] = body[at : at + 40]
        if not body:
            break
    rows = parse_rows(bytes(body))
    if not isinstance(rows, Unreadable):
        for found in rows:
            repr(found)
            if isinstance(found, Rejected):
                assert found.raw in body
            else:
                "".join(found.problems).encode()


def test_ten_thousand_rows_cost_a_few_times_what_their_json_costs() -> None:
    body = b"[" + b",".join(row(menzzo_order_id=f'"15000012345_{number}"') for number in range(10_000)) + b"]"

    def best_seconds(run: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            run()
            times.append(time.process_time() - began)
        return min(times)

    floor = best_seconds(lambda: json.loads(body, parse_float=Decimal))
    assert best_seconds(lambda: parse_rows(body)) < 10 * floor  # measured: 4
