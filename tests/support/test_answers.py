"""Answers become values, whatever they say. The document's examples, the other spelling, and what nobody sends on purpose."""

import json
from datetime import timedelta
from typing import Any

import pytest

from supplier_agent.integrations.support import answers
from supplier_agent.marketplace.support import Case, CasesFound, ProductFound, SaleFound, SoldLine
from tests.world.clocks import NOW

JOHN = {"firstname": "John", "lastname": "Doe", "email": "john@example.com"}
SALE: dict[str, Any] = {
    "success": True,
    "data": {
        "id": 12345,
        "incrementId": "15000012345",
        "status": "processing",
        "customer": JOHN,
        "products": [
            {
                "sku": "PROD-123",
                "name": "Product Name",
                "qty": 1,
                "price": 250.00,
                "tracking": "1234567890",
                "carrier": "CHRONOPOST",
            }
        ],
        "sav_status": {"has_sav": False, "sav_count": 0},
    },
}  # fmt: skip


def sale(**data: Any) -> SaleFound | None:  # noqa: ANN401 - any JSON
    body = {**SALE, "data": {**SALE["data"], **data}}
    return answers.sale(json.dumps(body).encode(), "15000012345", NOW)


def test_the_sale_of_the_document() -> None:
    assert sale() == SaleFound(NOW, "processing", (SoldLine("PROD-123", "1234567890", "CHRONOPOST"),))
    found = sale()
    assert found is not None
    assert "John" not in repr(found)


def test_a_line_is_found_by_its_sku_if_that_is_clear() -> None:
    one, two = {"sku": "A", "tracking": "1"}, {"sku": "A", "tracking": "2"}
    found = sale(products=[one, two, {"sku": "B", "tracking": "3"}])
    assert found is not None
    assert (found.line_of("A"), found.line_of("B"), found.line_of("C")) == (None, SoldLine("B", "3"), None)


@pytest.mark.parametrize(
    "status", [None, 7.5, True, [], {}, "", " ", "x" * 41, "john@example.com", "Doe", "a\nb", "\u202eprocessing", "<b>"]
)
def test_what_is_no_status_word_is_none(status: object) -> None:
    found = sale(status=status)
    assert found is not None
    assert found.status is None


@pytest.mark.parametrize(
    ("firstname", "status"), [("Sing", "processing"), ("Cel", "cancelled"), ("Ann", "annulled"), ("ed", "refunded")]
)
def test_a_name_within_a_word_hides_no_status(firstname: str, status: str) -> None:
    found = sale(customer={**JOHN, "firstname": firstname}, status=status)
    assert found is not None
    assert found.status == status


def test_what_repeats_the_customer_is_dropped_in_every_field() -> None:
    line = {"sku": "Doe", "tracking": "john@example.com", "carrier": "John Doe Express"}
    found = sale(status="John", products=[line, {"sku": "B", "tracking": "DOE", "carrier": "GLS"}])
    assert found == SaleFound(NOW, None, (SoldLine("B", None, "GLS"),))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b'{"success": false, "error": "x"}',
        b'{"success": null, "data": {}}',
        b'{"data": {"status": "processing"}}',
        b'{"success": true}',
        b'{"success": true, "data": []}',
        b'{"success": true, "data": {"incrementId": "15000099999", "status": "processing"}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        json.dumps(SALE).encode()[:-5],
    ],
)
def test_an_answer_that_is_no_sale_is_no_answer(body: bytes) -> None:
    assert answers.sale(body, "15000012345", NOW) is None


@pytest.mark.parametrize("products", [None, {}, "x", [None, 1, "x", []], [{}], [{"sku": None}]])
def test_odd_products_spoil_no_sale(products: object) -> None:
    assert sale(products=products) == SaleFound(NOW, "processing")


def test_the_product_of_the_document() -> None:
    body = {
        "success": True,
        "product": {"sku": "PROD-12345", "name": "Product  Name", "images": ["https://example.com/image1.jpg"]},
    }
    assert answers.product(json.dumps(body).encode()) == ProductFound("Product Name", "https://example.com/image1.jpg")
    assert answers.product(b'{"success": true, "product": {"images": [7]}}') == ProductFound()
    assert answers.product(b'{"success": true}') is None


def test_the_cases_of_the_document_and_of_its_other_spelling() -> None:
    of_document = {
        "success": True,
        "sav_records": [
            {
                "id": 789,
                "sale_ref": "15000012345",
                "status": "in_progress",
                "complaint_type": "damage",
                "created_at": "2026-01-20",
                "products": [{"sku": "PROD-123", "name": "Product Name"}],
            }
        ],
    }
    assert answers.cases(json.dumps(of_document).encode()) == CasesFound(
        (Case("789", "damage", "in_progress", "2026-01-20"),)
    )
    other = {"success": True, "hasSav": True, "savRecords": [{"savId": 789, "status": 3, "statusLabel": "Validé"}]}
    assert answers.cases(json.dumps(other).encode()) == CasesFound((Case("789", None, "validé", None),))
    assert answers.cases(b'{"success": true, "hasSav": false}') == CasesFound()
    assert answers.cases(b'{"success": true}') is None
    assert answers.cases(json.dumps(of_document).encode(), sku="OTHER") == CasesFound()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"success": true, "sav_id": 12}', (True, "12")),
        (b'{"success": true, "data": {"id": "SAV-7"}}', (True, "SAV-7")),
        (b'{"id": 3}', (None, "3")),
        (b"{}", (None, None)),
        (b"", (None, None)),
        (b'{"success": false, "error": "closed"}', (False, None)),
    ],
)
def test_whether_a_case_was_opened(body: bytes, found: tuple[bool | None, str | None]) -> None:
    assert answers.opened(body) == found


def test_time_is_a_parameter() -> None:
    found = answers.sale(json.dumps(SALE).encode(), "15000012345", NOW - timedelta(seconds=3))
    assert found is not None
    assert found.as_of == NOW - timedelta(seconds=3)
