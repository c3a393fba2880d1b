"""Nothing that the support API says of a customer is written: every byte of the state folder, the log and the JSON is searched."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from supplier_agent import actions
from supplier_agent.reports import orders
from supplier_agent.sandbox import faults
from supplier_agent.sandbox.support import CASES, CUSTOMER, PRODUCT, SALE, SAV
from tests.support.conftest import RARE, Raise, first, ids
from tests.world.harness import Site

NEEDLES = [value.encode() for value in CUSTOMER.values()]
EVERYTHING = {"products": True, "after_sales_per_day": 100, "open_sav": True}
WITH_THE_CUSTOMER = json.dumps({"success": False, "error": "for {firstname} {lastname} <{email}>".format(**CUSTOMER)})


def written(site: Site) -> Iterator[tuple[str, bytes]]:
    """Yield everything that the agent has written: database and WAL, ledger, labels, pictures, log, and what it shows as JSON."""
    for path in Path(site.settings.state_dir).rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    yield "log", repr(site.said).encode()
    with site.agent.ctx.store.read() as tx:
        for each in ids(site):
            told = orders.whole(tx, actions.find(tx, each), site.settings, site.clock.now())
            yield "json", json.dumps(told, default=str).encode()


def search(site: Site) -> list[str]:
    return [
        place for place, content in written(site) for needle in NEEDLES if needle.lower() in content.lower()
    ]  # fmt: skip


def live(site: Site) -> None:
    """Let everything happen that the agent asks of the support API."""
    with site.agent.ctx.store.write() as tx:
        order = actions.find(tx, ids(site)[0])
        body = json.dumps({"increment_id": order.increment_id, "complaint_type": "damage", "description": "broken"})
        actions.open_case(tx, order, site.clock.now(), "Ana", body, site.settings)
    site.flag()
    site.run_for(16 * 86_400, 86_400)


def test_after_everything_was_asked_no_byte_names_the_customer(installation: Raise) -> None:
    site = installation(EVERYTHING, orders=2, schedule=RARE)
    live(site)
    asked = {line.endpoint for line in site.world.log}
    assert {SALE, PRODUCT, CASES, SAV} <= asked
    assert any(path.suffix == ".png" for path in Path(site.settings.state_dir).rglob("*")), "a picture was kept"
    assert any(b"broken" in content for _, content in written(site)), "the search looks into the database"
    assert search(site) == []


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_no_error_names_the_customer_either(installation: Raise, status: int) -> None:
    site = installation(EVERYTHING, schedule=RARE)
    for endpoint in (SALE, PRODUCT, CASES, SAV):
        answer = faults.status(status, body=WITH_THE_CUSTOMER.encode())
        site.world.faults.arm(endpoint, answer, times=50)
    live(site)
    assert search(site) == []


def test_a_customer_in_every_other_field_is_dropped(installation: Raise) -> None:
    site = installation(EVERYTHING, schedule=RARE)
    email, name = CUSTOMER["email"], "{firstname} {lastname}".format(**CUSTOMER)
    data = {
        "incrementId": first(site),
        "status": name,
        "customer": CUSTOMER,
        "products": [{"sku": email, "tracking": name, "carrier": name}],
        email: name,
    }
    site.world.faults.arm(SALE, faults.says({"success": True, "data": data}), times=50)
    product = {"name": f"Sofa for {name}", "images": [], "customer": CUSTOMER}
    site.world.faults.arm(PRODUCT, faults.says({"success": True, "product": product}), times=50)
    record = {"id": email, "complaint_type": name, "status": name, "customer": CUSTOMER, "comment": name}
    site.world.faults.arm(CASES, faults.says({"success": True, "sav_records": [record, {**record, "id": 7}]}), times=50)
    live(site)
    assert search(site) == []
    assert site.ask("SELECT sav_id, complaint, status FROM after_sales") == [("7", None, None)]


def test_nothing_is_ever_asked_by_e_mail(installation: Raise) -> None:
    site = installation(EVERYTHING, schedule=RARE)
    live(site)
    assert site.world.support.asked
    assert not [target for target in site.world.support.asked if "@" in target or "email" in target.lower()]
