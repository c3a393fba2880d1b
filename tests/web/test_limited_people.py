"""People who work for some suppliers only: no route shows them an order of another supplier, prints it or changes it."""

import io
import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from pypdf import PdfReader
from sqlmodel import col, select

from supplier_agent import loads
from supplier_agent.db.tables import Event, Order, Print
from supplier_agent.web import people
from supplier_agent.web.app import FORMS, PAGES
from supplier_agent.web.problems_page import DECISIONS
from supplier_agent.web.team import CHANGES
from tests.web.stage import BENCH, LEADS_PIN, SALT, SUPPLIER, Browser, Stage, browsing

OTHER = "asir-group"
MINE, THEIRS = "15000010001_111", "15000077777_888"
SECRETS = ("15000077777", "888", "HIDDEN-SKU", "HIDDENCARRIER", "hidden words", OTHER)
HARMLESS = {"/sign-out", "/language", "/device", "/dropped"}
"""Forms that are about no order."""


@pytest.fixture
def rows(stage: Stage) -> tuple[int, int]:
    """Return an order of the supplier of Ben and Bea, and one of another supplier, with all that an order can have."""
    mine = stage.order(MINE)
    facts: dict[str, Any] = {"supplier": OTHER, "sku": "HIDDEN-SKU", "carrier": "HIDDENCARRIER"}
    theirs = stage.order(THEIRS, **facts)
    stage.order("15000077777_889", held_reason="hidden words", shipped=1, shipped_at=stage.clock.now(), **facts)
    stage.call(theirs, "unknown")
    with stage.store.write() as tx:
        at = stage.clock.now()
        tx.add(Event(order_id=theirs, at=at, who="Cid", what="problem reported", detail="damaged: hidden words"))
        load = loads.start(tx, "AB-123", at, "Cid", BENCH)
        loads.put(tx, load, theirs, tx.get_one(Order, theirs).label_sha256, at, "Cid", BENCH)
        people.add(tx, "Ben", "packer", "4711", SALT, at, [SUPPLIER])
        people.add(tx, "Bea", "lead", LEADS_PIN, SALT, at, [SUPPLIER])
    return mine, theirs


@pytest.fixture(params=["Ben", pytest.param("Bea", marks=pytest.mark.slow)])
def limited(stage: Stage, rows: tuple[int, int], request: pytest.FixtureRequest) -> Iterator[Browser]:  # noqa: ARG001 - people
    with browsing(stage.url) as browser:
        yield browser.sign_in(request.param, pin="4711" if request.param == "Ben" else LEADS_PIN)


def hidden(text: str) -> list[str]:
    """Return what a text tells about the other supplier. Keys and tokens are random: they may contain any digits."""
    text = re.sub(r"[0-9a-f]{32,}|\b[0-9.]+(?=\" max|\" value|\"></progress)", "", text)
    return [secret for secret in SECRETS if re.search(rf"(?<![0-9]){secret}(?![0-9])", text)]


def everything(stage: Stage, row: int) -> object:
    with stage.store.read() as tx:
        prints = tx.exec(select(Print).where(Print.order_id == row)).all()
    read_meanwhile = {"label_read_sha256", "label_pages"}  # by the thread that looks for codes on labels
    return (
        stage.facts(row).model_dump(exclude=read_meanwhile),
        [each.model_dump() for each in prints],
        len(stage.history(row)),
    )


def test_no_page_shows_an_order_of_another_supplier(limited: Browser, rows: tuple[int, int]) -> None:
    mine, theirs = rows
    for path in PAGES:
        for query in ("", f"?q={THEIRS}", f"?supplier={OTHER}", f"?rows={theirs}-{mine}", "?carrier=HIDDENCARRIER"):
            address = path.replace("{row}", str(theirs)).replace("{name}", "undo") + query
            answer = limited.client.get(address)
            asked = query.removeprefix("?").partition("=")[2]
            if path == "/labels.pdf" and answer.status_code == 200:  # of the own orders among those that were asked for
                pages = PdfReader(io.BytesIO(answer.content)).pages
                assert [MINE in each.extract_text() for each in pages] == [True], address
                continue
            said = answer.text.replace(asked, "") if asked else answer.text  # what was asked may be repeated
            assert not hidden(said), address
            assert answer.headers.get("content-type", "") not in {"application/pdf", "image/png"}, address


def test_no_form_shows_prints_or_changes_an_order_of_another_supplier(
    stage: Stage, limited: Browser, rows: tuple[int, int]
) -> None:
    mine, theirs = rows
    before = everything(stage, theirs)
    buttons = ("ship", "undo", "print", "problem", "report", "next")
    choices: dict[str, tuple[str, ...]] = {"/act": buttons, "/decide": tuple(DECISIONS), "/team": (*CHANGES, "test")}
    choices["/print"] = ("pdf", "printer", "pick")
    for path in FORMS.keys() - HARMLESS:
        for choice in choices.get(path, ("ship",)):
            limited.get("/")
            form = {"token": limited.token(), "key": secrets.token_hex(16), "act": choice, "how": choice, "sure": "yes"}
            form |= {"row": str(theirs), "code": THEIRS, "reason": "r", "kind": "other", "text": "t", "name": "Anna"}
            answer = limited.client.post(path, data=form, headers={"Origin": stage.url})
            assert not hidden(answer.text), (path, choice)
    assert everything(stage, theirs) == before
    assert stage.facts(mine).shipped == 0


def test_all_labels_are_those_of_the_persons_suppliers(stage: Stage, limited: Browser, rows: tuple[int, int]) -> None:
    limited.get("/list")
    limited.post("/print", all="1", how="pdf")
    for link in (f"/labels.pdf?rows={rows[0]}", f"/labels.pdf?rows={rows[0]}-{rows[1]}"):
        assert (link in limited.html) == (link.count("-") == 0)
        assert len(PdfReader(io.BytesIO(limited.client.get(link).content)).pages) == 1
    assert limited.client.get(f"/labels.pdf?rows={rows[1]}").status_code == 404
    with stage.store.read() as tx:
        assert tx.exec(select(Print.order_id).order_by(col(Print.id))).all() == [rows[0]]


def test_the_persons_own_orders_are_scanned_marked_and_undone(
    stage: Stage, limited: Browser, rows: tuple[int, int]
) -> None:
    assert limited.scan(MINE).sign == "blue"
    assert limited.act("ship", rows[0]).sign == "green"
    assert stage.facts(rows[0]).shipped == 1
    limited.act("undo", rows[0])
    assert stage.facts(rows[0]).shipped == 0
    limited.act("report", rows[0], kind="damaged", text="wet")
    assert "problem reported" in [each.what for each in stage.history(rows[0])]
    assert "To ship 1" in limited.said


@pytest.mark.parametrize("code", [THEIRS, "888", "15000077777", "HIDDEN-SKU"])
def test_a_box_of_another_supplier_is_not_yours(limited: Browser, code: str) -> None:
    limited.scan(MINE).scan(code)
    assert limited.sign == "red"
    assert "Not yours" in limited.said
    assert not hidden(limited.html)
    assert "No order has the code" in limited.scan("4006381333931").said


def test_the_figures_of_the_day_are_about_the_persons_suppliers(
    stage: Stage, anna: Browser, rows: tuple[int, int]
) -> None:
    for row in rows:
        anna.act("report", row, kind="damaged")
    with browsing(stage.url) as bea:
        assert f"Anna {BENCH} 0 0 0 1" in bea.sign_in("Bea", pin=LEADS_PIN).get("/team") + bea.said


def test_a_lead_of_some_suppliers_does_not_change_the_team(stage: Stage, rows: tuple[int, int]) -> None:  # noqa: ARG001 - people
    with browsing(stage.url) as bea:
        bea.sign_in("Bea", pin=LEADS_PIN).get("/team")
        assert "Add a person" not in bea.said
        bea.post("/team", act="suppliers", name="Bea")
        assert "Only a lead who sees the orders of all suppliers" in bea.said
        bea.post("/team", act="add", name="Eve", role="lead", pin="2580")
    with stage.store.read() as tx:
        assert people.find(tx, "Eve") is None
        bea_now = people.find(tx, "Bea")
        assert bea_now is not None
        assert bea_now.suppliers == SUPPLIER


@pytest.mark.usefixtures("rows")
def test_a_lead_sets_the_suppliers_of_a_person_at_once(lea: Browser, anna: Browser) -> None:
    lea.get("/team")
    lea.post("/team", act="suppliers", name="Anna", supplier=SUPPLIER)
    assert f"only {SUPPLIER}" in lea.said
    anna.get("/list")
    assert "Another station" in anna.said  # what was on the screen before is gone: sign in again
    assert "To ship 1" in anna.sign_in("Anna").said
    lea.post("/team", act="pin", name="Anna", pin="2580")
    assert f"only {SUPPLIER}" in lea.said
    lea.post("/team", act="suppliers", name="Lea", supplier=SUPPLIER)
    assert "Lea is the only lead." in lea.said
    lea.post("/team", act="suppliers", name="Anna")
    assert "To ship 2" in anna.sign_in("Anna", pin="2580").said


def test_a_vehicle_with_hidden_orders_departs_only_by_a_person_who_sees_them(
    stage: Stage, limited: Browser, rows: tuple[int, int]
) -> None:
    mine, theirs = rows
    limited.post("/load/1/scan", code=MINE)
    limited.post("/load/1/scan", code=THEIRS)
    assert (limited.sign, "not yours" in limited.said.lower()) == ("red", True)
    limited.post("/load/1", act="depart", sure="yes")
    assert limited.sign == "red"
    assert "AB-123 also carries orders that you may not see" in limited.said
    assert [stage.facts(row).shipped for row in rows] == [0, 0]
    with browsing(stage.url) as lea:
        lea.sign_in("Lea", pin=LEADS_PIN)
        lea.post("/load/1", act="depart", sure="yes")
    assert [stage.facts(row).shipped for row in (mine, theirs)] == [1, 1]
