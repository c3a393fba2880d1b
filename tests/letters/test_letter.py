"""The message to Menzzo in the commands, in the alerts, and on the whole way from a lost answer to its answer."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from supplier_agent.db.store import Store
from supplier_agent.db.tables import Attempt, Call, RejectedEntry
from tests.cli.conftest import Installation, here, keep
from tests.unit.conftest import ready

__all__ = ["here", "keep"]
Keep = Callable[..., int]
ONE, OTHER = "15000012345_789", "15000012346_790"


def lost(store: Store, keep: Keep, this: str = ONE, **facts: Any) -> None:  # noqa: ANN401 - any column
    """Store an order whose ship call has an unknown outcome."""
    row = keep(ready(this, shipped=1, shipped_at=datetime.now(UTC), **facts), ship="unknown")
    with store.write() as tx:
        call = tx.exec(select(Call).where(Call.order_id == row)).one()
        call.attempts, at = 1, datetime(2026, 11, 28, 10, tzinfo=UTC)
        tx.add(Attempt(call_id=call.id or 0, number=1, started_at=at, ended_at=at, outcome="unknown", detail="reset"))


def test_it_prints_one_message_for_each_supplier(here: Installation, keep: Keep) -> None:
    lost(here.store, keep)
    lost(here.store, keep, OTHER, supplier="asir-group")
    said = here.said("letter")
    assert said.count("Supplier: ") == 2
    assert f"{ONE}\n  ship-sale, 2026-11-28 10:00:00 UTC: we have no clear answer." in said
    only = here.said("letter", "--supplier", "notio")
    assert ONE in only
    assert OTHER not in only


def test_printing_changes_nothing_and_marking_asks_once(here: Installation, keep: Keep) -> None:
    lost(here.store, keep)
    assert here.said("letter") == here.said("letter")
    assert ONE in here.said("letter", "--mark")
    assert here.ask("SELECT subject, code, times FROM letter_questions") == [(ONE, "call_unknown ship", 1)]
    assert here.said("letter").strip() == "nothing to ask"
    assert ONE in here.said("letter", "--all")
    assert "We asked you about this on" in here.said("letter", "--all")


def test_after_the_days_of_the_setting_it_is_asked_once_more(here: Installation, keep: Keep) -> None:
    lost(here.store, keep)
    here.said("letter", "--mark")
    with here.store.write() as tx:
        tx.connection().exec_driver_sql("UPDATE letter_questions SET asked_at = '2026-01-01 00:00:00.000000'")
    assert "We asked you about this on 2026-01-01" in here.said("letter", "--mark")
    assert here.ask("SELECT times FROM letter_questions") == [(2,)]
    assert here.said("letter").strip() == "nothing to ask"


def test_status_and_the_order_say_when_it_was_asked(here: Installation, keep: Keep) -> None:
    lost(here.store, keep)
    assert json.loads(here.said("order", ONE, "--json"))["asked_at"] is None
    here.said("letter", "--mark")
    assert "(Menzzo was asked at " in here.told("status").stdout
    (told,) = [
        each for each in json.loads(here.told("status", "--json").stdout)["problems"] if each["menzzo_order_id"] == ONE
    ]
    assert told["asked_at"] is not None
    of_order = json.loads(here.said("order", ONE, "--json"))
    assert of_order["asked_at"] == told["asked_at"]
    assert "asked Menzzo" in [each["what"] for each in of_order["history"]]
    assert "(Menzzo was asked at " in here.said("order", ONE)


def test_an_entry_without_a_usable_id_is_in_it_without_its_content(here: Installation) -> None:
    at = datetime(2026, 11, 29, 8, tzinfo=UTC)
    with here.store.write() as tx:
        tx.add(
            RejectedEntry(
                supplier="notio",
                received_at=at,
                last_listed_at=at,
                raw='{"name": "Marie"}',
                reason="no id",
                sha256="5e1f",
            )
        )
    said = here.said("letter", "--mark")
    assert "listed from 2026-11-29 08:00:00 UTC to 2026-11-29 08:00:00 UTC: no id. Please correct it." in said
    assert "Marie" not in said
    assert here.said("letter").strip() == "nothing to ask"


def test_json_has_the_text_and_each_question(here: Installation, keep: Keep) -> None:
    lost(here.store, keep)
    (told,) = json.loads(here.said("letter", "--json"))["letters"]
    assert told["text"].startswith("Supplier: notio")
    assert told["questions"] == [{"menzzo_order_id": ONE, "code": "call_unknown", "kind": "ship", "asked_at": None}]
    here.said("letter", "--mark", "--json")
    (told,) = json.loads(here.said("letter", "--json"))["letters"]
    assert (told["text"], told["questions"], told["waiting"]) == (None, [], 1)


def test_nothing_to_ask_is_said(here: Installation, keep: Keep) -> None:
    keep(ready(ONE))
    assert here.said("letter").strip() == "nothing to ask"


@pytest.mark.parametrize("days", [0, 1])
def test_an_order_that_is_settled_is_not_asked_about_again(here: Installation, keep: Keep, days: int) -> None:
    lost(here.store, keep)
    here.said("letter", "--mark")
    here.said("resolve", ONE, "--shipped", "--by", "Ana")
    with here.store.write() as tx:
        at = datetime.now(UTC) - timedelta(days=9 * days)
        tx.connection().exec_driver_sql("UPDATE letter_questions SET asked_at = ?", (f"{at:%Y-%m-%d %H:%M:%S.%f}",))
    assert here.said("letter", "--all").strip() == "nothing to ask"
