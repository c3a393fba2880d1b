"""Which request meets which fault."""

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.faults import Endpoint, LogLine
from supplier_agent.sandbox.world import World

FAULT = faults.status(500)


def met(world: World, endpoint: Endpoint = "ship-sale", menzzo_order_id: str = "8_1", supplier: str = "notio") -> bool:
    clock = world.clock
    line = LogLine(clock.now(), clock.monotonic(), "POST", "/", endpoint, supplier, "right", menzzo_order_id)
    return world.faults.take(line) is not None


def test_a_fault_is_met_once_unless_more_is_said(world: World) -> None:
    world.faults.arm("ship-sale", FAULT)
    assert [met(world), met(world)] == [True, False]


def test_the_nth_request_can_be_chosen_and_how_many_from_there(world: World) -> None:
    world.faults.arm("ship-sale", FAULT, nth=2, times=2)
    assert [met(world) for _ in range(4)] == [False, True, True, False]


def test_other_endpoints_suppliers_and_orders_are_spared(world: World) -> None:
    world.faults.arm("ship-sale", FAULT, supplier="notio", menzzo_order_id="8_1")
    assert not met(world, "label")
    assert not met(world, menzzo_order_id="8_2")
    assert not met(world, supplier="asir-group")
    assert met(world)


def test_any_condition_can_be_given(world: World) -> None:
    world.faults.arm("ship-sale", FAULT, when=lambda line: line.menzzo_order_id == "9_9")
    assert not met(world)
    assert met(world, menzzo_order_id="9_9")


def test_an_outage_lasts_for_its_time(world: World) -> None:
    world.faults.arm("ship-sale", FAULT, seconds=60)
    assert [met(world) for _ in range(3)] == [True, True, True]
    world.clock.sleep(60)
    assert not met(world)


def test_within_an_outage_the_number_of_faults_can_be_limited(world: World) -> None:
    world.faults.arm("ship-sale", FAULT, seconds=60, times=1)
    assert [met(world), met(world)] == [True, False]


def test_what_is_disarmed_is_met_no_more(world: World) -> None:
    world.faults.arm("ship-sale", FAULT)
    world.faults.reset_connections(3)
    world.faults.disarm()
    assert not met(world)
    assert not world.faults.take_connection()
