"""What is masked in listed entries reaches no byte of the database, of the log, or of any other file."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from supplier_agent.sandbox import faults
from supplier_agent.sandbox.world import World
from tests.world.harness import ManualClock, Site, settings_for

SUPPLIER = "notio"
PERSON = {
    "customer": {
        "first_name": "Jeanne-Zoé",
        "lastname": "Cassisdottir",
        "mobile": "+33 6 98 76 54 32",
        "vat": 99_887_766,
    },
    "shipping_address": {"street": ["12 rue Quincampoix", "Bât. Zeta"], "city": "Besançonville", "postcode": "25999"},
    "email": "jeanne.cassis@quux.example",
    "delivery": {"comment": "Call 06 98 76 54 32 or mail zoe@quux.example", "token": "t0p-s3cret-t0ken"},
    "jeanne.cassis@quux.example": "her key",
}
PRIVATE = (
    *(
        "Jeanne",
        "Cassis",
        "98 76 54",
        "98765432",
        "99887766",
        "Quincampoix",
        "Zeta",
        "Besan",
        "25999",
        "quux",
        "t0p-s3cret",
    ),
    *("Zoé", "Zo\\u00e9", "sandbox-notio"),
)


def row(number: int, **fields: object) -> dict[str, object]:
    link = f"https://api.menzzo.fr/api/files/labels/{number}.pdf?sig=s1gnature"
    whole = {"menzzo_order_id": f"15000012345_{number}", "sku": f"CHAIR-{number}", "quantity": 1, "price": "250.00"}
    return {**whole, "order_date": "2026-11-20", "carrier": "GEODIS", "link_to_label": link, **PERSON, **fields}


def bytes_of(site: Site) -> Iterator[tuple[str, bytes]]:
    """Yield everything that the agent wrote, what is compressed also unpacked."""
    for path in site.settings.state_dir.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()
    yield "log", json.dumps(site.said, default=str, ensure_ascii=False).encode()
    for number, (body,) in enumerate(site.ask("SELECT body FROM raw_entries")):
        yield f"entry {number}", zlib.decompress(body)


def test_no_byte_of_it_is_written_anywhere(tmp_path: Path) -> None:
    clock = ManualClock()
    world = World(clock, [SUPPLIER])
    arrived = [
        row(1),
        row(2, carrier={"name": "GEODIS", "contact": PERSON}, quantity=PERSON),  # named in the problem of the order
        row(3, menzzo_order_id={"phone": "0698765432"}),  # rejected
        row(4, sku=[PERSON]),
    ]
    for each in arrived:
        world.arrive_raw(SUPPLIER, each)
    site = Site(
        settings_for(tmp_path / "state", SUPPLIER, schedule={"poll_seconds": 60, "off_hours_poll_seconds": 60}),
        world,
        clock,
    ).collected()
    whole = json.dumps([row(5)]).encode()
    for body in (whole[:400], b"<html>" + whole, b'{"error": ' + whole + b"}"):
        world.faults.arm("get-sales", faults.status(200, body=body))
        world.faults.arm("get-sales", faults.status(500, body=body), times=3)
        site.run_for(900)
    site.stop()
    assert site.ask("SELECT count(*) FROM raw_entries WHERE menzzo_order_id <> ''")[0][0] >= 3
    assert site.ask("SELECT count(*) FROM rejected_entries")[0][0] == 1
    assert site.ask("SELECT count(*) FROM reads WHERE outcome <> 'listed'")[0][0] >= 3
    found = {
        (name, each)
        for name, content in bytes_of(site)
        for each in PRIVATE
        if each.encode() in content or each.encode("utf-16-le") in content
    }
    assert not found
    assert not [name for name, content in bytes_of(site) if name.startswith("entry") and b"s1gnature" in content]
