"""A recording of a troubled run, played on another machine at another time, ends the same way; and it names nobody."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from supplier_agent.base.errors import UsageError
from supplier_agent.maintenance.recording import record
from supplier_agent.sandbox import faults, replay
from supplier_agent.sandbox.listing import Semantics
from supplier_agent.sandbox.world import World
from tests.world.harness import ManualClock, Site, settings_for

SUPPLIER = "notio"
FIRST = 15_000_012_345
PERSON = {
    "customer": {"firstname": "Jeanne", "lastname": "Cassis", "phone": "+33 6 12 34 56 78", "id": 4711},
    "delivery_note": "Ring at Cassis, 06 12 34 56 78",
    "email": "jeanne.cassis@example.com",
    "status": "to be shipped",
    "sale_id": 8_812_345_678,
    "session_token": "s3cr3t-t0k3n-s3cr3t-t0k3n",
}
PRIVATE = (
    "Jeanne",
    "Cassis",
    "612345678",
    "06 12 34",
    "12 34 56 78",
    "jeanne",
    "4711",
    "8812345678",
    "s3cr3t",
    "sandbox-",
)


def row(number: int, **fields: object) -> dict[str, object]:
    return {
        "menzzo_order_id": f"{FIRST + number // 2}_{700 + number}",
        "sku": f"CHAIR-{number}",
        "quantity": 1,
        "price": "250.00",
        "order_date": "2026-11-20",
        "carrier": "GEODIS",
        **fields,
    }


def ids(numbers: Sequence[int]) -> list[str]:
    return [str(row(number)["menzzo_order_id"]) for number in numbers]


@dataclass
class Case:
    site: Site
    lines: list[str]

    def file(self, folder: Path) -> Path:
        path = folder / "case.jsonl"
        path.write_text("\n".join(self.lines), encoding="utf-8")
        return path


def live(folder: Path, world: World, clock: ManualClock, semantics: Semantics | None = None) -> Site:
    settings = settings_for(
        folder,
        SUPPLIER,
        ship={"undo_seconds": 0},
        retry={"label_first_seconds": 60},
        schedule={"poll_seconds": 300, "sweep_seconds": 3600},
    )
    site = Site(settings, world, clock, semantics or Semantics())
    site.start()
    return site


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Record a day with a refused acknowledge, a lost ship answer, failing reads, a late label, and an order that is gone."""
    clock = ManualClock()
    world = World(clock, [SUPPLIER])
    link = "https://api.menzzo.fr/api/files/labels"
    for number in range(6):
        fields = {"link_to_label": f"{link}/notio/{ids([number])[0]}.pdf?signature=s3cr3t"}
        order = world.arrive_raw(SUPPLIER, row(number, **PERSON, **fields), datetime(2026, 11, 20, tzinfo=UTC).date())
        order.row_json = order.row_json.replace(link, "BASE/api/files/labels") if order.row_json else None
    refused, lost, late, down, _, gone = ids(range(6))
    plan = world.faults
    echo = {
        "success": False,
        "error": f"order {refused} of Jeanne Cassis, 06 12 34 56 78, is closed",
        "email": "jeanne@example.com",
    }
    plan.arm("acknowledge-sale", faults.says(echo, code=409), supplier=SUPPLIER, menzzo_order_id=refused, times=99)
    plan.arm("ship-sale", faults.close(applied=True), supplier=SUPPLIER, menzzo_order_id=lost)
    plan.arm("ship-sale", faults.status(422, body=b'{"success": false}'), supplier=SUPPLIER, menzzo_order_id=down)
    site = live(tmp_path_factory.mktemp("there"), world, clock)
    for order in world.orders(SUPPLIER):
        order.row_json = order.row_json.replace("BASE", site.settings.base_url) if order.row_json else None
    site.world.order(SUPPLIER, late).label_ready_from = clock.now() + timedelta(minutes=20)  # type: ignore[union-attr]
    site.run_for(1800)
    plan.arm("get-sales", faults.status(500), times=6)
    site.run_for(3600)
    site.flag(ids([0, 1, 2, 3]))
    site.run_for(3600)
    site.world.order(SUPPLIER, gone).visible_from = clock.now() + timedelta(days=900)  # type: ignore[union-attr]
    site.run_for(7200)
    with site.agent.ctx.store.read() as tx:
        lines = list(record(tx, [SUPPLIER], site.settings, datetime(2026, 1, 1, tzinfo=UTC), clock.now(), b"random"))
    site.crash()
    return Case(site, lines)


def endings(site: Site) -> list[tuple[object, ...]]:
    """Return how every order ended, oldest first: its facts, and each call with the status of its answers."""
    orders = site.ask(
        "SELECT id, sku, acknowledged_at IS NOT NULL, label_path IS NOT NULL, ship_confirmed_at IS NOT NULL, ship_evidence,"
        " missed_at IS NOT NULL FROM orders ORDER BY menzzo_order_id"
    )
    calls = "SELECT id, kind, state FROM calls WHERE order_id = ? AND kind IN ('acknowledge', 'label', 'ship') ORDER BY kind"
    tries = "SELECT outcome, http_status FROM attempts WHERE call_id = ? ORDER BY number"
    return [
        (*facts, [(kind, state, site.ask(tries, call)) for call, kind, state in site.ask(calls, row)])
        for row, *facts in orders
    ]


def test_what_was_recorded_ends_the_same_way_on_another_machine(case: Case, tmp_path: Path) -> None:
    clock = ManualClock(datetime(2027, 3, 8, 6, tzinfo=UTC))
    played = replay.replay(replay.read(case.file(tmp_path)), clock)
    site = live(tmp_path / "here", played.world, clock, played.semantics)
    start = clock.now()
    for order, at in played.marks:
        site.run_for((at - clock.now()).total_seconds())
        site.flag([order])
    site.run_for(16_200 - (clock.now() - start).total_seconds())
    there, here = endings(case.site), endings(site)
    site.crash()
    assert here == there
    reads = "SELECT count(*) FROM reads WHERE outcome <> 'listed'"
    assert site.ask(reads) == case.site.ask(reads) != [(0,)]


def test_the_case_has_every_trouble(case: Case) -> None:
    told = {facts[0]: facts for facts in endings(case.site)}
    states = {sku: {kind: (state, tries) for kind, state, tries in facts[-1]} for sku, facts in told.items()}  # type: ignore[attr-defined]
    assert states["CHAIR-0"]["acknowledge"] == ("parked", [("refused", 409)])
    assert states["CHAIR-1"]["ship"] == ("unknown", [("unknown", None)])
    assert [status for _, status in states["CHAIR-2"]["label"][1]].count(404) > 2
    assert states["CHAIR-3"]["ship"] == ("parked", [("refused", 422)])
    assert told["CHAIR-5"][5] == 1


def test_a_recording_names_nobody_and_holds_no_secret(case: Case) -> None:
    whole = "\n".join(case.lines)
    assert not [each for each in PRIVATE if each in whole]
    assert not [each for each in ids(range(6)) if each in whole]
    assert str(FIRST) not in whole
    (answer,) = {each["answer"] for line in case.lines if (each := json.loads(line)).get("http_status") == 409}
    assert answer.startswith('{"success": false, "error": "order 1')  # with the order's other id
    assert answer.count("(masked") == 4


def test_the_same_id_has_the_same_replacement_everywhere_in_the_same_order(case: Case) -> None:
    lines = [json.loads(line) for line in case.lines]
    entries = sorted((line["entry"]["sku"], line["order"]) for line in lines if line["kind"] == "entry")
    ranked = [tuple(map(int, order.split("_"))) for _, order in dict(entries).items()]
    assert ranked == sorted(set(ranked))
    assert [increment for increment, _ in ranked][::2] == [increment for increment, _ in ranked][1::2]
    assert {len(str(increment)) for increment, _ in ranked} == {len(str(FIRST))}
    assert all(line["entry"]["menzzo_order_id"] == line["order"] for line in lines if line["kind"] == "entry")
    assert {line["order"] for line in lines if line["kind"] == "call"} == {order for _, order in entries}
    cursors = [line["url"].partition("last_menzzo_order_number=")[2] for line in lines if line["kind"] == "read"]
    assert {each.partition("&")[0] for each in cursors} - {""} <= {order for _, order in entries}


@pytest.mark.parametrize(
    "text", ["", "no JSON", '{"kind":"recording","schema":99,"suppliers":{}}', "[]", '{"kind":"read"}']
)
def test_a_file_that_is_no_recording_is_refused_in_words(text: str, tmp_path: Path) -> None:
    file = tmp_path / "case.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"is not a recording"):
        replay.read(file)
