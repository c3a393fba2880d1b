"""The rule of an order's life, over every combination of the facts that it looks at."""

from collections.abc import Iterator
from itertools import product

import pytest

from supplier_agent.db.tables import Call, Order
from supplier_agent.order import STAGES, WANTED, blockers, stage, uncover, unusable, wanted
from tests.unit.conftest import order_of
from tests.world.clocks import NOW

LINK = "https://api.menzzo.fr/labels/1.pdf"
LABELS = ((None, None), (LINK + "?sig=1", None), (LINK + "?sig=2", LINK), (LINK, LINK + "l"), (None, LINK))
"""Link, and the link whose file is on disk: none linked yet, to be fetched, current though signed anew, outdated, withdrawn."""
AT_THE_MARKETPLACE = ("acknowledge", "label", "ship")
SCANS = ("scan_laposte", "scan_dhl", "scan_ups", "scan_fedex")
CALL_STATES = ("owed", "sending", "done", "parked", "unknown", "dropped")


def every_order() -> Iterator[Order]:
    """Return every combination of the facts that decide."""
    for facts, (link, stored) in product(product((False, True), repeat=7), LABELS):
        acknowledged, confirmed, flagged, held, closed, override, sku = facts
        yield order_of(
            acknowledged_at=NOW if acknowledged else None,
            ship_confirmed_at=NOW if confirmed else None,
            shipped=int(flagged),
            held_reason="the customer called" if held else None,
            closed_reason="cancelled" if closed else None,
            override_by="Ana" if override else None,
            override_covers="no_label,not_acknowledged" if override else None,
            sku="CHAIR" if sku else None,
            link_to_label=link,
            label_link=stored,
            label_path="labels/notio/1.pdf" if stored else None,
        )


def calls(*states: str) -> list[Call]:
    return [
        Call(order_id=1, supplier="notio", kind=f"kind{n}", state=state, owed_at=NOW) for n, state in enumerate(states)
    ]


def kinds(order: Order) -> set[str]:
    return {want.kind for want in wanted(order)}


def test_the_combinations_are_all_there() -> None:
    assert len(list(every_order())) == 2**7 * len(LABELS)


def test_nothing_is_wanted_for_an_order_that_is_confirmed_or_closed() -> None:
    over = [order for order in every_order() if order.ship_confirmed_at or order.closed_reason]
    assert over
    mine = {kind: WANTED[kind] for kind in ("acknowledge", "label", "ship", "sale_check", "product", "shop_order")}
    assert not any(wanted(order, rules=mine) for order in over)
    assert kinds(order_of(ship_confirmed_at=NOW)) == {"after_sales", *SCANS}, (
        "where the support API or a carrier is asked"
    )


def test_ship_is_wanted_exactly_if_it_is_flagged_and_free_to_go() -> None:
    for order in every_order():
        whole = order.acknowledged_at is not None and order.label_path is not None
        free = order.held_reason is None and order.closed_reason is None and order.ship_confirmed_at is None
        assert ("ship" in kinds(order)) == (order.shipped == 1 and free and (whole or order.override_by is not None))


def test_acknowledge_is_wanted_exactly_until_it_is_acknowledged_unless_the_order_is_held() -> None:
    for order in every_order():
        free = order.held_reason is None and order.closed_reason is None and order.ship_confirmed_at is None
        assert ("acknowledge" in kinds(order)) == (order.acknowledged_at is None and free)


def test_a_person_is_asked_before_an_order_without_sku_or_quantity_is_acknowledged() -> None:
    for order in every_order():
        asked = [want.ask for want in wanted(order) if want.kind == "acknowledge"]
        assert all(bool(ask) == (order.sku is None) for ask in asked)
        assert not any(want.ask for want in wanted(order) if want.kind != "acknowledge")
    assert unusable(order_of(sku=None)) == "it was listed without a usable sku"
    assert unusable(order_of(sku=None, quantity=None)) == "it was listed without a usable sku and quantity"
    assert unusable(order_of(quantity=None)) == "it was listed without a usable quantity"
    assert unusable(order_of()) == ""


def test_a_label_is_wanted_exactly_until_the_file_is_that_of_the_link_without_its_query() -> None:
    for order in every_order():
        over = order.closed_reason is not None or order.ship_confirmed_at is not None
        linked, never = order.link_to_label, order.label_path is None
        # Without a link it is wanted too: so a label that is never linked reaches a person.
        assert ("label" in kinds(order)) == (
            not over and (never if linked is None else linked.split("?")[0] != order.label_link)
        )


def test_a_new_link_is_a_new_subject_and_a_new_signature_is_not() -> None:
    subjects = [
        wanted(order_of(link_to_label=link))[1].subject for link in ("https://a/1?x", "https://a/1?y", "https://a/2")
    ]
    assert subjects == ["https://a/1", "https://a/1", "https://a/2"]


def test_blockers_name_what_is_missing_and_an_override_lifts_them() -> None:
    assert blockers(order_of()) == ["not_acknowledged", "no_label"]
    assert blockers(order_of(acknowledged_at=NOW)) == ["no_label"]
    both = {"override_by": "Ana", "override_covers": "no_label,not_acknowledged"}
    assert blockers(order_of(**both)) == []
    assert blockers(order_of(**both | {"override_covers": "no_label"})) == ["not_acknowledged"], "a later blocker"
    assert blockers(order_of(override_covers="no_label")) == ["not_acknowledged", "no_label"], "nobody said so"
    assert blockers(order_of(held_reason="wait", closed_reason="gone")) == ["not_acknowledged", "no_label"]


def test_an_override_covers_a_vanished_order_and_no_blocker_that_went_and_came_again() -> None:
    order = order_of(vanished_at=NOW, acknowledged_at=NOW)
    assert blockers(order) == ["no_label", "vanished"]
    order.override_by, order.override_covers = "Ana", "no_label,vanished"
    assert blockers(order) == []
    uncover(order, "no_label")
    assert (order.override_covers, blockers(order)) == ("vanished", ["no_label"])


def test_every_stage_is_the_first_of_the_contract_that_holds() -> None:
    met = set()
    for order in every_order():
        for state in (None, *CALL_STATES):
            told = stage(order, calls(*([state] if state else [])))
            holds = {
                "shipped": order.ship_confirmed_at is not None,
                "closed": order.closed_reason is not None,
                "attention": state in {"parked", "unknown"},
                "held": order.held_reason is not None,
                "flagged": order.shipped == 1,
                "new": order.acknowledged_at is None,
                "acknowledged": order.label_path is None,
                "ready": True,
            }
            assert told == [name for name in STAGES if holds[name]][0]  # noqa: RUF015 - as the contract says it
            met.add(told)
    assert met == set(STAGES)


@pytest.mark.parametrize("states", list(product(CALL_STATES, repeat=2)))
def test_one_call_that_waits_for_a_person_is_enough(states: tuple[str, str]) -> None:
    assert (stage(order_of(), calls(*states)) == "attention") == bool({"parked", "unknown"} & set(states))


def test_what_is_wanted_is_decided_in_one_place() -> None:
    assert set(WANTED) == {
        *AT_THE_MARKETPLACE,
        "sale_check",
        "product",
        "after_sales",
        "sav",
        "shop_order",
        "dispatched",
        *SCANS,
    }
    assert all(kinds(order) <= set(WANTED) for order in every_order())
