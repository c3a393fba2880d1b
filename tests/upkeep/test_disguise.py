"""In a recording, ids have consistent replacements that compare as before, and what may be private is gone."""

from decimal import Decimal

import pytest

from supplier_agent.maintenance.disguise import Disguise, ids_in
from supplier_agent.reading.strategy import rank

IDS = ("9_5", "10_4", "15000012345_788", "15000012345_789", "15000012346_12", "AB-7_3", "00012_1", "150000123450_1")


@pytest.fixture
def disguise() -> Disguise:
    return Disguise(IDS, b"random")


def test_ids_compare_as_before_and_have_the_same_form(disguise: Disguise) -> None:
    replaced = {each: disguise.id(each) for each in IDS}
    numeric = [each for each in IDS if rank(each) is not None]
    assert sorted(numeric, key=rank) == sorted(numeric, key=lambda each: rank(replaced[each]))  # type: ignore[arg-type, return-value]
    assert all(len(other) == len(each) for each, other in replaced.items())
    assert not [each for each, other in replaced.items() if each == other and len(each) > 8]
    assert replaced["15000012345_789"] != Disguise(IDS, b"another").id("15000012345_789")
    assert rank(replaced["AB-7_3"]) is None
    first, second = replaced["15000012345_788"].split("_")[0], replaced["15000012345_789"].split("_")[0]
    assert first == second


def test_an_id_is_replaced_wherever_it_is_written(disguise: Disguise) -> None:
    other = disguise.id("15000012345_789")
    increment = other.split("_")[0]
    said = "15000012345_789.pdf, order 15000012345, label_15000012345_789_v2, (AB-7_3) 15000012345_4"
    kept = disguise.text(said)
    assert kept.startswith(f"{other}.pdf, order {increment}, label_{other}_v2, (X")
    assert "15000012345" not in kept
    assert disguise.text("get-sales?page=1&last_menzzo_order_number=15000012345_789").endswith(f"={other}")
    assert ids_in("no order 15000012399_4 here") == ["15000012399_4"]


@pytest.mark.parametrize(
    "said",
    [
        "eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiIxMjM0",
        "Bearer 0123456789abcdef0123456789abcdef",
        "order is closed for Jeanne Cassis",
        "JEANNE CASSIS ordered it",
        "call 06 12 34 56 78",
        '{"error": "no", "email": "jeanne@cassis.example"}',
    ],
)
def test_what_may_be_private_in_an_answer_is_hidden(disguise: Disguise, said: str) -> None:
    kept = disguise.text(said)
    assert "(masked" in kept
    hidden = ("eyJ", "0123456789abcdef", "Jeanne", "Cassis", "JEANNE", "CASSIS", "06 12", "jeanne", "cassis")
    assert not [each for each in hidden if each in kept]


@pytest.mark.parametrize(
    "said",
    [
        '{"success": true}',
        '{"success": false, "error": "Order not found or already processed"}',
        "Too Many Requests",
        "<html><h1>We will be back soon</h1></html>",
        "connection reset",
        "422 Unprocessable Entity",
        "get-sales?page=2&date_from=2026-11-16&date_to=2026-12-01",
    ],
)
def test_what_an_answer_says_stays(disguise: Disguise, said: str) -> None:
    assert disguise.text(said) == said


def test_of_an_entry_the_documented_fields_stay_and_of_others_what_names_nobody(disguise: Disguise) -> None:
    entry = {
        "menzzo_order_id": "15000012345_789",
        "sku": "CHAIR-1",
        "quantity": 2,
        "price": Decimal("250.10"),
        "order_date": "2026-11-20",
        "carrier": "GEODIS",
        "link_to_label": "https://shop.example/secret/path.pdf?(masked)",
        "order_number": 15000012345,
        "sale_id": 4711,
        "status": "to be shipped",
        "paid": True,
        "shipped_on": "2026-11-20T10:00:00Z",
        "weight": Decimal("4.5"),
        "customer": {"id": 7, "firstname": "(masked:0a1b2c)", "zip": "75011", "since": "2019-01-01"},
        "comment": None,
        "big": 612345678,
    }
    kept = disguise.entry(entry)
    assert isinstance(kept, dict)
    same = ("sku", "quantity", "order_date", "carrier", "paid", "shipped_on", "comment")
    assert {name: kept[name] for name in same} == {name: entry[name] for name in same}
    assert (kept["price"], kept["weight"], kept["link_to_label"]) == (250.1, 4.5, "/label/1.pdf")
    assert kept["menzzo_order_id"] == disguise.id("15000012345_789")
    assert kept["order_number"] == int(disguise.id("15000012345"))
    assert kept["sale_id"] != 4711
    assert kept["big"] != 612345678
    assert str(kept["status"]).startswith("(masked:")
    assert kept["status"] == disguise.entry({"status": "to be shipped"})["status"]  # type: ignore[index]
    assert all(str(each).startswith("(masked:") for each in kept["customer"].values())
