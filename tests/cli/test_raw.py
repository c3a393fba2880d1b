"""`order ID --raw`: what the marketplace listed of an order, content by content, with each change."""

import json
from typing import Any

from supplier_agent.marketplace import Listing
from supplier_agent.marketplace.listing import parse_rows
from supplier_agent.marketplace.masking import Mask
from supplier_agent.reading.strategy import Query
from supplier_agent.suppliers import read_log
from tests.cli.conftest import Installation
from tests.unit.conftest import at, ready

A: dict[str, Any] = {"menzzo_order_id": "15000012345_789", "sku": "CHAIR", "price": 10.5, "box": {"height": 4}}
B = {**A, "sku": "BED", "box": {"height": 4, "width": 7}}


def listed(here: Installation, row: dict[str, Any], seconds: float) -> None:
    rows = parse_rows(json.dumps([row]).encode(), Mask(b"key"))
    assert isinstance(rows, tuple)
    done = read_log.read_done(Query(), Listing(rows, 200, "hash"), at(seconds), at(seconds))
    with here.store.write() as tx:
        assert read_log.write(tx, "notio", done, None) is None


def stored(here: Installation) -> str:
    with here.store.write() as tx:
        tx.add(ready())
    return ready().menzzo_order_id


def test_each_content_has_its_times_and_its_changes(here: Installation) -> None:
    order = stored(here)
    row = {**A, "menzzo_order_id": order}
    for seconds, content in enumerate((row, row, {**row, **B, "menzzo_order_id": order}, row)):
        listed(here, content, 60 * seconds)
    told = json.loads(here.run("order", order, "--raw", "--json").stdout)
    assert told["menzzo_order_id"] == order
    contents = told["contents"]
    assert [(each["first_listed_at"][14:19], each["last_listed_at"][14:19]) for each in contents] == [
        ("00:00", "01:00"),
        ("02:00", "02:00"),
        ("03:00", "03:00"),
    ]
    assert contents[0]["entry"] == row
    assert contents[1]["changes"] == [
        {"field": "box.width", "before": "(absent)", "after": 7},
        {"field": "sku", "before": "CHAIR", "after": "BED"},
    ]
    assert contents[2]["sha256"] == contents[0]["sha256"]
    said = here.run("order", order, "--raw").stdout.decode()
    assert 'sku: "CHAIR" -> "BED"' in said
    assert '"price": 10.5' in said


def test_an_order_of_which_nothing_is_kept_says_so(here: Installation) -> None:
    order = stored(here)
    done = here.run("order", order, "--raw")
    assert done.returncode == 0
    assert b"nothing is kept" in done.stderr
