"""What the marketplace tells the packer is shown wherever a packer sees the order: safely, and with a warning if it changed."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from supplier_agent.marketplace import Listing
from supplier_agent.marketplace.listing import parse_rows
from supplier_agent.marketplace.masking import Mask
from supplier_agent.reading.strategy import Query
from supplier_agent.suppliers import read_log
from tests.web.stage import SUPPLIER, SUPPLIERS, Browser, Stage, browsing, staged

ID = "15000012340_1"
FIELD = "notes.packer"
NAMED = {**SUPPLIERS, SUPPLIER: {"token": "t", "instructions_field": FIELD}}


@pytest.fixture
def stage(tmp_path: Path, pristine: Path) -> Iterator[Stage]:
    with staged(tmp_path, pristine=pristine, suppliers=NAMED) as made:
        yield made


@pytest.fixture
def anna(stage: Stage) -> Iterator[Browser]:
    with browsing(stage.url) as browser:
        yield browser.sign_in("Anna")


def listed(stage: Stage, said: object, menzzo_order_id: str = ID) -> None:
    row = {"menzzo_order_id": menzzo_order_id, "notes": {"packer": said}}
    rows = parse_rows(json.dumps([row]).encode(), Mask(b"key", told=[FIELD]))
    assert isinstance(rows, tuple)
    done = read_log.read_done(Query(), Listing(rows, 200, "hash"), stage.clock.now(), stage.clock.now())
    with stage.store.write() as tx:
        assert read_log.write(tx, SUPPLIER, done, None) is None
    stage.clock.ahead += timedelta(seconds=1)


def test_the_packer_sees_them_after_a_scan_on_the_orders_page_and_on_the_pick_list(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    listed(stage, "Wrap in  two\nblankets")
    anna.post("/scan", code=ID)
    assert "Instructions: Wrap in two blankets" in anna.said
    for path in (f"/order/{row}", "/pick"):
        anna.get(path)
        assert "Instructions: Wrap in two blankets" in anna.said, path


def test_they_are_a_text_and_never_a_part_of_the_page(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    listed(stage, "<script>alert(1)</script>\u202e\u0007" + "x" * 500)
    anna.get(f"/order/{row}")
    assert "<script>alert" not in anna.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;x" in anna.html
    assert "x" * 300 not in anna.html


def test_a_change_after_printing_is_shown_as_a_change(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    listed(stage, "Two blankets")
    anna.post("/scan", code=ID)
    anna.post("/act", row=str(row), act="print")
    assert "changed since" not in anna.get(f"/order/{row}")
    stage.clock.ahead += timedelta(seconds=1)
    listed(stage, "Three blankets")
    anna.get(f"/order/{row}")
    assert "Instructions, changed since the label was printed: Three blankets" in anna.said
    listed(stage, None)
    anna.get(f"/order/{row}")
    assert "Instructions, changed since the label was printed: –" in anna.said


@pytest.mark.parametrize("said", [None, "", "  ", {"a": "b"}, ["a"], True])
def test_nothing_is_shown_if_nothing_is_said(stage: Stage, anna: Browser, said: object) -> None:
    row = stage.order(ID)
    listed(stage, said)
    anna.get(f"/order/{row}")
    assert "Instructions" not in anna.said


def test_a_damaged_entry_hides_only_itself(stage: Stage, anna: Browser) -> None:
    row = stage.order(ID)
    listed(stage, "Two blankets")
    with stage.store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE raw_entries SET body = 'not compressed'")
    anna.get(f"/order/{row}")
    assert anna.status == 200
    assert "CHAIR-SCANDI-X4-OAK" in anna.said
