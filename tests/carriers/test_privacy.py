"""Nothing that a carrier says of a consignee is written: every byte of the state folder, the log and the JSON is searched."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.carriers.depot import CONSIGNEE
from tests.carriers.conftest import CODES, Ship, Shipped

NEEDLES = [value.encode() for value in CONSIGNEE.values()]


def written(shipped: Shipped) -> Iterator[tuple[str, bytes]]:
    """Yield everything that the agent has written: database and WAL, ledger, labels, log, and what it shows as JSON."""
    for path in Path(shipped.site.settings.state_dir).rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    yield "log", repr(shipped.site.said).encode()
    yield "json", json.dumps(shipped.told(), default=str).encode()
    yield "problems", json.dumps(shipped.problems()).encode()


def search(shipped: Shipped) -> list[str]:
    return [place for place, content in written(shipped) for each in NEEDLES if each.lower() in content.lower()]


def test_no_byte_of_a_scan_names_the_consignee(ship: Ship) -> None:
    shipped = ship(2)
    shipped.desk.depot.states[CODES[shipped.carrier][1]] = "announced"
    shipped.days(2.5)
    assert shipped.asked()
    assert any(CODES[shipped.carrier][0].encode() in content for _, content in written(shipped)), (
        "the search looks there"
    )
    assert search(shipped) == []


@pytest.mark.slow
@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_no_error_names_the_consignee_either(ship: Ship, status: int) -> None:
    shipped = ship()
    body = json.dumps({"message": CONSIGNEE, "title": CONSIGNEE["name"], "status": CONSIGNEE["name"]}).encode()
    shipped.site.world.faults.arm(shipped.carrier, faults.status(status, body=body), times=50)
    shipped.days(1.5)
    assert shipped.asked() or shipped.carrier in {"ups", "fedex"}
    assert search(shipped) == []


@pytest.mark.parametrize("carrier", ["laposte"])
def test_a_name_in_place_of_an_events_code_is_dropped(ship: Ship) -> None:
    shipped = ship()
    code, name = CODES["laposte"][0], CONSIGNEE["name"]
    events = [{"code": name, "date": name, "label": name}, {"code": "PC1", "date": name, "label": name}]
    shipment = {"idShip": code, "event": events}
    said = {"returnCode": 200, "idShip": code, "shipment": shipment, name: name}
    shipped.site.world.faults.arm("laposte", faults.says(said), times=50)
    shipped.days(1.5)
    assert search(shipped) == []
    assert shipped.site.ask("SELECT event FROM parcel_scans") == [("PC1",)]
