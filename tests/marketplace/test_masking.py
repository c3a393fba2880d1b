"""What looks like a person's data is masked, by its key or by its form; what a supplier needs is not."""

import json
from typing import Any

import pytest

from supplier_agent.marketplace.entries import LONGEST_ENTRY, Entry
from supplier_agent.marketplace.listing import Rejected, Seen, Unreadable, parse_rows
from supplier_agent.marketplace.masking import Mask, in_prose

MASK = Mask(b"key")


def entry(mask: Mask = MASK, **fields: Any) -> Entry:  # noqa: ANN401 - any field
    rows = parse_rows(json.dumps([{"menzzo_order_id": "15000012345_789", **fields}]).encode(), mask)
    assert not isinstance(rows, Unreadable)
    (row,) = rows
    assert row.entry is not None
    return row.entry


def kept(mask: Mask = MASK, **fields: Any) -> dict[str, object]:  # noqa: ANN401 - any field
    found: dict[str, object] = json.loads(entry(mask, **fields).text)
    return found


def one(key: str, value: object) -> dict[str, Any]:
    return {key: value}


PERSONAL_KEYS = (
    "customer_name firstname lastName FirstName name customer-email street street_line_1 city postcode post_code zip "
    "zipCode phone phoneNumber telephone mobile tel shipping_address address1 recipient shipToName billingCity prénom "
    "nom adresse code_postal codePostal ville téléphone destinataire nomClient imię nazwisko ulica miasto "
    "kod_pocztowy telefon nrTelefonu adresDostawy müşteri_ad\u0131 soyad\u0131 adres şehir "
    "ilçe cep_telefonu eposta al\u0131c\u0131 "
)


@pytest.mark.parametrize("key", PERSONAL_KEYS.split())
def test_a_key_that_names_something_about_a_person_hides_its_value(key: str) -> None:
    text = entry(**one(key, "Jeanne Cassis")).text
    assert "Cassis" not in text
    assert "(masked:" in text


OTHER_KEYS = (
    "product_name productName carrier_name file_name label_name shop_name sku_name brand_name item_name nom_produit "
    "nazwa_produktu urun_adi capacity mobilier address_id customer_id phone_count notified_at status comment "
    "quantity_unit category title "
)


@pytest.mark.parametrize("key", OTHER_KEYS.split())
def test_other_keys_keep_their_value(key: str) -> None:
    assert kept(**one(key, "Chaise Oslo"))[key] == "Chaise Oslo"


def test_everything_within_a_person_is_hidden_and_names_of_things_are_not() -> None:
    found = kept(
        customer={"id": 7, "is_company": True, "nick": ["Jojo"], "vat": None},
        carrier={"name": "DHL"},
        items=[{"name": "Bed"}],
    )
    person = found["customer"]
    assert isinstance(person, dict)
    assert (person["is_company"], person["vat"]) == (True, None)
    assert all(str(each).startswith("(masked:") for each in (person["id"], *person["nick"]))
    assert (found["carrier"], found["items"]) == ({"name": "DHL"}, [{"name": "Bed"}])


FORMS = [
    "jeanne.cassis+menzzo@example.co.uk",
    "jeanne%40example.com",
    "06 12 34 56 78",
    "06.12.34.56.78",
    "0612345678",
    "+33 (0)6 12 34 56 78",
    "+33612345678",
    "0033612345678",
    "+48 600 123 456",
    "600 123 456",
    "600-123-456",
    "+90 532 123 45 67",
    "0532 123 45 67",
    "0(532) 123 45 67",
    "05321234567",
    "0212 345 67 89",
    "+49 30 1234567",
    "030 1234 5678",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", ["{}", "Code 12B, ring at {}, thank you", "tel:{}."])
def test_an_address_or_a_number_is_hidden_in_any_text_at_any_depth(form: str, text: str) -> None:
    found = entry(
        note=text.format(form), deep=[{"very": {"comment": text.format(form)}}], **one(text.format(form), 1)
    ).text
    assert form not in found
    assert found.count("(masked:") >= 3


SURVIVORS = [
    "15000012345_789",
    "15000012345",
    "CHAIR-0612345678-B",
    "2026-11-30",
    "2026-11-30T08:00:00+01:00",
    "2026-11-30 08:00:00",
    "30.11.2026 10:20",
    "01.12.2026 10:20",
    "01/12/2026",
    "3760123456785",
    "4006381333931",
    "0012345678905",
    "250.00",
    "1 250,00 €",
    "1234567.89",
    "XY123456789FR",
    "8R42612345678",
    "00340434161094042557",
    "1Z999AA10123456784",
    "6A12345678901",
    "120 x 80 x 40 cm",
    "Chaise 4 pieds, 45 kg, lot de 6",
]


@pytest.mark.parametrize("text", SURVIVORS)
def test_numbers_of_other_kinds_survive_in_any_text(text: str) -> None:
    assert kept(note=text)["note"] == text


@pytest.mark.parametrize(
    "key", ["sku", "ean", "tracking_number", "order_number", "parcel_ref", "numero_colis", "price"]
)
def test_a_key_that_names_a_code_keeps_even_what_has_the_form_of_a_telephone_number(key: str) -> None:
    assert kept(**one(key, "0612345678"))[key] == "0612345678"


def test_a_link_loses_its_query_because_it_may_hold_a_signature_and_a_credential_is_hidden() -> None:
    found = entry(
        link_to_label="https://user:pw@api.menzzo.fr/l/1.pdf?sig=S3CRET#top", access_token="T0KEN", page="http://x/y"
    )
    assert json.loads(found.text)["link_to_label"] == "https://api.menzzo.fr/l/1.pdf?(masked)"
    assert "S3CRET" not in found.text
    assert "T0KEN" not in found.text
    assert "pw@" not in found.text
    assert json.loads(found.text)["page"] == "http://x/y"


def test_the_agents_own_token_is_hidden_wherever_it_is_repeated() -> None:
    (row,) = parse_rows(b'[{"menzzo_order_id": "1_2", "echo": "Bearer T0KEN"}]', MASK, ["T0KEN"])  # type: ignore[misc]
    assert isinstance(row, Seen)
    assert row.entry is not None
    assert "T0KEN" not in row.entry.text


def test_a_masked_value_shows_changes_but_depends_on_a_key_and_on_the_order() -> None:
    def phone(number: str, key: bytes = b"key", order: str = "1_2") -> object:
        return json.loads(entry(Mask(key), menzzo_order_id=order, phone=number).text)["phone"]

    assert phone("0612345678") == phone("0612345678")
    assert (
        len({phone("0612345678"), phone("0612345679"), phone("0612345678", b"other"), phone("0612345678", order="1_3")})
        == 4
    )


def test_named_fields_are_kept_as_they_are_and_instructions_are_searched_by_form_alone() -> None:
    mask = Mask(b"key", shown=["customer.country", "phone"], told=["customer_note"])
    found = kept(
        mask,
        customer={"country": "FR", "name": "Cassis"},
        phone="0612345678",
        customer_note="3rd floor, 06 12 34 56 78",
    )
    assert found["phone"] == "0612345678"
    assert isinstance(found["customer"], dict)
    assert found["customer"]["country"] == "FR"
    assert "Cassis" not in str(found)
    assert str(found["customer_note"]).startswith("3rd floor, (masked:")


def test_the_text_is_canonical_and_keeps_numbers_as_they_were_written() -> None:
    body = (
        b'[{"price": 250.10, "menzzo_order_id": "1_2", "a": {"z": 1, "b": [true, null]}, "a": 100000000000000000000}]'
    )
    (row,) = parse_rows(body, MASK)  # type: ignore[misc]
    assert isinstance(row, Seen)
    assert row.entry is not None
    assert (
        row.entry.text
        == '{"a":{"b":[true,null],"z":1},"a":100000000000000000000,"menzzo_order_id":"1_2","price":250.10}'
    )
    assert row.entry.names == {"a", "a.b", "a.z", "menzzo_order_id", "price"}


def test_what_is_said_about_a_bad_field_or_entry_repeats_nothing_that_is_masked() -> None:
    body = json.dumps(
        [
            {"menzzo_order_id": "1_2", "carrier": {"contact": "jeanne@example.com"}},
            {"menzzo_order_id": {"phone": "0612345678"}, "order_number": 15},
        ]
    ).encode()
    seen, rejected = parse_rows(body, MASK)  # type: ignore[misc]
    assert isinstance(seen, Seen)
    assert isinstance(rejected, Rejected)
    assert "jeanne" not in str(seen)
    assert "0612345678" not in str(rejected)
    assert b'"order_number":15' in rejected.raw


def test_an_entry_without_a_usable_id_stays_word_for_word_if_nothing_in_it_is_masked() -> None:
    body = b'[{"menzzo_order_id" : "odd",  "sku":"A"}]'
    (row,) = parse_rows(body, MASK)  # type: ignore[misc]
    assert isinstance(row, Rejected)
    assert row.raw == body[1:-1]


def test_a_hostile_entry_stays_small() -> None:
    deep: object = "0612345678"
    for _ in range(200):
        deep = [deep]
    assert "0612345678" not in entry(deep=deep).text
    assert len(entry(note="x" * 2 * LONGEST_ENTRY).text) < 300
    assert len(entry(**dict[str, Any]({f"k{n}": n for n in range(2000)})).names) <= 300


def test_an_answer_that_cannot_be_read_repeats_nothing_that_is_masked() -> None:
    broken = 'not JSON: [{"sku":"A","customer_name":"Jeanne Cassis","phone": 612345678,"token":"T0KEN","note":"a@b.fr 0612345678'
    told = in_prose(MASK, broken)
    assert '"sku":"A"' in told
    assert not [each for each in ("Cassis", "612345678", "T0KEN", "a@b.fr") if each in told]


@pytest.mark.parametrize(
    "said",
    [
        "the answer is longer than 16777216 bytes",
        '{"success": false, "error": "unknown supplier", "code": 40412, "order_id": "15000012345_789"}',
        '<html lang="fr"><body>We will be back soon, at 2026-11-30 10:20</body></html>',
        "a redirect to www.example.com, which is never followed",
    ],
)
def test_an_answer_that_names_nobody_stays_word_for_word(said: str) -> None:
    assert in_prose(MASK, said) == said
