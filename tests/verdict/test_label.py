"""A label that may be the wrong one: judged only where labels usually fit, and said with what is seen and what is expected."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from supplier_agent.calls import CALLS
from supplier_agent.db.plain_sql import within
from supplier_agent.db.store import Store
from supplier_agent.db.tables import Order
from supplier_agent.db.warehouse import LabelFacts
from supplier_agent.reports import facts, label_facts
from supplier_agent.reports.health import judged
from supplier_agent.reports.orders import Judge, whole
from supplier_agent.verdict import Act, Label, ProblemCode, Role, Severity, SupplierState, Verdict, judge_order
from supplier_agent.words import Words
from tests.scan.shelf import SETTINGS, SUPPLIER, order_of, put
from tests.world.clocks import NOW

ID, SHA = "15000012345_789", "0" * 64
CRITERIA = ("names_order", "names_increment", "names_part", "names_carrier", "fits_quantity")
ALWAYS = dict.fromkeys(CRITERIA, (200, 200))


def read(**facts: Any) -> Order:  # noqa: ANN401 - any column
    return order_of(ID, **({"id": 1, "label_read_sha256": SHA} | facts))


def label(twin: str | None = None, met: Mapping[str, tuple[int, int]] = ALWAYS, **facts: Any) -> Label:  # noqa: ANN401 - any column
    known = {"label_sha256": SHA, "carrier": "GEODIS", "seen_order": None, "seen_carrier": None}
    return Label(SimpleNamespace(**(dict.fromkeys(CRITERIA, 1) | known | facts)), met, twin)


def verdict_of(order: Order, label: Label | None) -> Verdict:
    rules = CALLS.rules(SETTINGS, SUPPLIER)
    return judge_order(order, [], [], SupplierState(SUPPLIER), SETTINGS, NOW, kinds=CALLS, rules=rules, label=label)


def said(order: Order, label: Label | None) -> str:
    """Return what the page says of the label."""
    problems = verdict_of(order, label).problems
    return " ".join(Words().trouble(each) for each in problems if each.code is ProblemCode.LABEL_DOUBTFUL)


def test_a_label_that_fits_or_was_not_read_is_not_doubted() -> None:
    assert said(read(), label()) == said(read(), None) == ""
    wrong = label(names_order=0, twin="15000012346_1")
    assert said(read(label_read_sha256=None), wrong) == "", "not read yet"
    assert said(read(label_sha256="1" * 64), wrong) == "", "replaced"
    assert said(read(label_sha256="1" * 64, label_read_sha256="1" * 64), wrong) == "", (
        "what is known is of another label"
    )
    assert said(read(ship_confirmed_at=NOW), wrong) == said(read(closed_reason="x"), wrong) == "", "it is over"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"names_order": 0}, f"it does not show the number {ID}"),
        ({"names_order": 0, "seen_order": "15000012346_1"}, f"it shows the number 15000012346_1, not {ID}"),
        ({"names_carrier": 0}, "it does not name the carrier GEODIS"),
        ({"names_carrier": 0, "seen_carrier": "DPD"}, "it names the carrier DPD, not GEODIS"),
        ({"fits_quantity": 0}, "its pages (3) do not match the quantity (2)"),
        ({"twin": "15000012346_1"}, "order 15000012346_1 has the same label"),
        (
            {"names_carrier": 0, "twin": "15000012346_1"},
            "it does not name the carrier GEODIS; order 15000012346_1 has the same label",
        ),
    ],
)
def test_each_doubt_says_what_is_seen_and_what_is_expected(wrong: dict[str, Any], sentence: str) -> None:
    assert said(read(quantity=2, label_pages=3), label(**wrong)) == f"Compare its label with the order: {sentence}."


def test_a_doubt_blocks_nothing_and_needs_nobody() -> None:
    wrong = verdict_of(read(), label(names_order=0))
    fine = verdict_of(read(), label())
    assert (wrong.doubtful, fine.doubtful) == (True, False)
    assert (wrong.blockers, wrong.stops, wrong.next, wrong.stage) == (fine.blockers, (), fine.next, fine.stage)
    assert Act.SHIP in wrong.may[Role.PACKER]
    assert [(each.severity, each.exit_code) for each in wrong.problems] == [(Severity.INFO, 0)]
    assert verdict_of(read(shipped=1, shipped_at=NOW), label(names_order=0)).doubtful, "until it is reported"
    assert not verdict_of(read(fault="x"), label(names_order=0)).doubtful, "nothing of a damaged order can be relied on"


@pytest.mark.parametrize(
    ("number", "met", "is_judged"),
    [
        (19, 19, False),
        (20, 19, True),
        (20, 18, True),
        (20, 17, False),
        (100, 89, False),
        (100, 90, True),
        (0, 0, False),
    ],
)
def test_a_criterion_is_judged_from_20_labels_and_90_percent_on(number: int, met: int, is_judged: bool) -> None:  # noqa: FBT001 - an expectation
    for criterion in ("names_order", "names_carrier", "fits_quantity"):
        failed: dict[str, Any] = {criterion: 0}
        wrong = label(met={criterion: (number, met)}, **failed)
        assert bool(said(read(quantity=2, label_pages=3), wrong)) == is_judged
    assert said(read(), label(met={}, twin="15000012346_1")), "one file on two orders is always wrong"


def test_only_the_most_precise_id_that_labels_usually_have_counts() -> None:
    seldom = ALWAYS | {"names_order": (200, 3)}
    assert said(read(), label(met=seldom, names_order=0)) == ""
    assert said(read(), label(met=seldom, names_order=0, names_increment=0)).endswith("the number 15000012345.")
    seldom = seldom | {"names_increment": (200, 100)}
    assert said(read(), label(met=seldom, names_order=0, names_increment=0, names_part=0)).endswith("the number 789.")
    assert said(read(), label(names_increment=0, names_part=0)) == ""


def test_what_was_compared_with_other_facts_is_no_doubt() -> None:
    assert said(read(carrier="DPD"), label(names_carrier=0)) == "", "it is read again"
    assert said(read(quantity=1, label_pages=3), label(fits_quantity=0)) == ""
    assert said(read(), label(names_carrier=None, fits_quantity=None)) == ""
    assert said(read(quantity=None, label_pages="odd"), label(fits_quantity=0)) == "", "cells that someone has edited"


# -- from the database -------------------------------------------------------------------------------------------------


def kept(store: Store, number: int, wrong: int, first: int = 1, **more: Any) -> None:  # noqa: ANN401 - any column
    """Store orders whose labels were read; of these, the first ones do not name their orders."""
    names = [f"15000020000_{each}" for each in range(first, first + number)]
    about: dict[str, Any] = {"carrier": "GEODIS"} | more
    shas = [f"{each:064}" for each in range(first, first + number)]
    rows = put(
        store,
        *(
            order_of(name, label_sha256=sha, label_read_sha256=sha, **about)
            for name, sha in zip(names, shas, strict=True)
        ),
    )
    with store.write() as tx:
        for place, (row, sha) in enumerate(zip(rows, shas, strict=True)):
            fits: dict[str, Any] = dict.fromkeys(("names_increment", "names_part", "names_carrier"), 1)
            tx.add(
                LabelFacts(
                    order_id=row,
                    label_sha256=sha,
                    names_order=int(place >= wrong),
                    **fits,
                    **{"supplier": SUPPLIER} | about,
                )
            )


def doubtful(store: Store) -> list[str]:
    """Return the orders with a doubt, as every surface finds them."""
    with store.read() as tx:
        look = within(tx)
        judge = Judge(look, SETTINGS, NOW)
        ids = [row.id for row in look.rows("SELECT id FROM orders ORDER BY id")]
        return [each.order.menzzo_order_id for each in facts.orders_of(look, ids) if judge.of(each).doubtful]


@pytest.mark.parametrize(
    ("number", "wrong", "found"), [(19, 1, 0), (20, 1, 1), (20, 2, 2), (20, 3, 0), (200, 20, 20), (200, 22, 0)]
)
def test_the_labels_that_count_are_in_the_database(store: Store, number: int, wrong: int, found: int) -> None:
    kept(store, number, wrong)
    assert len(doubtful(store)) == found


def test_labels_of_others_and_old_labels_do_not_count(store: Store) -> None:
    kept(store, 19, 1)
    kept(store, 100, 0, first=1000, carrier="DPD")
    kept(store, 100, 0, first=2000, supplier="asir-group")
    kept(store, 100, 0, first=3000, carrier=None)
    assert doubtful(store) == []
    kept(store, 1, 0, first=4000)
    assert doubtful(store) == ["15000020000_1"]
    kept(store, 180, 180, first=5000)
    assert doubtful(store) == [], "most of the last 200 labels name no order"


def test_one_file_on_the_orders_of_two_customers_is_found_from_the_first_label_on(store: Store) -> None:
    same = {"label_sha256": SHA, "label_read_sha256": SHA}
    names = ("15000012345_789", "15000012345_790", "15000012346_1", "15000012347_1")
    rows = put(
        store, *(order_of(name, **same) for name in names), order_of("15000012348_1", supplier="asir-group", **same)
    )
    with store.write() as tx:
        for row in rows:
            supplier = tx.get_one(Order, row).supplier
            fits: dict[str, Any] = dict.fromkeys(("names_order", "names_increment", "names_part"), 1)
            tx.add(LabelFacts(order_id=row, supplier=supplier, label_sha256=SHA, **fits))
    assert doubtful(store) == list(names)
    with store.write() as tx:
        for row in rows[2:4]:
            tx.get_one(Order, row).label_sha256 = "1" * 64
    assert doubtful(store) == [], "the lines of one customer's order may share a label"


def test_the_command_shows_it_and_status_does_not(store: Store) -> None:
    kept(store, 20, 1)
    with store.read() as tx:
        told = whole(tx, tx.get_one(Order, 1), SETTINGS, NOW)
        assert told["problem_codes"] == ["label_doubtful"]
        assert told["problem"] == "its label may be the wrong one: it does not show the number 15000020000_1"
        assert [each.code for each in judged(tx, SETTINGS, NOW) if each.order == "15000020000_1"] == []


def test_finding_doubts_reads_indexes_alone(store: Store) -> None:
    kept(store, 20, 1)
    with store.read() as tx:
        look = within(tx)
        found = [row.detail for row in look.rows(f"EXPLAIN QUERY PLAN {label_facts.MET}", SUPPLIER, None)]
        assert [step for step in found if "label_facts" in step] == [
            "SEARCH label_facts USING COVERING INDEX label_facts_by_carrier (supplier=? AND carrier=?)"
        ]
        sql = f"{label_facts.LABELS} WHERE order_id IN (1, 2)) WHERE {label_facts.DOUBTFUL}"
        steps = [row.detail for row in look.rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert [step for step in steps if step.startswith("SCAN")] == []
    assert any("label_facts_by_file (supplier=? AND label_sha256=?)" in step for step in steps)
