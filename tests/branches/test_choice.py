"""Which call goes next, seen from outside: what is urgent first, and after an outage what does the least harm."""

from collections.abc import Sequence
from itertools import pairwise

from supplier_agent.sandbox.world import World
from tests.branches.conftest import Raise
from tests.world.harness import arrive
from tests.world.mortal import SHIP, MortalSite, Spell

ACKNOWLEDGE = "acknowledge-sale"


def with_new_orders(site: MortalSite, number: int) -> MortalSite:
    """Collect what is listed, and mark it as shipped the moment so many new orders wait to be acknowledged."""
    first = ids(site.world)
    site.collected()
    if number:
        arrive(site.world, "notio", number + 1)
        known = len(site.world.requests(ACKNOWLEDGE))
        site.run_for(3600, until=lambda: len(site.world.requests(ACKNOWLEDGE)) > known)
    site.flag(first)
    return site


def ids(world: World) -> list[str]:
    return [order.menzzo_order_id for order in world.orders("notio")]


def asked_in_an_outage(site: MortalSite, seconds: float) -> Sequence[str]:
    """Let no write reach the marketplace for so long; return what was asked."""
    asked = []

    def sky(endpoint: str) -> Spell:
        asked.append(endpoint)
        return Spell(not_sent=endpoint.endswith("-sale"))

    site.sky = sky
    site.run_for(seconds)
    return asked


def test_what_has_left_is_reported_before_new_orders_are_acknowledged(installation: Raise) -> None:
    site = with_new_orders(installation(1), 2)
    known = len(site.world.log)
    site.run_for(60)
    asked = [line.endpoint for line in site.world.log[known:]]
    assert [each for each in asked if each.endswith("-sale")] == [SHIP, ACKNOWLEDGE, ACKNOWLEDGE]
    site.stop()


def test_in_an_outage_what_may_be_repeated_is_tried_and_no_ship_call(installation: Raise) -> None:
    site = with_new_orders(installation(1), 2)
    asked = [each for each in asked_in_an_outage(site, 2 * 3600) if each.endswith("-sale")]
    assert asked[0] == SHIP
    assert len(asked) > 4
    assert set(asked[1:]) == {ACKNOWLEDGE}
    site.stop()


def test_where_only_ship_calls_wait_each_is_tried_after_a_read_that_worked(installation: Raise) -> None:
    site = with_new_orders(installation(3), 0)
    asked = asked_in_an_outage(site, 2 * 3600)
    since = asked.index("get-sales")  # what was claimed before the first answer came is on its way
    assert since <= 2
    assert asked[since:].count(SHIP) > 3
    assert (SHIP, SHIP) not in pairwise(asked[since:])
    site.stop()
