"""Which codes of an order are asked about, and where they are shown."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from supplier_agent.db.support import SaleCheck
from supplier_agent.labels.tracking import Codes, numbers_of
from supplier_agent.maintenance import export
from supplier_agent.reading.scans import parcels
from supplier_agent.reports.orders import Filter, chosen, summaries
from supplier_agent.settings.carriers import CARRIERS
from tests.carriers.conftest import CODES, Ship

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize("kind", CARRIERS)
def test_only_codes_of_the_carriers_form_are_asked_about(kind: str) -> None:
    label = (("ROUTE-1", 1), (CODES[kind][0], 1), ("sha256:" + "0" * 64, 1), (CODES[kind][1], 2), ("F", 2))
    assert numbers_of(kind, Codes(label), ()) == {CODES[kind][0]: 1, CODES[kind][1]: 2}


def test_the_orders_own_ids_are_no_tracking_numbers() -> None:
    label = (("150000123456", 1), ("986578788855", 1))
    assert numbers_of("fedex", Codes(label), {"150000123456"}) == {"986578788855": 1}


def test_the_long_bar_code_of_fedex_has_the_number_in_it() -> None:
    label = (("1001921334250001000300779017972697", 1), ("9622001900000000000000776632517510", 2))
    assert numbers_of("fedex", Codes(label), ()) == {"779017972697": 1, "776632517510": 2}


def test_without_a_code_on_the_label_the_tracking_number_is_asked_about() -> None:
    assert numbers_of("laposte", Codes((("X", 1),), "6a 123456 78901"), ()) == {"6A12345678901": None}
    assert numbers_of("laposte", Codes((), "../etc?x"), ()) == {}
    assert numbers_of("laposte", Codes(((CODES["laposte"][0], 1),), "8R0"), ()) == {CODES["laposte"][0]: 1}


@pytest.mark.parametrize(
    ("codes", "total", "missing"),
    [
        ([], 0, 0),
        ([("a", 1, False)], 1, 1),
        ([("a", 1, False), ("b", 1, True)], 1, 0),
        ([("a", 1, True), ("b", 2, False)], 2, 1),
        ([("a", 1, False), ("b", 2, False), ("s", None, True)], 2, 2),
        ([("s", None, False)], 1, 1),
    ],
)
def test_the_codes_of_a_page_are_one_parcel(
    codes: list[tuple[str, int | None, bool]], total: int, missing: int
) -> None:
    assert parcels(codes) == (total, missing)


@pytest.mark.parametrize("carrier", ["laposte"])
def test_codes_and_tracking_number_are_in_json_and_export_and_are_found(ship: Ship) -> None:
    shipped = ship(2, on=False)
    store, settings = shipped.site.agent.ctx.store, shipped.site.settings
    with store.write() as tx:
        tx.add(SaleCheck(order_id=1, tracking="TR0000000042"))
    shown = ["6A12345678901", "ROUTE-1", "6A12345678902", "ROUTE-2"]
    told = shipped.told()
    assert (told["label_codes"], told["tracking_number"]) == (shown, "TR0000000042")
    (row,) = summaries(store, chosen(store, Filter(is_open=False)).ids, settings, shipped.site.clock)
    assert (row["label_codes"], row["tracking_number"]) == (shown, "TR0000000042")
    what = export.Chosen(None, None, None, settings, shipped.site.clock.now())
    (line,) = csv.DictReader(io.StringIO("".join(export.write(store, "orders", "csv", what))))
    assert (line["label_codes"], line["tracking_number"]) == (" ".join(shown), "TR0000000042")
    for text, found in [
        ("TR0000000042", 1),
        (" TR0000000042 ", 1),
        ("6A12345678902", 1),
        ("TR00000000", 0),
        ("6A9", 0),
    ]:
        assert chosen(store, Filter(search=text, is_open=False)).total == found, text


@pytest.mark.parametrize("carrier", ["laposte"])
def test_a_webhook_has_the_codes_and_the_problem(ship: Ship) -> None:
    hooks = [{"name": "erp", "url": "http://127.0.0.1:1/hook", "secret": "whsec_" + "A" * 43 + "="}]
    shipped = ship(never_scanned_hours=24, sections={"webhooks": hooks})
    shipped.desk.depot.states[CODES["laposte"][0]] = "unknown"
    shipped.days(1.5)
    bodies = [json.loads(body) for (body,) in shipped.site.ask("SELECT body FROM webhook_events ORDER BY id")]
    assert bodies[-1]["type"] == "order.problem_started"
    assert bodies[-1]["data"]["problem_codes"] == ["never_scanned"]
    assert bodies[-1]["data"]["label_codes"] == ["6A12345678901", "ROUTE-1"]
