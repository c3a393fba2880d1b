"""What the marketplace lists only ever adds facts: a known order changes, is never emptied, and what we did stays."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Order
from supplier_agent.marketplace import Rejected, Seen
from supplier_agent.tick.observe import CHANGEABLE, Observed, observe
from tests.unit.conftest import SUPPLIER, at, ready
from tests.world.clocks import NOW

ID = "15000012345_789"
DAY = date(2026, 11, 20)
Sql = Callable[..., list[Any]]
SEEN = Seen(ID, "15000012345", "789", "CHAIR", 2, 25000, "GEODIS", DAY, "https://api.menzzo.fr/labels/1.pdf?sig=1", ())


def seen(menzzo_order_id: str = ID, **fields: Any) -> Seen:  # noqa: ANN401 - any field
    increment_id, _, sale_product_id = menzzo_order_id.rpartition("_")
    ids: dict[str, Any] = {
        "menzzo_order_id": menzzo_order_id,
        "increment_id": increment_id,
        "sale_product_id": sale_product_id,
    }
    return SEEN._replace(**(ids | fields))


def listed(
    store: Store, *rows: Seen | Rejected, seconds: float = 0, supplier: str = SUPPLIER, start: date | None = None
) -> Observed:
    with store.write() as tx:
        return observe(tx, supplier, rows, at(seconds), start)


def order(store: Store, menzzo_order_id: str = ID) -> Order:
    with store.read() as tx:
        return next(
            each
            for each in (tx.get(Order, n) for n in range(1, 50))
            if each and each.menzzo_order_id == menzzo_order_id
        )


def changes(sql: Sql) -> list[str]:
    return [row["detail"] for row in sql("SELECT detail FROM events WHERE what = 'changed' ORDER BY id")]


def test_a_new_order_is_stored_as_listed_and_waits_for_its_plan(store: Store) -> None:
    observed = listed(store, SEEN)
    assert observed == Observed((ID,), frozenset(), (ID,), 0)
    stored = order(store)
    assert {name: getattr(stored, name) for name in CHANGEABLE} == {name: getattr(SEEN, name) for name in CHANGEABLE}
    assert (stored.increment_id, stored.sale_product_id) == ("15000012345", "789")
    assert (stored.first_seen_at, stored.shipped, stored.planned_at, stored.problem) == (NOW, 0, None, None)


def test_the_same_again_changes_nothing_but_when_it_was_listed_last(store: Store, sql: Sql) -> None:
    listed(store, SEEN)
    sql("UPDATE orders SET planned_at = '2026-11-21 12:00:00.000000'")
    before = dict(sql("SELECT * FROM orders")[0])
    assert listed(store, SEEN, seconds=60) == Observed((ID,), frozenset({ID}), (), 0)
    assert dict(sql("SELECT * FROM orders")[0]) == before | {"last_listed_at": "2026-11-21 12:01:00.000000"}
    assert not changes(sql)


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("sku", "TABLE"),
        ("quantity", 3),
        ("price_cents", 1),
        ("carrier", "DPD"),
        ("order_date", date(2026, 1, 1)),
        ("link_to_label", "https://api.menzzo.fr/labels/2.pdf"),
    ],
)
def test_a_change_is_taken_and_told_and_planned(store: Store, sql: Sql, name: str, new: Any) -> None:  # noqa: ANN401 - any column
    listed(store, SEEN)
    sql("UPDATE orders SET planned_at = '2026-11-21 12:00:00.000000'")
    listed(store, SEEN._replace(**{name: new}), seconds=60)
    assert getattr(order(store), name) == new
    assert order(store).planned_at is None
    assert changes(sql) == [f"{name} from {getattr(SEEN, name)} to {new}"]


@pytest.mark.parametrize(("name", "new"), [("quantity", 9), ("carrier", "DPD"), ("sku", "SOFA")])
def test_a_label_is_read_again_when_what_it_is_compared_with_changes(
    store: Store,
    sql: Sql,
    name: str,
    new: Any,  # noqa: ANN401 - any column
) -> None:
    listed(store, SEEN)
    sql("UPDATE orders SET label_sha256 = 'x', label_read_sha256 = 'x'")
    listed(store, SEEN, seconds=30)
    assert order(store).label_read_sha256 == "x"
    listed(store, SEEN._replace(**{name: new}), seconds=60)
    assert order(store).label_read_sha256 == ("x" if name == "sku" else None)


@pytest.mark.parametrize("name", CHANGEABLE)
def test_a_field_that_is_missing_now_never_erases_a_good_one(store: Store, sql: Sql, name: str) -> None:
    listed(store, SEEN)
    unreadable: dict[str, Any] = {name: None, "problems": (f"{name} is missing",)}
    listed(store, SEEN._replace(**unreadable), seconds=60)
    assert getattr(order(store), name) == getattr(SEEN, name)
    assert order(store).problem is None, "nothing is wrong with what is stored"
    assert not changes(sql)


def test_a_field_that_was_missing_is_filled_in_and_its_problem_is_gone(store: Store, sql: Sql) -> None:
    listed(store, seen(sku=None, problems=("sku is missing",)))
    assert order(store).problem == "sku is missing"
    listed(store, SEEN, seconds=60)
    assert (order(store).sku, order(store).problem) == ("CHAIR", None)
    assert changes(sql) == ["sku from None to CHAIR"]


def test_what_we_did_is_never_touched_by_the_list(store: Store, keep: Callable[..., int]) -> None:
    keep(ready(ID, shipped=1, shipped_at=NOW, ship_confirmed_at=NOW, held_reason="x", override_by="Ana"))
    ours = {"acknowledged_at", "label_path", "label_sha256", "label_link", "shipped", "shipped_at", "ship_confirmed_at"}
    ours |= {"held_reason", "override_by", "first_seen_at"}
    before = order(store).model_dump(include=ours)
    listed(store, seen(sku="OTHER", link_to_label="https://api.menzzo.fr/9.pdf"), seconds=60)
    assert order(store).model_dump(include=ours) == before


def test_the_same_id_twice_on_a_page_is_one_order_with_the_last_word(store: Store, sql: Sql) -> None:
    observed = listed(store, SEEN, seen("2_2"), seen(quantity=5), SEEN._replace(quantity=5))
    assert observed.marks == (ID, "2_2", ID, ID)
    assert observed.added == (ID, "2_2")
    assert order(store).quantity == 5
    assert changes(sql) == ["quantity from 2 to 5"]


def test_two_suppliers_may_have_the_same_id(store: Store, sql: Sql) -> None:
    listed(store, SEEN)
    assert listed(store, seen(sku="OTHER"), supplier="asir-group").added == (ID,)
    assert [row["sku"] for row in sql("SELECT sku FROM orders ORDER BY id")] == ["CHAIR", "OTHER"]


def test_a_page_of_hundreds_is_one_page(store: Store) -> None:
    rows = [seen(f"{number}_1") for number in range(1, 602)]
    assert len(listed(store, *rows).added) == 601
    again = listed(store, *rows, seen("9999_1"))
    assert (len(again.known), again.added) == (601, ("9999_1",))


def test_an_entry_without_an_id_is_kept_once_word_for_word(store: Store, sql: Sql) -> None:
    odd, other = (
        Rejected(b'{"menzzo_order_id": null, "price": 1.10}', "no id"),
        Rejected(b"5", "the entry is not an object"),
    )
    first = listed(store, odd, SEEN, other, odd)
    assert (first.rejected, first.added) == (2, (ID,))
    assert len(first.marks) == 4
    assert first.marks[0] == first.marks[3] != first.marks[2]
    assert listed(store, odd, seconds=60).rejected == 0
    kept = [
        tuple(row) for row in sql("SELECT raw, reason, received_at, last_listed_at FROM rejected_entries ORDER BY id")
    ]
    assert kept[0] == (odd.raw.decode(), "no id", "2026-11-21 12:00:00.000000", "2026-11-21 12:01:00.000000")
    assert kept[1][0] == "5"
    assert listed(store, odd, supplier="asir-group").rejected == 1, "by supplier"


def test_two_long_entries_with_one_beginning_are_two_rows_and_bytes_that_are_no_text_are_kept(
    store: Store, sql: Sql
) -> None:
    same = b'{"x": "' + b"y" * 200_000
    entries = [Rejected(same + b'1"}', "no id"), Rejected(same + b'2"}', "no id"), Rejected(b'"\xff\x00"', "no id")]
    assert listed(store, *entries).rejected == 3
    assert listed(store, *entries, seconds=60).rejected == 0
    kept = [tuple(row) for row in sql("SELECT raw, raw_bytes FROM rejected_entries ORDER BY id")]
    assert kept[:2] == [(entry.raw.decode(), None) for entry in entries[:2]]
    assert kept[2] == ('"\\xff\\x00"', b'"\xff\x00"')


@pytest.mark.parametrize(
    ("day", "closed"), [(date(2026, 11, 19), True), (DAY, False), (date(2026, 11, 21), False), (None, False)]
)
def test_orders_before_the_start_date_are_kept_but_left_alone(store: Store, day: date | None, closed: bool) -> None:  # noqa: FBT001 - an expectation
    listed(store, seen(order_date=day), start=DAY)
    assert order(store).closed_reason == ("dated before start_date 2026-11-20" if closed else None)


def test_the_start_date_closes_nothing_that_is_known(store: Store) -> None:
    listed(store, SEEN)
    listed(store, seen(order_date=date(2020, 1, 1)), start=DAY, seconds=60)
    assert order(store).closed_reason is None
