"""The lead's desk: one number for everything that needs a lead, decisions with a reason, and messages to Menzzo."""

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supplier_agent.db import state_folder
from supplier_agent.db.plain_sql import within
from supplier_agent.db.tables import Order, Supplier
from supplier_agent.reports.letters import letters
from supplier_agent.settings import Settings
from supplier_agent.web import problems_page
from supplier_agent.words.letters import letter as text_of
from tests.web.stage import LEADS_PIN, SUPPLIER, Browser, Stage, browsing, staged
from tests.web.visits import visit_of
from tests.world.databases import store_at

ID = "15000012345_789"
ANSWER = '{"success": false, "message": "This order was cancelled on Monday"}'


def badge(browser: Browser) -> int:
    found = re.search(r"Problems <b>(\d+)</b>", browser.html)
    assert found is not None
    return int(found[1])


def listed(browser: Browser) -> int:
    return browser.html.count('<section class="trouble')


def test_the_badge_counts_everything_that_needs_a_lead_and_nothing_else(
    stage: Stage, anna: Browser, lea: Browser
) -> None:
    now = stage.clock.now()
    stage.call(stage.order("15000000001_1"), "unknown")
    stage.refused(stage.order("15000000001_2"), 409, ANSWER)
    stage.order("15000000001_3", held_reason="ask first")
    stage.order("15000000001_4", vanished_at=now)
    anna.get("/")
    anna.act("report", stage.order("15000000001_5"), kind="label")
    several = stage.order("15000000001_6", held_reason="ask first", vanished_at=now)
    stage.call(several, "unknown")
    stage.order("15000000001_7")
    with stage.store.write() as tx:
        tx.add(Supplier(name=SUPPLIER, paused_at=now, paused_by="Tom", paused_reason="stocktaking"))
    lea.get("/problems")
    assert (badge(lea), listed(lea)) == (7, 7)
    lea.get("/")
    assert badge(lea) == 7


def test_what_the_calendar_does_not_count_is_neither_counted_nor_listed(tmp_path: Path) -> None:
    """Its label has been ready for nine days, but each of them was a holiday."""
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    settings = Settings(
        state_dir=tmp_path,
        suppliers={SUPPLIER: {"token": "t"}},
        schedule={"holidays": ["2026-01-01 to 2026-12-31"]},
        alerts={"age_counts": "business_days"},
    )
    with closing(store_at(tmp_path / state_folder.DATABASE)) as store:
        with store.write() as tx:
            ready: dict[str, Any] = {
                "first_seen_at": now,
                "acknowledged_at": now - timedelta(days=9),
                "label_path": "x",
                "quantity": 1,
            }
            names: dict[str, Any] = {"menzzo_order_id": ID, "increment_id": "15000012345", "sale_product_id": "789"}
            tx.add(Order(supplier=SUPPLIER, **names, **ready))
        html = bytes(problems_page.problems(visit_of(store, now, "lead", settings=settings)).body).decode()
    assert "Problems <b>0</b>" in html
    assert "No problems." in html


def test_a_refused_call_says_why_in_words_and_keeps_the_answer(stage: Stage, lea: Browser) -> None:
    stage.refused(stage.order(ID), 409, ANSWER)
    lea.get("/problems")
    assert "It was refused (shipping report): Menzzo says that the order is in another state (409)." in lea.said
    assert "<q>This order was cancelled on Monday</q>" in lea.html
    assert re.search(r"<details><summary>[^<]*</summary><pre>\{&#34;success&#34;: false", lea.html)
    assert "{" not in re.sub(r"<details.*?</details>|<body[^>]*>", "", lea.html, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("kind", "status", "why"),
    [
        ("ship", 200, "Menzzo answered that it did not accept it"),
        ("ship", 400, "Menzzo did not accept the request (400)"),
        ("acknowledge", 404, "Menzzo does not know this order (404)"),
        ("label", 404, "Menzzo has no label for it yet (404)"),
        ("label", 200, "what came is not a usable label"),
        ("ship", 403, "Menzzo does not accept our token"),
        ("ship", 503, "Menzzo had an internal error (503)"),
    ],
)
def test_each_status_that_refuses_has_its_words(stage: Stage, lea: Browser, kind: str, status: int, why: str) -> None:
    stage.refused(stage.order(ID), status, "no", kind)
    assert why in lea.get("/problems")


def test_a_lead_closes_an_order_and_reopens_it_with_a_reason(stage: Stage, anna: Browser, lea: Browser) -> None:
    row = stage.order(ID, vanished_at=stage.clock.now())
    anna.get("/problems")
    anna.post("/decide", act="close", row=str(row), reason="cancelled")
    assert ("Only a lead may do this." in anna.said, stage.facts(row).closed_reason) == (True, None)
    lea.get("/problems")
    lea.post("/decide", act="close", row=str(row), reason=" ")
    assert "Say in a few words why." in lea.said
    lea.post("/decide", act="close", row=str(row), reason="cancelled, says  Menzzo")
    assert "Closed. Nothing more is sent for it." in lea.said
    assert badge(lea) == 0
    assert stage.facts(row).closed_reason == "cancelled, says Menzzo"
    anna.get(f"/order/{row}")
    assert "reopen" not in anna.html
    lea.get(f"/order/{row}")
    assert 'value="reopen"' in lea.html
    lea.post("/decide", act="reopen", row=str(row), reason="a mistake", back="order")
    assert "Open again." in lea.said
    assert stage.facts(row).closed_reason is None
    history = [(event.what, event.detail, event.who, event.station) for event in stage.history(row)]
    assert history == [
        ("closed", "cancelled, says Menzzo", "Lea", "Bench 1"),
        ("reopened", "a mistake", "Lea", "Bench 1"),
    ]


def test_send_again_asks_once_more(stage: Stage, lea: Browser) -> None:
    row = stage.order(ID, shipped=1, shipped_at=stage.clock.now())
    stage.call(row, "unknown")
    lea.get("/problems")
    lea.post("/decide", act="again", row=str(row))
    assert lea.sign == "yellow"
    assert f"Send the report of {ID} again? If Menzzo has received the first one, the customer is notified" in lea.said
    assert stage.history(row) == []
    form = re.search(r'name="row" value="(\d+)"><input type="hidden" name="sure" value="(\w+)"', lea.html)
    assert form is not None
    lea.post("/decide", act="again", row=form[1], sure=form[2])
    assert "It is sent again, after a new undo window." in lea.said
    assert stage.history(row)[-1].what == "resolved: send again"
    assert 'name="sure"' not in lea.html


def test_a_message_to_menzzo_names_supplier_orders_messages_and_times(
    stage: Stage, anna: Browser, lea: Browser
) -> None:
    stage.refused(stage.order("15000000001_1"), 409, ANSWER)
    stage.order("15000000002_2", vanished_at=datetime(2026, 11, 20, 8, tzinfo=UTC))
    stage.call(stage.order("15000000003_3"), "unknown")
    stage.order("15000000004_4", held_reason="our own affair")
    lea.get("/problems")
    letter = re.search(r"<textarea[^>]* readonly[^>]*>(.*?)</textarea>", lea.html, re.DOTALL)
    assert letter is not None
    text = letter[1].replace("&#34;", '"')
    assert text.startswith("Supplier: notio\n")
    for part in (
        "15000000001_1\n  ship-sale, 20",
        f"it was refused. What should we do?\n  Message: HTTP 409 {ANSWER}",
        "15000000002_2\n  get-sales has not listed it since 2026-11-20 08:00:00 UTC, and it is not shipped. Is it cancelled?",
        "15000000003_3\n  ship-sale, ?: we have no clear answer. Is this order shipped on your side?",
    ):
        assert part in text
    assert "15000000004_4" not in text
    assert "technique@menzzo.fr" in lea.html
    assert "<textarea" not in anna.get("/problems")


def test_a_lead_marks_a_message_as_mailed_and_its_questions_are_not_in_the_next_one(
    stage: Stage, anna: Browser, lea: Browser
) -> None:
    row = stage.order("15000000001_1")
    stage.refused(row, 409, ANSWER)
    anna.get("/problems")
    anna.post("/asked", supplier="notio")
    assert "needs_lead" in anna.html or "A lead" in anna.html
    lea.get("/problems")
    assert "<textarea" in lea.html
    lea.post("/asked", supplier="notio")
    assert "Menzzo was asked 1 questions" in lea.said
    lea.get("/problems")
    assert "<textarea" not in lea.html
    assert "Menzzo was asked about notio: 1 questions without an answer" in lea.html
    assert "(Menzzo was asked at " in lea.html
    assert stage.history(row)[-1].what == "asked Menzzo"
    assert "Menzzo was asked" in lea.get(f"/order/{row}")


def test_the_page_and_the_command_have_one_text(stage: Stage, lea: Browser) -> None:
    stage.refused(stage.order("15000000001_1"), 409, ANSWER)
    lea.get("/problems")
    shown = re.search(r"<textarea[^>]* readonly[^>]*>(.*?)</textarea>", lea.html, re.DOTALL)
    assert shown is not None
    with stage.store.read() as tx:
        (found,) = letters(within(tx), stage.settings, stage.clock.now())
    assert shown[1].replace("&#34;", '"') == text_of(found.supplier, found.to_ask)


def test_the_ship_by_clock_is_in_the_list_and_a_problem_of_the_supplier(tmp_path: Path, pristine: Path) -> None:
    clock = {"token": "t", "ship_by_days": 1}
    with staged(tmp_path, pristine=pristine, suppliers={SUPPLIER: clock, "asir-group": {"token": "t"}}) as stage:
        row = stage.order("15000012345_1", first_seen_at=stage.clock.now() - timedelta(days=9))
        stage.order("15000012345_2")
        with browsing(stage.url) as lea:
            lea.sign_in("Lea", pin=LEADS_PIN).get("/list")
            assert lea.html.count('class="due overdue"') == 1
            assert 'class="due overdue"' in lea.get("/list?overdue=1")
            assert "To ship, oldest first 1" in lea.said
            assert 'name="overdue" value="1"' in lea.html.split('class="bulk"')[1]
            assert "Overdue orders, which should have been shipped by now: 1." in lea.get("/problems") + lea.said
            assert "Overdue: it should have been shipped" in lea.get(f"/order/{row}")
            lea.scan("15000012345_1")
            assert "Overdue: it should have been shipped" in lea.said
            lea.act("ship", row)
            assert "Overdue orders" not in lea.get("/problems")
            assert "Nothing is waiting." in lea.get("/list?overdue=1") + lea.said


def test_without_a_clock_nothing_is_overdue(stage: Stage, lea: Browser) -> None:
    stage.order("15000012345_1", first_seen_at=stage.clock.now() - timedelta(days=90))
    lea.get("/list")
    assert "overdue" not in lea.html


def test_many_problems_are_on_several_pages_and_all_are_counted(stage: Stage, lea: Browser) -> None:
    for number in range(problems_page.MOST + 1):
        stage.order(f"15000012345_{number}", label=False, held_reason="wait")
    lea.get("/problems")
    assert (lea.html.count('<section class="trouble'), f"Problems {problems_page.MOST + 1}" in lea.said) == (50, True)
    lea.get("/problems?page=2")
    assert (lea.html.count('<section class="trouble'), "2 / 2" in lea.said) == (1, True)
    lea.get("/problems?page=99")
    assert "2 / 2" in lea.said
