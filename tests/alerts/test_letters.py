"""The message to Menzzo by the alert channels: once a day, only if there is something to ask, and marked once it was accepted."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from supplier_agent.db.tables import Call
from tests.alerts.conftest import Post, Service

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's, at its import

Services: TypeAlias = Callable[[], Service]
Installed: TypeAlias = Callable[..., Post]
DAY = 24 * 60


def stuck(here: Post, number: int = 1) -> None:
    """Store an order whose ship call has an unknown outcome."""
    here.keep(number, acknowledged_at=here.clock.now(), label_path="x")
    with here.store.write() as tx:
        tx.add(
            Call(order_id=number, supplier="notio", kind="ship", state="unknown", owed_at=here.clock.now(), attempts=1)
        )


def letters(service: Service) -> list[str]:
    return [message["message"] for message in service.messages if message["title"].startswith("Supplier ")]


def asked(here: Post) -> list[tuple[object, ...]]:
    return [tuple(row) for row in here.sql("SELECT subject, times, asked_by FROM letter_questions")]


def test_it_is_sent_once_a_day_and_its_questions_not_again(services: Services, installed: Installed) -> None:
    menzzo, ours = services(), services()
    here = installed(ours.url, letter_urls=[menzzo.url], letters_at="10:00")
    stuck(here)
    here.after(30)  # 09:30 UTC, 10:30 in Paris
    (text,) = letters(menzzo)
    assert text.startswith("Supplier: notio")
    assert "15000000000_1\n  ship-sale" in text
    assert asked(here) == [("15000000000_1", 1, "agent")]
    assert not letters(ours), "it is no alert"
    here.after(30)
    stuck(here, 2)
    here.after(30)
    assert len(letters(menzzo)) == 1, "one message a day"
    here.after(DAY)
    assert len(letters(menzzo)) == 2
    assert "15000000000_1" not in letters(menzzo)[1]
    assert "15000000000_2" in letters(menzzo)[1]


def test_it_is_off_by_default_and_nothing_is_marked(services: Services, installed: Installed) -> None:
    ours = services()
    here = installed(ours.url)
    stuck(here)
    here.after(DAY)
    assert not letters(ours)
    assert asked(here) == []


def test_before_its_time_nothing_is_sent(services: Services, installed: Installed) -> None:
    menzzo = services()
    here = installed(letter_urls=[menzzo.url], letters_at="15:00")
    stuck(here)
    here.after(30)
    assert not letters(menzzo)


def test_with_nothing_to_ask_nothing_is_sent(services: Services, installed: Installed) -> None:
    menzzo = services()
    here = installed(letter_urls=[menzzo.url], letters_at="10:00")
    here.keep(1)
    here.after(30)
    assert not menzzo.messages


def test_a_question_comes_once_more_after_the_days_of_the_setting(services: Services, installed: Installed) -> None:
    menzzo = services()
    here = installed(letter_urls=[menzzo.url], letters_at="10:00", letter_again_days=3)
    stuck(here)
    here.after(30)
    for _ in range(2):
        here.after(DAY)
    assert len(letters(menzzo)) == 1
    here.after(DAY)
    assert len(letters(menzzo)) == 2
    assert "We asked you about this on" in letters(menzzo)[1]
    assert asked(here) == [("15000000000_1", 2, "agent")]


def test_what_no_address_accepts_is_not_marked_and_sent_later(services: Services, installed: Installed) -> None:
    menzzo = services()
    menzzo.status = 500
    here = installed(letter_urls=[menzzo.url], letters_at="10:00")
    stuck(here)
    here.after(30)
    assert asked(here) == []
    assert any("alerts.letter_urls, place 1 (json)" in str(facts) for _, facts in here.said)
    assert "secret-word" not in str(here.said)
    menzzo.status = 200
    here.after(10)
    assert len(letters(menzzo)) == 1
    assert len(asked(here)) == 1


def test_each_supplier_has_its_own_message_and_its_own_address(services: Services, installed: Installed) -> None:
    notio, others = services(), services()
    suppliers = {
        "notio": {"token": "t", "letter_urls": [notio.url]},
        "asir-group": {"token": "t", "letter_urls": [others.url]},
    }
    here = installed(suppliers=suppliers, letters_at="10:00")
    stuck(here)
    here.after(30)
    assert len(letters(notio)) == 1
    assert not others.messages
