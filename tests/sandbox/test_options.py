"""The sandbox's command line: shops, faults, semantics."""

import pytest

from supplier_agent.base.errors import UsageError
from supplier_agent.sandbox import faults, options
from supplier_agent.sandbox.api import Api
from supplier_agent.sandbox.faults import Request
from supplier_agent.sandbox.shops import PLATFORMS, ShopSemantics
from supplier_agent.sandbox.world import World
from tests.world.harness import ManualClock


def test_each_fault_has_a_name_and_is_met_as_often_as_given() -> None:
    for name in [*options.FAULTS, "503"]:
        world = World(ManualClock(), ("notio",))
        options.open_shops(world, PLATFORMS, ShopSemantics())
        options.arm(world, [f"magento:{name}:2"])
        api = Api(world)
        met = [api.handle(Request("GET", "/magento/rest/V1/orders"), "http://x").fault is not None for _ in range(3)]
        assert met == [True, True, False]


def test_a_fault_without_a_number_is_met_by_every_request() -> None:
    world = World(ManualClock(), ("notio",))
    options.arm(world, ["get-sales:500"])
    api = Api(world)
    met = {api.handle(Request("GET", "/api/notio/get-sales"), "http://x").fault for _ in range(20)}
    assert met == {faults.status(500)}


def test_semantics_are_read_by_their_type() -> None:
    given = [
        "page_size=7",
        "cursor=ignored",
        "shop.search=nothing",
        "shop.totals=false",
        "shop.clock_ahead_seconds=-60",
    ]
    chosen = options.semantics_of([*given, "support.sale_status=canceled", "support.sav_spelling=savRecords"])
    marketplace, support, shop = chosen.marketplace, chosen.support, chosen.shop
    assert (marketplace.page_size, marketplace.cursor) == (7, "ignored")
    assert options.semantics_of(["cache_seconds=notio:300,asir-group:60"]).marketplace.cache_seconds == {
        "notio": 300,
        "asir-group": 60,
    }
    assert (support.sale_status, support.sav_spelling) == ("canceled", "savRecords")
    assert (shop.search, shop.totals, shop.clock_ahead_seconds) == ("nothing", False, -60.0)


@pytest.mark.parametrize(
    "given",
    [
        "page_size=many",
        "cache_seconds=notio",
        "cursor=backwards",
        "shop.search=",
        "shop.colour=red",
        "colour=red",
        "support.sale_status=",
        "x",
    ],
)
def test_a_mistake_in_semantics_names_what_there_is(given: str) -> None:
    with pytest.raises(UsageError):
        options.semantics_of([given])


@pytest.mark.parametrize(
    "given", ["", "magento", "magento:none", "nowhere:close", "magento:close:often", "magento:close:", "magento:99"]
)
def test_a_mistake_in_a_fault_names_what_there_is(given: str) -> None:
    with pytest.raises(UsageError):
        options.arm(World(ManualClock(), ("notio",)), [given])


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(UsageError):
        options.open_shops(World(ManualClock(), ("notio",)), ["etsy"], ShopSemantics())
