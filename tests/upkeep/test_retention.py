"""Finished work goes after its time, unfinished work never, whatever its age; and what proves the past stays."""

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from supplier_agent.base.log import Log
from supplier_agent.db.store import Store, open_store
from supplier_agent.db.support import SavRequest
from supplier_agent.db.tables import Alert, Attempt, Barcode, Call, Chore, Event, Order, Read, Run
from supplier_agent.labels import LabelFolder
from supplier_agent.maintenance.retention import CHORE, Retention
from supplier_agent.marketplace import Listing
from supplier_agent.marketplace.listing import parse_rows
from supplier_agent.marketplace.masking import Mask
from supplier_agent.reading.strategy import Query
from supplier_agent.settings import Settings
from supplier_agent.suppliers import read_log
from tests.upkeep.conftest import Rows, rows_of
from tests.world.harness import MONDAY, ManualClock

SHA = "0" * 64


class Place:
    """A state folder, and what keeps it small."""

    def __init__(self, folder: Path, **keep: int) -> None:
        self.folder, self.clock = folder, ManualClock()
        self.store: Store = open_store(folder / "agent.db", agent=True)
        self.settings = Settings(state_dir=folder, keep=keep, suppliers={"notio": {"token": "t"}})
        self.said: list[tuple[str, dict[str, Any]]] = []
        log = Log(None, lambda event, facts: self.said.append((event, facts)))
        labels = LabelFolder(folder)
        self.retention = Retention(self.store, labels, self.clock, log, lambda: self.settings)

    def go_round(self) -> None:
        self.clock.sleep(timedelta(days=1, seconds=1).total_seconds())
        self.retention.go_round(lambda: False)

    def order(self, number: int, *, age_days: float, **facts: Any) -> int:  # noqa: ANN401 - any column
        """Store an order that last changed so many days ago, with a label, two versions of it, and a history."""
        at = self.clock.now() - timedelta(days=age_days)
        name = f"15000000{number:04d}_{number}"
        path = f"labels/notio/{name}.pdf"
        (self.folder / "labels/notio").mkdir(parents=True, exist_ok=True)
        for file in (path, path.replace(".pdf", ".1.pdf")):
            (self.folder / file).write_bytes(b"%PDF-1.4")
        known: dict[str, Any] = {
            "supplier": "notio",
            "menzzo_order_id": name,
            "increment_id": name[:12],
            "sale_product_id": str(number),
            "first_seen_at": at,
            "acknowledged_at": at,
            "label_path": path,
            "label_link": "x",
            "label_sha256": SHA,
            "label_bytes": 8,
            "planned_at": at,
        }
        with self.store.write() as tx:
            order = Order(**(known | facts))
            tx.add(order)
            tx.flush()
            assert order.id is not None
            tx.add(Barcode(order_id=order.id, code=f"C{number}", label_sha256=SHA))
            tx.add(Event(order_id=order.id, at=at, who="anna", what="held", detail="a while"))
            return order.id

    def call(self, order: int, kind: str, state: str, *outcomes: str | None, age_days: float) -> None:
        """Store a call with attempts that ended like this."""
        at = self.clock.now() - timedelta(days=age_days)
        with self.store.write() as tx:
            due_at = at if state == "owed" else None
            call = Call(
                order_id=order,
                supplier="notio",
                kind=kind,
                state=state,
                owed_at=at,
                attempts=len(outcomes),
                due_at=due_at,
            )
            tx.add(call)
            tx.flush()
            for number, outcome in enumerate(outcomes, 1):
                tx.add(
                    Attempt(
                        call_id=call.id or 0,
                        number=number,
                        started_at=at,
                        ended_at=at if outcome else None,
                        outcome=outcome,
                    )
                )

    def labels(self) -> set[int]:
        return {int(path.name.split("_")[1].split(".")[0]) for path in self.folder.glob("labels/notio/*.pdf")}

    def rows(self) -> Rows:
        return rows_of(self.folder / "agent.db")


@pytest.fixture
def place(tmp_path: Path) -> Any:  # noqa: ANN401 - a Place, closed afterwards
    made = Place(tmp_path, labels_days=90, journal_days=365)
    yield made
    made.store.close()


def test_labels_of_finished_orders_go_after_their_days_with_older_versions_and_codes(place: Place) -> None:
    at = place.clock.now()
    place.order(1, age_days=91, ship_confirmed_at=at - timedelta(days=91), shipped=1)
    place.order(2, age_days=91, closed_reason="cancelled")
    place.order(3, age_days=80, ship_confirmed_at=at - timedelta(days=80), shipped=1)
    place.go_round()
    assert place.labels() == {3}
    rows = place.rows()
    assert [row["label_path"] for row in rows["orders"][:2]] == [None, None]
    assert [row["code"] for row in rows["barcodes"]] == ["C3"]
    assert [row["detail"][-64:] for row in rows["events"] if row["what"] == "label removed"] == [SHA, SHA]
    assert place.said == [("retention.done", {"labels": 2})]


def test_a_label_that_cannot_be_removed_is_said_and_keeps_nobody_from_going_on(place: Place) -> None:
    at = place.clock.now() - timedelta(days=91)
    for number in (1, 2):
        place.order(number, age_days=91, ship_confirmed_at=at, shipped=1)
    stuck = place.folder / "labels/notio/150000000001_1.pdf"
    stuck.unlink()
    stuck.mkdir()
    place.go_round()
    assert [row["label_path"] is None for row in place.rows()["orders"]] == [False, True]
    assert [event for event, _ in place.said] == ["problem.found", "retention.done"]


UNFINISHED: dict[str, dict[str, Any]] = {
    "nothing was done": {},
    "held": {"held_reason": "wait"},
    "flagged": {"shipped": 1},
    "its facts have just changed": {"closed_reason": "no", "planned_at": None},
    "it changed after it was shipped": {
        "shipped": 1,
        "ship_confirmed_at": MONDAY - timedelta(days=4000),
        "planned_at": MONDAY - timedelta(days=2),
    },
}


@pytest.mark.parametrize("why", UNFINISHED)
def test_an_unfinished_order_keeps_everything_however_old_it_is(place: Place, why: str) -> None:
    order = place.order(1, age_days=4000, **UNFINISHED[why])
    place.call(order, "acknowledge", "done", "later", "later", "done", age_days=4000)
    before = place.rows()
    place.go_round()
    assert place.labels() == {1}
    after = place.rows()
    assert [after[name] for name in before if name != "chores"] == [before[name] for name in before if name != "chores"]


@pytest.mark.parametrize("state", ["owed", "sending", "unknown", "parked"])
def test_an_order_with_a_call_that_waits_for_anything_is_not_finished(place: Place, state: str) -> None:
    order = place.order(1, age_days=4000, closed_reason="dealt with by phone")
    place.call(order, "ship", state, "not_sent", "unknown", age_days=4000)
    place.go_round()
    assert place.labels() == {1}
    assert len(place.rows()["attempts"]) == 2


def test_the_journal_of_a_finished_order_is_shortened_and_says_so(place: Place) -> None:
    at = place.clock.now() - timedelta(days=400)
    order = place.order(1, age_days=400, ship_confirmed_at=at, shipped=1)
    place.call(order, "acknowledge", "done", "later", "not_sent", "done", age_days=401)
    place.call(order, "ship", "done", "unknown", "not_sent", "done", age_days=400)
    place.go_round()
    rows = place.rows()
    assert [(row["call_id"], row["outcome"]) for row in rows["attempts"]] == [(1, "done"), (2, "unknown"), (2, "done")]
    said = [(row["what"], row["detail"]) for row in rows["events"]]
    assert ("journal shortened", "3 earlier attempts and 1 lines of history removed; journal_days = 365") in said
    assert "held" not in {what for what, _ in said}
    assert len(rows["orders"]) == 1
    assert [row["attempts"] for row in rows["calls"]] == [3, 3]
    for _ in range(400):
        place.clock.sleep(86_400)
    place.go_round()
    assert len([row for row in place.rows()["events"] if row["what"] == "journal shortened"]) == 2, (
        "the label's line went too"
    )
    place.go_round()
    assert len(place.rows()["events"]) == 2


def test_a_younger_journal_stays(place: Place) -> None:
    at = place.clock.now() - timedelta(days=300)
    order = place.order(1, age_days=300, ship_confirmed_at=at, shipped=1)
    place.call(order, "ship", "done", "not_sent", "done", age_days=300)
    place.go_round()
    assert len(place.rows()["attempts"]) == 2


def test_zero_is_for_ever(tmp_path: Path) -> None:
    place = Place(tmp_path, labels_days=0, journal_days=0)
    at = place.clock.now() - timedelta(days=4000)
    order = place.order(1, age_days=4000, ship_confirmed_at=at, shipped=1)
    place.call(order, "ship", "done", "not_sent", "done", age_days=4000)
    place.go_round()
    assert place.labels() == {1}
    assert (len(place.rows()["attempts"]), len(place.rows()["events"])) == (2, 1)
    place.store.close()


def run(place: Place, purpose: str, proof: str, *, age_days: float, reads: int = 2) -> int:
    at = place.clock.now() - timedelta(days=age_days)
    with place.store.write() as tx:
        row = Run(
            supplier="notio",
            purpose=purpose,
            date_from=at.date(),
            requested_at=at,
            started_at=at,
            ended_at=at,
            pages=reads,
            proof=proof,
        )
        tx.add(row)
        tx.flush()
        for page in range(reads):
            tx.add(
                Read(
                    run_id=row.id,
                    supplier="notio",
                    url=f"/{page}",
                    started_at=at,
                    ended_at=at,
                    tries=1,
                    outcome="listed",
                )
            )
        return row.id or 0


def test_old_readings_go_but_one_whole_reading_of_each_day_and_the_newest_of_each_kind(place: Place) -> None:
    newest_poll = run(place, "poll", "complete", age_days=700)
    first = run(place, "sweep", "complete", age_days=600.4)
    second = run(place, "sweep", "complete", age_days=600.3)
    partial = run(place, "sweep", "partial", age_days=600.2)
    other_day = run(place, "resync", "complete", age_days=590)
    failed = run(place, "poll", "failed", age_days=500)
    young = run(place, "sweep", "complete", age_days=10)
    with place.store.write() as tx:
        tx.add(
            Run(
                supplier="notio",
                purpose="resync",
                date_from=place.clock.now().date(),
                requested_at=place.clock.now() - timedelta(days=900),
            )
        )
    place.go_round()
    rows = place.rows()
    assert {row["id"] for row in rows["runs"]} == {newest_poll, second, other_day, young, young + 1}
    assert not {first, partial, failed} & {row["id"] for row in rows["runs"]}
    assert {row["run_id"] for row in rows["reads"]} == {young}


def test_what_the_last_sweep_covers_stays_however_few_days_are_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, labels_days=1, journal_days=1)
    kept, gone = run(place, "poll", "failed", age_days=13), run(place, "poll", "failed", age_days=20)
    place.go_round()
    assert {row["id"] for row in place.rows()["runs"]} == {kept}
    assert gone
    place.store.close()


def test_solved_alerts_go_and_lasting_ones_stay(place: Place) -> None:
    at = place.clock.now() - timedelta(days=400)
    with place.store.write() as tx:
        tx.add(Alert(cause="a", text="gone", since=at, told_at=at, solved_at=at, solved_told_at=at))
        tx.add(Alert(cause="b", text="it lasts", since=at, told_at=at))
    place.go_round()
    assert [row["text"] for row in place.rows()["alerts"]] == ["it lasts"]


def test_it_comes_round_once_a_day_over_restarts_too_and_a_round_that_finds_nothing_writes_one_row(
    place: Place,
) -> None:
    place.go_round()
    with place.store.read() as tx:
        first = tx.exec(select(Chore).where(Chore.name == CHORE)).one().done_at
    place.clock.sleep(3 * 3600)
    again = Retention(place.store, LabelFolder(place.folder), place.clock, Log(None), lambda: place.settings)
    assert not again.step()
    with place.store.read() as tx:
        assert tx.exec(select(Chore).where(Chore.name == CHORE)).one().done_at == first
    assert place.said == []


def test_many_orders_go_in_small_batches_and_a_round_that_is_cut_short_is_made_again(place: Place) -> None:
    dice, at = random.Random(1), place.clock.now() - timedelta(days=500)
    with place.store.write() as tx:
        for number in range(1, 1301):
            name = f"15000{number:06d}_{number}"
            done = dice.random() < 0.8
            tx.add(
                Order(
                    supplier="notio",
                    menzzo_order_id=name,
                    increment_id="1",
                    sale_product_id="1",
                    first_seen_at=at,
                    label_path=f"labels/notio/{name}.pdf",
                    planned_at=at,
                    shipped=1,
                    ship_confirmed_at=at if done else None,
                )
            )
    place.clock.sleep(86_401)
    assert place.retention.step()
    assert place.retention.step()

    def with_label() -> int:
        return sum(row["label_path"] is not None for row in place.rows()["orders"])

    assert 0 < with_label() < 1300
    again = Retention(place.store, LabelFolder(place.folder), place.clock, Log(None), lambda: place.settings)
    again.go_round(lambda: False)
    open_ = sum(row["ship_confirmed_at"] is None for row in place.rows()["orders"])
    assert with_label() == open_
    assert len(place.rows()["orders"]) == 1300


@pytest.mark.parametrize(
    ("kind", "state"), [("after_sales", "owed"), ("shop_order", "parked"), ("sav", "unknown"), ("product", "owed")]
)
def test_what_goes_on_after_the_shipping_keeps_no_label(tmp_path: Path, kind: str, state: str) -> None:
    place, now = Place(tmp_path, labels_days=30), ManualClock().now()
    followed = {"ship_confirmed_at": now - timedelta(days=31), "after_sales_at": now - timedelta(days=2)}
    order = place.order(1, age_days=2, **followed)
    place.call(order, kind, state, "done", age_days=2)
    place.go_round()
    with place.store.read() as tx:
        assert tx.get_one(Order, order).label_path is None
    assert not list(tmp_path.glob("labels/notio/*.pdf"))


@pytest.mark.parametrize(("state", "kept"), [("done", False), ("unknown", True)])
def test_the_text_of_a_case_goes_with_the_journal(tmp_path: Path, state: str, kept: bool) -> None:  # noqa: FBT001 - a case
    place, now = Place(tmp_path), ManualClock().now()
    at = now - timedelta(days=400)
    order = place.order(1, age_days=400, ship_confirmed_at=at, shipped=1)
    place.call(order, "sav", state, "done", age_days=400)
    with place.store.write() as tx:
        tx.add(
            SavRequest(order_id=order, asked_at=at, asked_by="Lea", body='{"description": "Mr Dupont"}', sav_id="S1")
        )
    place.go_round()
    ((row,),) = (place.rows()["sav_requests"],)
    assert (row["body"] != "", row["sav_id"]) == (kept, "S1")


def listed(place: Place, number: int, *skus: str, age_days: float) -> None:
    """Store a read of one order for each of these contents."""
    at = place.clock.now() - timedelta(days=age_days)
    for sku in skus:
        row = {"menzzo_order_id": f"15000000{number:04d}_{number}", "sku": sku}
        rows = parse_rows(json.dumps([row]).encode(), Mask(b"key"))
        assert isinstance(rows, tuple)
        done = read_log.read_done(Query(), Listing(rows, 200, "hash"), at, at)
        with place.store.write() as tx:
            assert read_log.write(tx, "notio", done, None) is None


def test_what_was_listed_of_finished_orders_goes_after_its_days(place: Place) -> None:
    at = place.clock.now()
    place.settings = Settings(state_dir=place.folder, keep={"raw_days": 60}, suppliers={"notio": {"token": "t"}})
    place.order(1, age_days=61, ship_confirmed_at=at - timedelta(days=61), shipped=1)
    place.order(2, age_days=61)
    place.order(3, age_days=61, ship_confirmed_at=at - timedelta(days=61), shipped=1)
    listed(place, 1, "A", "B", "C", age_days=61)
    listed(place, 2, "A", "B", age_days=61)
    listed(place, 3, "A", age_days=50)
    listed(place, 4, "A", age_days=61)  # of no order
    place.go_round()
    rows = place.rows()
    kept = [(row["menzzo_order_id"][-1], row["body"] is not None) for row in rows["raw_entries"]]
    assert kept == [("1", False), ("2", True), ("2", True), ("3", True), ("4", False)]
    assert [row["read_id"] for row in rows["listed_pages"]] == [6]
    assert len(rows["reads"]) == 7
    place.go_round()
    assert place.rows()["raw_entries"] == rows["raw_entries"]


def test_reads_go_with_what_they_listed(place: Place) -> None:
    place.settings = Settings(state_dir=place.folder, keep={"raw_days": 0}, suppliers={"notio": {"token": "t"}})
    listed(place, 1, "A", age_days=400)
    place.go_round()
    assert place.rows()["reads"] == place.rows()["listed_pages"] == []
