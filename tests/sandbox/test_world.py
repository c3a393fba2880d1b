"""Orders that look real, shared out evenly and the same for the same seed."""

from datetime import date

import pytest

from supplier_agent.sandbox.world import World

TODAY = date(2026, 1, 20)


def test_orders_are_shared_out_evenly_over_suppliers_and_days() -> None:
    world = World.with_orders(41, today=TODAY, days=5)
    assert [len(world.orders(supplier)) for supplier in ("asir-group", "notio")] == [21, 20]
    everything = [order for supplier in world.tokens for order in world.orders(supplier)]
    assert {order.order_date.day for order in everything} == {16, 17, 18, 19, 20}
    assert len({order.menzzo_order_id for order in everything}) == 41
    assert len({order.increment_id for order in everything}) < 41


def test_the_same_seed_gives_the_same_orders_and_another_does_not() -> None:
    first, again, other = (World.with_orders(9, today=TODAY, seed=seed) for seed in (3, 3, 4))
    assert first.orders("notio") == again.orders("notio")
    assert first.orders("notio") != other.orders("notio")


def test_any_supplier_can_be_given() -> None:
    world = World.with_orders(3, today=TODAY, suppliers=["atelier"])
    assert len(world.orders("atelier")) == 3
    assert world.tokens == {"atelier": "sandbox-atelier"}


def test_no_orders_at_all_is_a_world_too() -> None:
    assert World.with_orders(0, today=TODAY).orders("notio") == []


def test_an_id_exists_once() -> None:
    world = World.with_orders(2, today=TODAY)
    with pytest.raises(ValueError, match="already"):
        world.add(world.orders("notio")[0])
